"""The body hash: what was sent, what the body gives, and which change of the body would explain the difference."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from passback.signature.mistakes import Mistake

_BOM = b"\xef\xbb\xbf"
_PROXY = (
    "Look for a proxy, a gateway or the capture itself that changes the body on its way; the bytes must arrive as the "
    "tool hashed them."
)
_HASHING = "Hash the exact bytes that are sent, as the last thing before they are sent (OAuth Request Body Hash 1.0)."


@dataclass(frozen=True, slots=True)
class BodyHash:
    """The hashes in base64. ``sent`` is None when the tool sent none; ``mistake`` explains one that is wrong."""

    sent: str | None
    sha1: str
    sha256: str
    right: bool
    mistake: Mistake | None = None


def compare(body: bytes, sent: str | None, *, sha256_counts: bool) -> BodyHash:
    """Compare the hash that was sent with the body's, and look for what explains a difference."""
    sha1, sha256 = _base64(hashlib.sha1(body, usedforsecurity=False).digest()), _base64(hashlib.sha256(body).digest())
    right = sent == sha1 or (sha256_counts and sent == sha256)
    found = None if sent is None or right else next((each for each, made in _wrong(body) if made == sent), None)
    return BodyHash(sent, sha1, sha256, right, found)


def _wrong(body: bytes) -> Iterator[tuple[Mistake, str]]:
    yield Mistake("hash_sha256", "the body with SHA-256 under HMAC-SHA1", "Hash it with SHA-1."), _sha256(body)
    for text in _spellings(body):
        yield (
            Mistake("hash_spelling", "the right bytes, but wrote the hash in another way", "Write the hash in base64."),
            text,
        )
    for name, said, changed in _changed(body):
        for made in (_sha1(changed), _sha256(changed)):
            yield Mistake(name, said, _HASHING if name == "hash_of_nothing" else _PROXY), made


def _spellings(body: bytes) -> Iterator[str]:
    for digest in (hashlib.sha1(body, usedforsecurity=False), hashlib.sha256(body)):
        yield digest.hexdigest()
        yield digest.hexdigest().upper()
        yield _base64(digest.hexdigest().encode())
        yield _base64(digest.digest()).rstrip("=")
        yield base64.urlsafe_b64encode(digest.digest()).decode()
        yield _base64(digest.digest()).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        yield _base64(digest.digest()).replace("+", " ")
        yield _base64(digest.digest()) + "\n"


def _changed(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    unix = body.replace(b"\r\n", b"\n")
    yield "line_ends", "a body with line ends LF where CRLF arrived", unix
    yield "line_ends", "a body with line ends CRLF where LF arrived", unix.replace(b"\n", b"\r\n")
    yield "line_ends", "a body without line ends", unix.replace(b"\n", b"")
    yield "bom", "a body without the byte order mark that arrived", body.removeprefix(_BOM)
    yield "bom", "a body with a byte order mark that did not arrive", _BOM + body
    for end in (b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\x00"):
        yield "line_end_behind", "a body with a line end or blank behind it that did not arrive", body + end
    yield "line_end_behind", "a body without the blanks or line ends around it that arrived", body.strip()
    yield "line_end_behind", "a body without the line ends behind it that arrived", body.rstrip(b"\r\n")
    yield "hash_of_nothing", "an empty body", b""
    yield from _recoded(body)
    if body.startswith(b"<?xml"):
        without = body.partition(b"?>")[2]
        yield "xml_declaration", "a body without its XML declaration", without
        yield "xml_declaration", "a body without its XML declaration", without.lstrip()
    else:
        for declaration in (b'<?xml version="1.0" encoding="UTF-8"?>', b"<?xml version='1.0' encoding='UTF-8'?>"):
            yield "xml_declaration", "a body with an XML declaration that did not arrive", declaration + body
            yield "xml_declaration", "a body with an XML declaration that did not arrive", declaration + b"\n" + body


def _recoded(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    said = "a body in another character set than the one that arrived"
    for arrived, signed in (
        ("utf-8", "latin-1"),
        ("utf-8", "cp1252"),
        ("utf-8", "utf-16"),
        ("utf-8", "utf-16-le"),
        ("latin-1", "utf-8"),
        ("cp1252", "utf-8"),
        ("utf-8", "ascii"),
    ):
        try:
            text = body.decode(arrived)
        except UnicodeDecodeError:
            continue
        yield "charset", said, text.encode(signed, "replace")
        yield "charset", said, text.encode(signed, "xmlcharrefreplace") if signed != "utf-8" else text.encode()


def _sha1(body: bytes) -> str:
    return _base64(hashlib.sha1(body, usedforsecurity=False).digest())


def _sha256(body: bytes) -> str:
    return _base64(hashlib.sha256(body).digest())


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
