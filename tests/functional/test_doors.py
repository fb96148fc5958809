"""The doors and what is no door: every answer is XML that a tool can read, each failure with a reference in the log."""

import json
from typing import Any

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, SECRET, Stage, ToolAnswer

from chalicelib.delivery.reception import LARGEST_BODY
from chalicelib.lti11.tools import Tool
from chalicelib.web.outcomes import METHODS

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

NOT_FOUND = "The specified resource does not exist."
WRONG_TYPE = "Content-Type must be 'application/xml'"


def sent_to(stage: Stage, url: str, sourcedid: str, **signing: Any) -> ToolAnswer:
    return stage.send(replace_result(sourcedid, "0.92"), url=url, **signing)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("url", [OUTCOME_URL, CANVAS_URL])
def test_both_xml_doors_take_outcomes(stage: Stage, url: str, slash: str, log: LogLines) -> None:
    seat = stage.seat(points=10)
    answer = sent_to(stage, url + slash, seat.sourcedid)
    assert (answer.status, answer.code, answer.description) == (200, "success", "")
    assert_pox(answer)
    assert stage.state(seat)["score"] is not None
    events = [line for line in map(json.loads, log.lines) if "_aws" not in line]  # which are metrics
    assert [line["event"] for line in events] == ["outcome"]


def test_the_tool_id_in_canvas_path_selects_nothing(stage: Stage) -> None:
    seat = stage.seat(points=10)
    for tool_id in ("1", "999999", "a-b_c", "%C3%BC"):
        assert sent_to(stage, CANVAS_URL.replace("/42/", f"/{tool_id}/"), seat.sourcedid).code == "success"


@pytest.mark.parametrize("method", [method for method in METHODS if method != "POST"])
@pytest.mark.parametrize("url", [OUTCOME_URL, CANVAS_URL, FORM_URL, f"{OUTCOME_URL}/"])
def test_other_methods_are_refused(stage: Stage, url: str, method: str, log: LogLines) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92")
    headers = signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    answer = stage.deliver(url, headers, body, method)
    assert_refused(answer, 405, "Method not allowed: outcomes are sent by POST.")
    assert assert_logged_once(answer, log)["status"] == 405
    assert stage.scores_posted() == []


@pytest.mark.parametrize("path", ["/", "/outcome"])
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_path_is_not_found_by_any_method(stage: Stage, method: str, path: str) -> None:
    assert_refused(stage.deliver(f"{HOST_URL}{path}", {}, b"", method), 404, NOT_FOUND)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/outcome",
        "/outcomes/extra",
        "/OUTCOMES",
        "/api/lti/v1/tools/42",
        "/api/lti/v1/tools/42/grade_passback/more",
        "/api/lti/v1/tools/42/43/grade_passback",
        "/api/lti/v1/turnitin/outcomes_placement/42",
        "/a/very/deep/path/that/nobody/knows",
        "/favicon.ico",
        "/%7Bproxy+%7D",
        "/unknown/",
    ],
)
def test_unknown_paths_are_not_found(stage: Stage, path: str, log: LogLines) -> None:
    answer = stage.deliver(f"{HOST_URL}{path}", {"Content-Type": "application/xml"}, b"")
    assert_refused(answer, 404, NOT_FOUND)
    assert assert_logged_once(answer, log)["status"] == 404


@pytest.mark.parametrize("url", [f"{HOST_URL}/health", f"{HOST_URL}/.well-known/jwks.json"])
def test_a_method_that_chalice_refuses_is_refused_in_xml(stage: Stage, url: str, log: LogLines) -> None:
    answer = stage.deliver(url, {}, b"", "POST")
    assert_refused(answer, 405, "Method not allowed: outcomes are sent by POST.")
    assert_logged_once(answer, log)


@pytest.mark.parametrize("url", [OUTCOME_URL, FORM_URL])
def test_a_body_that_is_too_large_is_refused_before_anything_is_looked_up(
    stage: Stage, url: str, log: LogLines
) -> None:
    stage.table_requests.clear()
    answer = sent_to(stage, url, "x" * (LARGEST_BODY + 1))
    assert_refused(answer, 413, "Request body too large")
    assert assert_logged_once(answer, log)["status"] == 413
    assert stage.table_requests == []


