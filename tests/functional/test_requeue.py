"""An operator tries a delivery again: what failed, what a person's grade held up, what was refused after all."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Seat, Stage, open_stage

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import CellKey, Delivery, DeliveryState
from chalicelib.delivery.requeue import NotAgain
from chalicelib.lti11.tools import OnDelay
from chalicelib.translation import answers

DOWN = {"path": "score", "kind": "drop_before"}
GIVE_UP_MINUTES = 8 * 24 * 60


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def newest(stage: Stage, nth: int = 0) -> Delivery:
    """The n-th newest delivery, with what is kept of its content."""
    listed = list(stage.services.deliveries.list(stage.clock.now()))[nth]
    found = stage.services.ledger.delivery(listed.id, stage.clock.now())
    assert found is not None
    return found


def line_of(stage: Stage, seat: Seat) -> list[str]:
    key = CellKey(seat.platform, seat.prepared["line_item"], seat.prepared["user_id"])
    return [place.delivery_id for place in stage.services.ledger.cell(key).line]


def fail_by_age(stage: Stage, seat: Seat, score: str = "0.7") -> Delivery:
    """Queue an outcome while the platform is away, until it is given up."""
    stage.faults(DOWN)
    assert stage.send(replace_result(seat.sourcedid, score)).description == "queued for delivery"
    stage.clock.move(GIVE_UP_MINUTES * 60)
    stage.minutes(2)
    failed = newest(stage)
    assert failed.state is DeliveryState.FAILED
    return failed


def test_a_failed_one_is_delivered_with_its_own_time(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat)
    queueing.faults()
    assert queueing.services.requeue.again(failed.id) is None
    again = newest(queueing)
    assert (again.state, again.answer, again.ended_at, again.forced) == (DeliveryState.QUEUED, None, None, False)
    assert again.events[-1].what == "queued: again, by an operator"
    queueing.work()
    done = newest(queueing)
    assert (done.state, done.timestamp, done.write) == (DeliveryState.DELIVERED, failed.timestamp, None)
    state = queueing.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(7), 1)


def test_it_is_given_the_whole_time_again(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat)
    assert queueing.services.requeue.again(failed.id) is None
    queueing.work()
    assert newest(queueing).state is DeliveryState.WAITING
    queueing.clock.move(timedelta(days=6).total_seconds())
    queueing.minutes(2)
    assert newest(queueing).state is DeliveryState.WAITING
    queueing.clock.move(timedelta(days=2).total_seconds())
    queueing.minutes(2)
    assert newest(queueing).state is DeliveryState.FAILED


def test_a_waiting_one_is_due_at_once(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    queueing.send(replace_result(seat.sourcedid, "0.7"))
    waiting = newest(queueing)
    assert waiting.state is DeliveryState.WAITING
    queueing.faults()
    assert queueing.services.requeue.again(waiting.id) is None
    queueing.work()
    assert (newest(queueing).state, queueing.state(seat)["score"]) == (DeliveryState.DELIVERED, Decimal(7))


def test_one_behind_another_is_left_in_its_place(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    for score in ("0.5", "0.7"):
        queueing.send(replace_result(seat.sourcedid, score))
        queueing.clock.move(1)
    assert queueing.services.requeue.again(newest(queueing).id) is NotAgain.UNDER_WAY
    assert line_of(queueing, seat) == [newest(queueing, 1).id, newest(queueing).id]


def test_a_tool_that_wanted_no_queue_and_sends_the_same_request_again_is_told_what_is_true(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.7")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.faults({**DOWN, "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).code == "failure"
    failed = newest(stage)
    assert stage.services.requeue.again(failed.id) is None
    again = stage.deliver(OUTCOME_URL, headers, body)
    assert (again.code, again.description) == ("success", "queued for delivery")
    stage.work()
    assert (newest(stage).state, stage.state(seat)["attempt"]) == (DeliveryState.DELIVERED, 1)


def test_once_an_operator_has_taken_it_on_it_waits_whatever_its_tool_wants(stage: Stage) -> None:
    stage.faults(DOWN)
    stage.send(replace_result(stage.seat(points=10).sourcedid, "0.7"))
    assert stage.services.requeue.again(newest(stage).id) is None
    stage.work()
    assert newest(stage).state is DeliveryState.WAITING


def held(stage: Stage, seat: Seat) -> Delivery:
    """An outcome of a platform that was away, and a teacher who graded before it was back."""
    stage.send(replace_result(seat.sourcedid, "0.5"))
    stage.clock.move(60)
    stage.faults(DOWN)
    stage.send(replace_result(seat.sourcedid, "0.7"))
    stage.clock.move(60)
    stage.grade(seat, "3")
    stage.faults()
    stage.minutes(10)
    found = newest(stage)
    assert found.state is DeliveryState.HELD
    assert stage.state(seat)["score"] == Decimal(3)
    return found


def test_a_held_one_goes_only_by_force_and_then_over_the_persons_grade(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    found = held(queueing, seat)
    assert queueing.services.requeue.again(found.id) is NotAgain.HELD
    assert queueing.services.requeue.again(found.id, force=True) is None
    forced = newest(queueing)
    assert forced.forced
    assert forced.timestamp == to_milliseconds(queueing.clock.now())
    queueing.work()
    state = queueing.state(seat)
    assert (newest(queueing).state, state["score"], state["attempt"]) == (DeliveryState.DELIVERED, Decimal(7), 1)


def test_a_forced_one_goes_over_a_grade_given_while_it_waited(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    found = held(queueing, seat)
    queueing.faults(DOWN)
    queueing.services.requeue.again(found.id, force=True)
    queueing.work()
    queueing.clock.move(60)
    queueing.grade(seat, "2")
    queueing.faults()
    queueing.minutes(10)
    assert (newest(queueing).state, queueing.state(seat)["score"]) == (DeliveryState.DELIVERED, Decimal(7))


def test_force_does_not_outlast_the_retry_it_was_asked_for(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat)
    queueing.services.requeue.again(failed.id, force=True)
    queueing.clock.move(GIVE_UP_MINUTES * 60)
    queueing.minutes(2)
    assert (newest(queueing).state, newest(queueing).forced) == (DeliveryState.FAILED, True)
    queueing.services.requeue.again(failed.id)
    assert not newest(queueing).forced


def test_one_that_a_newer_outcome_covers_goes_only_by_force_whole_and_last(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat, "0.7")
    queueing.faults()
    queueing.send(replace_result(seat.sourcedid, "0.9"))
    assert queueing.services.requeue.again(failed.id) is NotAgain.COVERED
    assert newest(queueing, 1).events == failed.events
    assert queueing.services.requeue.again(failed.id, force=True) is None
    queueing.work()
    assert queueing.state(seat)["score"] == Decimal(7)


def test_a_forced_one_takes_its_place_at_the_end_of_the_line(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat, "0.7")
    queueing.send(replace_result(seat.sourcedid, "0.9"))
    waiting = newest(queueing)
    sent = len(queueing.queue.sent)
    assert queueing.services.requeue.again(failed.id, force=True) is None
    assert line_of(queueing, seat) == [waiting.id, failed.id]
    assert len(queueing.queue.sent) == sent  # no message for what is not the head
    queueing.faults()
    queueing.minutes(10)
    assert queueing.state(seat)["score"] == Decimal(7)


def test_work_that_was_forced_makes_no_second_attempt(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults({"path": "score", "kind": "drop_after"})
    queueing.send(replace_result(seat.sourcedid, "0.7", data={"text": "an essay"}))
    queueing.clock.move(GIVE_UP_MINUTES * 60)
    queueing.minutes(2)
    failed = newest(queueing)
    assert (failed.state, failed.outcome_unknown) == (DeliveryState.FAILED, True)
    queueing.faults()
    queueing.services.requeue.again(failed.id, force=True)
    assert queueing.services.ledger.cell(failed.cell).unsettled_id is None
    queueing.work()
    state = queueing.state(seat)
    assert (newest(queueing).state, state["attempt"], state["body"]) == (DeliveryState.DELIVERED, 1, "an essay")


def test_what_arrived_or_has_no_content_any_more_is_not_tried_again(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.send(replace_result(seat.sourcedid, "0.5"))
    assert queueing.services.requeue.again(newest(queueing).id, force=True) is NotAgain.DELIVERED
    failed = fail_by_age(queueing, queueing.seat(points=10))
    queueing.clock.move(timedelta(days=30).total_seconds())
    assert queueing.services.requeue.again(failed.id) is NotAgain.GONE
    assert queueing.services.requeue.again("never", force=True) is NotAgain.UNKNOWN


def test_what_is_not_registered_any_more_is_not_tried(queueing: Stage) -> None:
    failed = fail_by_age(queueing, queueing.seat(points=10))
    tool = queueing.services.tools.get(CONSUMER_KEY)
    assert tool is not None
    queueing.services.tools.remove(CONSUMER_KEY)
    assert queueing.services.requeue.again(failed.id) is NotAgain.TOOL_REMOVED
    queueing.services.tools.add(tool)
    queueing.services.platforms.remove("canvas")
    assert queueing.services.requeue.again(failed.id) is NotAgain.PLATFORM_REMOVED


def test_a_message_that_is_lost_is_sent_by_the_schedule(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat)
    queueing.faults()
    queueing.queue.refusing = True
    assert queueing.services.requeue.again(failed.id) is None
    queueing.queue.refusing = False
    queueing.minutes(2)
    assert queueing.state(seat)["score"] == Decimal(7)


def test_two_operators_at_once_queue_it_once(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    failed = fail_by_age(queueing, seat)

    def other(operation: str) -> None:
        if operation == "TransactWriteItems":
            queueing.table_interruption = None
            assert queueing.services.requeue.again(failed.id) is None

    queueing.table_interruption = other
    assert queueing.services.requeue.again(failed.id) is NotAgain.UNDER_WAY
    assert line_of(queueing, seat) == [failed.id]


def abandon(stage: Stage, seat: Seat, **only: str) -> tuple[int, int]:
    key = CellKey(seat.platform, seat.prepared["line_item"], seat.prepared["user_id"])
    done = stage.services.abandoning.line_of(key, answers.platform_missing(), **only)
    return done.failed, done.busy


def test_a_line_is_abandoned_from_its_end_and_can_be_tried_again_in_its_order(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults(DOWN)
    for score in ("0.5", "0.7"):
        queueing.send(replace_result(seat.sourcedid, score))
        queueing.clock.move(1)
    older, newer = newest(queueing, 1), newest(queueing)
    sent = len(queueing.queue.sent)
    assert abandon(queueing, seat, consumer_key="another") == (0, 0)
    assert abandon(queueing, seat, consumer_key=CONSUMER_KEY) == (2, 0)
    assert (line_of(queueing, seat), len(queueing.queue.sent)) == ([], sent)
    failed = newest(queueing)
    assert (failed.state, failed.write is None) == (DeliveryState.FAILED, False)
    queueing.faults()
    for each in (older, newer):
        assert queueing.services.requeue.again(each.id) is None
    queueing.minutes(10)
    assert queueing.state(seat)["score"] == Decimal(7)


def test_one_that_may_have_arrived_stays_unknown_when_it_is_abandoned(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.faults({"path": "score", "kind": "drop_after"})
    queueing.send(replace_result(seat.sourcedid, "0.7"))
    assert abandon(queueing, seat) == (1, 0)
    assert newest(queueing).outcome_unknown


def test_one_that_is_just_being_tried_is_not_abandoned(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    seen: list[tuple[int, int]] = []

    def meanwhile(request: object) -> None:
        queueing.interruption = None
        seen.append(abandon(queueing, seat))

    queueing.interruption = meanwhile
    assert queueing.send(replace_result(seat.sourcedid, "0.7")).description == ""
    assert seen == [(0, 1)]
    assert newest(queueing).state is DeliveryState.DELIVERED
