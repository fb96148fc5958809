"""Crashes at every moment of the request, the worker and the schedule, and a queue that lies: one effect in the end."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pox import replace_result
from stage import OUTCOME_URL, Crash, Seat, Stage, open_stage

from chalicelib.delivery.courses import message_group
from chalicelib.delivery.queue import Message, write_message
from chalicelib.lti11.tools import OnDelay

from .queueing import FAULTS, QUEUED, WRITES, cell_of, deliveries, hours_pass, nothing_is_left, shown, signed, states

DOWN = FAULTS["refused"]
MOST_MOMENTS = 60
GROUP = message_group("canvas", 0)


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def undisturbed(stage: Stage, write: str) -> dict[str, Any]:
    seat = stage.seat(points=10)
    assert stage.send(WRITES[write](seat.sourcedid)).description == ""
    return shown(stage, seat)


def waiting(stage: Stage, write: str) -> Seat:
    """A seat whose outcome waits, while the platform is well again."""
    seat = stage.seat(points=10)
    stage.faults(DOWN)
    assert stage.send(WRITES[write](seat.sourcedid)).description == QUEUED
    stage.faults()
    return seat


def stopped(stage: Stage, moment: int, what: Any) -> bool:
    """Do something, with a crash at a moment of it; tell whether it came so far. SQS shows a message again."""
    stage.crash(moment)
    try:
        what()
    except Crash:
        return True
    finally:
        stage.restart()
        for message in stage.queue._waiting:
            message.in_hand = False
    return False


@pytest.mark.parametrize("write", WRITES)
def test_the_schedule_finds_what_a_crashed_request_left(queueing: Stage, write: str) -> None:
    """What the transaction before the call did not store, the tool was not told of: it leaves nothing."""
    expected = undisturbed(queueing, write)
    kept = 0
    for moment in range(1, MOST_MOMENTS):
        seat = queueing.seat(points=10)
        empty = shown(queueing, seat)
        body = WRITES[write](seat.sourcedid)
        headers = signed(queueing, body)
        crashed = stopped(queueing, moment, lambda h=headers, b=body: queueing.deliver(OUTCOME_URL, h, b))
        hours_pass(queueing, 1)
        found = shown(queueing, seat)
        assert found == expected or (kept == 0 and found == empty), moment
        kept += found == expected
        nothing_is_left(queueing, seat)
        if not crashed:
            break
    assert moment > 4
    assert kept >= moment - 2


@pytest.mark.parametrize("write", WRITES)
def test_a_worker_that_crashes_at_any_moment_has_one_effect(queueing: Stage, write: str) -> None:
    expected = undisturbed(queueing, write)
    for moment in range(1, MOST_MOMENTS):
        seat = waiting(queueing, write)
        queueing.clock.move(60)
        queueing.services.schedule.run()
        crashed = stopped(queueing, moment, queueing.work)
        hours_pass(queueing, 1)
        assert shown(queueing, seat) == expected, moment
        nothing_is_left(queueing, seat)
        if not crashed:
            break
    assert moment > 4


def test_a_schedule_that_crashes_at_any_moment_has_one_effect(queueing: Stage) -> None:
    expected = undisturbed(queueing, "text and score")
    for moment in range(1, MOST_MOMENTS):
        seat = waiting(queueing, "text and score")
        queueing.clock.move(60)
        crashed = stopped(queueing, moment, queueing.services.schedule.run)
        hours_pass(queueing, 1)
        assert shown(queueing, seat) == expected, moment
        nothing_is_left(queueing, seat)
        if not crashed:
            break
    assert moment > 2


@pytest.mark.parametrize("fault", ["refusing", "losing", "doubling", "confused"])
@pytest.mark.parametrize("write", WRITES)
def test_a_queue_that_fails_changes_nothing_in_the_end(queueing: Stage, write: str, fault: str) -> None:
    expected = undisturbed(queueing, write)
    setattr(queueing.queue, fault, True)
    seat = waiting(queueing, write)
    queueing.minutes(3)
    if fault in ("refusing", "losing"):
        assert queueing.state(seat)["score"] is None
        assert queueing.queue.waiting == []
    setattr(queueing.queue, fault, False)
    hours_pass(queueing)
    assert shown(queueing, seat) == expected
    nothing_is_left(queueing, seat)


def test_outcomes_accepted_while_the_queue_is_away_are_delivered_by_the_schedule(queueing: Stage) -> None:
    seat = queueing.seat(points=10)
    queueing.queue.refusing = True
    queueing.faults(FAULTS["throttled"])
    queueing.send(replace_result(queueing.seat(points=10).sourcedid, "0.1"))  # from now on it is slowed
    assert queueing.send(replace_result(seat.sourcedid, "0.9")).description == QUEUED
    queueing.faults()
    queueing.queue.refusing = False
    queueing.minutes(5)
    assert queueing.state(seat)["score"] == Decimal(9)


def test_a_message_for_what_has_ended_is_let_go(queueing: Stage) -> None:
    seat = waiting(queueing, "score")
    hours_pass(queueing)
    (delivery,) = deliveries(queueing)
    calls = len(queueing.calls)
    queueing.queue.put(write_message(Message(delivery.id, cell_of(queueing, seat).generation)), GROUP)
    assert queueing.work() == []
    assert len(queueing.calls) == calls
    nothing_is_left(queueing, seat)


def test_a_message_out_of_turn_or_not_sent_yet_is_let_go(queueing: Stage) -> None:
    seat = waiting(queueing, "score")
    queueing.clock.move(1)
    assert queueing.send(replace_result(seat.sourcedid, "0.1")).description == QUEUED
    queueing.queue.losing = True
    for seconds in (60, 900):
        queueing.clock.move(seconds)
        queueing.services.schedule.run()
    queueing.queue.losing = False
    head, second = deliveries(queueing)
    cell, calls = cell_of(queueing, seat), len(queueing.calls)
    queueing.queue.put(write_message(Message(second.id, cell.generation)), GROUP)
    queueing.queue.put(write_message(Message(head.id, cell.generation + 1)), GROUP)
    assert queueing.work() == []
    assert (len(queueing.calls), states(queueing)) == (calls, ["queued", "queued"])
    hours_pass(queueing)
    assert queueing.state(seat)["score"] == Decimal(1)
    nothing_is_left(queueing, seat)


def test_a_message_that_stood_so_long_in_the_queue_that_another_was_sent_is_as_good_as_that_one(
    queueing: Stage,
) -> None:
    """To let it go would send its delivery to the end of a long backlog, again and again."""
    seat = waiting(queueing, "text and score")
    queueing.clock.move(60)
    queueing.services.schedule.run()
    (message,) = queueing.queue.waiting
    queueing.clock.move(900)
    queueing.services.schedule.run()
    assert len(queueing.queue.waiting) == 2
    queueing.services.work.take(message)
    assert (queueing.state(seat)["attempt"], states(queueing)) == (1, ["delivered"])
    assert queueing.work() == []
    assert len(queueing.scores_posted()) == 1
    nothing_is_left(queueing, seat)


def test_a_message_that_comes_twice_does_not_shorten_the_wait_for_the_next_try(queueing: Stage) -> None:
    waiting(queueing, "score")
    queueing.faults(FAULTS["503"])
    queueing.clock.move(60)
    queueing.services.schedule.run()
    (message,) = queueing.queue.waiting
    assert queueing.work() == []
    calls = len(queueing.calls)
    assert states(queueing) == ["waiting"]
    queueing.services.work.take(message)
    assert (len(queueing.calls), states(queueing)) == (calls, ["waiting"])


def test_a_message_that_comes_while_a_try_is_running_is_let_go(queueing: Stage) -> None:
    seat = waiting(queueing, "text and score")
    queueing.clock.move(60)
    queueing.services.schedule.run()
    (message,) = queueing.queue.waiting

    def again(_request: object) -> None:
        queueing.interruption = None
        queueing.services.work.take(message)

    queueing.interruption = again
    assert queueing.work() == []
    assert (queueing.state(seat)["attempt"], len(queueing.scores_posted())) == (1, 1)


# poison

POISON = {
    "nothing": "",
    "no JSON": "<xml/>",
    "another's": '{"order": 17}',
    "truncated": '{"passback": 1, "delivery": "01',
    "another version": '{"passback": 2, "delivery": "x", "generation": 1}',
    "no generation": '{"passback": 1, "delivery": "x"}',
    "wrong types": '{"passback": 1, "delivery": 5, "generation": "1"}',
    "unknown delivery": '{"passback": 1, "delivery": "019c2300ca95-37972f7f5fa7c8a9", "generation": 1}',
    "huge": '{"passback": 1, "delivery": "' + "x" * 9000 + '", "generation": 1}',
}


@pytest.mark.parametrize("body", POISON)
def test_poison_is_buried_once_with_its_reason_and_keeps_nobody_waiting(queueing: Stage, body: str) -> None:
    seat = waiting(queueing, "score")
    queueing.queue.put(POISON[body], GROUP)
    queueing.minutes(10)
    (letter,) = queueing.queue.dead
    assert letter["reason"]
    assert letter["body"] == POISON[body][:1000]
    assert queueing.state(seat)["score"] == Decimal("9.2")
    assert queueing.queue.waiting == []


def test_poison_that_cannot_be_buried_now_comes_again(queueing: Stage) -> None:
    queueing.queue.put("poison", GROUP)
    received = queueing.queue.take()
    assert received is not None
    queueing.queue.refusing = True
    with pytest.raises(Exception, match="SendMessage"):
        queueing.services.work.take(received.body)
    queueing.queue.leave(received)
    queueing.queue.refusing = False
    assert queueing.work() == []
    assert len(queueing.queue.dead) == 1


def test_a_delivery_of_a_tool_that_is_gone_fails_visibly(queueing: Stage) -> None:
    seat = waiting(queueing, "score")
    queueing.services.tools.remove("legacy tool")
    hours_pass(queueing, 1)
    (delivery,) = deliveries(queueing)
    assert str(delivery.state) == "failed"
    assert delivery.answer is not None
    assert "tool is not registered" in delivery.answer.description
    assert "tool is not registered" in queueing.queue.dead[0]["reason"]
    assert cell_of(queueing, seat).line == ()
    assert queueing.state(seat)["score"] is None
