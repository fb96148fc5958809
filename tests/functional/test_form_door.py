"""The older form-encoded service through the whole app: signed fields, its own answers, and 200 whatever happens."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from lxml import etree
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_TYPE_AUTH_HEADER, SIGNATURE_TYPE_BODY, Client
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Stage, ToolAnswer

from .doors import FORM_URL, LogLines, assert_logged_once, assert_refused

FORM_TYPE = "application/x-www-form-urlencoded"
UPDATE, READ, DELETE = "basic-lis-updateresult", "basic-lis-readresult", "basic-lis-deleteresult"

Request = tuple[dict[str, str], bytes]


def form(message_type: str, sourcedid: str, score: str | None = None, **more: str) -> dict[str, str]:
    fields = {"lti_message_type": message_type, "lti_version": "LTI-1p0", "sourcedid": sourcedid, **more}
    return fields if score is None else fields | {"result_resultscore_textstring": score, "result_date": "2012"}


def signed(
    stage: Stage,
    fields: dict[str, str],
    *,
    url: str = FORM_URL,
    where: str = SIGNATURE_TYPE_BODY,
    secret: str = SECRET,
    method: str = SIGNATURE_HMAC_SHA1,
    key: str = CONSUMER_KEY,
) -> Request:
    client = Client(
        key,
        client_secret=secret,
        signature_method=method,
        signature_type=where,
        timestamp=str(int(stage.clock.now().timestamp())),
    )
    _, headers, body = client.sign(url, "POST", body=fields, headers={"Content-Type": FORM_TYPE})
    text = body if isinstance(body, str) else urlencode(fields)
    return {str(name): str(value) for name, value in headers.items()}, text.encode()


def send(stage: Stage, fields: dict[str, str], **signing: Any) -> ToolAnswer:
    headers, body = signed(stage, fields, **signing)
    return stage.deliver(signing.get("url", FORM_URL), headers, body)


def told(answer: ToolAnswer) -> str:
    """Check the frame of an answer and return its code major."""
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    root = etree.fromstring(answer.text.encode())
    assert root.tag == "message_response"
    assert [child.tag for child in root[0]] == ["codemajor", "severity", "codeminor"]
    assert (root.findtext("statusinfo/severity"), root.findtext("statusinfo/codeminor")) == ("Status", "fullsuccess")
    return root.findtext("statusinfo/codemajor") or ""


def result(answer: ToolAnswer) -> dict[str, str | None] | None:
    found = etree.fromstring(answer.text.encode()).find("result")
    if found is None:
        return None
    return {
        "sourcedid": found.findtext("sourcedid"),
        "kind": found.findtext("resultscore/resultvaluesourcedid"),
        "score": found.findtext("resultscore/textstring"),
        "language": found.findtext("resultscore/language"),
    }


@pytest.mark.parametrize("where", [SIGNATURE_TYPE_BODY, SIGNATURE_TYPE_AUTH_HEADER])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_update_is_graded(stage: Stage, where: str, slash: str) -> None:
    seat = stage.seat(points=10)
    answer = send(stage, form(UPDATE, seat.sourcedid, "0.92"), where=where, url=FORM_URL + slash)
    assert (told(answer), result(answer)) == ("Success", None)
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["submission_type"]) == (Decimal("9.2"), 1, "external_tool")


def test_a_read_gives_the_score_back(stage: Stage) -> None:
    seat = stage.seat(points=10, sourcedid="ü & <1>")
    assert result(send(stage, form(READ, seat.sourcedid))) is None
    send(stage, form(UPDATE, seat.sourcedid, "0.4"))
    read = send(stage, form(READ, seat.sourcedid))
    assert told(read) == "Success"
    assert result(read) == {"sourcedid": "ü & <1>", "kind": "decimal", "score": "0.4", "language": "en-US"}


def test_a_delete_clears_the_score(stage: Stage) -> None:
    seat = stage.seat(points=10)
    send(stage, form(UPDATE, seat.sourcedid, "0.4"))
    stage.clock.move(1)
    assert told(send(stage, form(DELETE, seat.sourcedid))) == "Success"
    assert stage.state(seat)["score"] is None


def test_the_message_type_counts_in_any_case(stage: Stage) -> None:
    seat = stage.seat(points=10)
    assert told(send(stage, form(UPDATE.upper(), seat.sourcedid, "1"))) == "Success"
    assert stage.state(seat)["score"] == Decimal(10)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (form(UPDATE, "nowhere", "0.5"), "Failure"),
        (form(UPDATE, "", "0.5"), "Failure"),
        (form("basic-lis-createresult", "nowhere"), "Unsupported"),
        (form("", "nowhere"), "Unsupported"),
        ({}, "Unsupported"),
        ({"lti_message_type": UPDATE}, "Failure"),
    ],
)
def test_failures_are_told_with_status_200(stage: Stage, fields: dict[str, str], code: str, log: LogLines) -> None:
    answer = send(stage, fields)
    assert told(answer) == code
    assert stage.scores_posted() == []
    assert len(log.mentioning('"event": "outcome"')) == 1


@pytest.mark.parametrize("score", ["1.5", "-0.1", "A", "", None, "nan", "0,5"])
def test_a_score_that_is_none_is_a_failure(stage: Stage, score: str | None) -> None:
    seat = stage.seat(points=10)
    assert told(send(stage, form(UPDATE, seat.sourcedid, score))) == "Failure"
    assert stage.scores_posted() == []


def test_data_and_total_scores_do_not_exist_here(stage: Stage) -> None:
    seat = stage.seat(points=10)
    fields = form(UPDATE, seat.sourcedid, "0.5", result_resulttotalscore_textstring="9", result_resultdata_text="essay")
    assert told(send(stage, fields)) == "Success"
    state = stage.state(seat)
    assert (state["score"], state["submission_type"], state["body"]) == (Decimal(5), "external_tool", None)


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "", "application/json"])
def test_the_content_type_is_not_looked_at(stage: Stage, content_type: str) -> None:
    seat = stage.seat(points=10)
    headers, body = signed(stage, form(UPDATE, seat.sourcedid, "0.5"))
    assert told(stage.deliver(FORM_URL, headers | {"Content-Type": content_type}, body)) == "Success"


def test_a_parameter_in_header_and_form_is_refused(stage: Stage) -> None:
    seat = stage.seat(points=10)
    fields = form(UPDATE, seat.sourcedid, "0.5", oauth_nonce="twice")
    headers, body = signed(stage, fields, where=SIGNATURE_TYPE_AUTH_HEADER)
    assert_refused(stage.deliver(FORM_URL, headers, body), 401, "Invalid authorization header")


@pytest.mark.parametrize("where", [SIGNATURE_TYPE_BODY, SIGNATURE_TYPE_AUTH_HEADER])
def test_every_field_is_signed(stage: Stage, where: str, log: LogLines) -> None:
    seat = stage.seat(points=10)
    headers, body = signed(stage, form(UPDATE, seat.sourcedid, "0.5"), where=where)
    for changed in (
        body.replace(b"0.5", b"0.9"),
        body + b"&extra=1",
        body.replace(b"result_date=2012&", b"").replace(b"&result_date=2012", b""),
        body.replace(seat.sourcedid.encode(), b"another"),
    ):
        assert changed != body
        answer = stage.deliver(FORM_URL, headers, changed)
        assert_refused(answer, 401, "Invalid authorization header")
        assert_logged_once(answer, log)
    assert stage.scores_posted() == []


@pytest.mark.parametrize("signing", [{"secret": "wrong"}, {"key": "unknown"}, {"url": FORM_URL.replace("42", "43")}])
def test_a_bad_signature_is_the_one_thing_that_is_not_200(stage: Stage, signing: dict[str, str]) -> None:
    headers, body = signed(stage, form(READ, "any"), **signing)
    assert_refused(stage.deliver(FORM_URL, headers, body), 401, "Invalid authorization header")


def test_an_unsigned_form_is_refused(stage: Stage) -> None:
    body = urlencode(form(UPDATE, "any", "0.5")).encode()
    for headers in ({}, {"Authorization": "Basic QTpC"}):
        assert_refused(stage.deliver(FORM_URL, headers, body), 401, "Invalid authorization header")


def test_another_authorization_does_not_hide_a_signed_form(stage: Stage) -> None:
    """As a proxy on the way may add one."""
    seat = stage.seat(points=10)
    headers, body = signed(stage, form(UPDATE, seat.sourcedid, "0.5"))
    assert told(stage.deliver(FORM_URL, headers | {"Authorization": "Basic QTpC"}, body)) == "Success"


def test_the_same_form_again_has_one_effect(stage: Stage) -> None:
    seat = stage.seat(points=10)
    headers, body = signed(stage, form(UPDATE, seat.sourcedid, "0.5"))
    first = stage.deliver(FORM_URL, headers, body)
    second = stage.deliver(FORM_URL, headers, body)
    assert first.text == second.text
    assert len(stage.scores_posted()) == 1


def test_a_used_nonce_with_another_form_is_refused(stage: Stage) -> None:
    seat = stage.seat(points=10)
    headers, body = signed(stage, form(UPDATE, seat.sourcedid, "0.5"))
    stage.deliver(FORM_URL, headers, body)
    oauth = {name: value for name, value in parse_qsl(body.decode()) if name.startswith("oauth_")}
    client = Client(
        CONSUMER_KEY,
        client_secret=SECRET,
        signature_type=SIGNATURE_TYPE_BODY,
        nonce=oauth["oauth_nonce"],
        timestamp=oauth["oauth_timestamp"],
    )
    _, _, other = client.sign(
        FORM_URL, "POST", body=form(UPDATE, seat.sourcedid, "0.6"), headers={"Content-Type": FORM_TYPE}
    )
    assert isinstance(other, str)
    assert_refused(stage.deliver(FORM_URL, headers, other.encode()), 401, "Duplicate nonce detected")
    assert stage.state(seat)["score"] == Decimal(5)


def test_a_form_newly_signed_within_a_minute_joins(stage: Stage) -> None:
    """The OAuth fields differ each time a form is signed; the outcome in it does not."""
    seat = stage.seat(points=10)
    fields = form(UPDATE, seat.sourcedid, "0.5")
    send(stage, fields)
    stage.clock.move(30)
    assert told(send(stage, fields)) == "Success"
    assert len(stage.scores_posted()) == 1


def test_xml_does_not_pass_the_form_door(stage: Stage) -> None:
    seat = stage.seat(points=10)
    answer = stage.send(replace_result(seat.sourcedid, "0.5"), url=FORM_URL)
    assert_refused(answer, 401, "Invalid authorization header")


def test_a_form_does_not_pass_the_xml_doors(stage: Stage) -> None:
    url = FORM_URL.replace("ext_grade", "grade")
    headers, body = signed(stage, form(READ, "any"), url=url, where=SIGNATURE_TYPE_AUTH_HEADER)
    assert_refused(stage.deliver(url, headers, body), 401, "Invalid authorization header")
