"""A platform that is down, slow, throttling or unwilling: what the tool is told, and one effect once it works again."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pox import delete_result, read_result, replace_result
from stage import CONSUMER_KEY, OUTCOME_URL, Seat, Stage

from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping
from simulator.scopes import ALL

from .doors import LogLines, assert_logged_once, assert_refused, reference_of
from .test_bad_input import said
from .test_receipts import signed

Write = Callable[[str], bytes]
ESSAY = {"text": "an essay"}

WRITES: dict[str, Write] = {
    "score": lambda sourcedid: replace_result(sourcedid, "0.92"),
    "points": lambda sourcedid: replace_result(sourcedid, total="7.5"),
    "text": lambda sourcedid: replace_result(sourcedid, "0.92", data=ESSAY),
    "text alone": lambda sourcedid: replace_result(sourcedid, data=ESSAY),
    "prioritized": lambda sourcedid: replace_result(sourcedid, "0.92", prioritize_non_tool_grade=True),
    "delete": delete_result,
}
FAULTS: dict[str, dict[str, Any]] = {
    "throttled with 403": {"kind": "throttle_403"},
    "throttled with 429": {"kind": "throttle_429"},
    "500": {"kind": "status", "status": 500, "body": "<html><title>Internal</title></html>"},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "408": {"kind": "status", "status": 408},
    "slow": {"kind": "slow", "seconds": 30},
    "dropped before": {"kind": "drop_before"},
    "dropped after": {"kind": "drop_after"},
    "connection reset": {"kind": "refuse"},
}
MAYBE_DONE = ("slow", "dropped after", "500", "502", "503", "408", "dropped before", "connection reset")
CASES = [("score", fault, history) for fault in FAULTS for history in ("nothing before", "a text before")] + [
    (path, fault, "a text before")
    for path in ("result", "line_item", "token")
    for fault in ("throttled with 403", "503", "slow", "dropped after")
]
COMPARED = ("score", "attempt", "submission_type", "body", "needs_review")


def shown(stage: Stage, seat: Seat) -> dict[str, Any]:
    state = stage.state(seat)
    return {name: state[name] for name in COMPARED}


def token_requests(stage: Stage) -> int:
    return sum(path.endswith("/oauth2/token") for _, path, _ in stage.calls)


def score_calls(stage: Stage) -> int:
    return sum(path.endswith("/scores") for _, path, _ in stage.calls)


def warmed(stage: Stage) -> None:
    """Have a token in the container."""
    other = stage.seat(points=10)
    assert stage.send(read_result(other.sourcedid)).code == "success"
    stage.calls.clear()


def seated(stage: Stage, history: str) -> Seat:
    seat = stage.seat(points=10)
    if history == "a text before":
        assert stage.send(replace_result(seat.sourcedid, "0.4", data={"text": "earlier"})).code == "success"
        stage.clock.move(100)
    return seat


histories = pytest.mark.parametrize("history", ["nothing before", "a text before"])


@pytest.mark.parametrize(("path", "fault", "history"), CASES)
@pytest.mark.parametrize("name", WRITES)
def test_a_fault_is_told_as_not_stored_and_the_same_request_has_one_effect(
    stage: Stage, name: str, fault: str, path: str, history: str, log: LogLines
) -> None:
    undisturbed = seated(stage, history)
    assert stage.send(WRITES[name](undisturbed.sourcedid)).code == "success"
    expected = shown(stage, undisturbed)

    seat = seated(stage, history)
    if path == "token":
        stage.clock.move(4000)
    body = WRITES[name](seat.sourcedid)
    headers = signed(stage, body)
    stage.faults({"path": path, "count": 1, **FAULTS[fault]})
    answer = stage.deliver(OUTCOME_URL, headers, body)
    used = stage.control("switch")["faults"] == []
    if used:
        assert (answer.status, answer.code, answer.error) == (422, "failure", "platform_unavailable"), answer.text
        assert answer.description.startswith("The grade was not stored")
        assert assert_logged_once(answer, log)["error"] == "platform_unavailable"
    else:
        assert answer.code == "success"
    stage.faults()
    stage.clock.move(20)
    again = stage.deliver(OUTCOME_URL, headers, body)
    assert (again.code, again.description) == ("success", ""), again.text
    assert shown(stage, seat) == expected


@pytest.mark.parametrize("fault", FAULTS)
def test_the_words_tell_what_is_known_of_the_score(stage: Stage, fault: str) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "count": 1, **FAULTS[fault]})
    said_first = said(stage.send(replace_result(seat.sourcedid, "0.5")).description)
    known = "as far as is known" not in said_first
    assert known is (fault not in MAYBE_DONE)
    assert said_first.endswith("Please send it again.")


@histories
@pytest.mark.parametrize("name", WRITES)
def test_a_lost_answer_then_the_same_outcome_newly_signed_then_another_one(
    stage: Stage, name: str, history: str
) -> None:
    """The platform stored it and the connection broke: nothing is doubled, and the next outcome is not overtaken."""
    undisturbed = seated(stage, history)
    stage.send(WRITES[name](undisturbed.sourcedid))
    expected = shown(stage, undisturbed)

    seat = seated(stage, history)
    body = WRITES[name](seat.sourcedid)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.send(body).error == "platform_unavailable"
    stage.clock.move(30)
    assert stage.send(body).code == "success"
    assert shown(stage, seat) == expected

    for each in (undisturbed, seat):
        stage.clock.move(100)
        assert stage.send(replace_result(each.sourcedid, "0.25")).code == "success"
    assert shown(stage, seat) == shown(stage, undisturbed)
    assert shown(stage, seat)["score"] == Decimal("2.5")


@histories
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("fault", ["dropped before", "dropped after", "throttled with 403"])
def test_another_outcome_straight_after_a_fault(stage: Stage, name: str, fault: str, history: str) -> None:
    """The tool gave up on the first one; that one may show or not, the second one surely does."""
    without = seated(stage, history)
    assert stage.send(replace_result(without.sourcedid, "0.25")).code == "success"
    both = seated(stage, history)
    stage.send(WRITES[name](both.sourcedid))
    stage.clock.move(5)
    stage.send(replace_result(both.sourcedid, "0.25"))

    seat = seated(stage, history)
    stage.faults({"path": "score", "count": 1, **FAULTS[fault]})
    stage.send(WRITES[name](seat.sourcedid))
    stage.clock.move(10)
    assert stage.send(replace_result(seat.sourcedid, "0.25")).code == "success"
    found = shown(stage, seat)
    assert found in (shown(stage, without), shown(stage, both))
    if fault == "dropped after":
        assert found == shown(stage, both)
    assert found["score"] == Decimal("2.5")


def test_a_platform_that_never_answers_costs_no_more_than_the_budget(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({"kind": "slow", "seconds": 30})
    before = stage.clock.monotonic()
    assert stage.send(replace_result(seat.sourcedid, "0.5")).error == "platform_unavailable"
    assert stage.clock.monotonic() - before < 9


def test_a_read_that_fails_tells_no_score(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    for fault in FAULTS.values():
        stage.faults({"path": "result", "count": 1, **fault})
        answer = stage.send(read_result(seat.sourcedid))
        assert (answer.status, answer.error, answer.score) == (422, "platform_unavailable", None)
        assert answer.description.startswith("The score cannot be read now")
    assert stage.send(read_result(seat.sourcedid)).score == "0.5"


# Tokens


def test_an_expired_token_is_replaced_once_and_the_call_made_once_more(stage: Stage) -> None:
    warmed(stage)
    seat = stage.seat(points=10)
    expired = '{"errors":{"type":"unauthorized","message":"Access token expired"}}'
    stage.faults({"path": "score", "kind": "status", "status": 401, "body": expired, "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.5")).code == "success"
    assert (token_requests(stage), score_calls(stage)) == (1, 2)
    assert stage.state(seat)["attempt"] == 1


def test_a_token_refused_again_and_again_is_a_final_no(stage: Stage) -> None:
    warmed(stage)
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "status", "status": 401, "body": "Access token expired", "count": 20})
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert (answer.status, answer.error) == (422, "assignment_tool_mismatch")
    assert (token_requests(stage), score_calls(stage)) == (1, 2)


def test_a_key_that_is_switched_off_is_not_asked_for_another_token(stage: Stage) -> None:
    warmed(stage)
    seat = stage.seat(points=10)
    stage.control("switch", key_on=False, client_id=seat.prepared["client_id"])
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert (answer.status, answer.error) == (422, "assignment_tool_mismatch")
    assert token_requests(stage) == 0
    stage.control("switch", key_on=True, client_id=seat.prepared["client_id"])
    stage.clock.move(1)
    assert stage.send(replace_result(seat.sourcedid, "0.5")).code == "success"


def test_a_tool_that_was_taken_out_of_the_course(stage: Stage) -> None:
    warmed(stage)
    seat, other = stage.seat(points=10), stage.seat(points=10)
    stage.control("switch", tool_installed=False, handle=seat.handle)
    for write in (replace_result(seat.sourcedid, "0.5"), delete_result(seat.sourcedid), read_result(seat.sourcedid)):
        answer = stage.send(write)
        assert (answer.status, answer.error) == (422, "assignment_tool_mismatch")
        assert said(answer.description) == "Assignment is no longer associated with this tool"
        stage.clock.move(1)
    assert stage.send(replace_result(other.sourcedid, "0.5")).code == "success"


def test_a_missing_scope_is_a_failure_that_the_log_explains(stage: Stage, log: LogLines) -> None:
    seat = stage.seat(points=10)
    scopes = [scope for scope in ALL if not scope.endswith("/score")]
    stage.control("register", client_id=seat.prepared["client_id"], scopes=scopes, jwks_url="https://p.example/jwks")
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert answer.status == 422
    assert answer.error in ("assignment_tool_mismatch", "platform_refused")
    assert_logged_once(answer, log)
    assert stage.state(seat)["score"] is None


# What the platform refuses, and what Passback does not know


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (("student", {"action": "remove"}), "user_not_in_course", "User is no longer in course"),
        (("assignment", {"deleted": True}), "assignment_invalid", "Assignment is invalid"),
        (("assignment", {"concluded": True}), "course_not_available", "Course not available for student"),
    ],
)
def test_a_refusal_is_told_in_canvas_words(
    stage: Stage, change: tuple[str, dict[str, Any]], error: str, text: str
) -> None:
    seat = stage.seat(points=10)
    stage.control(change[0], handle=seat.handle, **change[1])
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert (answer.status, answer.error, said(answer.description)) == (422, error, text)


def test_other_refusals_are_told_in_the_platforms_words(stage: Stage, log: LogLines) -> None:
    seat = stage.seat(points=10)
    words = '{"errors":{"type":"unprocessable_entity","message":"success: the grade is locked"}}'
    stage.faults({"path": "score", "kind": "status", "status": 422, "body": words, "count": 1})
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert (answer.status, answer.error) == (422, "platform_refused")
    assert said(answer.description) == "The platform refused the outcome: s-ccess: the grade is locked"
    assert "the grade is locked" in assert_logged_once(answer, log)["why"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 403, 405, 409, 418, 422])
def test_every_other_no_is_final(stage: Stage, status: int) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "status", "status": status, "body": "no", "count": 1})
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert (first.status, first.error) == (422, "platform_refused")
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert score_calls(stage) == 1


def mapped_to(stage: Stage, platform: str, line_item: str) -> str:
    stage.services.mappings.put(Mapping(CONSUMER_KEY, "elsewhere", platform, line_item, "user"))
    return "elsewhere"


def test_a_platform_that_is_no_longer_registered(stage: Stage, log: LogLines) -> None:
    sourcedid = mapped_to(stage, "removed", "https://canvas.example.edu/api/lti/courses/1/line_items/1")
    for write in (replace_result(sourcedid, "0.5"), read_result(sourcedid), delete_result(sourcedid)):
        answer = stage.send(write)
        assert (answer.status, answer.error) == (422, "platform_refused")
        assert "not registered" in assert_logged_once(answer, log)["why"]
    assert stage.calls == []


@pytest.mark.parametrize(
    "line_item",
    [
        "https://evil.example/api/lti/courses/1/line_items/1",
        "http://canvas.example.edu/api/lti/courses/1/line_items/1",
        "https://canvas.example.edu:8443/api/lti/courses/1/line_items/1",
        "https://user@canvas.example.edu/api/lti/courses/1/line_items/1",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_line_item_at_a_host_that_nobody_registered_is_never_called(stage: Stage, line_item: str) -> None:
    """Not even with a token: whatever an import said, the registration decides."""
    sourcedid = mapped_to(stage, "canvas", line_item)
    for write in (replace_result(sourcedid, "0.5"), read_result(sourcedid), delete_result(sourcedid)):
        answer = stage.send(write)
        assert (answer.status, answer.error) == (422, "platform_refused"), answer.text
        stage.clock.move(1)
    assert score_calls(stage) == 0
    assert all(path.endswith("/oauth2/token") for _, path, _ in stage.calls)


def test_a_platform_of_an_unknown_profile_is_a_failure(stage: Stage, log: LogLines) -> None:
    """As a newer Passback may have registered it."""
    known = stage.services.platforms.get("canvas")
    assert isinstance(known, Platform)
    stage.services.platforms.add(replace(known, name="future", profile="future"))
    seat = stage.seat(platform="future", points=10)
    for write in (replace_result(seat.sourcedid, "0.5"), read_result(seat.sourcedid), delete_result(seat.sourcedid)):
        answer = stage.send(write)
        assert_refused(answer, 500, "An error occurred.")
        assert_logged_once(answer, log)
    assert score_calls(stage) == 0


def test_a_platform_whose_words_hold_the_token_does_not_get_it_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, log: LogLines
) -> None:
    seat = stage.seat(points=10)
    sent: list[str] = []
    answer_http = stage.answer_http

    def echoing(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/scores"):
            return answer_http(request)
        sent.append(request.headers["authorization"])
        return httpx.Response(422, text=f"You sent {request.headers['authorization']}")

    monkeypatch.setattr(stage, "answer_http", echoing)
    answer = stage.send(replace_result(seat.sourcedid, "0.5"))
    token = sent[0].removeprefix("Bearer ")
    assert len(token) > 20
    assert token not in answer.text + log.text
    assert token[:20] not in answer.text + log.text
    assert reference_of(answer) in log.text
