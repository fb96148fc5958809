"""What the page on adding a platform tells people to type and to import works as it stands."""

import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from stage import Stage, open_stage

from chalicelib.mapping.model import Mapping, Submitted
from passback.cli import cli
from passback.mapping_file import COLUMNS, REQUIRED, Record
from passback.mapping_import import import_mappings
from passback.mapping_rows import MappingRules
from passback.session import Session

from .pages import blocks, rows, shell_commands

PAGE = "docs/add-a-platform.md"
TYPED = [shlex.split(line) for line in shell_commands(PAGE) if line.startswith("passback ") and "|" not in line]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_stage(tmp_path) as stage:
        yield session_on(stage)


def session_on(stage: Stage) -> Session:
    return Session(environment={}, clock=stage.clock, _services=stage.services)


def typed(session: Session, words: list[str], text: str = "") -> str:
    arguments = words[1 : words.index("<")] if "<" in words else words[1:]
    result = CliRunner().invoke(cli, arguments, obj=session, input=text)
    assert result.exit_code == 0, (words, result.output)
    return result.output


def set_up(session: Session) -> None:
    for words in TYPED:
        if words[1:3] in (["platform", "add"], ["tool", "add"]):
            typed(session, words, "a secret\n")


def imported(session: Session, kind: str) -> tuple[list[Mapping], list[str]]:
    services = session.services
    rules = MappingRules(services.tools.get, services.platforms.get, local=False, now=session.clock.now())
    refused: list[str] = []

    def refuse(record: Record, reason: str) -> None:
        refused.append(f"line {record.line}: {reason}")

    for block in blocks(PAGE, kind):
        import_mappings(
            io.BytesIO(block.encode()), rules, services.mappings, refuse=refuse, progress=lambda _report: None
        )
    return list(services.mappings.list("legacy-tool")), refused


def test_the_platforms_and_the_tool_can_be_added_as_typed(session: Session) -> None:
    set_up(session)
    assert {platform.profile for platform in session.services.platforms.list()} >= {"canvas", "moodle", "generic"}
    tool = session.services.tools.get("legacy-tool")
    assert tool is not None
    assert tool.secrets == ("a secret",)


def test_one_mapping_can_be_added_as_typed(session: Session) -> None:
    set_up(session)
    typed(session, next(words for words in TYPED if words[1:3] == ["mapping", "add"]))
    assert [mapping.user_id for mapping in session.services.mappings.list("legacy-tool")] == ["55"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_example_of_a_file_can_be_imported(session: Session, kind: str) -> None:
    set_up(session)
    mappings, refused = imported(session, kind)
    assert refused == []
    assert len(mappings) >= 2
    assert Submitted.YES in {mapping.submitted for mapping in mappings}


def test_an_example_is_refused_where_nothing_is_registered(session: Session) -> None:
    mappings, refused = imported(session, "csv")
    assert (mappings, len(refused)) == ([], 3)


def test_the_columns_are_those_of_the_import() -> None:
    described = {row[0].strip("`"): row[1] for row in rows(PAGE, "Column")}
    assert tuple(described) == COLUMNS
    assert {name for name, needed in described.items() if needed == "yes"} == set(REQUIRED)


@pytest.mark.parametrize("profile", ["canvas", "generic"])
def test_what_is_entered_at_a_platform_can_be_printed_as_typed(session: Session, profile: str) -> None:
    (words,) = [words for words in TYPED if words[1:3] == ["platform", "configuration"] and profile in words]
    assert "https://passback.example.edu/.well-known/jwks.json" in typed(session, words)


def test_the_options_of_a_platform_are_explained() -> None:
    explained = {option for row in rows(PAGE, "Option") for option in re.findall(r"`(--[a-z-]+)`", row[0])}
    used = {word for words in TYPED if words[1:3] == ["platform", "add"] for word in words if word.startswith("--")}
    assert used <= explained


def test_the_public_key_can_be_shown(session: Session) -> None:
    assert '"kty": "RSA"' in typed(session, ["passback", "key", "show"])
