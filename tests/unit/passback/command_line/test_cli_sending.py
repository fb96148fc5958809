import hashlib
import hmac
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result
from lxml import etree
from oauthlib.oauth1.rfc5849 import signature
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

from passback.cli import cli
from passback.session import Session

SUCCESS = """<imsx_POXEnvelopeResponse xmlns="urn:x"><imsx_POXHeader><imsx_statusInfo>
<imsx_codeMajor>{code}</imsx_codeMajor><imsx_description>{description}</imsx_description>
{error}</imsx_statusInfo></imsx_POXHeader><imsx_POXBody><readResultResponse><result><resultScore>
<textString>{score}</textString></resultScore></result></readResultResponse></imsx_POXBody></imsx_POXEnvelopeResponse>"""


SECRET = "s3cr3t"


class Door:
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = SUCCESS.format(code="success", description="", error="", score="0.5")
        self.headers: dict[str, str] = {}
        self.answer_headers: dict[str, str] = {}
        self.body = b""
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                door.headers = dict(self.headers)
                door.body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(door.status)
                for name, value in door.answer_headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(door.answer.encode())

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.base}/outcomes"

    def text(self, name: str) -> str | None:
        found: str | None = etree.fromstring(self.body).findtext(f".//{{*}}{name}")
        return found

    @property
    def oauth(self) -> dict[str, str]:
        pairs = parse_authorization_header(self.headers["Authorization"])
        return {name: unquote(value) for name, value in pairs}


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    thread = threading.Thread(target=door.server.serve_forever, args=(0.01,))
    thread.start()
    yield door
    door.server.shutdown()
    thread.join()
    door.server.server_close()


def send(door: Door, *words: str, home: str = "/nonexistent", secret: str = SECRET) -> Result:
    session = Session(environment={"PASSBACK_TOOL_SECRET": secret, "PASSBACK_HOME": home, "HOME": home})
    always = ["send", "--url", door.url, "--key", "k", "--sourcedid", "s & d", *words]
    return CliRunner().invoke(cli, always, obj=session)


