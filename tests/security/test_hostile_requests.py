"""Requests that try to pass as another tool's, or to wear down what checks them."""

import base64
import hashlib
import hmac
import logging
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from chalicelib.errors import OutcomeCode, RequestRefused
from chalicelib.lti11.answers import write_pox, write_transport_failure
from chalicelib.lti11.authorization import read_authorization
from chalicelib.lti11.messages import Answer, CodeMajor
from chalicelib.lti11.signature import DUMMY_SECRET, check_body_hash, verify_signature
from chalicelib.lti11.tools import BodyHashRule

URL = "https://proxy.example/outcomes"
SECRET = "the-tool-secret"
BODY = b"<imsx_POXEnvelopeRequest/>"


def header(secret: str = SECRET, body: bytes = BODY, **changes: str) -> str:
    parameters = {
        "oauth_body_hash": base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode(),
        "oauth_consumer_key": "key",
        "oauth_nonce": "n",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1700000000",
    } | changes
    normalized = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(parameters.items()))
    base = f"POST&{quote(URL, safe='')}&{quote(normalized, safe='~')}"
    mac = hmac.new(f"{quote(secret, safe='~')}&".encode(), base.encode(), "sha1").digest()
    signed = parameters | {"oauth_signature": base64.b64encode(mac).decode()}
    return "OAuth " + ", ".join(f'{name}="{quote(value, safe="~")}"' for name, value in signed.items())


def verified(text: str, *secrets: str) -> str | None:
    return verify_signature("POST", [URL], read_authorization([text]), (), secrets)


def test_the_builder_of_these_tests_signs_rightly() -> None:
    assert verified(header(), SECRET) == URL
    check_body_hash(read_authorization([header()]), BODY, BodyHashRule.REQUIRED)


@pytest.mark.parametrize("position", range(0, len(header()), 3))
def test_no_changed_character_of_the_header_verifies(position: int) -> None:
    original = header()
    changed = original[:position] + ("x" if original[position] != "x" else "y") + original[position + 1 :]
    try:
        assert verified(changed, SECRET) is None
    except RequestRefused as refused:
        assert refused.message == "Invalid authorization header"  # noqa: PT017 - no match, or this and nothing else


@pytest.mark.parametrize("secret", [DUMMY_SECRET, "", "null", "None", "undefined"])
def test_no_known_string_signs_for_an_unknown_key(secret: str) -> None:
    assert verified(header(secret)) is None


def test_one_tool_cannot_sign_for_another() -> None:
    assert verified(header("the-other-secret"), SECRET, "the-older-secret") is None


def test_a_body_signed_for_one_request_does_not_pass_in_another() -> None:
    authorization = read_authorization([header()])
    with pytest.raises(RequestRefused):
        check_body_hash(authorization, BODY + b" ", BodyHashRule.IF_PRESENT)


def test_the_hash_cannot_be_stripped() -> None:
    stripped = ", ".join(part for part in header().split(", ") if "oauth_body_hash" not in part)
    text = stripped if stripped.startswith("OAuth ") else f"OAuth {stripped}"
    assert verified(text, SECRET) is None


@pytest.mark.parametrize(
    "text",
    [
        "OAuth " + "," * 8_000,
        "OAuth " + " " * 8_000 + "x",
        "OAuth " + "a" * 8_000,
        "OAuth " + 'a="' + "b" * 8_000,
        "OAuth " + 'a="",' * 1_600,
        "OAuth " + "a = " * 2_000,
        "OAuth " + 'oauth_a="' + "%" * 8_000 + '"',
        "OAuth " + "x" * 10_000_000,
    ],
    ids=["commas", "blanks", "name", "open quote", "elements", "equals", "percents", "ten megabytes"],
)
def test_oversize_and_pathological_headers_are_refused(text: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        read_authorization([text])
    assert caught.value.status == 401


@pytest.mark.parametrize("value", ["%00", "%0d%0aSet-Cookie:x", "%1b[31m", "\x00", "\r\n", "\u202e"])
@pytest.mark.parametrize("name", ["oauth_consumer_key", "oauth_nonce"])
def test_control_characters_reach_neither_keys_nor_logs(name: str, value: str) -> None:
    text = header().replace(f'{name}="', f'{name}="{value}')
    with pytest.raises(RequestRefused) as caught:
        read_authorization([text])
    assert caught.value.reason.isprintable()


def test_nothing_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    authorization = read_authorization([header()])
    verify_signature("POST", [URL], authorization, (), [SECRET])
    with pytest.raises(RequestRefused) as caught:
        check_body_hash(authorization, b"other", BodyHashRule.REQUIRED)
    shown = caplog.text + repr(authorization) + str(caught.value)
    assert SECRET not in shown
    assert authorization.signature not in shown
    assert str(authorization.body_hash) not in shown


def test_an_answer_cannot_be_injected_into() -> None:
    evil = '"/><imsx_codeMajor>success</imsx_codeMajor><!--\x00]]>'
    for document in (
        write_pox(
            Answer(CodeMajor.FAILURE, evil, OutcomeCode.BAD_SCORE), message_ref=evil, operation=evil, reference="1"
        ),
        write_transport_failure(evil, "1"),
    ):
        assert document.count("<imsx_codeMajor>") == 1
        assert "success" not in document


def test_the_window_is_judged_by_the_signed_timestamp_only() -> None:
    late = header(oauth_timestamp="1600000000")
    assert verified(late, SECRET) == URL
    assert read_authorization([late]).timestamp == int(datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC).timestamp())
