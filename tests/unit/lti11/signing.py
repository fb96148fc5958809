"""A signer written by hand from RFC 5849, independent of the code under test, with the habits of real tools."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

URL = "https://proxy.example/outcomes"
KEY = "demo key"
SECRET = "se&cret"
TIMESTAMP = 1_700_000_000

Pairs = Sequence[tuple[str, str]]


def percent(text: str) -> str:
    return quote(text, safe="~")


def percent_lower(text: str) -> str:
    return "".join(part.lower() if part.startswith("%") else part for part in _split_escapes(percent(text)))


def _split_escapes(text: str) -> list[str]:
    parts, position = [], 0
    while position < len(text):
        step = 3 if text[position] == "%" else 1
        parts.append(text[position : position + step])
        position += step
    return parts


def body_hash(body: bytes, digest: str = "sha1") -> str:
    return base64.b64encode(hashlib.new(digest, body).digest()).decode()


def hmac_of(base_string: str, secret: str, digest: str = "sha1") -> str:
    key = f"{percent(secret)}&".encode()
    return base64.b64encode(hmac.new(key, base_string.encode(), digest).digest()).decode()


def base_string(method: str, url: str, parameters: Pairs) -> str:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((percent(name), percent(value)) for name, value in [*parameters, *query])
    normalized = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method, percent(f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"), percent(normalized)))


def header_of(
    parameters: Pairs, *, realm: str | None = None, separator: str = ", ", encode: Callable[[str], str] = percent
) -> str:
    shown = [f'realm="{realm}"'] if realm is not None else []
    shown += [f'{name}="{encode(value)}"' for name, value in parameters]
    return "OAuth " + separator.join(shown)


@dataclass(frozen=True)
class Signer:
    """Signs one body for one URL; every field is a habit that some tool has."""

    url: str = URL
    key: str = KEY
    secret: str = SECRET
    nonce: str = "n-77"
    timestamp: int = TIMESTAMP
    method: str = "HMAC-SHA1"
    hash_digest: str | None = "sha1"
    version: bool = True
    realm: str | None = None
    separator: str = ", "
    ordered: bool = True
    encode: Callable[[str], str] = percent
    fields: Pairs = field(default_factory=tuple)

    def parameters(self, body: bytes) -> list[tuple[str, str]]:
        pairs = [
            ("oauth_consumer_key", self.key),
            ("oauth_signature_method", self.method),
            ("oauth_timestamp", str(self.timestamp)),
            ("oauth_nonce", self.nonce),
        ]
        if self.version:
            pairs.append(("oauth_version", "1.0"))
        if self.hash_digest is not None:
            pairs.append(("oauth_body_hash", body_hash(body, self.hash_digest)))
        signed = base_string("POST", self.url, [*pairs, *self.fields])
        pairs.append(("oauth_signature", hmac_of(signed, self.secret, "sha256" if "256" in self.method else "sha1")))
        return sorted(pairs) if self.ordered else list(reversed(pairs))

    def header(self, body: bytes = b"") -> str:
        return header_of(self.parameters(body), realm=self.realm, separator=self.separator, encode=self.encode)