def test_a_body_of_just_the_allowed_size_is_read(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.92")
    padded = body + b" " * (LARGEST_BODY - len(body))
    assert stage.send(padded).code == "success"
    assert stage.send(padded + b" ").status == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "text/xml",
        "text/xml; charset=utf-8",
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xmlx",
        "application/vnd.ims.lti.v1.outcome+xml",
        "*/*",
        "",
        ";",
        "application/xml, text/html",
    ],
)
def test_another_content_type_is_refused(stage: Stage, content_type: str, log: LogLines) -> None:
    seat = stage.seat(points=10)
    stage.table_requests.clear()
    answer = sent_to(stage, OUTCOME_URL, seat.sourcedid, headers={"Content-Type": content_type})
    assert_refused(answer, 415, WRONG_TYPE)
    assert assert_logged_once(answer, log)["status"] == 415
    assert stage.table_requests == ["BatchGetItem"]
    assert stage.scores_posted() == []


@pytest.mark.parametrize(
    "content_type", ["application/xml", "Application/XML", "application/xml;charset=UTF-8", " application/xml ; a=b "]
)
def test_the_content_type_counts_without_case_and_parameters(stage: Stage, content_type: str) -> None:
    seat = stage.seat(points=10)
    answer = sent_to(stage, OUTCOME_URL, seat.sourcedid, headers={"Content-Type": content_type})
    assert answer.code == "success", answer.text


def test_a_bad_signature_is_told_before_a_wrong_content_type(stage: Stage) -> None:
    answer = sent_to(stage, OUTCOME_URL, "any", headers={"Content-Type": "text/xml"}, secret="wrong")
    assert_refused(answer, 401, "Invalid authorization header")


def test_a_tool_may_want_its_failures_with_status_200(stage: Stage) -> None:
    stage.services.tools.add(Tool("kind tool", ("secret",), failure_status=200))
    signed: dict[str, Any] = {"consumer_key": "kind tool", "secret": "secret"}
    failed = sent_to(stage, OUTCOME_URL, "nowhere", **signed)
    assert (failed.status, failed.code, failed.error) == (200, "failure", "sourcedid_invalid")
    unsupported = stage.send(b"no xml", **signed)
    assert (unsupported.status, unsupported.code) == (200, "unsupported")
    # Only where it would have been 422: a refusal before the outcome keeps its own status.
    assert sent_to(stage, OUTCOME_URL, "nowhere", consumer_key="kind tool", secret="other").status == 401
    assert sent_to(stage, OUTCOME_URL, "nowhere", headers={"Content-Type": "text/xml"}, **signed).status == 415


def test_health_asks_nothing_of_the_table(stage: Stage) -> None:
    stage.table_requests.clear()
    answer = stage.deliver(f"{HOST_URL}/health", {}, b"", "GET")
    assert (answer.status, json.loads(answer.text)) == (200, {"status": "ok"})
    assert stage.table_requests == []


def test_the_key_set_shows_public_parts_only(stage: Stage) -> None:
    answer = stage.deliver(f"{HOST_URL}/.well-known/jwks.json", {}, b"", "GET")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    keys = json.loads(answer.text)["keys"]
    assert [set(key) for key in keys] == [{"kty", "kid", "alg", "use", "n", "e"}]


def test_every_failure_of_an_outcome_has_one_line_in_the_log(stage: Stage, log: LogLines) -> None:
    seat = stage.seat(points=10)
    answers = [
        stage.send(replace_result("nowhere", "0.5")),
        stage.send(replace_result(seat.sourcedid, "1.5")),
        stage.send(replace_result(seat.sourcedid)),
        stage.send(replace_result(seat.sourcedid, "0.5", submitted_at="soon")),
        stage.send(b"<broken"),
        stage.send(replace_result(seat.sourcedid, "0.5").replace(b"replaceResult", b"readPerson")),
        stage.send(replace_result(seat.sourcedid, "0.5"), secret="wrong"),
        stage.send(replace_result(seat.sourcedid, "0.5"), timestamp=1),
    ]
    assert [answer.status for answer in answers] == [422, 422, 422, 422, 422, 422, 401, 401]
    assert len({reference_of(answer) for answer in answers}) == len(answers)
    for answer in answers:
        line = assert_logged_once(answer, log)
        assert line["event"] in ("outcome", "refused")


def test_a_refusal_says_why_in_the_log_and_not_to_the_caller(stage: Stage, log: LogLines) -> None:
    answer = stage.send(replace_result("any", "0.5"), body_hash=None)
    assert_refused(answer, 401, "Invalid authorization header")
    assert assert_logged_once(answer, log)["why"] == "oauth_body_hash is missing"
