"""The doors under attack: what a forger can write, reach, find out, or read in a log. Nothing, each time."""

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import httpx
import pytest
from functional.doors import (
    CANVAS_URL,
    FORM_URL,
    LogLines,
    assert_logged_once,
    assert_refused,
    deliver_bytes,
    hand_over,
    log_lines,
    without_reference,
)
from oauthlib.oauth1.rfc5849 import signature as rfc5849
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, START, WRITES, Seat, Stage, gateway_event

from chalicelib.lti11 import signature
from chalicelib.lti11.tools import BodyHashRule, Tool
from chalicelib.mapping.model import Mapping

INVALID = "Invalid authorization header"
EXPIRED = "Timestamp too old or too far in the future, request has expired"
BODY = replace_result("student-17", "0.92", message_identifier="m")
NOW = int(START.timestamp())
TOOL_B, SECRET_B = "tool b", "secret of b"

Headers = dict[str, str]


@pytest.fixture
def log() -> Iterator[LogLines]:
    with log_lines() as lines:
        yield lines


def signed(body: bytes = BODY, url: str = OUTCOME_URL, **changes: Any) -> Headers:
    given: dict[str, Any] = {"consumer_key": CONSUMER_KEY, "secret": SECRET, "timestamp": NOW} | changes
    return signed_headers(url, body, given.pop("consumer_key"), given.pop("secret"), **given)


def edited(pattern: str, replacement: str) -> Headers:
    headers = signed()
    changed = re.sub(pattern, replacement, headers["Authorization"])
    assert changed != headers["Authorization"]
    return headers | {"Authorization": changed}


def hex_hash() -> str:
    return hashlib.sha1(BODY, usedforsecurity=False).hexdigest()


def sha256_hash() -> str:
    return base64.b64encode(hashlib.sha256(BODY).digest()).decode()


FORGERIES: dict[str, Callable[[], Headers]] = {
    "wrong secret": lambda: signed(secret="guess"),
    "empty secret": lambda: signed(secret=""),
    "the stand-in for missing secrets": lambda: signed(secret=signature.DUMMY_SECRET),
    "unknown key": lambda: signed(consumer_key="nobody"),
    "unknown key, the stand-in's secret": lambda: signed(consumer_key="nobody", secret=signature.DUMMY_SECRET),
    "key in another case": lambda: signed(consumer_key=CONSUMER_KEY.upper()),
    "secret of another tool": lambda: signed(secret=SECRET_B),
    "no header at all": lambda: {"Content-Type": "application/xml"},
    "another scheme": lambda: signed() | {"Authorization": "Bearer abc"},
    "lower-case scheme": lambda: edited("^OAuth", "oauth"),
    "no body hash": lambda: signed(body_hash=None),
    "empty body hash": lambda: signed(body_hash=" "),
    "body hash in hexadecimal": lambda: signed(body_hash=hex_hash()),
    "body hash of SHA-256 under SHA-1": lambda: signed(body_hash=sha256_hash()),
    "body hash of another body": lambda: signed(body=BODY + b" "),
    "body hash taken out": lambda: edited(r'oauth_body_hash="[^"]*", ', ""),
    "body hash twice": lambda: edited("^OAuth ", 'OAuth oauth_body_hash="x", '),
    "signature taken out": lambda: edited(r', oauth_signature="[^"]*"', ""),
    "signature emptied": lambda: edited(r'oauth_signature="[^"]*"', 'oauth_signature=""'),
    "signature not encoded": lambda: edited(r"%3D", "="),
    "signature cut": lambda: edited(r'%3D"$', '"'),
    "nonce changed": lambda: edited(r'oauth_nonce="[^"]*"', 'oauth_nonce="other"'),
    "nonce emptied": lambda: edited(r'oauth_nonce="[^"]*"', 'oauth_nonce=""'),
    "nonce of 256 characters": lambda: signed(nonce="n" * 256),
    "time changed": lambda: edited(str(NOW), str(NOW + 1)),
    "time that is none": lambda: edited(str(NOW), "yesterday"),
    "negative time": lambda: signed(timestamp=-5),
    "PLAINTEXT": lambda: edited("HMAC-SHA1", "PLAINTEXT"),
    "PLAINTEXT, signed as such": lambda: signed(signature_method="PLAINTEXT"),
    "RSA-SHA1": lambda: edited("HMAC-SHA1", "RSA-SHA1"),
    "no method": lambda: edited(r'oauth_signature_method="[^"]*", ', ""),
    "SHA-512": lambda: signed(signature_method="HMAC-SHA512"),
    "signed with SHA-1, told as SHA-256": lambda: edited("HMAC-SHA1", "HMAC-SHA256"),
    "OAuth 2.0": lambda: edited('oauth_version="1.0"', 'oauth_version="2.0"'),
    "signed for another path": lambda: signed(url=CANVAS_URL),
    "signed for another host": lambda: signed(url=OUTCOME_URL.replace("passback.", "evil.")),
    "signed for http": lambda: signed(url=OUTCOME_URL.replace("https", "http")),
    "signed with a query": lambda: signed(url=f"{OUTCOME_URL}?a=1"),
}


