"""The same signed request again: one effect and one answer, whatever became of the first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, WRITES, Crash, Stage, ToolAnswer, gateway_event

from chalicelib import services as service_graph
from chalicelib.clock import to_iso
from chalicelib.delivery.pacing import Pace
from chalicelib.lti11.tools import Tool
from chalicelib.services import Services, connect
from chalicelib.translation.answers import NO_ATTEMPTS_LEFT

from .doors import CANVAS_URL, HOST_URL, assert_refused, hand_over, reference_of

Headers = dict[str, str]
EXPIRED = "Timestamp too old or too far in the future, request has expired"
DUPLICATE = "Duplicate nonce detected"


def signed(stage: Stage, body: bytes, *, url: str = OUTCOME_URL, age: int = 0, **more: Any) -> Headers:
    timestamp = int(stage.clock.now().timestamp()) - age
    return signed_headers(url, body, CONSUMER_KEY, SECRET, **{"timestamp": timestamp} | more)


def writes(stage: Stage) -> list[str]:
    return [operation for operation in stage.table_requests if operation in WRITES]


def connected(stage: Stage, **settings: Any) -> Services:
    """Another container over the same table, with other settings."""
    old = stage.services
    return connect(
        replace(old.settings, **settings),
        stage.clock,
        old.transport,
        old.table,
        old.tools._sealer,
        stage.queue,
        Pace(stage.clock),
    )


@contextmanager
def during_the_post(stage: Stage, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> Iterator[None]:
    """Let something happen while the platform works on the first score that is posted."""
    answer_http, waiting = stage.answer_http, [happens]

    def answer(request: httpx.Request) -> httpx.Response:
        response = answer_http(request)
        if request.url.path.endswith("/scores") and waiting:
            waiting.pop()()
        return response

    with monkeypatch.context() as patch:
        patch.setattr(stage, "answer_http", answer)
        yield


def crash_before_the_post(stage: Stage, headers: Headers, body: bytes) -> None:
    """Stop dead once the outcome is accepted and before the platform hears of the score."""
    answer_http = stage.answer_http

    def stop(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/scores"):
            raise Crash
        return answer_http(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "answer_http", stop)
        with pytest.raises(Crash):
            stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()


# Done: the stored answer


def test_a_success_is_told_again_byte_for_byte(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data={"text": "an essay"})
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert first.code == "success"
    for seconds in (0, 30, 3600, 1500):
        stage.clock.move(seconds)
        assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert len(stage.scores_posted()) == 1
    assert stage.state(seat)["attempt"] == 1


def test_a_loss_is_named_again(stage: Stage) -> None:
    seat = stage.seat(points=10, allowed_attempts=1, submission_type="online_text_entry")
    body = replace_result(seat.sourcedid, "0.92", data={"text": "too late"})
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert first.description == NO_ATTEMPTS_LEFT
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text


def test_a_final_refusal_is_told_again_with_its_reference(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.control("student", handle=seat.handle, action="remove")
    body = replace_result(seat.sourcedid, "0.92")
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert (first.status, first.error) == (422, "user_not_in_course")
    stage.control("student", handle=seat.handle, action="restore")
    again = stage.deliver(OUTCOME_URL, headers, body)
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers["X-Passback-Reference"] == reference_of(first)
    assert stage.state(seat)["score"] is None


def test_a_stored_answer_does_not_ask_the_platform(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = delete_result(seat.sourcedid)
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    stage.calls.clear()
    stage.table_requests.clear()
    stage.faults({"kind": "refuse"})
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert (stage.calls, writes(stage)) == ([], [])


def test_an_old_score_sent_again_does_not_come_back(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    headers = signed(stage, body)
    stage.deliver(OUTCOME_URL, headers, body)
    stage.clock.move(100)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat)["score"] == Decimal(9)


def test_another_container_knows_the_receipt(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    headers = signed(stage, body)
    first = stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert len(stage.scores_posted()) == 1


# The same nonce with other content


def test_a_used_nonce_with_another_body_is_refused(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.2"), nonce="n-1", timestamp=int(stage.clock.now().timestamp()))
    stage.table_requests.clear()
    other = stage.send(replace_result(seat.sourcedid, "0.3"), nonce="n-1")
    assert_refused(other, 401, DUPLICATE)
    assert writes(stage) == []
    assert stage.state(seat)["score"] == Decimal(2)


def test_a_used_nonce_at_another_door_is_refused(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    timestamp = int(stage.clock.now().timestamp())
    assert stage.send(body, nonce="n-1", timestamp=timestamp).code == "success"
    for url in (CANVAS_URL, f"{OUTCOME_URL}/", f"{OUTCOME_URL}?a=1"):
        assert_refused(stage.send(body, url=url, nonce="n-1", timestamp=timestamp), 401, DUPLICATE)


def test_a_used_nonce_is_refused_while_the_first_request_is_under_way(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.2")
    timestamp = int(stage.clock.now().timestamp())
    crash_before_the_post(stage, signed(stage, body, nonce="n-1", timestamp=timestamp), body)
    other = stage.send(replace_result(seat.sourcedid, "0.3"), nonce="n-1", timestamp=timestamp)
    assert_refused(other, 401, DUPLICATE)


def test_nonces_are_each_tools_and_each_seconds_own(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.services.tools.add(Tool("other tool", ("other secret",)))
    body = replace_result(seat.sourcedid, "0.2")
    timestamp = int(stage.clock.now().timestamp())
    assert stage.send(body, nonce="n-1", timestamp=timestamp).code == "success"
    other_second = stage.send(replace_result(seat.sourcedid, "0.3"), nonce="n-1", timestamp=timestamp - 1)
    assert other_second.code == "success"
    other_tool = stage.send(
        replace_result(seat.sourcedid, "0.4"),
        consumer_key="other tool",
        secret="other secret",
        nonce="n-1",
        timestamp=timestamp,
    )
    assert other_tool.error == "sourcedid_invalid"


# In progress


def test_the_same_request_meanwhile_waits_and_is_not_told_success(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data={"text": "an essay"})
    headers = signed(stage, body)
    meanwhile: list[tuple[float, ToolAnswer]] = []

    def again() -> None:
        service_graph.use(connected(stage, inline_budget=2.0))
        before = stage.clock.monotonic()
        answer = stage.deliver(OUTCOME_URL, headers, body)
        meanwhile.append((stage.clock.monotonic() - before, answer))

    with during_the_post(stage, monkeypatch, again):
        first = stage.deliver(OUTCOME_URL, headers, body)
    waited, answer = meanwhile[0]
    assert (answer.status, answer.code, answer.error) == (422, "failure", "platform_unavailable")
    assert 2.0 <= waited < 2.2
    assert first.code == "success"
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert len(stage.scores_posted()) == 1
    assert stage.state(seat)["attempt"] == 1


def test_a_request_left_behind_is_not_taken_over_before_its_deadline(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92")
    headers = signed(stage, body)
    crash_before_the_post(stage, headers, body)
    at_once = stage.deliver(OUTCOME_URL, headers, body)
    assert (at_once.code, at_once.error) == ("failure", "platform_unavailable")
    assert stage.scores_posted() == []


def test_past_its_deadline_it_is_taken_over_with_the_stored_times(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data={"text": "an essay"})
    headers = signed(stage, body)
    received = to_iso(stage.clock.now())
    crash_before_the_post(stage, headers, body)
    stage.clock.move(1200)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert (answer.code, answer.description) == ("success", "")
    post = stage.scores_posted()[-1]
    assert post["timestamp"] == received
    assert stage.state(seat)["submitted_at"] == received
    assert stage.deliver(OUTCOME_URL, headers, body).text == answer.text


def test_the_next_outcome_takes_a_left_one_over_first(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data={"text": "an essay"})
    headers = signed(stage, body)
    crash_before_the_post(stage, headers, body)
    stage.clock.move(13)
    assert stage.send(replace_result(seat.sourcedid, "0.5")).code == "success"
    state = stage.state(seat)
    assert (state["attempt"], state["body"], state["score"]) == (1, "an essay", Decimal(5))
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat) == state


# Failures that pass


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "throttle_403"}, {"kind": "refuse"}, {"kind": "drop_after"}]
)
def test_a_failure_that_may_pass_is_not_final(stage: Stage, fault: dict[str, Any]) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92", data={"text": "an essay"})
    headers = signed(stage, body)
    stage.faults({"path": "score", "count": 1, **fault})
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert (first.status, first.error) == (422, "platform_unavailable")
    stage.clock.move(10)
    again = stage.deliver(OUTCOME_URL, headers, body)
    assert (again.code, again.description) == ("success", "")
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["body"]) == (Decimal("9.2"), 1, "an essay")
    assert stage.deliver(OUTCOME_URL, headers, body).text == again.text


# What writes no receipt


@pytest.mark.parametrize(
    "write",
    [
        lambda sourcedid: replace_result(sourcedid, "1.01"),
        lambda sourcedid: replace_result(sourcedid, "A"),
        lambda sourcedid: replace_result(sourcedid, total="-1"),
        lambda sourcedid: replace_result(sourcedid, "0.5", submitted_at="never"),
        lambda sourcedid: replace_result(sourcedid, "0.5", submitted_at="2099-01-01"),
        replace_result,
        lambda sourcedid: b"<broken",
        lambda sourcedid: read_result(sourcedid).replace(b"readResult", b"readPerson"),
        read_result,
    ],
)
def test_local_failures_and_reads_write_nothing(stage: Stage, write: Callable[[str], bytes]) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.4"))
    stage.table_requests.clear()
    body = write(seat.sourcedid)
    timestamp = int(stage.clock.now().timestamp())
    stage.send(body, nonce="n-1", timestamp=timestamp)
    assert writes(stage) == []
    corrected = stage.send(replace_result(seat.sourcedid, "0.5"), nonce="n-1", timestamp=timestamp)
    assert corrected.code == "success"


def test_an_outcome_without_a_mapping_writes_no_receipt(stage: Stage) -> None:
    body = replace_result("nowhere", "0.5", message_identifier="m")
    headers = signed(stage, body)
    assert stage.deliver(OUTCOME_URL, headers, body).error == "sourcedid_invalid"
    seat = stage.seat(points=10, sourcedid="nowhere")
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat)["score"] == Decimal(5)


def test_a_read_sent_again_is_answered_from_the_platform(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = read_result(seat.sourcedid)
    headers = signed(stage, body)
    assert stage.deliver(OUTCOME_URL, headers, body).score == ""
    stage.grade(seat, "7")
    assert stage.deliver(OUTCOME_URL, headers, body).score == "0.7"


# The window


@pytest.mark.parametrize("age", [5399, 0, -299])
def test_a_request_within_the_window_is_taken(stage: Stage, age: int) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5")
    assert stage.deliver(OUTCOME_URL, signed(stage, body, age=age), body).code == "success"


@pytest.mark.parametrize("age", [5401, 10**9, -302, -(10**9)])
def test_a_request_outside_the_window_is_refused_and_writes_nothing(stage: Stage, age: int) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(stage, body, age=age)
    stage.table_requests.clear()
    assert_refused(stage.deliver(OUTCOME_URL, headers, body), 401, EXPIRED)
    assert writes(stage) == []


@pytest.mark.parametrize("age", [5390, -290])
def test_a_receipt_outlives_every_moment_at_which_its_request_is_taken(stage: Stage, age: int) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5", data={"text": "an essay"})
    headers = signed(stage, body, age=age)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    stage.clock.move(5400 - age - 3)
    statuses = []
    for _ in range(60):
        statuses.append(stage.deliver(OUTCOME_URL, headers, body).status)
        stage.clock.move(0.1)
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 401}
    assert len(stage.scores_posted()) == 1
    assert stage.state(seat)["attempt"] == 1


def test_an_expired_receipt_counts_for_nothing_although_the_table_still_has_it(stage: Stage) -> None:
    """DynamoDB deletes expired items days late. The window is made wider, so that the request itself is taken."""
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5", data={"text": "an essay"})
    headers = signed(stage, body)
    stage.deliver(OUTCOME_URL, headers, body)
    service_graph.use(connected(stage, past_window=10 * 3600))
    stage.clock.move(5390)
    stage.deliver(OUTCOME_URL, headers, body)
    assert stage.state(seat)["attempt"] == 1
    stage.clock.move(20)
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert first.code == "success"
    assert stage.state(seat)["attempt"] == 2
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    assert stage.state(seat)["attempt"] == 2


# Two live secrets


def test_two_secrets_live_side_by_side_while_a_tool_is_rotated(stage: Stage) -> None:
    seat = stage.seat(points=10)

    def accepted(secret: str) -> bool:
        stage.clock.move(1)
        answer = stage.send(replace_result(seat.sourcedid, "0.5"), secret=secret)
        assert answer.status in (200, 401)
        return answer.status == 200

    assert (accepted(SECRET), accepted("new ü&=%")) == (True, False)
    stage.services.tools.rotate(CONSUMER_KEY, "new ü&=%")
    assert (accepted(SECRET), accepted("new ü&=%"), accepted("third")) == (True, True, False)
    stage.services.tools.retire_oldest(CONSUMER_KEY)
    assert (accepted(SECRET), accepted("new ü&=%")) == (False, True)


def test_the_same_request_under_a_rotated_secret_is_one_request(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(stage, body, nonce="n-1")
    first = stage.deliver(OUTCOME_URL, headers, body)
    stage.services.tools.rotate(CONSUMER_KEY, "newer")
    newer = signed_headers(
        OUTCOME_URL, body, CONSUMER_KEY, "newer", nonce="n-1", timestamp=int(stage.clock.now().timestamp())
    )
    assert stage.deliver(OUTCOME_URL, newer, body).text == first.text
    assert len(stage.scores_posted()) == 1


def test_a_removed_tool_is_refused_at_once(stage: Stage) -> None:
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.5")).code == "success"
    stage.services.tools.remove(CONSUMER_KEY)
    assert_refused(stage.send(replace_result(seat.sourcedid, "0.6")), 401, "Invalid authorization header")
    assert stage.deliver(f"{HOST_URL}/health", {}, b"", "GET").status == 200


# Two requests with one nonce at the same moment


def meanwhile_at_the_first_transaction(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]
) -> None:
    """Let something happen after a request was looked up, and before it writes."""
    table_request, waiting = stage.table_request, [happens]

    def request(operation: str) -> None:
        if operation in ("TransactWriteItems", "PutItem") and waiting:
            waiting.pop()()
        table_request(operation)

    monkeypatch.setattr(stage, "table_request", request)


@pytest.mark.parametrize("whose", ["the same student", "another student"])
@pytest.mark.parametrize("history", ["accepted", "joining", "superseded"])
def test_of_two_requests_with_one_nonce_at_once_only_one_is_told_success(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, whose: str, history: str
) -> None:
    """Neither saw the other's receipt when it was looked up; what was never stored must not be told as stored."""
    seat = stage.seat(points=10)
    other = seat if whose == "the same student" else stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9")
    if history == "joining":
        assert stage.send(body).code == "success"
    received_at = stage.clock.now()
    if history == "superseded":
        stage.clock.move(1)
        assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    timestamp = int(stage.clock.now().timestamp())
    answers: list[ToolAnswer] = []

    def meanwhile() -> None:
        first = stage.send(replace_result(other.sourcedid, "0.2"), nonce="n-1", timestamp=timestamp)
        answers.append(first)

    meanwhile_at_the_first_transaction(stage, monkeypatch, meanwhile)
    headers = signed(stage, body, nonce="n-1", timestamp=timestamp)
    answer = hand_over(gateway_event(OUTCOME_URL, headers, body, received_at))
    assert answers[0].code == "success"
    assert_refused(answer, 401, DUPLICATE)
    assert stage.state(other)["score"] == Decimal(2)
