"""Does what a page tells its reader to do, in a Passback in this process, with a played platform behind it."""

import json
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stage import Stage

import passback.doctor
import passback.sending
from passback.cli import cli
from passback.outcome_message import REFERENCE_HEADER, OutcomeAnswer, SignedRequest, read_answer
from passback.session import Session

from .pages import blocks, rows, shell_commands

HOST = "passback.example.edu"
SECRET = "the tool's own secret"  # a test's secret


@dataclass(frozen=True)
class Reader:
    """Types the commands of one page in a folder of their own; of the page's examples some stand for real ones."""

    page: str
    folder: Path
    stage: Stage
    examples: dict[str, str]
    """What the page has by way of example, and what it is here."""

    def commands(self, *beginning: str) -> list[list[str]]:
        """The page's commands that begin so, as words, its examples replaced."""
        lines = [self.replaced(line) for line in shell_commands(self.page) if line.startswith("passback ")]
        words = [shlex.split(line)[1:] for line in lines]
        return [each for each in words if tuple(each[: len(beginning)]) == beginning]

    def replaced(self, text: str) -> str:
        """A text of the page with what stands for its examples."""
        for example, real in self.examples.items():
            text = text.replace(example, real)
        return text

    def type(self, words: list[str]) -> Any:
        """Type a command, with --json, and read what it prints; its exit status is 0."""
        arguments, text = words, ""
        if "<" in words:
            arguments, text = words[: words.index("<")], (self.folder / words[-1]).read_text()
        session = Session(
            environment={"PASSBACK_HOME": str(self.folder / "home")},
            clock=self.stage.clock,
            _services=self.stage.services,
        )
        result = CliRunner().invoke(cli, [*arguments, "--json"], obj=session, input=text)
        assert result.exit_code == 0, (words, result.output)
        return json.loads(result.stdout)

    def only(self, *beginning: str) -> Any:
        """Type the one command of the page that begins so."""
        (words,) = self.commands(*beginning)
        return self.type(words)

    def write_files(self, kind: str, name: str) -> None:
        """Write the files that the page speaks of: the mappings, and the tool's secret."""
        (block,) = blocks(self.page, kind)
        (self.folder / name).write_text(self.replaced(block))
        (self.folder / "secret.txt").write_text(SECRET + "\n")

    def checks(self) -> dict[str, str]:
        """What the doctor finds, by the name of the check; the page asks for it."""
        assert self.commands("doctor") == [["doctor"]]
        session = Session(
            environment={"PASSBACK_HOME": str(self.folder / "home"), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            clock=self.stage.clock,
            _services=self.stage.services,
        )
        result = CliRunner().invoke(cli, ["doctor", "--json"], obj=session)
        return {each["check"]: each["state"] for each in json.loads(result.stdout)["checks"]}

    def key_set(self, url: str) -> Any:
        """What Passback publishes at the address that the platform was told."""
        answer = self.stage.deliver(url, {}, b"", method="GET")
        assert answer.status == 200, answer.text
        return json.loads(answer.text)


def connect(monkeypatch: pytest.MonkeyPatch, stage: Stage, folder: Path) -> None:
    """Let what commands send to Passback arrive in this process, at the present time."""

    def post(request: SignedRequest) -> OutcomeAnswer:
        answer = stage.deliver(request.url, request.headers, request.body)
        return read_answer(answer.status, answer.text.encode(), answer.headers.get(REFERENCE_HEADER))

    stage.clock.move((datetime.now(UTC) - stage.clock.now()).total_seconds())  # the tool's signature has a real time
    monkeypatch.chdir(folder)
    monkeypatch.setattr(passback.sending, "post", post)
    monkeypatch.setattr(passback.doctor, "post", post)
    monkeypatch.setattr(passback.doctor, "system_resolve", lambda _host: ["93.184.216.34"])
    monkeypatch.setattr(
        passback.doctor, "fetch_json", lambda url: json.loads(stage.deliver(url, {}, b"", method="GET").text)
    )


def quoted(page: str, first_cell: str) -> list[str]:
    """What a platform says, as the first column of a page's table quotes it."""
    return [words for row in rows(page, first_cell) for words in re.findall(r"`([^`]+)`", row[0])]


def unexplained(page: str, first_cell: str) -> list[str]:
    """What is quoted there without being on the page of errors, whole or in its essential part."""
    known = [words.rpartition("...")[2] for words in quoted("docs/errors.md", "What is said")]
    return [
        words
        for words in quoted(page, first_cell)
        if not any(each and (each in words or words in each) for each in known)
    ]