@pytest.fixture
def target(stage: Stage) -> Seat:
    seat = stage.seat(points=10, sourcedid="student-17")
    stage.services.tools.add(Tool(TOOL_B, (SECRET_B,)))
    stage.table_requests.clear()
    return seat


def writes(stage: Stage) -> list[str]:
    return [operation for operation in stage.table_requests if operation in WRITES]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_request_is_refused_and_writes_nothing(stage: Stage, target: Seat, name: str, log: LogLines) -> None:
    answer = deliver_bytes(stage, OUTCOME_URL, FORGERIES[name](), BODY)
    assert_refused(answer, 401, INVALID)
    assert assert_logged_once(answer, log)["status"] == 401
    assert set(stage.table_requests) <= {"BatchGetItem"}
    assert len(stage.table_requests) <= 1
    assert stage.calls == []
    assert stage.state(target)["score"] is None


@pytest.mark.parametrize("age", [5401, 86_400, -302, -86_400])
def test_a_stale_request_is_refused_and_writes_nothing(stage: Stage, target: Seat, age: int, log: LogLines) -> None:
    answer = deliver_bytes(stage, OUTCOME_URL, signed(timestamp=NOW - age), BODY)
    assert_refused(answer, 401, EXPIRED)
    assert_logged_once(answer, log)
    assert (writes(stage), stage.calls) == ([], [])


def test_a_stale_forgery_is_not_told_that_it_is_stale(stage: Stage, target: Seat) -> None:
    """Only who knows the secret learns anything about the clock."""
    assert_refused(deliver_bytes(stage, OUTCOME_URL, signed(timestamp=5, secret="guess"), BODY), 401, INVALID)


@pytest.mark.parametrize("position", range(0, len(BODY), 41))
def test_a_changed_byte_of_the_body_is_refused(stage: Stage, target: Seat, position: int) -> None:
    tampered = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
    assert_refused(deliver_bytes(stage, OUTCOME_URL, signed(), tampered), 401, INVALID)
    assert (writes(stage), stage.calls) == ([], [])


def test_a_forgery_does_not_use_up_a_nonce(stage: Stage, target: Seat) -> None:
    for name in ("wrong secret", "no body hash", "PLAINTEXT"):
        deliver_bytes(stage, OUTCOME_URL, FORGERIES[name](), BODY)
    headers = signed(nonce="n-1")
    deliver_bytes(stage, OUTCOME_URL, signed(nonce="n-1", secret="guess"), BODY)
    deliver_bytes(stage, OUTCOME_URL, headers, BODY + b" ")
    assert deliver_bytes(stage, OUTCOME_URL, headers, BODY).code == "success"


def test_a_forgery_learns_nothing_of_a_nonce_that_was_used(stage: Stage, target: Seat) -> None:
    assert deliver_bytes(stage, OUTCOME_URL, signed(nonce="n-1"), BODY).code == "success"
    for headers in (signed(nonce="n-1", secret="guess"), signed(nonce="n-2", secret="guess")):
        assert_refused(deliver_bytes(stage, OUTCOME_URL, headers, BODY), 401, INVALID)


def test_a_captured_request_does_not_open_another_door(stage: Stage, target: Seat) -> None:
    captured = signed()
    for url in (CANVAS_URL, FORM_URL, f"{OUTCOME_URL}/", f"{OUTCOME_URL}?a=b"):
        assert_refused(deliver_bytes(stage, url, captured, BODY), 401, INVALID)


