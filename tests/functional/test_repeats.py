"""An outcome signed anew within a minute: tools do so when they time out, and it must not become a second attempt."""

from decimal import Decimal

import pytest
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Seat, Stage

from chalicelib.lti11.tools import Tool
from chalicelib.mapping.model import Mapping
from chalicelib.translation.answers import NO_ATTEMPTS_LEFT

from .doors import CANVAS_URL

ESSAY = {"text": "an essay"}


def attempts(stage: Stage, seat: Seat) -> int:
    made: int = stage.state(seat)["attempt"]
    return made


@pytest.mark.parametrize("seconds", [0, 1, 59.9])
def test_within_a_minute_it_joins_the_delivery_it_repeats(stage: Stage, seconds: float) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    first = stage.send(body)
    stage.clock.move(seconds)
    again = stage.send(body)
    assert again.text == first.text
    assert again.code == "success"
    assert len(stage.scores_posted()) == 1
    assert attempts(stage, seat) == 1


def test_after_a_minute_it_is_new_work(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.send(body)
    stage.clock.move(60.1)
    assert stage.send(body).code == "success"
    assert attempts(stage, seat) == 2


def test_another_body_is_new_work(stage: Stage) -> None:
    """A message identifier of its own is another body: the tool says that it means another message."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.92", data=ESSAY, message_identifier="1"))
    stage.clock.move(1)
    stage.send(replace_result(seat.sourcedid, "0.92", data=ESSAY, message_identifier="2"))
    assert attempts(stage, seat) == 2


def test_it_joins_at_another_door_too(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.send(body)
    assert stage.send(body, url=CANVAS_URL).code == "success"
    assert attempts(stage, seat) == 1


def test_it_joins_in_another_container_too(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.send(body)
    stage.restart()
    assert stage.send(body).code == "success"
    assert attempts(stage, seat) == 1


def test_the_equal_body_of_another_key_does_not_join(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.services.tools.add(Tool("other tool", ("other secret",)))
    stage.services.mappings.put(
        Mapping("other tool", seat.sourcedid, "canvas", seat.prepared["line_item"], seat.prepared["user_id"])
    )
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.send(body)
    stage.clock.move(1)
    assert stage.send(body, consumer_key="other tool", secret="other secret").code == "success"
    assert attempts(stage, seat) == 2


def test_it_does_not_join_an_outcome_that_is_no_longer_the_newest(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    stage.send(body)
    stage.clock.move(1)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    stage.clock.move(1)
    stage.send(body)
    assert stage.state(seat)["score"] == Decimal(2)


def test_it_does_not_join_a_delete(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    stage.send(body)
    stage.clock.move(1)
    stage.send(delete_result(seat.sourcedid))
    stage.clock.move(1)
    stage.send(body)
    assert stage.state(seat)["score"] == Decimal(2)


def test_it_does_not_join_a_refused_one(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.control("student", handle=seat.handle, action="remove")
    assert stage.send(body).error == "user_not_in_course"
    stage.control("student", handle=seat.handle, action="restore")
    stage.clock.move(1)
    assert stage.send(body).code == "success"
    assert stage.state(seat)["body"] == "an essay"


def test_it_does_not_join_one_that_surely_failed(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.faults({"path": "score", "kind": "throttle_429", "count": 1})
    assert stage.send(body).error == "platform_unavailable"
    stage.clock.move(10)
    assert stage.send(body).code == "success"
    assert (attempts(stage, seat), stage.state(seat)["score"]) == (1, Decimal("9.2"))


def test_it_settles_one_of_which_nobody_knows(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.send(body).error == "platform_unavailable"
    stage.clock.move(1)
    assert stage.send(body).code == "success"
    assert attempts(stage, seat) == 1


def test_a_loss_is_named_to_the_repeat_too(stage: Stage) -> None:
    seat = stage.seat(points=10, allowed_attempts=1, submission_type="online_text_entry")
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    first = stage.send(body)
    assert first.description == NO_ATTEMPTS_LEFT
    assert stage.send(body).text == first.text


def test_the_repeat_has_a_receipt_of_its_own(stage: Stage) -> None:
    """Its own signed request, sent again long after, is still the same request."""
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    stage.send(body)
    stage.clock.move(30)
    headers = signed_headers(
        OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()), nonce="second"
    )
    joined = stage.deliver(OUTCOME_URL, headers, body)
    stage.clock.move(3000)
    assert stage.deliver(OUTCOME_URL, headers, body).text == joined.text
    assert attempts(stage, seat) == 1


def test_repeats_of_repeats_go_on_joining_only_for_a_minute_from_the_first(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    for _ in range(4):
        stage.send(body)
        stage.clock.move(25)
    assert attempts(stage, seat) == 2


def test_a_teachers_grade_in_between_stays(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92")
    stage.send(body)
    stage.clock.move(5)
    stage.grade(seat, "3")
    stage.clock.move(5)
    assert stage.send(body).code == "success"
    assert stage.state(seat)["score"] == Decimal(3)
