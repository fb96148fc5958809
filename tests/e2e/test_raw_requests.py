"""Requests as odd signers write them, byte by byte over a socket, against the served stack."""

import socket
import time
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from lxml import etree
from pox import replace_result, signed_headers

from e2e.served import Served, Student

pytestmark = pytest.mark.engine


def authorization(served: Served, body: bytes) -> str:
    headers = signed_headers(served.outcome_url, body, served.key, served.secret, timestamp=int(time.time()))
    return headers["Authorization"]


def exchange(served: Served, head: Sequence[str], body: bytes) -> tuple[int, bytes]:
    """Send a request of these header lines and read the answer to the end of the connection."""
    parts = urlsplit(served.outcome_url)
    lines = [f"POST {parts.path} HTTP/1.1", *head]
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    answer, _, content = received.partition(b"\r\n\r\n")
    return int(answer.split()[1]), content


def host(served: Served) -> str:
    return urlsplit(served.outcome_url).netloc


def chunked(body: bytes, size: int = 100) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"


def check(served: Served, student: Student, head: Sequence[str], body: bytes) -> None:
    status, content = exchange(served, head, body)
    root = etree.fromstring(content)
    assert (status, root.findtext(".//{*}imsx_codeMajor")) == (200, "success"), content
    assert served.state(student)["score"] == Decimal("8.7")


def test_the_plainest_request(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.87")
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        "Accept: */*",
        "Content-Type: application/xml",
        f"Content-Length: {len(body)}",
        f"Authorization: {authorization(served, body)}",
    ]
    check(served, student, head, body)


def test_header_names_in_lower_case_and_no_accept(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.87")
    head = [
        f"host: {host(served)}",
        "connection: close",
        "content-type: application/xml",
        f"content-length: {len(body)}",
        f"authorization: {authorization(served, body)}",
    ]
    check(served, student, head, body)


@pytest.mark.parametrize(
    "media_type",
    ["application/xml; charset=utf-8", "application/xml;charset=UTF-8", 'Application/XML; charset="utf-8"'],
)
def test_a_charset_parameter(served: Served, student: Student, media_type: str) -> None:
    body = replace_result(student.sourcedid, "0.87")
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        f"CONTENT-TYPE: {media_type}",
        f"Content-Length: {len(body)}",
        f"Authorization: {authorization(served, body)}",
    ]
    check(served, student, head, body)


@pytest.mark.parametrize("realm", ["", "http://tool.example.org/"])
@pytest.mark.parametrize("separator", [",", ", "])
def test_a_realm_and_either_separator(served: Served, student: Student, realm: str, separator: str) -> None:
    body = replace_result(student.sourcedid, "0.87")
    signed = authorization(served, body).removeprefix("OAuth ").split(", ")
    parameters = separator.join([f'realm="{realm}"', *sorted(signed)])
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        "Content-Type: application/xml",
        f"Content-Length: {len(body)}",
        f"Authorization: OAuth {parameters}",
    ]
    check(served, student, head, body)


def test_a_body_in_chunks(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.87")
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        "Content-Type: application/xml",
        "Transfer-Encoding: chunked",
        f"Authorization: {authorization(served, body)}",
    ]
    check(served, student, head, chunked(body))


def test_an_accept_list_without_xml(served: Served, student: Student) -> None:
    body = replace_result(student.sourcedid, "0.87")
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        "Accept: text/html, image/gif, image/jpeg, *; q=.2",
        "Content-Type: application/xml",
        f"Content-Length: {len(body)}",
        f"Authorization: {authorization(served, body)}",
    ]
    check(served, student, head, body)


def test_a_body_cut_off_because_its_length_was_counted_in_characters_is_refused(
    served: Served, student: Student
) -> None:
    """One Node library does so; what arrives is damaged, and nothing of it may count."""
    body = replace_result(student.sourcedid, "0.87", data={"text": "äöü" * 30})
    head = [
        f"Host: {host(served)}",
        "Connection: close",
        "Content-Type: application/xml",
        f"Content-Length: {len(body.decode())}",
        f"Authorization: {authorization(served, body)}",
    ]
    status, content = exchange(served, head, body[: len(body.decode())])
    assert (status, etree.fromstring(content).findtext(".//{*}imsx_codeMajor")) == (401, "failure")
    assert served.state(student)["attempt"] == 0
