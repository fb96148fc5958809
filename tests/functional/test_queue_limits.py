"""Where the queue ends: full lines, files that cannot be fetched, a table that is away."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pox import replace_result
from stage import Stage, open_stage

from chalicelib.delivery.line import LONGEST
from chalicelib.errors import StorageUnavailable
from chalicelib.lti11.tools import OnDelay

from .queueing import FAULTS, QUEUED, TEXT, cell_of, deliveries, hours_pass, nothing_is_left, states

DOWN = FAULTS["refused"]
FILE = {"documentName": "essay.docx", "downloadUrl": "https://tool.example.org/files/essay.docx"}
FILE_FAULT = {"path": "score", "kind": "file_service_504"}


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def test_a_full_line_gives_up_the_last_score_that_a_new_one_makes_useless(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    for number in range(LONGEST + 20):
        assert queueing.send(replace_result(seat.sourcedid, f"0.{number + 1:03}")).description == QUEUED
        queueing.clock.move(1)
    assert len(cell_of(queueing, seat).line) == LONGEST
    assert states(queueing).count("superseded") == 20
    queueing.faults()
    hours_pass(queueing, 4)
    assert queueing.state(seat)["score"] == Decimal("0.001") * (LONGEST + 20) * 10
    assert queueing.state(seat)["attempt"] == 1
    nothing_is_left(queueing, seat)


def test_a_line_full_of_work_takes_no_more_and_says_so(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    for number in range(LONGEST):
        queueing.send(replace_result(seat.sourcedid, data={"text": f"work {number}"}))
        queueing.clock.move(1)
    answer = queueing.send(replace_result(seat.sourcedid, "0.9", data=TEXT))
    assert (answer.code, answer.error) == ("failure", "platform_unavailable")
    queueing.faults()
    hours_pass(queueing, 4)
    state = queueing.state(seat)
    assert (state["attempt"], state["body"], state["score"]) == (LONGEST, f"work {LONGEST - 1}", None)
    assert queueing.send(replace_result(seat.sourcedid, "0.9", data=TEXT)).description == ""


def test_a_file_is_offered_five_times_within_the_hour_and_then_the_score_goes_alone(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    received = queueing.clock.now()
    queueing.faults(FILE_FAULT)
    assert queueing.send(replace_result(seat.sourcedid, "0.9", data=FILE)).description == QUEUED
    queueing.minutes(60)
    (delivery,) = deliveries(queueing)
    assert str(delivery.state) == "delivered"
    assert delivery.answer is not None
    assert "the file was not stored" in delivery.answer.description
    assert delivery.ended_at is not None
    assert delivery.ended_at - delivery.received_at <= 3_600_000
    with_file = [
        body
        for body in queueing.scores_posted()
        if "content_items" in body["https://canvas.instructure.com/lti/submission"]
    ]
    assert len(with_file) == 5
    state = queueing.state(seat)
    assert (state["score"], state["attachments"]) == (Decimal(9), [])
    assert state["submitted_at"].startswith(received.strftime("%Y-%m-%dT%H:%M:%S"))


def test_a_file_that_can_be_fetched_at_the_third_time_arrives(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults({**FILE_FAULT, "count": 2})
    assert queueing.send(replace_result(seat.sourcedid, "0.9", data=FILE)).description == QUEUED
    queueing.minutes(30)
    state = queueing.state(seat)
    assert (state["score"], state["attempt"], len(state["attachments"])) == (Decimal(9), 1, 1)


@pytest.mark.parametrize("platform", ["well", "down"])
def test_without_its_table_nothing_is_told_as_success(queueing: Stage, platform: str) -> None:
    """Whichever request of one outcome finds the table away."""
    for request in range(1, 12):
        seat = queueing.seat(points=10)
        queueing.faults(*([DOWN] if platform == "down" else []))
        seen = 0

        def away(_operation: str, last: int = request) -> None:
            nonlocal seen
            seen += 1
            if seen >= last:
                raise StorageUnavailable("away")

        queueing.table_interruption = away
        answer = queueing.send(replace_result(seat.sourcedid, "0.9"))
        queueing.table_interruption = None
        queueing.faults()
        posted = queueing.state(seat)["score"] is not None
        stored = any(
            each.cell.user_id == seat.prepared["user_id"] and each.acknowledged for each in deliveries(queueing)
        )
        assert answer.code != "success" or posted or stored, request
        hours_pass(queueing, 1)
        if answer.code == "success":
            assert queueing.state(seat)["score"] == Decimal(9)
        nothing_is_left(queueing, seat)


def test_a_worker_without_its_table_lets_go_and_nothing_is_lost(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, "0.9", data=TEXT))
    queueing.faults()
    queueing.clock.move(60)
    queueing.services.schedule.run()

    def away(_operation: str) -> None:
        raise StorageUnavailable("away")

    queueing.table_interruption = away
    assert queueing.work() == []
    queueing.table_interruption = None
    hours_pass(queueing, 1)
    assert (queueing.state(seat)["score"], queueing.state(seat)["attempt"]) == (Decimal(9), 1)
    nothing_is_left(queueing, seat)
