"""What one outcome costs on a warm container: requests to the table, and calls to the platform."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Seat, Stage

MOST_TABLE_REQUESTS = 4

Write = Callable[[str], bytes]


def warm(stage: Stage) -> Seat:
    """A container with a token that has seen one outcome of this mapping."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.clock.move(100)
    stage.table_requests.clear()
    stage.calls.clear()
    return seat


def calls(stage: Stage) -> list[tuple[str, str]]:
    return [(method, path.rsplit("/", 1)[1] if "/" in path else path) for method, path, _ in stage.calls]


@pytest.mark.parametrize(
    "write",
    [
        lambda sourcedid: replace_result(sourcedid, "0.92"),
        lambda sourcedid: replace_result(sourcedid, "0.92", data={"text": "an essay"}),
        lambda sourcedid: replace_result(sourcedid, "0.92", needs_additional_review=True),
        delete_result,
    ],
    ids=["score", "text", "review", "delete"],
)
def test_a_plain_write_is_four_requests_and_one_call(stage: Stage, write: Write) -> None:
    seat = warm(stage)
    assert stage.send(write(seat.sourcedid)).code == "success"
    assert stage.table_requests == ["BatchGetItem", "BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    assert len(stage.table_requests) <= MOST_TABLE_REQUESTS
    assert calls(stage) == [("POST", "scores")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"total": "7"}, 2),
        ({"data": {"text": "an essay"}}, 3),
        ({"score": "0.9", "prioritize_non_tool_grade": True}, 2),
    ],
    ids=["points", "work alone", "prioritized"],
)
def test_what_must_be_read_first_costs_calls_but_no_table_request(
    stage: Stage, options: dict[str, Any], expected: int
) -> None:
    seat = warm(stage)
    assert stage.send(replace_result(seat.sourcedid, **options)).code == "success"
    assert len(stage.calls) == expected
    assert len(stage.table_requests) <= MOST_TABLE_REQUESTS


def test_every_further_outcome_of_the_mapping_costs_the_same(stage: Stage) -> None:
    seat = warm(stage)
    for number in range(2, 10):
        stage.clock.move(10)
        stage.table_requests.clear()
        stage.calls.clear()
        stage.send(replace_result(seat.sourcedid, f"0.{number}"))
        assert (len(stage.table_requests), len(stage.calls)) == (4, 1)


def test_the_first_outcome_of_a_mapping_costs_one_more_request_and_one_read(stage: Stage) -> None:
    warm(stage)
    seat = stage.seat(points=10)
    stage.table_requests.clear()
    assert stage.send(replace_result(seat.sourcedid, "0.92")).code == "success"
    assert len(stage.table_requests) <= MOST_TABLE_REQUESTS + 2
    assert [method for method, _ in calls(stage)] == ["GET", "POST"]


@pytest.mark.parametrize(("seconds", "requests"), [(1, 4), (-1, 5)], ids=["after it", "before it"])
def test_a_first_submission_is_noted_with_the_acceptance_unless_a_newer_outcome_may_take_a_part(
    stage: Stage, seconds: int, requests: int
) -> None:
    """The cell has no submission yet: all that it accepted was a delete."""
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9", data={"text": "an essay"})
    stage.clock.move(100)
    deleted_at = stage.clock.now()
    assert stage.send(delete_result(seat.sourcedid)).code == "success"
    stage.table_requests.clear()
    at = deleted_at + timedelta(seconds=seconds)
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(at.timestamp()))
    stage.clock.move(1)
    assert stage.deliver(OUTCOME_URL, headers, body, received=at).code == "success"
    assert len(stage.table_requests) == requests
    assert (stage.state(seat)["attempt"], stage.state(seat)["body"]) == (1, "an essay")


def test_a_read_is_two_requests_and_one_call(stage: Stage) -> None:
    seat = warm(stage)
    stage.send(read_result(seat.sourcedid))
    assert stage.table_requests == ["BatchGetItem", "BatchGetItem"]
    assert calls(stage) == [("GET", "results")]


def test_a_forgery_is_one_request(stage: Stage) -> None:
    seat = warm(stage)
    stage.send(replace_result(seat.sourcedid, "0.92"), secret="guess")
    assert (stage.table_requests, stage.calls) == (["BatchGetItem"], [])


def test_a_stored_answer_is_two_requests_and_no_call(stage: Stage) -> None:
    seat = warm(stage)
    body = replace_result(seat.sourcedid, "0.92")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.deliver(OUTCOME_URL, headers, body)
    stage.table_requests.clear()
    stage.calls.clear()
    stage.deliver(OUTCOME_URL, headers, body)
    assert (stage.table_requests, stage.calls) == (["BatchGetItem", "BatchGetItem"], [])


def test_a_second_container_does_not_ask_for_a_token_of_its_own(stage: Stage) -> None:
    seat = warm(stage)
    stage.restart()
    assert stage.send(replace_result(seat.sourcedid, "0.92")).code == "success"
    assert not any(path.endswith("/oauth2/token") for _, path, _ in stage.calls)
