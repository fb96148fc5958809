"""Which of a tool's two secrets is still used, so that the older one can be taken away without an outage."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Seat, Stage, open_stage

from chalicelib.clock import from_milliseconds
from chalicelib.errors import StorageUnavailable
from chalicelib.storage.secret_use import NOTED_EVERY, SecretUse, secret_use_key
from passback.cli import cli
from passback.session import Session

NEWER = "a newer secret"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path) as opened:
        yield opened


@pytest.fixture
def seat(stage: Stage) -> Seat:
    return stage.seat()


def command(stage: Stage, *words: str, text: str = "") -> dict[str, Any]:
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, [*words, "--json"], obj=session, input=text)
    assert result.exit_code == 0, result.output
    assert NEWER not in result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def rotate(stage: Stage) -> None:
    command(stage, "tool", "rotate", "--key", CONSUMER_KEY, "--secret-stdin", text=NEWER)


def send(stage: Stage, seat: Seat, secret: str) -> str | None:
    return stage.send(replace_result(seat.sourcedid, "0.5"), secret=secret).code


def use(stage: Stage) -> SecretUse:
    tool = stage.services.tools.get(CONSUMER_KEY)
    assert tool is not None
    return stage.services.secret_use.get(tool)


def test_while_a_tool_has_one_secret_nothing_is_noted(stage: Stage, seat: Seat) -> None:
    send(stage, seat, SECRET)
    assert stage.services.table.get(secret_use_key(CONSUMER_KEY)) is None


def test_each_of_two_secrets_says_when_it_signed_last(stage: Stage, seat: Seat) -> None:
    rotate(stage)
    assert use(stage) == SecretUse()
    assert send(stage, seat, SECRET) == "success"
    first = use(stage)
    assert first.newer is None
    assert first.older is not None
    assert abs(from_milliseconds(first.older) - stage.clock.now()) < timedelta(seconds=1)
    stage.clock.move(3600)
    assert send(stage, seat, NEWER) == "success"
    shown = command(stage, "tool", "show", "--key", CONSUMER_KEY)
    assert shown["secret_use"]["older_used_at"] < shown["secret_use"]["newer_used_at"]
    assert shown["tool"]["secrets"] == 2


def test_a_request_that_is_refused_is_no_use(stage: Stage, seat: Seat) -> None:
    rotate(stage)
    stage.send(replace_result(seat.sourcedid, "0.5"), secret="wrong")
    stage.send(replace_result(seat.sourcedid, "0.5"), timestamp=int(stage.clock.now().timestamp()) - 9000)
    assert stage.services.table.get(secret_use_key(CONSUMER_KEY)) is None


def test_a_use_is_noted_every_ten_minutes_at_most(stage: Stage, seat: Seat) -> None:
    rotate(stage)
    stage.table_requests.clear()
    for _ in range(5):
        send(stage, seat, SECRET)
    assert stage.table_requests.count("UpdateItem") == 1
    before = use(stage).older
    stage.clock.move(NOTED_EVERY / 1000)
    send(stage, seat, SECRET)
    after = use(stage).older
    assert before is not None
    assert after is not None
    assert after - before >= NOTED_EVERY


def test_the_next_rotation_begins_anew(stage: Stage, seat: Seat) -> None:
    rotate(stage)
    send(stage, seat, NEWER)
    retired = command(stage, "tool", "retire", "--key", CONSUMER_KEY, "--oldest")
    assert retired["retired_used_at"] is None
    stage.clock.move(1)
    command(stage, "tool", "rotate", "--key", CONSUMER_KEY)
    assert use(stage) == SecretUse()
    assert send(stage, seat, NEWER) == "success"
    assert use(stage).older is not None
    assert use(stage).newer is None


def test_who_retires_a_secret_is_told_when_it_was_used(stage: Stage, seat: Seat) -> None:
    rotate(stage)
    send(stage, seat, SECRET)
    stage.clock.move(300)
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, ["tool", "retire", "--key", CONSUMER_KEY, "--oldest"], obj=session)
    assert "last seen to sign 5 min ago" in result.stdout
    assert send(stage, seat, SECRET) is not None
    assert stage.send(replace_result(seat.sourcedid, "0.5"), secret=SECRET).status == 401


def test_an_outcome_is_taken_where_its_use_cannot_be_noted(
    stage: Stage, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate(stage)

    def away(*_arguments: Any, **_options: Any) -> None:
        raise StorageUnavailable("throttled")

    monkeypatch.setattr(stage.services.table, "update", away)
    assert send(stage, seat, SECRET) == "success"
