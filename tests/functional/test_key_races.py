"""While one operator changes our key, another says that a platform was given it by hand."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pox import replace_result
from stage import Stage, open_stage

from chalicelib.lti11.tools import OnDelay
from chalicelib.lti13.keys import jwks
from passback.cli import cli
from passback.session import Session

from .queueing import hours_pass, states


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


def command(stage: Stage, *words: str) -> None:
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, [*words, "--json"], obj=session)
    assert result.exit_code == 0, result.output


def test_a_key_that_was_noted_as_held_while_others_were_withdrawn_is_not_forgotten(stage: Stage) -> None:
    """F: between the listing of platforms and the writing of the keys; the platform then never gets its grades."""
    old = stage.services.signing_keys.list()
    stage.key_set = lambda: json.dumps(jwks(old)).encode()

    def other_shell(operation: str) -> None:
        if operation == "PutItem":
            stage.table_interruption = None
            command(stage, "platform", "set", "canvas", "--static-key")

    stage.table_interruption = other_shell
    command(stage, "key", "rotate", "--now", "--yes")
    stage.clock.move(timedelta(days=2).total_seconds())
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.5")).description == "queued for delivery"
    hours_pass(stage, 1)
    assert states(stage)[-1] == "waiting"
