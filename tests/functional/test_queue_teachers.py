"""People who grade while outcomes wait: their grade stays against all that was received before it."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pox import delete_result, replace_result
from stage import OUTCOME_URL, Crash, Seat, Stage, open_stage

from chalicelib.lti11.tools import OnDelay, Tool
from chalicelib.mapping.model import Mapping

from .queueing import FAULTS, QUEUED, TEXT, Write, deliveries, hours_pass, nothing_is_left, signed, states

DOWN = FAULTS["refused"]


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def graded_while_waiting(stage: Stage, *writes: Write) -> Seat:
    """A seat with a score of ours, outcomes that wait, and then a teacher's 8; hours later all is delivered."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.3")).description == ""
    stage.clock.move(2)
    stage.faults(DOWN)
    for write in writes:
        assert stage.send(write(seat.sourcedid)).description == QUEUED
        stage.clock.move(2)
    stage.minutes(5)
    stage.grade(seat, "8")
    stage.clock.move(2)
    stage.faults()
    hours_pass(stage)
    nothing_is_left(stage, seat)
    return seat


def score(sourcedid: str) -> bytes:
    return replace_result(sourcedid, "0.5")


def second_score(sourcedid: str) -> bytes:
    return replace_result(sourcedid, "0.6")


def work(sourcedid: str) -> bytes:
    return replace_result(sourcedid, data=TEXT)


def both(sourcedid: str) -> bytes:
    return replace_result(sourcedid, "0.5", data=TEXT)


def prioritized(sourcedid: str) -> bytes:
    return replace_result(sourcedid, "0.4", prioritize_non_tool_grade=True)


@pytest.mark.parametrize(
    ("writes", "ends"),
    [
        ((score,), ["held"]),
        ((delete_result,), ["held"]),
        ((score, second_score), ["held", "held"]),
        ((score, delete_result, second_score), ["held", "held", "held"]),
        ((both,), ["held"]),
        ((both, second_score), ["held", "held"]),
        ((work,), ["delivered"]),
        ((prioritized,), ["held"]),
        ((prioritized, score), ["held", "held"]),
        ((score, work), ["held", "delivered"]),
        ((work, score), ["delivered", "held"]),
    ],
)
def test_a_grade_given_while_outcomes_waited_stays(queueing: Stage, writes: tuple[Write, ...], ends: list[str]) -> None:
    seat = graded_while_waiting(queueing, *writes)
    state = queueing.state(seat)
    assert (state["score"], state["graded_by"]) == (Decimal(8), "person")
    assert states(queueing)[1:] == ends
    if both in writes or work in writes:
        assert state["body"] == "an essay"


def test_what_comes_after_the_grade_goes_over_it_at_once(queueing: Stage) -> None:
    seat = graded_while_waiting(queueing, score)
    assert queueing.send(replace_result(seat.sourcedid, "0.7")).description == ""
    assert queueing.state(seat)["score"] == Decimal(7)


def test_what_is_held_keeps_its_content_for_an_operator(queueing: Stage) -> None:
    graded_while_waiting(queueing, score)
    held = deliveries(queueing)[-1]
    assert (str(held.state), held.write is not None) == ("held", True)
    assert held.answer is not None
    assert "somebody graded" in held.answer.description


def test_a_crash_while_lost_work_is_sent_again_leaves_nothing_under_way(tmp_path: Path) -> None:
    """Its tool wants no queue; it is told to send again, and must be able to."""
    with open_stage(tmp_path) as stage:
        for moment in range(1, 40):
            seat = stage.seat(points=10)
            body = replace_result(seat.sourcedid, "0.5", data=TEXT)
            stage.faults({"path": "score", "kind": "drop_before", "count": 1})
            assert stage.send(body).error == "platform_unavailable"
            stage.clock.move(2)
            other = replace_result(seat.sourcedid, "0.9")
            headers = signed(stage, other)
            stage.crash(moment)
            try:
                stage.deliver(OUTCOME_URL, headers, other)
                crashed = False
            except Crash:
                crashed = True
            stage.restart()
            hours_pass(stage, 1)
            assert [each.state for each in deliveries(stage) if not each.state.ended] == [], moment
            if not crashed:
                break


def test_an_outcome_that_comes_out_of_turn_does_not_lose_its_score_to_a_newer_one_that_failed(tmp_path: Path) -> None:
    """Both tools' answers must be true: the newer one was told to send again, this one is told success."""
    with open_stage(tmp_path) as stage:
        seat = stage.seat(points=10)
        older = replace_result(seat.sourcedid, "0.5", data=TEXT)
        headers, received = signed(stage, older), stage.clock.now()
        stage.clock.move(0.01)
        stage.faults({"path": "score", "kind": "drop_before", "count": 1})
        assert stage.send(replace_result(seat.sourcedid, "0.9")).error == "platform_unavailable"
        answer = stage.deliver(OUTCOME_URL, headers, older, received=received)
        assert (answer.code, answer.description) == ("success", "")
        assert stage.state(seat)["score"] == Decimal(5)


def test_a_grade_that_is_seen_while_lost_work_is_settled_stays(tmp_path: Path) -> None:
    """The work is found in the results, beside a grade that was given after the outcome which waits behind it."""
    with open_stage(tmp_path) as stage:
        seat = stage.seat(points=10)
        stage.faults({"path": "score", "kind": "drop_after", "count": 1})
        assert stage.send(work(seat.sourcedid)).error == "platform_unavailable"
        stage.services.tools.add(Tool("queueing tool", ("s3cret",), on_delay=OnDelay.QUEUE))
        line_item, user_id = seat.prepared["line_item"], seat.prepared["user_id"]
        stage.services.mappings.put(Mapping("queueing tool", "other", "canvas", line_item, user_id))
        stage.clock.move(2)
        stage.faults(DOWN)
        answer = stage.send(score("other"), consumer_key="queueing tool", secret="s3cret")
        assert answer.description == QUEUED
        stage.clock.move(2)
        stage.grade(seat, "8")
        stage.faults()
        hours_pass(stage)
        state = stage.state(seat)
        assert (state["score"], state["graded_by"], state["attempt"]) == (Decimal(8), "person", 1)
        assert states(stage) == ["delivered", "held"]
