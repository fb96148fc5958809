"""When something of ours is broken: a failure that tools can read, one line in the log, and never a success."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, SECRET, Stage

from chalicelib import services as service_graph
from chalicelib.errors import StorageUnavailable, StorageUnreadable

from .doors import (
    CANVAS_URL,
    FORM_URL,
    HOST_URL,
    OUTCOME_URL,
    LogLines,
    assert_logged_once,
    assert_pox,
    assert_refused,
    reference_of,
)

BROKEN = "An error occurred."
TABLE_REQUESTS = 9
"""More than any outcome here makes of the table."""


class BrokenTable:
    """Lets the table fail from its n-th request on: before anything is done, or after, so that an answer is lost."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._error: Exception = RuntimeError()
        self._left: dict[str, int] = {}
        for moment in ("table_request", "table_answer"):
            monkeypatch.setattr(stage, moment, self._counted(getattr(stage, moment), moment))

    def fail(self, error: Exception, *, at: int = 1, when: str = "table_request") -> None:
        self._error, self._left = error, {when: at}

    def mend(self) -> bool:
        """Mend the table; tell whether it had failed."""
        failed = any(left <= 0 for left in self._left.values())
        self._left = {}
        return failed

    def _counted(self, tell: Callable[[str], None], moment: str) -> Callable[[str], None]:
        def counted(operation: str) -> None:
            tell(operation)
            if moment in self._left:
                self._left[moment] -= 1
                if self._left[moment] <= 0:
                    raise self._error

        return counted


@pytest.fixture
def table(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> BrokenTable:
    return BrokenTable(stage, monkeypatch)


def test_a_container_that_is_not_set_up_answers_in_xml(
    monkeypatch: pytest.MonkeyPatch, stage: Stage, log: LogLines
) -> None:
    """Settings are read at the first request; what is missing there is the operator's to see, not the tool's."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "PASSBACK_KEY_FILE", "PASSBACK_KMS_KEY"):
        monkeypatch.delenv(name, raising=False)
    service_graph.use(None)
    for url in (OUTCOME_URL, CANVAS_URL, FORM_URL):
        answer = stage.deliver(url, {"Content-Type": "application/xml"}, b"<a/>")
        assert_refused(answer, 500, BROKEN)
        assert "AWS_REGION" in assert_logged_once(answer, log)["why"]
    assert_refused(stage.deliver(f"{HOST_URL}/no/door", {}, b""), 404, "The specified resource does not exist.")
    assert stage.deliver(f"{HOST_URL}/.well-known/jwks.json", {}, b"", "GET").status == 503
    assert "Traceback" not in log.text


Write = Callable[[str], bytes]
WRITES: dict[str, tuple[Write, dict[str, Any]]] = {
    "score": (lambda sourcedid: replace_result(sourcedid, "0.92"), {"score": Decimal("9.2"), "attempt": 1}),
    "points": (lambda sourcedid: replace_result(sourcedid, total="7.5"), {"score": Decimal("7.5"), "attempt": 1}),
    "text": (
        lambda sourcedid: replace_result(sourcedid, "0.92", data={"text": "an essay"}),
        {"score": Decimal("9.2"), "attempt": 1, "body": "an essay"},
    ),
    "delete": (delete_result, {"score": None, "attempt": 0}),
}


@pytest.mark.parametrize("when", ["table_request", "table_answer"])
@pytest.mark.parametrize("at", range(1, TABLE_REQUESTS))
@pytest.mark.parametrize("name", WRITES)
def test_without_the_table_nothing_is_promised_and_the_same_request_does_it_later(
    stage: Stage, table: BrokenTable, name: str, at: int, when: str, log: LogLines
) -> None:
    """Success may be told only once the score is in the gradebook; then even a table that went away changes nothing."""
    write, expected = WRITES[name]
    seat = stage.seat(points=10)
    body = write(seat.sourcedid)
    headers = signed_headers(
        OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()), nonce="once"
    )
    table.fail(StorageUnavailable("PutItem did not get through"), at=at, when=when)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    failed = table.mend()
    assert_pox(answer)
    shown = {field: stage.state(seat)[field] for field in expected}
    if answer.code == "success":
        assert shown == expected
        assert stage.scores_posted()
    else:
        assert failed
        assert answer.status in (422, 500)
        assert answer.error == (None if answer.status == 500 else "platform_unavailable")
        assert "PutItem" not in answer.text
        assert reference_of(answer) in log.text
    stage.clock.move(20)
    again = stage.deliver(OUTCOME_URL, headers, body)
    assert again.code == "success", again.text
    assert {field: stage.state(seat)[field] for field in expected} == expected


def test_the_first_request_to_the_table_decides_between_500_and_a_failure(
    stage: Stage, table: BrokenTable, log: LogLines
) -> None:
    """Before the tool is known there is no outcome to answer; afterwards there is."""
    seat = stage.seat(points=10)
    table.fail(StorageUnavailable("BatchGetItem was refused (ThrottlingException)"))
    unknown = stage.send(replace_result(seat.sourcedid, "0.5"))
    assert_refused(unknown, 500, BROKEN)
    table.fail(StorageUnavailable("BatchGetItem was refused (ThrottlingException)"), at=2)
    known = stage.send(replace_result(seat.sourcedid, "0.5", message_identifier="m-7"))
    assert (known.status, known.code, known.error) == (422, "failure", "platform_unavailable")
    assert (known.message_ref, known.operation) == ("m-7", "replaceResult")
    assert "not stored" in known.description
    for answer in (unknown, known):
        assert "ThrottlingException" in assert_logged_once(answer, log)["why"]


def test_a_refusal_that_cannot_be_written_down_is_not_final(stage: Stage, table: BrokenTable, log: LogLines) -> None:
    """The platform said no, and nobody will remember: the tool is asked to send it again, and gets the no then."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(100)
    stage.control("student", handle=seat.handle, action="remove")
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed_headers(
        OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()), nonce="once"
    )
    table.fail(StorageUnavailable("TransactWriteItems did not get through"), at=4)
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    assert table.mend()
    assert "delivery_not_written_down" in log.text
    stage.clock.move(20)
    assert stage.deliver(OUTCOME_URL, headers, body).error == "user_not_in_course"


