"""A request is signed with one mistake by a signer written by hand; the doctor has to name exactly that mistake."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from command_line.running import NOW, Operator

SECRET = "se&cret of Kq7Zp9"
OTHER_SECRET = "another-Wv3Xt8"
STAGE_URL = "https://abc123.execute-api.eu-west-1.amazonaws.com/api/outcomes"
URL = "https://grades.example.org/outcomes"
BODY = '<?xml version="1.0" encoding="UTF-8"?>\n<imsx_POXEnvelopeRequest>Grüße</imsx_POXEnvelopeRequest>'.encode()
AT = int(NOW.timestamp()) - 30

Pairs = list[tuple[str, str]]


def percent(text: str) -> str:
    return quote(text, safe="~")


def digest64(body: bytes, name: str = "sha1") -> str:
    return base64.b64encode(hashlib.new(name, body).digest()).decode()


def right_base(method: str, uri: str, pairs: Pairs) -> str:
    normalized = "&".join("=".join(pair) for pair in sorted((percent(name), percent(value)) for name, value in pairs))
    return "&".join((method, percent(uri), percent(normalized)))


def signed(
    url: str = URL,
    *,
    signed_url: str | None = None,
    key: bytes | None = None,
    body: bytes = BODY,
    hashed: bytes | str | None = None,
    base: Callable[[str, str, Pairs], str] = right_base,
    method: str = "POST",
    digest: str = "sha1",
    says: str = "HMAC-SHA1",
    timestamp: str = str(AT),
    consumer_key: str = "quiz-tool",
    uri: str | None = None,
    query: Pairs | None = None,
    write: Callable[[bytes], str] = lambda mac: base64.b64encode(mac).decode(),
    headers: Sequence[str] = (),
    with_hash: bool = True,
) -> bytes:
    """Write a captured request for ``url`` which is signed for ``signed_url``, and wrong in whatever is said."""
    parts = urlsplit(signed_url or url)
    sent = hashed if isinstance(hashed, str) else digest64(body if hashed is None else hashed)
    oauth = [
        ("oauth_consumer_key", consumer_key),
        ("oauth_nonce", "n1"),
        ("oauth_signature_method", says),
        ("oauth_timestamp", timestamp),
        ("oauth_version", "1.0"),
    ] + ([("oauth_body_hash", sent)] if with_hash else [])
    in_query = parse_qsl(parts.query, keep_blank_values=True) if query is None else query
    signed_uri = uri or f"{parts.scheme}://{parts.netloc}{parts.path}"
    text = base(method, signed_uri, [*oauth, *in_query])
    used = f"{percent(SECRET)}&".encode() if key is None else key
    mac = write(hmac.digest(used, text.encode(), digest))
    header = ", ".join(f'{name}="{percent(value)}"' for name, value in [*oauth, ("oauth_signature", mac)])
    target = urlsplit(url)
    lines = [
        f"POST {target.path}{'?' + target.query if target.query else ''} HTTP/1.1",
        f"Host: {target.netloc}",
        "Content-Type: application/xml",
        f"Content-Length: {len(body)}",
        *headers,
        f"Authorization: OAuth {header}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def tool(operator: Operator) -> Operator:
    operator.ok("tool", "add", "--key", "quiz-tool", "--secret-stdin", stdin=SECRET.encode())
    operator.ok("tool", "add", "--key", "other-tool", "--secret-stdin", stdin=OTHER_SECRET.encode())
    operator.add_platform()
    return operator


@pytest.fixture
def explained(tool: Operator, tmp_path: Path) -> Callable[..., Any]:
    def run(captured: bytes, *words: str, stdin: bytes | None = None) -> Any:
        file = tmp_path / "captured.http"
        file.write_bytes(captured)
        plain = tool.run("doctor", "--signature", str(file), *words, stdin=stdin)
        result = tool.run("doctor", "--signature", str(file), *words, "--json", stdin=stdin)
        document = json.loads(result.stdout)
        assert result.exit_code == plain.exit_code == (0 if document.get("ok") else 1 + ("checks" not in document))
        for output in (plain.output, result.output):
            no_secret_in(output, captured)
        document["text"] = plain.output
        return document

    return run


def no_secret_in(output: str, captured: bytes) -> None:
    shown = output.replace("\\u0026", "&")
    for secret in (SECRET, percent(SECRET), OTHER_SECRET, SECRET[-6:], OTHER_SECRET[-6:]):
        assert secret not in shown
    signature = captured.partition(b'oauth_signature="')[2].partition(b'"')[0].decode("latin-1")
    if len(signature) > 10:
        assert signature not in shown
        assert signature[:12] not in shown


def state(document: Any, check: str) -> str:
    return str(next(each["state"] for each in document["checks"] if each["check"] == check))


def detail(document: Any, check: str) -> str:
    return str(next(f"{each['detail']} {each['remedy']}" for each in document["checks"] if each["check"] == check))


def causes(document: Any) -> list[str]:
    return [each["code"] for each in document["causes"]]


Explained = Callable[..., Any]


@pytest.mark.parametrize(
    "url", [URL, STAGE_URL, f"{URL}?a=1&b=%20x", "https://grades.example.org/api/lti/v1/tools/7/grade_passback"]
)
def test_a_request_that_is_signed_rightly_is_said_to_be(explained: Explained, url: str) -> None:
    document = explained(signed(url))
    assert document["ok"] is True, document
    assert document["causes"] == []
    assert {each["state"] for each in document["checks"]} == {"ok"}
    assert "signed rightly" in document["text"]


def twice(text: str) -> str:
    return percent(percent(text))


def double_encoded(method: str, uri: str, pairs: Pairs) -> str:
    normalized = "&".join("=".join(pair) for pair in sorted((twice(name), twice(value)) for name, value in pairs))
    return "&".join((method, percent(uri), percent(normalized)))


def unsorted(method: str, uri: str, pairs: Pairs) -> str:
    normalized = "&".join(f"{percent(name)}={percent(value)}" for name, value in pairs)
    return "&".join((method, percent(uri), percent(normalized)))


def without(name: str) -> Callable[[str, str, Pairs], str]:
    return lambda method, uri, pairs: right_base(method, uri, [pair for pair in pairs if pair[0] != name])


KEY = f"{percent(SECRET)}&".encode()


@pytest.mark.parametrize(
    ("captured", "code", "says"),
    [
        (signed(signed_url=URL.replace("https", "http")), "scheme", "http instead of https"),
        (signed(uri="https://grades.example.org:443/outcomes"), "port", ":443"),
        (signed(uri="http://grades.example.org:443/outcomes"), "scheme_and_port", "http with the port :443"),
        (signed("https://grades.example.org:8443/outcomes", uri=URL), "port_missing", "without its port"),
        (signed(uri="https://GRADES.EXAMPLE.ORG/outcomes"), "host_case", "capital"),
        (signed(signed_url=f"{URL}/"), "trailing_slash", "with a slash"),
        (signed(f"{URL}/", signed_url=URL), "trailing_slash", "without the slash"),
        (signed(signed_url="https://grades.example.org/api/outcomes"), "stage_added", "/api"),
        (signed(STAGE_URL, signed_url=STAGE_URL.replace("/api/", "/api/api/")), "stage_doubled", "twice"),
        (signed("https://grades.example.org/base/outcomes", signed_url=URL), "stage_missing", "/base"),
        (signed(signed_url="https://canvas.example.edu/outcomes"), "host", "canvas.example.edu instead of"),
        (signed(signed_url="https://inner.local/outcomes", headers=["X-Forwarded-Host: inner.local"]), "host", "inner"),
        (signed(f"{URL}?a=1", query=[]), "query_missing", "without its query"),
        (signed(f"{URL}?a=1", uri=f"{URL}?a=1"), "query_twice", "query twice"),
        (signed(f"{URL}?a=1", uri=f"{URL}?a=1", query=[]), "query_in_url", "part of the URL"),
        (signed(base=double_encoded), "double_encoding", "twice"),
        (signed(base=unsorted), "not_sorted", "not sorted"),
        (signed(method="GET"), "method", "GET"),
        (signed(base=without("oauth_body_hash")), "body_hash_not_signed", "without oauth_body_hash"),
        (signed(base=without("oauth_version")), "version_not_signed", "without oauth_version"),
        (signed(digest="sha256"), "digest", "HMAC-SHA256 while it says HMAC-SHA1"),
        (signed(says="HMAC-SHA256", digest="sha1"), "digest", "HMAC-SHA1 while it says HMAC-SHA256"),
        (signed(write=lambda mac: mac.hex()), "signature_encoding", "hexadecimal"),
        (signed(write=lambda mac: base64.b64encode(mac).decode().rstrip("=")), "signature_encoding", "padding"),
        (signed(key=f"{percent(SECRET + ' ')}&".encode()), "secret_blank", "blanks"),
        (signed(key=f"{percent(SECRET + chr(10))}&".encode()), "secret_blank", "line end"),
        (signed(key=f"{twice(SECRET)}&".encode()), "secret_encoded", "percent-encoded"),
        (signed(key=f"{SECRET}&".encode()), "secret_encoded", "not percent-encoded"),
        (signed(key=percent(SECRET).encode()), "secret_without_ampersand", "without the &"),
        (signed(key=f"{percent(OTHER_SECRET)}&".encode()), "secret_of_another", "'other-tool'"),
        (signed(key=b"quiz-tool&"), "secret_is_key", "consumer key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_mistake_is_named(explained: Explained, captured: bytes, code: str, says: str) -> None:
    document = explained(captured)
    assert causes(document) == [code]
    assert state(document, "signature") == "failed"
    assert says in detail(document, "signature")
    assert document["causes"][0]["remedy"]
    assert [each["check"] for each in document["checks"] if each["state"] == "failed"] == ["signature"]


def test_two_mistakes_at_once_are_both_named(explained: Explained) -> None:
    document = explained(signed(signed_url=URL.replace("https", "http"), key=f"{percent(SECRET)}%20&".encode()))
    assert causes(document) == ["scheme", "secret_blank"]
    assert "http instead of https, and with blanks" in detail(document, "signature")


def test_both_base_strings_stand_side_by_side_with_the_first_difference_marked(explained: Explained) -> None:
    document = explained(signed(signed_url=URL.replace("https", "http")))
    both = document["base_strings"]
    assert both["first_difference"] == len("POST&http")
    assert both["tool"].startswith("POST&http%3A%2F%2Fgrades")
    assert both["passback"].startswith("POST&https%3A%2F%2Fgrades")
    lines = document["text"].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("0 "))
    column = lines[first].index("POST&http%3A")
    assert lines[first + 1].startswith("here")
    assert lines[first + 1].index("^") == column + len("POST&http")
    assert any(line.startswith("URL <-") and "http://grades" in line for line in lines)


def test_a_secret_that_nobody_knows_is_told_without_showing_any(explained: Explained) -> None:
    captured = signed(key=b"something-else&")
    document = explained(captured)
    assert document["causes"] == []
    assert "another secret" in detail(document, "signature")
    assert document["base_strings"]["tool"] is None
    assert "What Passback signs" in document["text"]
    given = explained(captured, "--secret-stdin", stdin=b"something-else\n")
    assert causes(given) == ["secret_given"]
    assert "something-else" not in given["text"]


def test_a_mac_of_another_length_is_told(explained: Explained) -> None:
    assert "length of HMAC-SHA256" in detail(explained(signed(key=b"x&", digest="sha256")), "signature")
    assert "not even base64" in detail(explained(signed(key=b"x&", write=lambda _: "?!")), "signature")
    assert "RSA" in detail(explained(signed(write=lambda _: base64.b64encode(b"r" * 256).decode())), "signature")


def test_the_url_that_the_tool_was_given_is_tried(explained: Explained) -> None:
    captured = signed(signed_url="https://old-proxy.example.net/lti/return")
    assert explained(captured)["causes"] == []
    document = explained(captured, "--tool-url", "https://old-proxy.example.net/lti/return")
    assert causes(document) == ["url"]
    assert "PASSBACK_PUBLIC_URLS" in document["causes"][0]["remedy"]


def test_the_tools_second_live_secret_counts(tool: Operator, explained: Explained) -> None:
    tool.ok("tool", "rotate", "--key", "quiz-tool", "--secret-stdin", stdin=b"the-newer-one")
    assert explained(signed())["ok"] is True
    spoilt = explained(signed(key=b"the-newer-one%20&"))
    assert causes(spoilt) == ["secret_blank"]


def test_an_unknown_key_and_one_that_is_nearly_right(explained: Explained) -> None:
    document = explained(signed(consumer_key="Quiz-Tool "))
    assert "'quiz-tool', which differs" in detail(document, "consumer key")
    assert causes(document) == ["secret_of_another"]
    assert "which differs" not in detail(explained(signed(consumer_key="nobody")), "consumer key")


LINES = BODY.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("captured", "code"),
    [
        (signed(hashed=LINES), "line_ends"),
        (signed(body=LINES, hashed=BODY), "line_ends"),
        (signed(body=b"\xef\xbb\xbf" + BODY, hashed=BODY), "bom"),
        (signed(hashed=b"\xef\xbb\xbf" + BODY), "bom"),
        (signed(hashed=BODY.decode().encode("latin-1")), "charset"),
        (signed(body=BODY.decode().encode("latin-1"), hashed=BODY), "charset"),
        (signed(hashed=BODY + b"\n"), "line_end_behind"),
        (signed(hashed=BODY.partition(b"?>")[2].lstrip()), "xml_declaration"),
        (signed(hashed=b""), "hash_of_nothing"),
        (signed(hashed=digest64(BODY, "sha256")), "hash_sha256"),
        (signed(hashed=hashlib.sha1(BODY, usedforsecurity=False).hexdigest()), "hash_spelling"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_hash_that_does_not_fit_is_explained(explained: Explained, captured: bytes, code: str) -> None:
    document = explained(captured)
    assert state(document, "signature") == "ok"
    assert state(document, "body hash") == "failed"
    assert causes(document) == [code]
    assert document["body_hash"]["sha1"] in document["text"]
    assert document["body_hash"]["sent"] in document["text"]


def test_a_body_that_nothing_explains_and_one_without_a_hash(explained: Explained) -> None:
    document = explained(signed(hashed=b"something else"))
    assert document["causes"] == []
    assert "not the one that was hashed" in detail(document, "body hash")
    assert "if-present" in detail(explained(signed(with_hash=False)), "body hash")
    right = explained(signed(says="HMAC-SHA256", digest="sha256", hashed=digest64(BODY, "sha256")))
    assert right["ok"] is True


@pytest.mark.parametrize(
    ("timestamp", "words", "expected", "says"),
    [
        (str(AT + 30 - 2 * 3600), (), "skipped", "--at"),
        (str(AT + 30 - 2 * 3600), ("--at", "2026-11-23T07:01"), "ok", "inside"),
        (str(AT + 30 - 2 * 3600), ("--at", "2026-11-23T09:00"), "failed", "2 hours apart"),
        (str(AT + 30 + 3600), (), "failed", "-1 hours apart"),
        (str(AT + 30 - 6000), ("--at", "2026-11-23T09:00"), "failed", "clock"),
        (str(AT * 1000), (), "failed", "milliseconds"),
    ],
)
def test_the_time_window(
    explained: Explained, timestamp: str, words: tuple[str, ...], expected: str, says: str
) -> None:
    document = explained(signed(timestamp=timestamp), *words)
    assert state(document, "timestamp") == expected
    assert says in detail(document, "timestamp")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("PLAINTEXT", "PLAINTEXT and the RSA methods are never taken"),
        ("RSA-SHA1", "PLAINTEXT and the RSA methods are never taken"),
    ],
)
def test_a_method_that_is_never_taken(explained: Explained, header: str, says: str) -> None:
    document = explained(signed(says=header))
    assert says in detail(document, "Authorization header")
    assert document["base_strings"] is None


def test_parameters_in_another_place(explained: Explained) -> None:
    in_query = b"POST /outcomes?oauth_signature=abc HTTP/1.1\r\nHost: h.example\r\n\r\n<a/>"
    assert "are in the URL" in detail(explained(in_query), "Authorization header")
    in_body = b"POST /outcomes HTTP/1.1\r\nHost: h.example\r\n\r\noauth_signature=abc"
    assert "are in the body" in detail(explained(in_body), "Authorization header")
    repeated = signed(f"{URL}?oauth_nonce=n1")
    assert "repeated in the query" in detail(explained(repeated), "signature").lower()


def test_content_type_and_method_are_checked(explained: Explained) -> None:
    other = signed().replace(b"application/xml", b"text/xml")
    assert state(explained(other), "content type") == "failed"
    put = signed().replace(b"POST /outcomes", b"PUT /outcomes", 1)
    assert state(explained(put), "request") == "failed"


def as_json(raw: bytes, **changed: Any) -> bytes:
    head, _, body = raw.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return json.dumps({"method": "POST", "url": URL, "headers": headers, "body": body.decode()} | changed).encode()


def test_json_is_read_in_its_forms(explained: Explained) -> None:
    assert explained(as_json(signed()))["ok"] is True
    encoded = base64.b64encode(BODY).decode()
    assert explained(as_json(signed(), body=None, body_base64=encoded))["ok"] is True
    document = json.loads(as_json(signed()))
    listed = [{"name": name, "value": value} for name, value in document["headers"].items()]
    har = {"request": document | {"headers": listed, "body": None, "postData": {"text": BODY.decode()}}}
    assert explained(json.dumps(har).encode())["ok"] is True
    event = {
        "httpMethod": "POST",
        "path": "/outcomes",
        "resource": "/outcomes",
        "headers": document["headers"],
        "body": encoded,
        "isBase64Encoded": True,
        "requestContext": {"path": "/outcomes", "requestTimeEpoch": AT * 1000},
    }
    assert explained(json.dumps(event).encode())["ok"] is True


def test_an_editors_line_end_behind_the_body_is_left_out(explained: Explained) -> None:
    document = explained(signed() + b"\n")
    assert document["ok"] is True
    assert "left out" in detail(document, "request")
    assert "cut short" in detail(explained(signed()[:-5]), "request")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"{",
        b"{}",
        b'{"url": 5}',
        b'{"url": "https://h/x", "headers": 3}',
        b'{"url": "https://h/x", "headers": [3]}',
        b'{"url": "https://h/x", "headers": {}, "body": 3}',
        b'{"url": "https://h/x", "headers": {}, "body_base64": "?"}',
        b"POST /x HTTP/1.1\n\n",
        b"POST /x HTTP/1.1\nnonsense\n\n",
        b"\xff" * 9,
        b"a" * (1024 * 1024 + 1),
    ],
    ids=range(13),
)
def test_what_is_no_request_is_told_in_one_sentence(tool: Operator, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert tool.fails("doctor", "--signature", str(file))["code"] == "capture"


def test_the_other_options_need_a_file(tool: Operator, tmp_path: Path) -> None:
    assert tool.fails("doctor", "--at", "2h")["code"] == "usage"
    file = tmp_path / "x"
    file.write_bytes(signed())
    assert tool.fails("doctor", "--signature", str(file), "--tool-url", "grades")["code"] == "usage"


def form(*, sign_fields: bool) -> bytes:
    fields = [("lti_message_type", "basic-lis-updateresult"), ("sourcedid", "s 1")]
    url = "https://grades.example.org/api/lti/v1/tools/7/ext_grade_passback"
    body = "&".join(f"{percent(name)}={percent(value)}" for name, value in fields).encode()
    return signed(url, body=body, query=fields if sign_fields else [], with_hash=False)


def test_a_form_is_read_as_its_door_does(explained: Explained) -> None:
    assert explained(form(sign_fields=True))["ok"] is True
    assert causes(explained(form(sign_fields=False))) == ["fields_not_signed"]