def test_a_body_hash_may_be_missing_only_where_the_operator_said_so(stage: Stage, target: Seat) -> None:
    stage.services.tools.add(Tool("lax", ("s",), body_hash=BodyHashRule.IF_PRESENT))
    lax: dict[str, Any] = {"consumer_key": "lax", "secret": "s"}
    assert deliver_bytes(stage, OUTCOME_URL, signed(**lax, body_hash=None), BODY).error == "sourcedid_invalid"
    assert_refused(deliver_bytes(stage, OUTCOME_URL, signed(**lax, body_hash="AAAA"), BODY), 401, INVALID)
    assert_refused(deliver_bytes(stage, OUTCOME_URL, signed(**lax), BODY + b" "), 401, INVALID)


# Between tools


@pytest.mark.parametrize("write", [lambda name: replace_result(name, "0.1"), read_result, delete_result])
def test_one_tools_key_never_reaches_another_tools_mapping(
    stage: Stage, target: Seat, write: Callable[[str], bytes]
) -> None:
    assert deliver_bytes(stage, OUTCOME_URL, signed(), BODY).code == "success"
    before = stage.state(target)
    stage.calls.clear()
    for sourcedid in ("student-17", " student-17 ", f"{CONSUMER_KEY}student-17", f"{CONSUMER_KEY}\x1fstudent-17"):
        body = write(sourcedid.replace("\x1f", "&#9;"))
        headers = signed(body, consumer_key=TOOL_B, secret=SECRET_B)
        answer = deliver_bytes(stage, OUTCOME_URL, headers, body)
        assert (answer.status, answer.error, answer.score) == (422, "sourcedid_invalid", None)
    assert stage.calls == []
    assert stage.state(target) == before


def test_keys_and_sourcedids_are_never_read_as_one_text(stage: Stage, target: Seat) -> None:
    """A key and a sourcedid that join to the same text are two mappings."""
    stage.services.tools.add(Tool("a", ("sa",)))
    stage.services.tools.add(Tool("ab", ("sab",)))
    stage.services.mappings.put(
        Mapping("a", "bc", "canvas", target.prepared["line_item"], target.prepared["user_id"]),
    )
    body = replace_result("c", "0.5")
    answer = deliver_bytes(stage, OUTCOME_URL, signed(body, consumer_key="ab", secret="sab"), body)
    assert answer.error == "sourcedid_invalid"


def test_one_tools_answer_is_not_told_to_another(stage: Stage, target: Seat) -> None:
    """The same nonce, second and body under another key is another request."""
    assert deliver_bytes(stage, OUTCOME_URL, signed(nonce="n"), BODY).code == "success"
    other = signed(nonce="n", consumer_key=TOOL_B, secret=SECRET_B)
    assert deliver_bytes(stage, OUTCOME_URL, other, BODY).error == "sourcedid_invalid"


# What a forger can find out


