"""A try whose answer was lost, then another outcome for the cell: what is written down must be what happened."""

from decimal import Decimal

import pytest
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Seat, Stage, ToolAnswer

from chalicelib.delivery.records import CellKey, DeliveryState
from chalicelib.storage.deliveries import delivery_key

THROTTLED = {"path": "score", "kind": "throttle_429", "count": 1}
ESSAY, SECOND = {"text": "an essay"}, {"text": "a second essay"}
Headers = dict[str, str]


def signed_now(stage: Stage, body: bytes) -> Headers:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def lost(stage: Stage, body: bytes, kind: str = "drop_before") -> Headers:
    """Send an outcome whose answer does not come; ``drop_before``: it did not even arrive."""
    headers = signed_now(stage, body)
    stage.faults({"path": "score", "kind": kind, "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(2)
    return headers


def another_fails(stage: Stage, seat: Seat) -> ToolAnswer:
    """Send another outcome, which looks at what was lost and then has no effect itself."""
    stage.faults(THROTTLED)
    answer = stage.send(replace_result(seat.sourcedid, "0.7"))
    assert answer.error == "platform_unavailable"
    stage.clock.move(10)
    return answer


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("score", ["0.5", "0.9", None])
def test_earlier_work_is_not_taken_for_the_work_that_was_lost(stage: Stage, score: str | None, kind: str) -> None:
    """Its type, and perhaps its score, are in the results before the lost work is: they prove nothing."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.5", data=ESSAY)).code == "success"
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, score, data=SECOND)
    headers = lost(stage, body, kind)
    another_fails(stage, seat)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    state = stage.state(seat)
    assert (state["body"], state["attempt"]) == ("a second essay", 2)
    assert state["score"] == Decimal(score or "0.5") * 10


def test_lost_work_is_joined_by_its_newly_signed_repeat_while_nobody_knows(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5", data=ESSAY))
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.5", data=SECOND)
    lost(stage, body, "drop_after")
    another_fails(stage, seat)
    assert stage.send(body).code == "success"
    assert stage.state(seat)["attempt"] == 2


def test_work_lost_after_a_first_score_that_was_lost_too_is_not_wiped(stage: Stage) -> None:
    """No submission is confirmed, so the next plain score would submit: the work goes first."""
    seat = stage.seat(points=10)
    lost(stage, replace_result(seat.sourcedid, "0.1"))
    lost(stage, replace_result(seat.sourcedid, "0.5", data=ESSAY))
    assert stage.send(replace_result(seat.sourcedid, "0.7")).code == "success"
    state = stage.state(seat)
    assert (state["body"], state["attempt"], state["score"]) == ("an essay", 1, Decimal(7))


def test_first_work_that_fails_again_is_not_tried_without_end(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "status", "status": 500, "count": 40})
    assert stage.send(replace_result(seat.sourcedid, "0.1", data=ESSAY)).error == "platform_unavailable"
    stage.clock.move(2)
    before = len(stage.scores_posted())
    assert stage.send(replace_result(seat.sourcedid, "0.7")).error == "platform_unavailable"
    assert len(stage.scores_posted()) == before + 1


def test_first_work_that_is_refused_in_the_end_does_not_keep_the_next_score_back(stage: Stage) -> None:
    seat = stage.seat(points=10)
    lost(stage, replace_result(seat.sourcedid, "0.1", data=ESSAY))
    stage.faults({"path": "score", "kind": "status", "status": 422, "body": '{"errors":{"message":"no"}}', "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.7")).code == "success"
    assert stage.state(seat)["score"] == Decimal(7)


@pytest.mark.parametrize("score", ["0.5", None])
def test_a_grade_that_a_person_gave_meanwhile_is_not_overwritten_later(stage: Stage, score: str | None) -> None:
    """The other outcome sees the person's grade too; that does not make it one that the lost outcome may replace."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    stage.clock.move(2)
    body = delete_result(seat.sourcedid) if score is None else replace_result(seat.sourcedid, score)
    headers = lost(stage, body, "drop_after")
    stage.grade(seat, "3")
    another_fails(stage, seat)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert "somebody graded" in answer.description
    assert stage.state(seat)["score"] == Decimal(3)
    states = [delivery.state for delivery in stage.services.deliveries.list(stage.clock.now())]
    assert DeliveryState.HELD in states


def test_work_of_a_delivery_that_is_gone_is_not_wiped(stage: Stage) -> None:
    """Payloads of failed deliveries are deleted after a month, and when a person is to be forgotten."""
    seat = stage.seat(points=10)
    lost(stage, replace_result(seat.sourcedid, "0.1", data=ESSAY), "drop_after")
    key = CellKey(seat.platform, seat.prepared["line_item"], seat.prepared["user_id"])
    unsettled = stage.services.ledger.cell(key).unsettled_id
    assert unsettled is not None
    stage.services.table.delete(delivery_key(unsettled))
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["body"], state["attempt"], state["score"]) == ("an essay", 1, Decimal(9))


def test_one_that_turned_out_overtaken_by_a_teacher_is_still_joined_by_its_newly_signed_repeat(stage: Stage) -> None:
    """The outcome that found it out has no effect itself; a repeat taken for a new one would go over the grade."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.6")
    lost(stage, body)
    stage.grade(seat, "9")
    stage.clock.move(2)
    another_fails(stage, seat)
    assert "somebody graded" in stage.send(body).description
    assert stage.state(seat)["score"] == Decimal(9)
