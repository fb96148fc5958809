import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.lti13.replies import Reply, contains, is_throttled, words_of


def reply(body: object = b"", status: int = 400, reason: str = "", **headers: str) -> Reply:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, reason, headers, octets)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": {"type": "unprocessable_entity", "message": "User not found"}}, "User not found"),  # shape O
        ({"errors": [{"message": "The specified resource does not exist."}]}, "The specified resource does not exist."),
        ({"errors": [{"field": "grade", "message": "is locked", "error_code": None}]}, "grade is locked"),  # shape A
        ({"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
        ({"errors": {"grade": [{"attribute": "grade", "message": "no"}]}}, "no"),
        ({"errors": "closed"}, "closed"),
        ({"error": "invalid_scope", "error_description": "not granted"}, "invalid_scope: not granted"),
        ({"error": "Expired token"}, "Expired token"),
        ({"error": {"message": "no"}}, "no"),
        ({"status": 400, "message": "User could not be found"}, "User could not be found"),
        ({"title": "Forbidden", "detail": "not enrolled"}, "not enrolled"),
        ("just a text", "just a text"),
        ({"timestamp": ["too old"]}, '{"timestamp": ["too old"]}'),
        (b"403 Forbidden (Rate Limit Exceeded)\n", "403 Forbidden (Rate Limit Exceeded)"),
        (b"<html><head><title>502 Bad &amp; Gateway</title></head><body>x</body></html>", "502 Bad & Gateway"),
        (b"\xff\xfe no utf-8", "\ufffd\ufffd no utf-8"),
    ],
)
def test_the_words_are_found_in_every_shape_of_answer(body: object, words: str) -> None:
    assert words_of(reply(body, reason="Bad Request")) == words


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'""', b" ", b"<html>no title", b"<title>", b"\0"])
def test_without_words_in_the_body_the_reason_phrase_counts(body: bytes) -> None:
    assert words_of(reply(body, reason="Incorrect score received")) == "Incorrect score received"


def test_without_any_words_the_status_is_said() -> None:
    assert words_of(reply(status=412)) == "HTTP 412"


def test_a_redirect_names_the_host_it_leads_to_and_no_more() -> None:
    redirect = reply(b"<html>", 303, location="https://moodle.example/mod/lti/services.php?secret=1")
    assert words_of(redirect) == "redirected to moodle.example; redirects are not followed"


@pytest.mark.parametrize("location", ["", "/relative", "https://[bad/"])
def test_a_redirect_to_nowhere_is_still_said(location: str) -> None:
    assert words_of(reply(b"", 302, location=location)).startswith("redirected to another address")


def test_words_are_cut_at_300_characters() -> None:
    assert words_of(reply(b"a" * 5000)) == "a" * 300


def test_line_breaks_controls_and_direction_marks_become_blanks() -> None:
    assert words_of(reply("a\r\nb\x00c\u202ed\x1b[31me".encode())) == "a b c d [31me"


@pytest.mark.parametrize(
    "body",
    [
        b"token opaque-token-1 is bad",
        b'{"error": "got Authorization: Bearer opaque-token-1"}',
        b"<title>opaque-token-1</title>",
        b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl was refused",
        b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0 was cut",
        b"sent bearer abcdef123456",
    ],
)
def test_no_credential_comes_back(body: bytes) -> None:
    words = words_of(reply(body), "opaque-token-1")
    assert "[hidden]" in words
    for secret in ("opaque-token-1", "eyJ", "abcdef123456"):
        assert secret not in words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "uploading failed: https://files.example/a.pdf?Expires=1&Signature=SECRET was not found",
            "uploading failed: https://files.example/a.pdf?[hidden] was not found",
        ),
        (
            "see <https://files.example/a?SECRET>, https://b.example/",
            "see <https://files.example/a?[hidden]>, https://b.example/",
        ),
        ("see https://files.example/a#SECRET", "see https://files.example/a#[hidden]"),
        ("see //files.example/a?sig=SECRET", "see //files.example/a?[hidden]"),
        ("GET /files/7?verifier=SECRET: 404", "GET /files/7?[hidden] 404"),
        ("see https://ann:SECRET@files.example/a", "see https://[hidden]@files.example/a"),
        ("https%3A%2F%2Ffiles.example%2Fa%3Fsig%3DSECRET", "https%3A%2F%2Ffiles.example%2Fa%3F[hidden]"),
        ("https://a.example/?x=SECRET,https://b.example/?y=SECRET", "https://a.example/?[hidden]"),
        (
            "is this wanted? yes=no, see #7 at https://b.example/a",
            "is this wanted? yes=no, see #7 at https://b.example/a",
        ),
    ],
)
def test_of_an_address_what_may_open_it_does_not_come_back(said: str, words: str) -> None:
    assert words_of(reply({"errors": {"message": said}})) == words
    assert "SECRET" not in words_of(reply({"code": 1, "at": [said]}))  # not an error's form: told as it came
    assert "SECRET" not in words_of(reply(json.dumps({"at": said}).replace("/", r"\/").encode()))


def test_an_address_is_cut_before_the_words_are() -> None:
    said = "x" * 250 + " https://files.example/a?" + "s" * 40
    assert words_of(reply(said.encode())).endswith("/a?[hidden]")


def test_a_credential_is_hidden_before_the_words_are_cut() -> None:
    assert "opaque" not in words_of(reply(b"x" * 295 + b"opaque-token-1"), "opaque-token-1")


@given(st.binary(max_size=400))
def test_any_body_gives_one_printable_line(body: bytes) -> None:
    words = words_of(reply(body, reason="why"))
    assert words.isprintable()
    assert 1 <= len(words) <= 300


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<title" * 170_000, id="titles"),
        pytest.param(b"[" * 1_000_000, id="lists"),
        pytest.param(b'{"errors":' * 100_000, id="objects"),
        pytest.param(b"eyJ" * 340_000, id="tokens"),
        pytest.param(b"Bearer " * 150_000, id="bearers"),
        pytest.param(b"://" * 340_000, id="addresses"),
        pytest.param(b"?" * 1_000_000, id="queries"),
        pytest.param(b"%3f" * 340_000, id="encoded queries"),
        pytest.param(b"://" + b"//a" * 340_000, id="users"),
    ],
)
def test_a_hostile_body_of_a_megabyte_takes_little_time(body: bytes) -> None:
    started = time.process_time()
    words_of(reply(body))
    assert time.process_time() - started < 1.0


def test_lists_within_lists_are_not_followed_without_end() -> None:
    nested: object = "deep"
    for _ in range(20):
        nested = [nested]
    assert words_of(reply({"errors": nested})).startswith('{"errors"')


@pytest.mark.parametrize(
    ("status", "body", "throttled"),
    [
        (403, b"403 Forbidden (Rate Limit Exceeded)\n", True),
        (403, b"rate limit exceeded", True),
        (403, b"forbidden", False),
        (429, b"", True),
        (503, b"Rate Limit Exceeded", False),
    ],
)
def test_throttling_is_told_by_the_text_of_a_403_and_by_any_429(status: int, body: bytes, throttled: bool) -> None:
    assert is_throttled(reply(body, status)) is throttled


def test_texts_are_found_in_any_case() -> None:
    assert contains("Access Token NOT LINKED to a Tool", ["not linked"])
    assert not contains("Access Token expired", ["not linked"])


def test_a_body_is_not_shown_in_the_representation() -> None:
    assert "secret" not in repr(reply(b"secret", cookie="secret"))
