"""The same words under another message number: most client libraries number each message anew."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pox import replace_result
from stage import Stage, open_stage

from chalicelib.lti11.tools import OnDelay

ESSAY = {"text": "an essay"}


@pytest.fixture(params=list(OnDelay))
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=request.param) as opened:
        yield opened


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_work_that_is_sent_again_because_its_answer_was_lost_is_one_attempt(stage: Stage, fault: str) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": fault, "count": 1})
    stage.send(replace_result(seat.sourcedid, "0.7", data=ESSAY, message_identifier="first"))
    stage.clock.move(1)
    assert stage.send(replace_result(seat.sourcedid, "0.7", data=ESSAY, message_identifier="second")).code == "success"
    stage.minutes(10)
    state = stage.state(seat)
    assert (state["attempt"], state["body"], state["score"]) == (1, "an essay", Decimal(7))


def test_other_words_are_another_outcome(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    stage.send(replace_result(seat.sourcedid, "0.7", data=ESSAY))
    stage.clock.move(1)
    stage.send(replace_result(seat.sourcedid, "0.7", data={"text": "another essay"}))
    stage.minutes(10)
    state = stage.state(seat)
    assert (state["attempt"], state["body"]) == (2, "another essay")


def test_what_was_told_success_and_is_sent_again_under_a_new_number_is_handed_in_again(stage: Stage) -> None:
    seat = stage.seat(points=10)
    for number in ("first", "second"):
        assert (
            stage.send(replace_result(seat.sourcedid, "0.7", data=ESSAY, message_identifier=number)).code == "success"
        )
        stage.clock.move(1)
    assert stage.state(seat)["attempt"] == 2
