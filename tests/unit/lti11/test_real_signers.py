"""Requests signed live by libraries that tools use, taken at their transport, then read from header to outcome."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httplib2  # type: ignore[import-untyped]  # ships no types
import lti
import pytest
import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from requests_oauthlib import OAuth1  # type: ignore[import-untyped]  # ships no types

from chalicelib.lti11.authorization import read_authorization
from chalicelib.lti11.envelope import read_envelope
from chalicelib.lti11.messages import DeleteResult, Outcome, ReadResult, ReplaceResult, ScoreScale, ToolScore
from chalicelib.lti11.outcome import read_outcome
from chalicelib.lti11.signature import check_body_hash, check_timestamp, verify_signature
from chalicelib.lti11.tools import BodyHashRule

from .signing import Signer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the old oauth2 library below it still asks for distutils
    import pylti.common

KEY = "a:key with blanks.and@dots"
SECRET = "s&cr%t + ü"
URLS = (
    "https://proxy.example/outcomes",
    "https://proxy.example/api/lti/v1/tools/7/grade_passback",
    "https://proxy.example/outcomes?a=b%20c&d=",
    "https://proxy.example:8443/outcomes?z=1&a=2",
)
POX = (
    '<?xml version="1.0" encoding="UTF-8"?><imsx_POXEnvelopeRequest '
    'xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"><imsx_POXHeader><imsx_POXRequestHeaderInfo>'
    "<imsx_version>V1.0</imsx_version><imsx_messageIdentifier>1</imsx_messageIdentifier></imsx_POXRequestHeaderInfo>"
    "</imsx_POXHeader><imsx_POXBody><replaceResultRequest><resultRecord><sourcedGUID><sourcedId>s-ü-1</sourcedId>"
    "</sourcedGUID><result><resultScore><language>en</language><textString>0.87</textString></resultScore></result>"
    "</resultRecord></replaceResultRequest></imsx_POXBody></imsx_POXEnvelopeRequest>"
).encode()
EIGHTY_SEVEN = ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.87")))


@dataclass(frozen=True)
class Sent:
    header: str
    body: bytes


def accepted(sent: Sent, url: str, rule: BodyHashRule = BodyHashRule.REQUIRED) -> Outcome:
    """Run every check of the XML door that needs no platform."""
    now = datetime.now(UTC)
    authorization = read_authorization([sent.header])
    assert authorization.consumer_key == KEY
    assert verify_signature("POST", ["https://old.example/outcomes", url], authorization, (), ["newer", SECRET]) == url
    check_body_hash(authorization, sent.body, rule)
    check_timestamp(authorization, now, past=60, future=60)
    return read_outcome(read_envelope(sent.body), now)


def text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def sign_with_oauthlib(url: str, method: str) -> Sent:
    client = Client(KEY, client_secret=SECRET, signature_method=method)
    _, headers, _ = client.sign(
        url,
        http_method="POST",
        body=POX.decode(),
        headers={"Content-Type": "application/xml"},
        realm="https://t.example",
    )
    return Sent(text(headers["Authorization"]), POX)


@pytest.mark.parametrize("url", URLS)
def test_oauthlib(url: str) -> None:
    assert accepted(sign_with_oauthlib(url, "HMAC-SHA1"), url) == EIGHTY_SEVEN


@pytest.mark.parametrize("url", URLS)
def test_oauthlib_with_sha256(url: str) -> None:
    assert accepted(sign_with_oauthlib(url, SIGNATURE_HMAC_SHA256), url) == EIGHTY_SEVEN


@pytest.mark.parametrize("url", URLS)
def test_requests_oauthlib(url: str) -> None:
    auth = OAuth1(KEY, SECRET, force_include_body=True)
    prepared = requests.Request("POST", url, data=POX, headers={"Content-Type": "application/xml"}, auth=auth).prepare()
    assert accepted(Sent(text(prepared.headers["Authorization"]), POX), url) == EIGHTY_SEVEN


@pytest.fixture
def sent_by_requests(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    sent: list[requests.PreparedRequest] = []

    def send(_self: requests.Session, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        sent.append(request)
        raise requests.ConnectionError("kept off the network")

    monkeypatch.setattr(requests.Session, "send", send)
    return sent


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    ("post", "outcome"),
    [
        (lambda request: request.post_replace_result("0.87"), EIGHTY_SEVEN),
        (lambda request: request.post_read_result(), ReadResult()),
        (lambda request: request.post_delete_result(), DeleteResult()),
    ],
    ids=["replace", "read", "delete"],
)
def test_the_lti_library(
    url: str, post: Callable[[Any], object], outcome: Outcome, sent_by_requests: list[requests.PreparedRequest]
) -> None:
    request = lti.OutcomeRequest(
        {
            "consumer_key": KEY,
            "consumer_secret": SECRET,
            "lis_outcome_service_url": url,
            "lis_result_sourcedid": "s-1",
            "message_identifier": "m-1",
        }
    )
    with pytest.raises(requests.ConnectionError):
        post(request)
    prepared = sent_by_requests[0]
    assert isinstance(prepared.body, bytes)
    assert accepted(Sent(text(prepared.headers["Authorization"]), prepared.body), url) == outcome


@pytest.mark.parametrize("url", [*URLS, "https://proxy.example/outcomes?next=x%2520y&d=1&d=2"])
def test_pylti_that_decodes_the_query_twice(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Sent] = []

    def request(_self: httplib2.Http, *_: Any, body: bytes, headers: dict[str, str], **__: Any) -> tuple[object, bytes]:
        sent.append(Sent(text(headers["Authorization"]), body))
        return object(), b""

    monkeypatch.setattr(httplib2.Http, "request", request)
    body = pylti.common.generate_request_xml("m-1", "replaceResult", "s-1", "0.87")
    pylti.common.post_message({KEY: {"secret": SECRET}}, KEY, url, body)
    assert accepted(sent[0], url) == EIGHTY_SEVEN


@pytest.mark.parametrize("url", URLS)
def test_php_that_sends_no_body_hash(url: str) -> None:
    signer = Signer(
        url=url,
        key=KEY,
        secret=SECRET,
        timestamp=int(time.time()),
        nonce="d1e7c2f8b9.12345678901234567890123",
        hash_digest=None,
        realm="",
        separator=",",
        ordered=False,
    )
    sent = Sent(signer.header(POX), POX)
    assert accepted(sent, url, BodyHashRule.IF_PRESENT) == EIGHTY_SEVEN
