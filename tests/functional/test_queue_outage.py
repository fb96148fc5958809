"""A platform that is away for minutes, days, or for good; and one that is only slow."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pox import read_result, replace_result
from stage import Seat, Stage, open_stage

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.breaker import Permission, permission
from chalicelib.lti11.tools import OnDelay

from .queueing import FAULTS, QUEUED, TEXT, cell_of, deliveries, hours_pass, nothing_is_left, states

DOWN, HANGS = FAULTS["refused"], FAULTS["hangs"]
DAY_MINUTES = 24 * 60


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def days_pass(stage: Stage, days: int) -> None:
    for _ in range(days * 48):
        stage.clock.move(1800)
        stage.services.schedule.run()
        assert stage.work() == []


def opened(stage: Stage) -> list[Seat]:
    """Let outcomes of several courses fail until the breaker is open."""
    seats = [stage.seat(points=10) for _ in range(5)]
    for seat in seats:
        stage.send(replace_result(seat.sourcedid, "0.5"))
    assert is_open(stage)
    return seats


def is_open(stage: Stage) -> bool:
    now = to_milliseconds(stage.clock.now())
    return permission(stage.services.health.get("canvas"), now) in (Permission.CLOSED_OFF, Permission.PROBE)


def test_an_outage_of_days_is_survived(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    received = queueing.clock.now()
    queueing.faults(DOWN)
    assert queueing.send(replace_result(seat.sourcedid, "0.92", data=TEXT)).description == QUEUED
    days_pass(queueing, 4)
    assert states(queueing) == ["waiting"]
    assert deliveries(queueing)[0].tries > 48
    queueing.faults()
    hours_pass(queueing)
    state = queueing.state(seat)
    assert (state["score"], state["body"], state["attempt"]) == (Decimal("9.2"), "an essay", 1)
    assert state["submitted_at"].startswith(received.strftime("%Y-%m-%dT%H:%M:%S"))
    nothing_is_left(queueing, seat)


def test_what_is_given_up_says_why_keeps_its_content_and_frees_the_cell(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, "0.92", data=TEXT))
    days_pass(queueing, 8)
    (failed,) = deliveries(queueing)
    assert (str(failed.state), failed.write is not None) == ("failed", True)
    assert failed.answer is not None
    assert "for 7 days" in failed.answer.description
    assert cell_of(queueing, seat).line == ()
    queueing.faults()
    queueing.clock.move(90)
    assert queueing.send(replace_result(seat.sourcedid, "0.4")).description == ""
    assert queueing.state(seat)["score"] == Decimal(4)


def test_a_dead_platform_costs_no_tool_any_time_once_it_is_known(queueing: Stage) -> None:
    queueing.faults(HANGS)
    opened(queueing)
    seat = queueing.seat(points=10)
    before, calls = queueing.clock.now(), len(queueing.calls)
    assert queueing.send(replace_result(seat.sourcedid, "0.5")).description == QUEUED
    assert (queueing.clock.now() - before).total_seconds() < 0.1
    assert queueing.send(read_result(queueing.seat(points=10).sourcedid)).error == "platform_unavailable"
    assert len(queueing.calls) == calls


def test_the_breaker_closes_by_itself_and_the_backlog_drains_within_minutes(queueing: Stage) -> None:
    queueing.faults(DOWN)
    seats = opened(queueing)
    for _ in range(30):
        seat = queueing.seat(points=10)
        assert queueing.send(replace_result(seat.sourcedid, "0.7")).description == QUEUED
        seats.append(seat)
    queueing.minutes(20)
    assert is_open(queueing)
    assert all(queueing.state(seat)["score"] is None for seat in seats)
    queueing.faults()
    queueing.minutes(5)
    assert not is_open(queueing)
    queueing.minutes(30)
    assert all(queueing.state(seat)["score"] is not None for seat in seats)
    assert queueing.queue.waiting == []


def test_the_backlog_goes_out_as_soon_as_a_probe_finds_the_platform_back(
    queueing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run of the schedule: it sends the probe, sees what the worker found, and sends the rest."""
    queueing.faults(DOWN)
    seats = opened(queueing)
    queueing.clock.move(300)
    queueing.faults()
    sleep = queueing.clock.sleep

    def work_meanwhile(seconds: float) -> None:
        sleep(seconds)
        queueing.work()

    monkeypatch.setattr(queueing.clock, "sleep", work_meanwhile)
    queueing.services.schedule.run()
    monkeypatch.undo()
    queueing.work()
    assert [queueing.state(seat)["score"] for seat in seats] == [Decimal(5)] * len(seats)


def test_while_the_breaker_is_open_the_platform_gets_few_calls(queueing: Stage) -> None:
    queueing.faults(DOWN)
    opened(queueing)
    for _ in range(20):
        queueing.send(replace_result(queueing.seat(points=10).sourcedid, "0.7"))
    calls: list[str] = []
    queueing.interruption = lambda request: calls.append(str(request.url))
    queueing.minutes(30)
    assert 1 <= len(calls) <= 40


def test_one_broken_course_opens_no_breaker(queueing: Stage) -> None:
    broken, well = queueing.seat(points=10), queueing.seat(points=10)
    queueing.send(replace_result(well.sourcedid, "0.1"))
    queueing.faults({"path": "score", "kind": "drop_before", "handle": broken.handle})
    for number in range(1, 30):
        assert queueing.send(replace_result(broken.sourcedid, f"0.{number:02}")).description == QUEUED
        queueing.minutes(1)
        assert not is_open(queueing)
    assert queueing.send(replace_result(well.sourcedid, "0.9")).description == ""


def test_a_tool_that_wants_no_queue_is_told_at_once(tmp_path: Path) -> None:
    with open_stage(tmp_path) as stage:
        stage.faults(HANGS)
        opened(stage)
        seat = stage.seat(points=10)
        before = stage.clock.now()
        answer = stage.send(replace_result(seat.sourcedid, "0.5"))
        assert (answer.status, answer.error) == (422, "platform_unavailable")
        assert (stage.clock.now() - before).total_seconds() < 0.1
        stage.faults()
        hours_pass(stage)
        assert stage.state(seat)["score"] is None
        assert stage.send(replace_result(seat.sourcedid, "0.6")).description == ""


def test_a_platform_that_throttles_is_left_to_the_worker(queueing: Stage) -> None:
    first, second = queueing.seat(points=10), queueing.seat(points=10)
    queueing.faults({**FAULTS["throttled"], "count": 1})
    assert queueing.send(replace_result(first.sourcedid, "0.5")).description == QUEUED
    calls = len(queueing.calls)
    assert queueing.send(replace_result(second.sourcedid, "0.6")).description == QUEUED
    assert len(queueing.calls) == calls
    assert len(queueing.queue.waiting) == 1  # the worker needs no schedule for it
    queueing.clock.move(10)
    assert queueing.work() == []
    assert queueing.state(second)["score"] == Decimal(6)
    assert queueing.send(replace_result(queueing.seat(points=10).sourcedid, "0.7")).description == ""