def test_a_score_is_sent_as_typed_and_the_answer_read(door: Door) -> None:
    result = send(door, "--score", "0,92", "--message-id", "m1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["code_major"] == "success"
    assert door.text("textString") == "0,92"
    assert door.text("sourcedId") == "s & d"
    assert door.text("imsx_messageIdentifier") == "m1"
    assert door.headers["Content-Type"] == "application/xml"


@pytest.mark.parametrize(("words", "method"), [([], "HMAC-SHA1"), (["--sha256"], "HMAC-SHA256")])
def test_it_is_signed_over_url_and_body_hash(door: Door, words: list[str], method: str) -> None:
    send(door, "--score", "1", *words)
    oauth = door.oauth
    assert oauth["oauth_signature_method"] == method
    assert oauth["oauth_body_hash"] == b64encode(hashlib.sha1(door.body, usedforsecurity=False).digest()).decode()
    signed = [(name, value) for name, value in oauth.items() if name != "oauth_signature"]
    normal = signature.normalize_parameters(signed)  # type: ignore[arg-type]  # pairs, whatever its stub says
    base = signature.signature_base_string("POST", door.url, normal)
    expected = hmac.digest(b"s3cr3t&", base.encode(), "sha256" if words else "sha1")
    assert oauth["oauth_signature"] == b64encode(expected).decode()


@pytest.mark.parametrize(
    ("words", "element", "text"),
    [
        (["--total", "12"], "resultTotalScore/{*}textString", "12"),
        (["--text", "<b>&"], "resultData/{*}text", "<b>&"),
        (["--url-data", "https://x.example"], "resultData/{*}url", "https://x.example"),
        (["--launch-url", "https://x.example"], "resultData/{*}ltiLaunchUrl", "https://x.example"),
        (["--file", "https://x.example", "--document-name", "a.docx"], "resultData/{*}documentName", "a.docx"),
        (["--score", "1", "--submitted-at", "2017-04-16"], "submissionDetails/{*}submittedAt", "2017-04-16"),
        (["--score", "1", "--prioritize-non-tool-grade"], "submissionDetails/{*}prioritizeNonToolGrade", ""),
        (["--score", "1", "--needs-additional-review"], "submissionDetails/{*}needsAdditionalReview", ""),
    ],
)
def test_each_extension_stands_where_canvas_looks(door: Door, words: list[str], element: str, text: str) -> None:
    assert send(door, *words).exit_code == 0
    found = etree.fromstring(door.body).findtext(f".//{{*}}replaceResultRequest//{{*}}{element}")
    assert found == text


@pytest.mark.parametrize(
    ("word", "request_name"), [("--read", "readResultRequest"), ("--delete", "deleteResultRequest")]
)
def test_read_and_delete(door: Door, word: str, request_name: str) -> None:
    result = send(door, word, "--json")
    assert json.loads(result.stdout)["score"] == "0.5"
    assert etree.fromstring(door.body).find(f".//{{*}}{request_name}") is not None


def test_a_failure_has_exit_status_1_and_its_code_in_the_error(door: Door) -> None:
    door.status = 422
    error = "<ext_canvas_error_code>bad_score</ext_canvas_error_code>"
    door.answer = SUCCESS.format(code="failure", description="Too high\n[EID_123]", error=error, score="")
    result = send(door, "--score", "2", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["status"], document["error"]["code"], document["reference"]) == (422, "bad_score", "123")


@pytest.mark.parametrize("answer", ["<html>", "", "not found"])
def test_what_is_no_outcome_answer_is_said(door: Door, answer: str) -> None:
    door.status, door.answer = 404, answer
    result = send(door, "--score", "1")
    assert result.exit_code == 1
    assert "HTTP 404, and the body is no outcome answer" in result.stdout


def test_the_form_is_sent_signed_with_its_fields(door: Door) -> None:
    door.answer = "<message_response><statusinfo><codemajor>Success</codemajor></statusinfo></message_response>"
    assert send(door, "--form", "--score", "0.3").exit_code == 0
    assert door.body == b"lti_message_type=basic-lis-updateresult&sourcedid=s+%26+d&result_resultscore_textstring=0.3"
    assert "oauth_body_hash" not in door.oauth


def test_a_success_has_its_reference_from_the_header(door: Door) -> None:
    door.answer_headers = {"X-Passback-Reference": "456"}
    assert json.loads(send(door, "--score", "1", "--json").stdout)["reference"] == "456"
    assert "reference  EID_456" in send(door, "--score", "1").stdout


def test_a_success_without_a_reference_has_none(door: Door) -> None:
    assert json.loads(send(door, "--score", "1", "--json").stdout)["reference"] is None
    assert "reference" not in send(door, "--score", "1").stdout


@pytest.mark.parametrize(
    ("path", "words", "doubt"),
    [
        ("/outcomes", ["--form"], "--form is for"),
        ("/api/lti/v1/tools/1/grade_passback", ["--form"], "--form is for"),
        ("/api/lti/v1/tools/1/ext_grade_passback", [], "add --form"),
        ("/api/lti/v1/tools/1/ext_grade_passback/", ["--form"], None),
        ("/outcomes", [], None),
    ],
)
def test_the_wrong_kind_of_door_is_said_when_it_fails(
    door: Door, path: str, words: list[str], doubt: str | None
) -> None:
    door.url, door.status = door.base + path, 401
    door.answer = SUCCESS.format(code="failure", description="Invalid authorization header", error="", score="")
    document = json.loads(send(door, "--score", "1", *words, "--json").stdout)
    printed = send(door, "--score", "1", *words).stdout
    if doubt is None:
        assert "hint" not in document
    else:
        assert doubt in document["hint"]
        assert document["hint"] in printed


def test_bodies_are_shown_when_asked(door: Door) -> None:
    shown = json.loads(send(door, "--score", "1", "--show", "--json").stdout)
    assert shown["request"] == door.body.decode()
    assert shown["response"] == door.answer


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--score", "1", "--read"],
        ["--read", "--delete"],
        ["--file", "https://x.example"],
        ["--score", "1", "--document-name", "x"],
        ["--form", "--text", "x"],
        ["--form", "--total", "1"],
        ["--score", "1", "--url", "ftp://x"],
        ["--text", "control \x01"],
    ],
)
def test_what_makes_no_outcome_is_refused_before_it_is_sent(door: Door, words: list[str]) -> None:
    result = send(door, *words)
    assert result.exit_code == 2
    assert door.body == b""


def test_the_secret_may_come_on_standard_input(door: Door) -> None:
    session = Session(environment={"PASSBACK_HOME": "/nonexistent"})
    words = ["send", "--url", door.url, "--key", "k", "--sourcedid", "s", "--score", "1", "--secret-stdin"]
    assert CliRunner().invoke(cli, words, obj=session, input=b"s\n").exit_code == 0


def test_without_a_secret_or_a_stack_it_is_asked_for(door: Door) -> None:
    result = send(door, "--score", "1", secret="")
    assert result.exit_code == 2
    assert "--secret-stdin" in result.stderr


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    door = Door()
    door.server.server_close()
    result = send(door, "--score", "1")
    assert result.exit_code == 1
    assert "gave no answer" in result.stderr
