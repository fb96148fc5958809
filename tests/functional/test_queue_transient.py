"""Whatever keeps the platform from taking an outcome now: it is stored, told as queued, and arrives all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from platforms.campus import open_campus
from pox import delete_result, read_result, replace_result
from stage import OUTCOME_URL, Stage, open_stage

from chalicelib.clock import to_milliseconds
from chalicelib.lti11.tools import OnDelay

from .queueing import (
    FAULTS,
    QUEUED,
    TEXT,
    WRITES,
    Write,
    cell_of,
    deliveries,
    hours_pass,
    nothing_is_left,
    shown,
    signed,
    states,
)

DOWN = FAULTS["refused"]


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def undisturbed(stage: Stage, *writes: Write, **prepared: Any) -> dict[str, Any]:
    seat = stage.seat(points=10, **prepared)
    for write in writes:
        assert stage.send(write(seat.sourcedid)).description == ""
        stage.clock.move(2)
    stage.clock.move(100)
    return shown(stage, seat)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_outcome_arrives_after_every_fault_as_without_it(queueing: Stage, fault: str, write: str) -> None:
    expected = undisturbed(queueing, WRITES[write])
    seat = queueing.seat(points=10)
    queueing.faults(FAULTS[fault])
    answer = queueing.send(WRITES[write](seat.sourcedid))
    assert (answer.status, answer.code) == (200, "success")
    assert answer.description in (QUEUED, "")
    queueing.minutes(3)
    queueing.faults()
    hours_pass(queueing)
    assert shown(queueing, seat) == expected
    assert states(queueing)[-1] == "delivered"
    nothing_is_left(queueing, seat)


def test_a_late_delivery_carries_the_time_of_the_request_and_makes_one_attempt(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    received = queueing.clock.now()
    queueing.faults(DOWN)
    assert queueing.send(replace_result(seat.sourcedid, "0.92")).description == QUEUED
    queueing.minutes(30)
    assert queueing.state(seat)["attempt"] == 0
    queueing.faults()
    hours_pass(queueing)
    state = queueing.state(seat)
    assert (state["score"], state["attempt"], state["late"]) == (Decimal("9.2"), 1, False)
    assert datetime.fromisoformat(state["submitted_at"]) == received
    assert [datetime.fromisoformat(body["timestamp"]) for body in queueing.scores_posted()][-1] == received
    (delivery,) = deliveries(queueing)
    assert (delivery.received_at, delivery.write) == (to_milliseconds(received), None)


def test_what_was_late_is_not_marked_late(queueing: Stage) -> None:
    """The student was in time; the platform was not."""
    due = queueing.clock.now().astimezone(UTC).replace(minute=45).isoformat()
    seat = queueing.seat(points=10, due_at=due, late_deduction_percent=50)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, "0.9", data=TEXT))
    queueing.minutes(90)
    queueing.faults()
    hours_pass(queueing)
    state = queueing.state(seat)
    assert (state["late"], state["score"]) == (False, Decimal(9))


LINE: tuple[Write, ...] = (
    lambda sourcedid: replace_result(sourcedid, "0.1"),
    lambda sourcedid: replace_result(sourcedid, "0.2", data={"text": "one"}),
    lambda sourcedid: replace_result(sourcedid, data={"text": "two"}),
    delete_result,
    lambda sourcedid: replace_result(sourcedid, total="4.5", data={"url": "https://tool.example.org/3"}),
    lambda sourcedid: replace_result(sourcedid, "0.6"),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_of_outcomes_arrives_in_order_with_the_same_attempts(queueing: Stage, fault: str) -> None:
    expected = undisturbed(queueing, *LINE)
    seat = queueing.seat(points=10)
    queueing.faults(FAULTS[fault])
    for write in LINE:
        answer = queueing.send(write(seat.sourcedid))
        assert answer.code == "success", answer.text
        queueing.clock.move(2)
    queueing.faults()
    hours_pass(queueing)
    assert shown(queueing, seat) == expected
    assert [version[0] for version in shown(queueing, seat)["history"]] == [1, 2, 3, 4]
    nothing_is_left(queueing, seat)


def test_two_sourcedids_of_one_student_stand_in_one_line(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    other = queueing.map(seat, sourcedid="another of the same")
    queueing.faults(DOWN)
    for sourcedid, score in ((seat.sourcedid, "0.1"), (other, "0.2"), (seat.sourcedid, "0.3")):
        assert queueing.send(replace_result(sourcedid, score)).description == QUEUED
        queueing.clock.move(1)
    assert len(cell_of(queueing, seat).line) == 3
    queueing.faults()
    hours_pass(queueing)
    assert [float(body["scoreGiven"]) for body in queueing.scores_posted()][-3:] == [0.1, 0.2, 0.3]
    assert queueing.state(seat)["attempt"] == 1


def test_what_comes_while_the_head_waits_stands_behind_it_though_the_platform_is_back(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, "0.1", data=TEXT))
    queueing.faults()
    queueing.clock.move(1)
    assert queueing.send(replace_result(seat.sourcedid, "0.8")).description == QUEUED
    assert queueing.state(seat)["attempt"] == 0
    hours_pass(queueing)
    state = queueing.state(seat)
    assert (state["score"], state["body"], state["attempt"]) == (Decimal(8), "an essay", 1)


def test_another_student_does_not_wait_for_it(queueing: Stage) -> None:
    seat, other = queueing.seat(points=10), queueing.seat(points=10)
    queueing.faults({**DOWN, "handle": seat.handle})
    assert queueing.send(replace_result(seat.sourcedid, "0.1")).description == QUEUED
    assert queueing.send(replace_result(other.sourcedid, "0.2")).description == ""


def test_repeats_of_a_queued_outcome_are_told_the_same_and_add_nothing(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5", data=TEXT)
    headers = signed(queueing, body)
    queueing.faults(DOWN)
    first = queueing.deliver(OUTCOME_URL, headers, body)
    queueing.clock.move(20)
    assert queueing.deliver(OUTCOME_URL, headers, body).text == first.text
    assert queueing.send(body).description == QUEUED  # signed anew
    assert len(deliveries(queueing)) == 1
    queueing.faults()
    queueing.minutes(30)
    assert queueing.deliver(OUTCOME_URL, headers, body).code == "success"
    assert (queueing.state(seat)["attempt"], len(deliveries(queueing))) == (1, 1)


@pytest.mark.parametrize(
    ("write", "score"),
    [
        (lambda sourcedid: replace_result(sourcedid, "0.75"), "0.75"),
        (lambda sourcedid: replace_result(sourcedid, "0"), "0.0"),
        (delete_result, ""),
    ],
)
def test_a_read_tells_what_is_queued(queueing: Stage, write: Write, score: str) -> None:
    seat = queueing.seat(points=10)
    queueing.send(replace_result(seat.sourcedid, "0.3"))
    queueing.clock.move(2)
    queueing.faults(DOWN)
    assert queueing.send(write(seat.sourcedid)).description == QUEUED
    calls = len(queueing.calls)
    assert queueing.send(read_result(seat.sourcedid)).score == score
    assert len(queueing.calls) == calls
    queueing.faults()
    hours_pass(queueing)
    assert queueing.send(read_result(seat.sourcedid)).score == score


def test_a_read_asks_the_platform_when_points_are_queued(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.send(replace_result(seat.sourcedid, "0.3"))
    queueing.clock.move(2)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, total="7.5"))
    assert queueing.send(read_result(seat.sourcedid)).error == "platform_unavailable"
    queueing.faults()
    assert queueing.send(read_result(seat.sourcedid)).score == "0.3"


def test_work_alone_that_the_platform_cannot_take_is_no_promise(tmp_path: Path, queueing: Stage) -> None:
    """It is known at once, with or without the platform; in line behind another outcome it must not be told success."""
    campus = open_campus(queueing, tmp_path)
    seat = campus.seat()
    campus.moodle.drop_after_scores = 1
    assert queueing.send(replace_result(seat.sourcedid, "0.5")).description == QUEUED
    queueing.clock.move(2)
    assert queueing.send(replace_result(seat.sourcedid, data=TEXT)).error == "no_score"
