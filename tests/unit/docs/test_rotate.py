"""The page on rotation: its commands do what it says, in its order, and its times are those of the code."""

import json
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stage import HOST, Stage, open_stage

from chalicelib.lti13.key_rotation import OVERLAP
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.sealing import KeyFileSealer
from passback.cli import cli
from passback.key_checks import CONFIRMED_WITHIN
from passback.session import Session

from .pages import plain, read, rows, shell_commands

PAGE = "docs/rotate.md"
TYPED = [shlex.split(line) for line in shell_commands(PAGE) if line.startswith("passback ")]
KEY_SET_URL = f"https://{HOST}/api/.well-known/jwks.json"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path) as opened:
        yield opened


def typed(stage: Stage, *words: str, text: str = "") -> Any:
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    arguments = list(words[: words.index("<")] if "<" in words else words)
    result = CliRunner().invoke(cli, [*arguments, "--json"], obj=session, input=text)
    assert result.exit_code == 0, (words, result.output)
    return json.loads(result.stdout)


def commands(*beginning: str) -> list[list[str]]:
    return [words[1:] for words in TYPED if tuple(words[1 : len(beginning) + 1]) == beginning]


def test_a_tools_secret_is_changed_as_typed(stage: Stage) -> None:
    typed(stage, "tool", "add", "--key", "legacy-tool", "--secret-stdin", text="old\n")
    for words in commands("tool"):
        typed(stage, *words, text="new\n")
    tool = stage.services.tools.get("legacy-tool")
    assert tool is not None
    assert tool.secrets == ("new",)


def test_the_signing_key_is_changed_and_confirmed_as_typed(stage: Stage) -> None:
    registered = stage.services.platforms.get("canvas")
    assert registered is not None
    options = {
        "profile": "canvas",
        "issuer": registered.issuer,
        "client-id": registered.client_id,
        "token-url": registered.token_url,
        "audience": registered.audience,
        "host": registered.hosts[0],
    }
    typed(stage, "platform", "add", "school", *(word for name, to in options.items() for word in (f"--{name}", to)))
    for words in commands("platform", "set"):
        typed(stage, *words)
    (rotate, at_once) = commands("key", "rotate")
    kid = typed(stage, *rotate)["key"]["kid"]
    assert typed(stage, "key", "list")["platforms"][-1]["awaits"] == kid
    for words in commands("key", "show"):
        assert typed(stage, *[kid if word == "KID" else word for word in words])
    for words in commands("platform", "confirm-key"):
        assert typed(stage, *words)["held_kid"] == kid
    assert typed(stage, *at_once, "--yes")["awaiting"] == ["school"]


def test_the_secrets_are_sealed_anew_as_typed(stage: Stage, tmp_path: Path) -> None:
    sealer = ChangingKeySealer(KeyFileSealer(tmp_path / "new.key"), [KeyFileSealer(tmp_path / "master.key")])
    for store in (stage.services.tools, stage.services.signing_keys, stage.services.token_store):
        store._sealer = sealer
    assert [typed(stage, *words)["resealed"] for words in commands("secrets", "reseal")] == [2, 0, 0]


def test_what_the_clock_does_is_as_told(stage: Stage) -> None:
    assert timedelta(days=1) == OVERLAP
    assert [row[0] for row in rows(PAGE, "When")] == [
        "at once",
        "a day later",
        "two days later",
        "at the next rotation",
    ]
    typed(stage, "key", "rotate")
    states = []
    for _ in range(3):
        listed = typed(stage, "key", "list")["keys"]
        served = json.loads(stage.deliver(KEY_SET_URL, {}, b"", method="GET").text)["keys"]
        states.append(([key["state"] for key in listed], len(served)))
        stage.clock.move(OVERLAP.total_seconds())
    assert states == [(["coming", "in use"], 2), (["in use", "replaced"], 2), (["in use", "retired"], 1)]


def test_the_numbers_are_those_of_the_code(stage: Stage) -> None:
    text = plain(read(PAGE))
    assert f"waits for more than {CONFIRMED_WITHIN.days} days to be given" in text
    kept = stage.deliver(KEY_SET_URL, {}, b"", method="GET").headers["Cache-Control"]
    assert f"max-age={5 * 60}" in kept
    assert "may keep the key set for 5 minutes" in text
