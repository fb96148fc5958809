"""Pages name no command, option, make target or file that does not exist."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from passback.cli import cli

from .pages import NAMES, ROOT, inline_code, shell_commands

_MAKE = re.compile(r"make ([a-z-]+)")
_FILE = re.compile(r"(?:app\.py|(?:chalicelib|passback|simulator|bench|tests|docs|\.chalice|\.ci)/[\w./-]*|Makefile)")
_PREFIX = re.compile(r"^(?:\w+=\S+ +|\.venv/bin/|.*\| *)*(?=passback\b)")


def commands(name: str) -> Iterator[list[str]]:
    """Give the words of every ``passback ...`` on a page."""
    for code in (*inline_code(name), *shell_commands(name)):
        command = _PREFIX.sub("", code)
        if re.match(r"passback(?: |$)", command):
            yield shlex.split(command.replace("...", ""), comments=True)


def fault(words: list[str]) -> str | None:
    """Say what of a command does not exist."""
    command: click.Command = cli
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        following = command.commands.get(rest[0])
        if following is None:
            return f"no command {rest[0]}"
        command, rest = following, rest[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    unknown = [word for word in rest if word.startswith("-") and word != "-" and word not in known]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("name", NAMES)
def test_every_command_exists(name: str) -> None:
    faults = {" ".join(words): fault(words) for words in commands(name)}
    assert {command: why for command, why in faults.items() if why} == {}


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert fault(["passback", "delivery", "regrade"]) == "no command regrade"
    assert fault(["passback", "send", "--grade", "1"]) == "no option --grade"
    assert fault(["passback", "platform", "add", "NAME", "--profile", "canvas"]) is None


def test_commands_are_found_on_the_pages() -> None:
    found = list(commands("docs/add-a-platform.md"))
    assert ["passback", "doctor"] in found
    assert any("--audience" in words for words in found)
    assert any("--read" in words for words in found)  # behind a pipe


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = [*inline_code(name), *shell_commands(name)]
    assert {word for text in code for word in _MAKE.findall(text)} <= targets


@pytest.mark.parametrize("name", NAMES)
def test_every_file_exists(name: str) -> None:
    named = {code for code in inline_code(name) if _FILE.fullmatch(code)}
    assert {path for path in named if not (ROOT / path).exists()} == set()
