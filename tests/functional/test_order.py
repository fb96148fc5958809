"""Which outcome counts when several of one cell meet: the newest received one that had an effect."""

from decimal import Decimal
from typing import Any

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage

TEXT = {"text": "an essay"}


def signed_now(stage: Stage, body: bytes) -> dict[str, str]:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def test_an_outcome_received_before_the_newest_one_changes_nothing(stage: Stage) -> None:
    seat = stage.seat(points=10)
    older = replace_result(seat.sourcedid, "0.1")
    headers, received = signed_now(stage, older), stage.clock.now()
    stage.clock.move(3)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    answer = stage.deliver(OUTCOME_URL, headers, older, received=received)
    assert (answer.code, answer.description) == ("success", "superseded by a newer outcome")
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["body"]) == (Decimal(9), 1, None)
    assert stage.deliver(OUTCOME_URL, headers, older, received=received).text == answer.text


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"score": "0.6"}, {"data": TEXT}),
        ({"score": "0.6", "data": TEXT}, {"data": {"text": "newer"}}),
        ({"data": TEXT}, {"score": "0.6"}),
        ({"score": "0.3", "data": TEXT}, {"score": "0.6"}),
    ],
)
def test_an_older_outcome_still_brings_what_the_newer_one_does_not(
    stage: Stage, older: dict[str, Any], newer: dict[str, Any]
) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, **older)
    headers, received = signed_now(stage, body), stage.clock.now()
    stage.clock.move(3)
    assert stage.send(replace_result(seat.sourcedid, **newer)).code == "success"
    answer = stage.deliver(OUTCOME_URL, headers, body, received=received)
    assert (answer.code, answer.description) == ("success", "")
    state = stage.state(seat)
    assert state["score"] == Decimal(6)
    assert state["body"] == ("newer" if newer.get("data") == {"text": "newer"} else "an essay")


def test_an_older_outcome_does_not_undo_what_an_outcome_before_the_newest_brought(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.1", data=TEXT)
    headers, received = signed_now(stage, body), stage.clock.now()
    for newer in ({"score": "0.9"}, {"data": {"text": "newer"}}):
        stage.clock.move(3)
        stage.send(replace_result(seat.sourcedid, **newer))
    assert "superseded" in stage.deliver(OUTCOME_URL, headers, body, received=received).description
    state = stage.state(seat)
    assert (state["score"], state["body"]) == (Decimal(9), "newer")


@pytest.mark.parametrize("newer", [{"score": "0.9", "data": {"text": "newer"}}, {"score": "0.9"}])
def test_an_older_outcome_that_the_newer_one_replaces_whole_is_superseded(stage: Stage, newer: dict[str, Any]) -> None:
    seat = stage.seat(points=10)
    older = {"score": "0.1", "data": TEXT} if "data" in newer else {"score": "0.1"}
    body = replace_result(seat.sourcedid, **older)
    headers, received = signed_now(stage, body), stage.clock.now()
    stage.clock.move(3)
    stage.send(replace_result(seat.sourcedid, **newer))
    assert "superseded" in stage.deliver(OUTCOME_URL, headers, body, received=received).description
    assert stage.state(seat)["score"] == Decimal(9)


def test_two_outcomes_of_one_millisecond_both_arrive_the_later_one_last(stage: Stage) -> None:
    seat = stage.seat(points=10)
    received = stage.clock.now()
    for score in ("0.1", "0.9"):
        body = replace_result(seat.sourcedid, score)
        assert stage.deliver(OUTCOME_URL, signed_now(stage, body), body, received=received).code == "success"
    assert stage.state(seat)["score"] == Decimal(9)
    first, second = (post["timestamp"] for post in stage.scores_posted())
    assert first < second


def test_a_refused_outcome_supersedes_nothing(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.2"))
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.7")
    headers = signed_now(stage, body)
    stage.faults({"path": "score", "kind": "throttle_403", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(10)
    stage.faults({"path": "score", "kind": "status", "status": 422, "body": '{"errors":{"message":"no"}}', "count": 1})
    stage.clock.move(2)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).error == "platform_refused"
    stage.faults()
    stage.clock.move(2)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat)["score"] == Decimal(7)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_score_does_not_wipe_the_first_work_whose_answer_was_lost(stage: Stage, fault: str) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": fault, "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.4", data=TEXT)).error == "platform_unavailable"
    stage.faults()
    stage.clock.move(5)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["body"]) == (Decimal(9), 1, "an essay")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_score_after_a_first_score_whose_answer_was_lost_makes_no_second_attempt(stage: Stage, fault: str) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": fault, "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.4")).error == "platform_unavailable"
    stage.faults()
    stage.clock.move(5)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 1)


def test_a_prioritized_score_takes_an_unknown_one_of_ours_for_ours(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.2"))
    stage.clock.move(5)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.4")).error == "platform_unavailable"
    stage.faults()
    stage.clock.move(5)
    assert stage.send(replace_result(seat.sourcedid, "0.9", prioritize_non_tool_grade=True)).code == "success"
    assert stage.state(seat)["score"] == Decimal(9)


def test_two_sourcedids_of_one_student_share_one_cell(stage: Stage) -> None:
    seat = stage.seat(points=10)
    other = stage.map(seat, sourcedid="another sourcedid of the same student")
    stage.send(replace_result(seat.sourcedid, "0.4"))
    stage.clock.move(5)
    stage.send(replace_result(other, "0.9"))
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 1)
