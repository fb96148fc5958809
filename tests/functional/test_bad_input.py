"""What a tool gets wrong, and what it is told: Canvas's code and words, and nothing done."""

from typing import Any

import pytest
from pox import NAMESPACE, delete_result, envelope, read_result, replace_result
from stage import OUTCOME_URL, WRITES, Stage

from .doors import CANVAS_URL, LogLines, assert_logged_once, assert_pox, deliver_bytes, reference_of
from .test_receipts import signed

SHRUG = "Request could not be handled. ¯\\_(ツ)_/¯"
NOT_PARSEABLE = "Invalid timestamp - timestamp not parseable"


def assert_nothing_done(stage: Stage) -> None:
    assert stage.calls == []
    assert [operation for operation in stage.table_requests if operation in WRITES] == []


def said(description: str) -> str:
    """Take the reference line off a description."""
    text, _, last = description.rpartition("\n")
    assert last.startswith("[EID_")
    return text


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"score": "1.01"}, "bad_score", "Score is not between 0 and 1"),
        ({"score": "-0.5"}, "bad_score", "Score is not between 0 and 1"),
        ({"score": "1e400"}, "bad_score", "Score is not between 0 and 1"),
        ({"score": "9" * 65}, "bad_score", "Score is not between 0 and 1"),
        ({"score": "0x1A"}, "bad_score", "Score is not between 0 and 1"),
        ({"score": ""}, "no_parseable_result_score", "Unable to parse resultScore: \n"),
        ({"score": " \n "}, "no_parseable_result_score", "Unable to parse resultScore:  \n \n"),
        ({"score": "OHAI"}, "no_parseable_result_score", "Unable to parse resultScore: OHAI\n"),
        ({"score": "NaN"}, "no_parseable_result_score", "Unable to parse resultScore: NaN\n"),
        ({"score": "inf"}, "no_parseable_result_score", "Unable to parse resultScore: inf\n"),
        ({"score": "0,5"}, "no_parseable_result_score", "Unable to parse resultScore: 0,5\n"),
        ({"score": "50%"}, "no_parseable_result_score", "Unable to parse resultScore: 50%\n"),
        ({"score": "٠.٥"}, "no_parseable_result_score", "Unable to parse resultScore: ٠.٥\n"),
        ({"score": "success"}, "no_parseable_result_score", "Unable to parse resultScore: s-ccess\n"),
        ({"total": "many"}, "no_parseable_result_total_score", "Unable to parse resultTotalScore: many\n"),
        ({"total": "1e400"}, "no_parseable_result_total_score", "Unable to parse resultTotalScore: 1e400\n"),
        ({"score": "A", "total": "B"}, "no_parseable_result_score", "Unable to parse resultScore: A\n"),
        ({"score": "0.5", "total": "B"}, "no_parseable_result_total_score", "Unable to parse resultTotalScore: B\n"),
        ({"score": "A", "total": "5"}, "no_parseable_result_score", "Unable to parse resultScore: A\n"),
        ({"total": "-1"}, "bad_score", "Total score must not be negative"),
        ({}, "no_score", "No score given"),
        ({"submitted_at": "2017-04-16"}, "no_score", "No score given"),
        ({"needs_additional_review": True}, "no_score", "No score given"),
        ({"prioritize_non_tool_grade": True}, "no_score", "No score given"),
        ({"score": "0.5", "submitted_at": "soon"}, "timestamp_not_parseable", NOT_PARSEABLE),
        ({"score": "0.5", "submitted_at": "2026-02-30"}, "timestamp_not_parseable", NOT_PARSEABLE),
        (
            {"score": "0.5", "submitted_at": "2026-02-03T10:17:00Z"},
            "timestamp_in_future",
            "Invalid timestamp - timestamp in future",
        ),
        ({"score": "7", "submitted_at": "soon"}, "timestamp_not_parseable", NOT_PARSEABLE),
        (
            {"score": "7", "prioritize_non_tool_grade": True, "data": {"text": "x"}},
            "bad_score",
            "Score is not between 0 and 1",
        ),
    ],
)
def test_wrong_values_are_told_in_canvas_words_before_any_call(
    stage: Stage, wrong: dict[str, Any], error: str, text: str, log: LogLines
) -> None:
    seat = stage.seat(points=10)
    stage.table_requests.clear()
    answer = stage.send(replace_result(seat.sourcedid, message_identifier="m-1", **wrong))
    assert (answer.status, answer.code, answer.error) == (422, "failure", error)
    assert said(answer.description) == text
    assert (answer.message_ref, answer.operation) == ("m-1", "replaceResult")
    assert "<replaceResultResponse/>" in answer.text
    assert "success" not in answer.text
    assert_logged_once(answer, log)
    assert_nothing_done(stage)


@pytest.mark.parametrize("sourcedid", ["nowhere", "", " ", "x" * 4000, "' OR 1=1", "7-8-9-10-abcdef", "ü\u2028"])
@pytest.mark.parametrize("write", [lambda sourcedid: replace_result(sourcedid, "0.5"), read_result, delete_result])
def test_an_unmapped_sourcedid_is_invalid(stage: Stage, write: Any, sourcedid: str) -> None:
    stage.table_requests.clear()
    answer = stage.send(write(sourcedid))
    assert (answer.status, answer.error, said(answer.description)) == (422, "sourcedid_invalid", "Invalid sourcedid")
    assert stage.calls == []
    noted = ["UpdateItem", "PutItem"] if sourcedid.strip() else []  # for `passback mapping missing`
    assert [operation for operation in stage.table_requests if operation in WRITES] == noted