def test_a_read_without_the_table_is_a_failure(stage: Stage, table: BrokenTable) -> None:
    seat = stage.seat(points=10)
    table.fail(StorageUnavailable("BatchGetItem was refused"), at=2)
    answer = stage.send(read_result(seat.sourcedid))
    assert (answer.status, answer.error, answer.score) == (422, "platform_unavailable", None)


def test_the_form_door_without_the_table(stage: Stage, table: BrokenTable) -> None:
    table.fail(StorageUnavailable("BatchGetItem was refused"))
    answer = stage.send(b"sourcedid=a", url=FORM_URL)
    assert_refused(answer, 500, BROKEN)


@pytest.mark.parametrize("at", range(1, TABLE_REQUESTS))
def test_an_unexpected_error_is_told_without_anything_of_it(
    stage: Stage, table: BrokenTable, at: int, log: LogLines
) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92")
    url = CANVAS_URL
    headers = signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    table.fail(RuntimeError(f"private words about {seat.sourcedid}"), at=at)
    answer = stage.deliver(url, headers, body)
    assert table.mend()
    assert_refused(answer, 500, BROKEN)
    line = assert_logged_once(answer, log)
    assert (line["event"], line["error"]) == ("broken", "RuntimeError")
    assert any("memory_table.py" in place for place in line["at"])
    for text in ("private words", "Traceback", "RuntimeError"):
        assert text not in answer.text
    assert "private words" not in log.text
    assert "Traceback" not in log.text
    stage.clock.move(20)
    assert stage.deliver(url, headers, body).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal("9.2"), 1)


def test_a_secret_that_does_not_open_is_a_failure(stage: Stage, table: BrokenTable, log: LogLines) -> None:
    table.fail(StorageUnreadable("A stored secret does not open"), at=1)
    answer = stage.send(replace_result("any", "0.5"))
    assert_refused(answer, 500, BROKEN)
    assert_logged_once(answer, log)


def test_the_key_set_without_the_table_is_not_cached(stage: Stage, table: BrokenTable, log: LogLines) -> None:
    stage.restart()
    table.fail(StorageUnavailable("Query was refused"))
    answer = stage.deliver(f"{HOST_URL}/.well-known/jwks.json", {}, b"", "GET")
    assert answer.status == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Query" not in answer.text
    assert [json.loads(line)["event"] for line in log.lines] == ["key_set_unavailable"]
