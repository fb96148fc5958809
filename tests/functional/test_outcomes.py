"""Outcomes through the whole app: what the tool reads, and what the gradebook holds."""

from decimal import Decimal

from pox import delete_result, read_result, replace_result
from stage import Stage


def test_a_first_score_makes_one_submission_and_the_grade(stage: Stage) -> None:
    seat = stage.seat(points=10)
    answer = stage.send(replace_result(seat.sourcedid, "0.92", message_identifier="msg-1"))
    assert (answer.status, answer.code, answer.description) == (200, "success", ""), answer.text
    assert (answer.message_ref, answer.operation) == ("msg-1", "replaceResult")
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["submission_type"]) == (Decimal("9.2"), 1, "external_tool")


def test_a_second_score_makes_no_second_attempt(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.92"))
    first = stage.state(seat)
    stage.clock.move(120)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    second = stage.state(seat)
    assert (second["score"], second["attempt"], second["submitted_at"]) == (Decimal(5), 1, first["submitted_at"])


def test_read_gives_back_what_was_sent_and_delete_clears_it(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.4"))
    assert stage.send(read_result(seat.sourcedid)).score == "0.4"
    assert stage.send(delete_result(seat.sourcedid)).code == "success"
    assert stage.state(seat)["score"] is None
    assert stage.send(read_result(seat.sourcedid)).score == ""
