"""Client libraries that real tools use, each as its manual says, against the served stack over real HTTP."""

import gc
import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest
import requests
from lxml import etree
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_BODY, Client
from pox import delete_result, read_result, replace_result
from requests_oauthlib import OAuth1  # type: ignore[import-untyped]  # it ships no types

from e2e.legacy_tool import outcome, quietly_import, send
from e2e.served import Served, Student

pytestmark = pytest.mark.engine

XML = {"Content-Type": "application/xml"}


def said(text: str | bytes) -> tuple[str | None, str | None]:
    """Read the verdict and the score of an answer."""
    root = etree.fromstring(text.encode() if isinstance(text, str) else text)
    return root.findtext(".//{*}imsx_codeMajor"), root.findtext(".//{*}textString")


def graded(served: Served, student: Student, score: str) -> bool:
    return bool(served.state(student)["score"] == Decimal(score))


# lti


def test_lti_sends_reads_and_deletes(served: Served, student: Student) -> None:
    send(served, student, 0.92)
    assert graded(served, student, "9.2")
    assert outcome(served, student).post_read_result().score == "0.92"
    assert outcome(served, student).post_delete_result().is_success()
    assert served.state(student)["score"] is None


def test_lti_sends_text(served: Served, student: Student) -> None:
    send(served, student, 0.5, {"text": "Grüße, 世界 & <more>"})
    state = served.state(student)
    assert (state["submission_type"], state["body"]) == ("online_text_entry", "Grüße, 世界 & <more>")


def test_lti_understands_a_refusal(served: Served, student: Student) -> None:
    response = outcome(served, student).post_replace_result(1.5)
    assert (response.is_success(), response.code_major) == (False, "failure")
    assert str(response.description).startswith("Score is not between 0 and 1")
    assert response.post_response.status_code == 422


def test_lti_with_a_wrong_secret_gets_an_answer_that_it_can_read(served: Served, student: Student) -> None:
    response = outcome(served, student, secret="wrong").post_replace_result(0.5)
    assert (response.is_success(), response.post_response.status_code) == (False, 401)
    assert served.state(student)["attempt"] == 0


# pylti


def pylti_post(served: Served, student: Student, operation: str, score: str | None, secret: str | None = None) -> bool:
    pylti = quietly_import("pylti.common")
    body = pylti.generate_request_xml(uuid.uuid4().hex, operation, student.sourcedid, score)
    consumers = {served.key: {"secret": secret or served.secret}}
    told = bool(pylti.post_message(consumers, served.key, served.outcome_url, body))
    gc.collect()  # here, where the connection that pylti leaves open is known of
    return told


leaves_its_connection_open = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@leaves_its_connection_open
def test_pylti_sends_and_is_told_so(served: Served, student: Student) -> None:
    assert pylti_post(served, student, "replaceResult", "0.87")
    assert graded(served, student, "8.7")


@leaves_its_connection_open
def test_pylti_deletes(served: Served, student: Student) -> None:
    pylti_post(served, student, "replaceResult", "0.87")
    assert pylti_post(served, student, "deleteResult", None)
    assert served.state(student)["score"] is None


@leaves_its_connection_open
@pytest.mark.parametrize(("score", "secret"), [("1.2", None), ("0.5", "wrong")], ids=["out of range", "wrong secret"])
def test_pylti_which_searches_the_answer_for_success_finds_none_in_a_refusal(
    served: Served, student: Student, score: str, secret: str | None
) -> None:
    assert not pylti_post(served, student, "replaceResult", score, secret)
    assert served.state(student)["score"] is None


# requests-oauthlib


def requests_post(served: Served, body: bytes, url: str | None = None, **signing: Any) -> requests.Response:
    auth = OAuth1(served.key, client_secret=served.secret, force_include_body=True, **signing)
    return requests.post(url or served.outcome_url, data=body, headers=XML, auth=auth, timeout=20)


@pytest.mark.parametrize("signing", [{}, {"signature_method": SIGNATURE_HMAC_SHA256}, {"realm": ""}])
def test_requests_oauthlib_sends_and_reads(served: Served, student: Student, signing: dict[str, str]) -> None:
    answer = requests_post(served, replace_result(student.sourcedid, "0.333333"), **signing)
    assert (answer.status_code, said(answer.content)) == (200, ("success", None))
    assert graded(served, student, "3.33333")
    read = requests_post(served, read_result(student.sourcedid), **signing)
    assert said(read.content) == ("success", "0.3333")


