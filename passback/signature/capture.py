"""A captured request: raw HTTP as a proxy or a packet capture shows it, or JSON with method, url, headers and body."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from passback.failures import CommandFailed

LARGEST = 1024 * 1024
_REQUEST_LINE = re.compile(r"([A-Za-z]+) (\S+)(?: HTTP/[0-9.]+)?")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_DOOR = re.compile(r"(?:/outcomes|/api/lti/v1/tools/[^/]+/(?:ext_)?grade_passback)/?\Z")
_DEFAULT_DOMAIN = re.compile(r"[a-z0-9-]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::[0-9]+)?", re.IGNORECASE)
_HOW = "Give raw HTTP (request line, headers, an empty line, body), or JSON with method, url, headers and body."


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """One request as it arrived. ``target`` is path and query; ``scheme`` is empty when the capture does not say it."""

    method: str
    scheme: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    notes: tuple[str, ...] = ()
    gateway_event: Mapping[str, Any] | None = None

    @property
    def received_at(self) -> int | None:
        """Return when it arrived, milliseconds, where the capture says so."""
        context = (self.gateway_event or {}).get("requestContext") or {}
        at = context.get("requestTimeEpoch")
        return at if type(at) is int else None

    @property
    def path(self) -> str:
        """Return the path, without the query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> tuple[str, ...]:
        """Return all values of a header."""
        return tuple(value for key, value in self.headers if key.lower() == name)

    def event(self) -> Mapping[str, Any]:
        """Return the event that API Gateway makes of the request, as far as URLs go.

        On the default domain the path that was called begins with the stage, which the event's own path has not.
        """
        if self.gateway_event is not None:
            return self.gateway_event
        door = _DOOR.search(self.path)
        below = door[0] if door else self.path
        plain = below if _DEFAULT_DOMAIN.fullmatch(self.host) else self.path
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(urlsplit(self.target).query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        return {
            "path": plain,
            "headers": {"Host": self.host},
            "multiValueQueryStringParameters": query or None,
            "requestContext": {"path": self.path, "resourcePath": below.rstrip("/") or "/"},
        }


def read_capture(content: bytes) -> CapturedRequest:
    """Read a capture.

    Raises
    ------
    CommandFailed
        If it is no request, or too large.
    """
    if len(content) > LARGEST:
        raise CommandFailed("capture", f"The file is larger than {LARGEST} bytes; no outcome is.")
    stripped = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    return _from_json(stripped) if stripped.startswith(b"{") else _from_http(stripped)


def _from_http(content: bytes) -> CapturedRequest:
    end = _HEAD_END.search(content)
    head, body = (content[: end.start()], content[end.end() :]) if end else (content, b"")
    first, *lines = head.decode("latin-1").splitlines() or [""]
    request_line = _REQUEST_LINE.fullmatch(first.strip())
    if request_line is None:
        raise CommandFailed("capture", f"The file does not begin with a request line. {_HOW}")
    return _made(request_line[1], request_line[2], _header_lines(lines), body)


def _header_lines(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if line[:1] in " \t" and headers:  # a folded header, as mail and some proxies write it
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif colon and name.strip():
            headers.append((name.strip(), value.strip()))
        else:
            raise CommandFailed("capture", f"A line among the headers is none. {_HOW}")
    return tuple(headers)


def _from_json(content: bytes) -> CapturedRequest:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise CommandFailed("capture", f"The file begins like JSON and is none. {_HOW}") from None
    if isinstance(document.get("request"), dict):
        document = document["request"]  # one entry of a browser's HAR
    if isinstance(document.get("requestContext"), dict):
        return _from_event(document)
    url, method = document.get("url"), document.get("method", "POST")
    if not isinstance(url, str) or not isinstance(method, str):
        raise CommandFailed("capture", f"The JSON names no url. {_HOW}")
    return _made(method, url, _json_headers(document.get("headers")), _json_body(document))


def _from_event(event: Mapping[str, Any]) -> CapturedRequest:
    """Read an event of API Gateway (REST API), as a function's log may hold it."""
    context = event["requestContext"]
    headers = _json_headers(event.get("multiValueHeaders") or event.get("headers"))
    path = str(context.get("path") or event.get("path") or "/")
    body = _json_body({"body": event.get("body") or "", "base64": event.get("isBase64Encoded")})
    made = _made(str(context.get("httpMethod") or event.get("httpMethod") or "POST"), path, headers, body)
    return CapturedRequest(
        made.method, "https", made.host, made.target, made.headers, made.body, made.notes, gateway_event=event
    )


def _json_headers(headers: object) -> tuple[tuple[str, str], ...]:
    if isinstance(headers, Mapping):
        pairs = [(name, each) for name, value in headers.items() for each in _several(value)]
    elif isinstance(headers, list):
        pairs = [_pair(each) for each in headers]
    else:
        raise CommandFailed("capture", f"The JSON has no headers. {_HOW}")
    return tuple((str(name), str(value)) for name, value in pairs)


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _pair(each: object) -> tuple[object, object]:
    if isinstance(each, Mapping) and "name" in each and "value" in each:
        return each["name"], each["value"]
    if isinstance(each, list) and len(each) == 2:
        return each[0], each[1]
    raise CommandFailed("capture", f"The JSON's headers are neither a map nor a list of names and values. {_HOW}")


def _json_body(document: Mapping[str, Any]) -> bytes:
    posted = document.get("postData")
    body = posted.get("text", "") if isinstance(posted, Mapping) else document.get("body") or ""
    encoded = document.get("body_base64")
    if isinstance(encoded, str) or document.get("base64"):
        try:
            return base64.b64decode(encoded if isinstance(encoded, str) else str(body), validate=True)
        except (binascii.Error, ValueError):
            raise CommandFailed("capture", "The body is said to be base64 and is not.") from None
    if not isinstance(body, str):
        raise CommandFailed("capture", f"The JSON's body is no text. {_HOW}")
    return body.encode("utf-8", "surrogatepass")


def _made(method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> CapturedRequest:
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in headers}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc or named.get("host", "")
    if not host:
        raise CommandFailed("capture", "The capture names no host: give the Host header, or the whole URL.")
    body, notes = _as_long_as_said(body, named.get("content-length", ""))
    scheme = parts.scheme or named.get("x-forwarded-proto", "").partition(",")[0].strip()
    return CapturedRequest(method, scheme.lower(), host, target, headers, body, notes)


def _as_long_as_said(body: bytes, said: str) -> tuple[bytes, tuple[str, ...]]:
    """Take off the line end that an editor put behind the body; tell when the length is another."""
    if not said.isdigit() or len(body) == int(said):
        return body, ()
    length = int(said)
    if len(body) > length and not body[length:].strip(b"\r\n"):
        return body[:length], ("Line ends behind the body, beyond Content-Length, were left out.",)
    note = (
        f"The capture has {len(body)} bytes of body and Content-Length says {length}: it is cut short, or something "
        "changed the body after that header was written."
    )
    return body, (note,)
