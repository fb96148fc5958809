"""An outcome that surely failed and came again is the newest one from then on, as if it had gone through at once."""

from decimal import Decimal

from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage

THROTTLED = {"path": "score", "kind": "throttle_429", "count": 1}
ESSAY = {"text": "an essay"}


def signed_now(stage: Stage, body: bytes) -> dict[str, str]:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def test_it_is_joined_by_its_newly_signed_repeat(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9", data=ESSAY)
    headers = signed_now(stage, body)
    stage.faults(THROTTLED)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "failure"
    stage.clock.move(10)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    stage.clock.move(2)
    assert stage.send(body).code == "success"
    assert stage.state(seat)["attempt"] == 1


def test_it_is_not_overtaken_by_an_outcome_received_before_it(stage: Stage) -> None:
    seat = stage.seat(points=10)
    older = replace_result(seat.sourcedid, "0.1")
    older_headers, received = signed_now(stage, older), stage.clock.now()
    stage.clock.move(1)
    body = replace_result(seat.sourcedid, "0.9")
    headers = signed_now(stage, body)
    stage.faults(THROTTLED)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "failure"
    stage.clock.move(10)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    answer = stage.deliver(OUTCOME_URL, older_headers, older, received=received)
    assert answer.description == "superseded by a newer outcome"
    assert stage.state(seat)["score"] == Decimal(9)


def test_it_does_not_overtake_a_later_outcome_of_the_same_millisecond(stage: Stage) -> None:
    seat = stage.seat(points=10)
    received = stage.clock.now()
    body = replace_result(seat.sourcedid, "0.1")
    headers = signed_now(stage, body)
    stage.faults(THROTTLED)
    assert stage.deliver(OUTCOME_URL, headers, body, received=received).code == "failure"
    stage.clock.move(10)
    later = replace_result(seat.sourcedid, "0.9")
    assert stage.deliver(OUTCOME_URL, signed_now(stage, later), later, received=received).code == "success"
    assert "superseded" in stage.deliver(OUTCOME_URL, headers, body, received=received).description
    assert stage.state(seat)["score"] == Decimal(9)


def test_it_still_follows_an_earlier_outcome_of_the_same_millisecond(stage: Stage) -> None:
    seat = stage.seat(points=10)
    received = stage.clock.now()
    earlier = replace_result(seat.sourcedid, "0.1")
    assert stage.deliver(OUTCOME_URL, signed_now(stage, earlier), earlier, received=received).code == "success"
    body = replace_result(seat.sourcedid, "0.9")
    headers = signed_now(stage, body)
    stage.faults(THROTTLED)
    assert stage.deliver(OUTCOME_URL, headers, body, received=received).code == "failure"
    stage.clock.move(10)
    assert stage.deliver(OUTCOME_URL, headers, body, received=received).description == ""
    assert stage.state(seat)["score"] == Decimal(9)


def test_while_it_has_no_effect_the_one_before_is_still_joined_by_its_repeat(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5", data=ESSAY)
    assert stage.send(body).code == "success"
    stage.clock.move(2)
    stage.faults(THROTTLED)
    assert stage.send(replace_result(seat.sourcedid, "0.7")).code == "failure"
    stage.clock.move(10)
    assert stage.send(body).code == "success"
    assert stage.state(seat)["attempt"] == 1