@pytest.mark.parametrize("door", ["canvas_outcome_url", "outcome_url"])
@pytest.mark.parametrize("tail", ["", "/", "?course=7&x=a%20b", "?x=1&x=2"])
def test_requests_oauthlib_at_every_form_of_the_address(served: Served, student: Student, door: str, tail: str) -> None:
    url = f"{served.document[door]}{tail}"
    answer = requests_post(served, replace_result(student.sourcedid, "0.5"), url)
    assert (answer.status_code, said(answer.content)[0]) == (200, "success"), answer.text
    assert graded(served, student, "5")


def test_a_session_that_keeps_its_connection_sends_many(served: Served, student: Student) -> None:
    with requests.Session() as session:
        session.auth = OAuth1(served.key, client_secret=served.secret, force_include_body=True)
        session.headers.update(XML)
        for score in ("0.1", "0.2", "0.3"):
            answer = session.post(served.outcome_url, data=replace_result(student.sourcedid, score), timeout=20)
            assert said(answer.content)[0] == "success"
    assert graded(served, student, "3")
    assert served.state(student)["attempt"] == 1


def form_post(served: Served, fields: dict[str, str], **signing: Any) -> str | None:
    auth = OAuth1(served.key, client_secret=served.secret, **signing)
    answer = requests.post(served.document["ext_outcome_url"], data=fields, auth=auth, timeout=20)
    assert answer.status_code == 200
    return etree.fromstring(answer.content).findtext(".//codemajor")


@pytest.mark.parametrize("signing", [{}, {"signature_type": SIGNATURE_TYPE_BODY}], ids=["header", "form"])
def test_the_form_door_takes_what_requests_oauthlib_signs(
    served: Served, student: Student, signing: dict[str, str]
) -> None:
    fields = {"lti_message_type": "basic-lis-updateresult", "sourcedid": student.sourcedid}
    assert form_post(served, fields | {"result_resultscore_textstring": "0.75"}, **signing) == "Success"
    assert graded(served, student, "7.5")
    assert form_post(served, fields | {"result_resultscore_textstring": "nonsense"}, **signing) == "Failure"


# oauthlib


def signed_by_oauthlib(served: Served, body: bytes) -> dict[str, str]:
    """oauthlib hashes a body that it takes for text and that is no form."""
    client = Client(served.key, client_secret=served.secret)
    _, headers, _ = client.sign(served.outcome_url, "POST", body=body.decode(), headers=dict(XML))
    return {str(name): str(value) for name, value in headers.items()}


def test_oauthlib_signs_and_httpx_sends(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.85")
    headers = signed_by_oauthlib(served, body)
    assert "oauth_body_hash" in headers["Authorization"]
    answer = httpx.post(served.outcome_url, content=body, headers=headers, trust_env=False)
    assert (answer.status_code, said(answer.content)[0]) == (200, "success")
    assert graded(served, student, "8.5")


def test_a_signed_request_that_comes_twice_has_one_effect_and_one_answer(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.5", data={"text": "an essay"})
    headers = signed_by_oauthlib(served, body)
    first, second = (httpx.post(served.outcome_url, content=body, headers=headers, trust_env=False) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert served.state(student)["attempt"] == 1


def test_a_signature_for_another_body_is_refused(served: Served, student: Student) -> None:
    headers = signed_by_oauthlib(served, replace_result(student.sourcedid, "0.1"))
    other = replace_result(student.sourcedid, "1")
    answer = httpx.post(served.outcome_url, content=other, headers=headers, trust_env=False)
    assert (answer.status_code, said(answer.content)[0]) == (401, "failure")
    assert served.state(student)["attempt"] == 0


def test_httpx_deletes(served: Served, student: Student) -> None:
    send(served, student, 0.5)
    body = delete_result(student.sourcedid)
    headers = signed_by_oauthlib(served, body)
    answer = httpx.post(served.outcome_url, content=body, headers=headers, trust_env=False)
    assert said(answer.content)[0] == "success"
    assert served.state(student)["score"] is None