@pytest.fixture
def macs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of all HMACs that are made."""
    made: list[str] = []
    for name in ("sign_hmac_sha1_with_client", "sign_hmac_sha256_with_client"):
        original = getattr(rfc5849, name)

        def sign(*arguments: Any, _original: Any = original, _name: str = name) -> Any:
            made.append(_name)
            return _original(*arguments)

        monkeypatch.setattr(rfc5849, name, sign)
    return made


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
@pytest.mark.parametrize("url", [OUTCOME_URL, CANVAS_URL, f"{OUTCOME_URL}?a=b%2526c"])
def test_an_unknown_key_looks_like_a_bad_signature(
    stage: Stage, target: Seat, url: str, method: str, macs: list[str]
) -> None:
    stage.services.tools.add(Tool("rotated", ("one", "two")))
    seen = []
    for key in ("nobody", TOOL_B, "rotated"):
        headers = signed(url=url, consumer_key=key, secret="guess", signature_method=method)
        macs.clear()
        stage.table_requests.clear()
        answer = deliver_bytes(stage, url, headers, BODY)
        shown = {name: value for name, value in answer.headers.items() if name != "X-Passback-Reference"}
        seen.append((answer.status, without_reference(answer), shown, list(macs), list(stage.table_requests)))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == 401
    assert len(seen[0][3]) >= 2


def test_the_work_for_one_request_is_bounded(stage: Stage, target: Seat, macs: list[str]) -> None:
    parameters = "&".join(f"p{number}=%2525" for number in range(200))
    url = f"{OUTCOME_URL}?{parameters}"
    answer = deliver_bytes(stage, url, signed(url=url, secret="guess"), BODY)
    assert answer.status == 401
    assert len(macs) <= 8 * signature.LIVE_SECRETS


def test_a_host_header_of_the_callers_own_choice_leads_nowhere(stage: Stage, target: Seat) -> None:
    """It may be signed for that name, by who knows the secret; it is never called and never shown."""
    headers = signed(secret="guess", url="https://evil.example/api/outcomes")
    event = gateway_event(OUTCOME_URL, headers, BODY, stage.clock.now())
    event["headers"]["Host"] = "evil.example"
    event["multiValueHeaders"]["Host"] = ["evil.example", "x" * 5000, "a/../b", "[::1", "\x00", "ü.example"]
    answer = hand_over(event)
    assert_refused(answer, 401, INVALID)
    assert "evil" not in answer.text


# What a log holds


def test_no_line_and_no_answer_ever_holds_what_is_secret(
    stage: Stage, log: LogLines, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a run that goes everywhere: successes, every refusal, faults, repeats, a crash of ours."""
    caplog.set_level(logging.INFO)
    essay, sourcedid = "what the student wrote", "course-7:student-4711:sourced-id-in-full"
    needles = {SECRET, quote(SECRET, safe=""), essay, sourcedid, SECRET_B}
    answer_http = stage.answer_http

    def listening(request: httpx.Request) -> httpx.Response:
        needles.add(request.headers.get("authorization", "").removeprefix("Bearer "))
        form = parse_qs(request.content.decode()) if b"client_assertion" in request.content else {}
        needles.update(form.get("client_assertion", []))
        return answer_http(request)

    monkeypatch.setattr(stage, "answer_http", listening)
    stage.services.tools.add(Tool(TOOL_B, (SECRET_B,)))
    seat = stage.seat(points=10, sourcedid=sourcedid)
    answers: list[str] = []

    def send(body: bytes, url: str = OUTCOME_URL, arriving: bytes | None = None, **signing: Any) -> None:
        stage.clock.move(61)
        given = {"timestamp": int(stage.clock.now().timestamp())} | signing
        headers = signed(body, url, **given)
        for name in ("oauth_signature", "oauth_nonce", "oauth_body_hash"):
            for value in re.findall(rf'{name}="([^"]+)"', headers["Authorization"]):
                needles.update((value, unquote(value)))
        answers.extend(deliver_bytes(stage, url, headers, arriving or body).text for _ in range(2))

    bodies = [
        replace_result(sourcedid, "0.5", data={"text": essay}),
        replace_result(sourcedid, "0.5", data={"url": f"https://t.example/?{quote(essay)}&{essay}"}),
        replace_result(sourcedid, total="5", prioritize_non_tool_grade=True),
        replace_result(sourcedid, "7"),
        replace_result(sourcedid, "0.5", submitted_at="never"),
        read_result(sourcedid),
        read_result(sourcedid).replace(b"readResult", b"readPerson"),
        delete_result(sourcedid),
        replace_result(f"{sourcedid}-unmapped", "0.5", data={"text": essay}),
        replace_result(sourcedid, "0.5", data={"text": essay})[:-5],
    ]
    for body in bodies:
        send(body)
        send(body, secret="guess")
        send(body, consumer_key="nobody")
        send(body, consumer_key=TOOL_B, secret=SECRET_B)
        send(body, arriving=body + b" ")
        send(body, timestamp=5)
        send(body, body_hash=None)
    faults: list[dict[str, Any]] = [
        {"kind": "throttle_403"},
        {"kind": "status", "status": 500, "body": "<title>Oops</title>"},
        {"kind": "status", "status": 401, "body": "Access token expired"},
        {"kind": "status", "status": 422, "body": '{"errors":[{"message":"locked"}]}'},
        {"kind": "drop_after"},
        {"kind": "refuse"},
        {"kind": "slow", "seconds": 30},
        {"path": "token", "kind": "status", "status": 400, "body": '{"error":"invalid_client"}'},
    ]
    for fault in faults:
        stage.faults({"count": 1, **fault})
        send(bodies[0])
        stage.faults()
        stage.clock.move(4000)
    stage.control("student", handle=seat.handle, action="remove")
    send(bodies[0])
    monkeypatch.setattr(
        stage.services.mappings._table, "_items", None
    )  # every read now breaks, with no message of ours
    send(bodies[0])

    needles.discard("")
    assert len(needles) > 100
    lines = "\n".join((log.text, caplog.text))
    assert all(event in lines for event in ('"outcome"', '"refused"', '"broken"'))
    for needle in needles:
        assert needle not in lines, f"logged: {needle[:12]}"
        assert all(needle not in answer for answer in answers), f"answered: {needle[:12]}"