def test_a_missing_sourcedid_is_invalid(stage: Stage) -> None:
    answer = stage.send(envelope("<replaceResultRequest><resultRecord/></replaceResultRequest>"))
    assert (answer.error, answer.operation) == ("sourcedid_invalid", "replaceResult")


def test_a_sourcedid_is_looked_up_as_it_is_and_then_trimmed(stage: Stage) -> None:
    seat = stage.seat(points=10, sourcedid="plain")
    other = stage.seat(points=10, sourcedid=" padded ")
    assert stage.send(replace_result("\n plain\t", "0.5")).code == "success"
    assert stage.send(replace_result(" padded ", "0.5")).code == "success"
    assert stage.send(replace_result("padded", "0.5")).error == "sourcedid_invalid"
    assert (stage.state(seat)["score"], stage.state(other)["score"]) == (5, 5)


@pytest.mark.parametrize("operation", ["readPerson", "createResult", "replaceresult", "a", "Request", "ü"])
def test_an_unknown_operation_is_unsupported_but_a_bad_sourcedid_comes_first(stage: Stage, operation: str) -> None:
    seat = stage.seat(points=10)
    stage.table_requests.clear()
    mapped = read_result(seat.sourcedid).replace(b"readResult", operation.encode())
    answer = stage.send(mapped)
    assert (answer.status, answer.code, answer.error) == (422, "unsupported", None)
    assert said(answer.description) == SHRUG
    assert answer.operation == operation
    assert "<imsx_POXBody/>" in answer.text
    unmapped = stage.send(read_result("nowhere").replace(b"readResult", operation.encode()))
    assert (unmapped.code, unmapped.error) == ("failure", "sourcedid_invalid")
    assert_nothing_done(stage)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"no xml",
        b"<imsx_POXEnvelopeRequest>",
        b"<a/>",
        b"<a></b>",
        replace_result("s", "0.5")[:-10],
        replace_result("s", "0.5") + b"<more/>",
        replace_result("s", "0.5").replace(b"<imsx_POXBody>", b"<imsx_POXBody>&unknown;"),
        replace_result("s", "0.5").replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "c">]>', 1),
        replace_result("s", "0.5").replace(b"UTF-8", b"utf8"),
        replace_result("s", "0.5").replace(b"0.5", b"\xff"),
        replace_result("s", "0.5").replace(b"0.5", b"0.5 & 1"),
        replace_result("s", "0.5").decode().encode("utf-16")[2:-1],
        b'{"score": 1}',
        b"%PDF-1.7",
        b"\x00" * 100,
    ],
)
def test_what_is_no_outcome_at_all_is_unsupported(stage: Stage, body: bytes, log: LogLines) -> None:
    stage.table_requests.clear()
    answer = deliver_bytes(stage, OUTCOME_URL, signed(stage, body), body)
    assert (answer.status, answer.code, answer.error) == (422, "unsupported", None)
    assert answer.description.startswith(SHRUG)
    assert (answer.message_ref, answer.operation) == ("", "")
    assert_pox(answer)
    assert_logged_once(answer, log)
    assert_nothing_done(stage)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16le", "iso-8859-1", "windows-1252"])
def test_other_declared_encodings_are_read_when_they_arrive_intact(stage: Stage, encoding: str) -> None:
    seat = stage.seat(points=10, sourcedid="Zürich-1")
    name = encoding.removesuffix("-sig")
    body = replace_result(seat.sourcedid, "0.5").decode().replace("UTF-8", name).encode(encoding)
    answer = deliver_bytes(stage, CANVAS_URL, signed(stage, body, url=CANVAS_URL), body)
    assert answer.code == "success", answer.text
    assert stage.state(seat)["score"] == 5


def test_a_latin_1_body_that_became_text_on_the_way_is_a_clean_401(stage: Stage) -> None:
    """In text mode the gateway replaces what is not UTF-8: the hash cannot match, so nothing half read is graded."""
    stage.seat(points=10, sourcedid="Zürich-1")
    body = replace_result("Zürich-1", "0.5").decode().replace("UTF-8", "iso-8859-1").encode("iso-8859-1")
    arrived = body.decode("utf-8", "replace").encode()
    assert stage.deliver(OUTCOME_URL, signed(stage, body), arrived).status == 401


def test_a_body_cut_off_by_its_own_content_length_is_a_clean_401(stage: Stage) -> None:
    """One Node library counts characters, not bytes."""
    stage.seat(points=10, sourcedid="Zürich-1")
    body = replace_result("Zürich-1", "0.5")
    assert stage.deliver(OUTCOME_URL, signed(stage, body), body[: len(body.decode())]).status == 401
    assert stage.calls == []


def test_the_message_identifier_is_echoed_whatever_it_is(stage: Stage) -> None:
    seat = stage.seat(points=10)
    for identifier in ("", "ü <&> \"'", "x" * 255, "  spaces  "):
        stage.clock.move(1)
        answer = stage.send(replace_result(seat.sourcedid, "0.5", message_identifier=identifier))
        assert (answer.code, answer.message_ref) == ("success", identifier)


def test_words_of_the_request_never_read_as_success_in_a_failure(stage: Stage) -> None:
    answer = stage.send(replace_result("nowhere", "0.5", message_identifier="Success-SUCCESS"))
    assert answer.code == "failure"
    assert "success" not in answer.text.lower()
    assert reference_of(answer)


def test_an_operation_outside_the_namespace_is_read_by_its_name(stage: Stage) -> None:
    seat = stage.seat(points=10)
    for namespace in (b"", b'xmlns="http://www.imsglobal.org/lis/oms1p0/pox"'):
        body = replace_result(seat.sourcedid, "0.5").replace(f'xmlns="{NAMESPACE}"'.encode(), namespace)
        assert stage.send(body).code == "success"
