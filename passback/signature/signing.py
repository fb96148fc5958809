"""Base strings and MACs in any shape, right or wrong (RFC 5849 3.4), and where two base strings part."""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

Pairs = tuple[tuple[str, str], ...]
METHODS = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}


@dataclass(frozen=True, slots=True)
class Signing:
    """What is signed. ``uri`` has no query; ``query``, ``oauth`` and ``fields`` are decoded.

    ``double``: names and values are percent-encoded once more than they should be; ``ordered``: they are sorted.
    """

    method: str
    uri: str
    oauth: Pairs
    query: Pairs = ()
    fields: Pairs = ()
    double: bool = False
    ordered: bool = True

    @property
    def parameters(self) -> Pairs:
        """Return the parameters as they stand in the normalized text, sorted and encoded."""
        pairs = [
            (self._encoded(name), self._encoded(value)) for name, value in (*self.oauth, *self.query, *self.fields)
        ]
        return tuple(sorted(pairs) if self.ordered else pairs)

    @property
    def base_string(self) -> str:
        """Return the base string."""
        normalized = "&".join(f"{name}={value}" for name, value in self.parameters)
        return "&".join((self.method, encoded(self.uri), encoded(normalized)))

    def _encoded(self, text: str) -> str:
        return encoded(encoded(text)) if self.double else encoded(text)


@dataclass(frozen=True, slots=True)
class ReceivedSignature:
    """The signature that came, in every way that it can be read; it is never shown."""

    readings: Mapping[bytes, str] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "ReceivedSignature":
        """Read a signature as base64, and as what tools take for it."""
        readings: dict[bytes, str] = {}
        for encoding, mac in _readings(text):
            readings.setdefault(mac, encoding)
        return cls(readings)

    @property
    def length(self) -> int | None:
        """Return how many bytes the MAC has; None when it is no base64."""
        return next((len(mac) for mac, encoding in self.readings.items() if encoding == ""), None)

    @property
    def lengths(self) -> frozenset[int]:
        """Return how many bytes the MAC may have, by all readings."""
        return frozenset(map(len, self.readings))

    def made_as(self, mac: bytes) -> str | None:
        """Tell how this MAC was written if it is the one that came; empty: as it should be; None: it is another."""
        return self.readings.get(mac)


def encoded(text: str) -> str:
    """Percent-encode (RFC 5849 3.6)."""
    return quote(text, safe="~", errors="surrogatepass")


def signing_key(secret: str) -> bytes:
    """Return the key of the MAC: the secret, encoded, and no token's (RFC 5849 3.4.2)."""
    return f"{encoded(secret)}&".encode()


def mac(digest: str, key: bytes, base_string: str) -> bytes:
    """Sign a base string."""
    return hmac.digest(key, base_string.encode(), digest)


def first_difference(one: str, other: str) -> int | None:
    """Return where two texts part, counted from 0; None when they are equal."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return None if len(one) == len(other) else min(len(one), len(other))


def side_by_side(tools: str, ours: str, width: int = 50) -> list[tuple[str, str, str]]:
    """Cut two base strings into rows of (position, the tool's, ours); below the first difference stands a mark."""
    at = first_difference(tools, ours)
    rows: list[tuple[str, str, str]] = []
    for start in range(0, max(len(tools), len(ours)), width):
        rows.append((str(start), tools[start : start + width], ours[start : start + width]))
        if at is not None and start <= at < start + width:
            mark = " " * (at - start) + "^"
            rows.append(("here", mark, mark))
    return rows


def _readings(text: str) -> Iterator[tuple[str, bytes]]:
    for encoding, read in _ENCODINGS:
        try:
            yield encoding, read(text)
        except (binascii.Error, ValueError):
            continue


def _strict(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _padded(text: str) -> bytes:
    return base64.b64decode(text.strip().rstrip("=") + "=" * (-len(text.strip().rstrip("=")) % 4), b"+/", validate=True)


def _url_safe(text: str) -> bytes:
    stripped = text.strip().rstrip("=")
    return base64.b64decode(stripped + "=" * (-len(stripped) % 4), b"-_", validate=True)


_ENCODINGS = (
    ("", _strict),
    ("without its padding, or with blanks around", _padded),
    ("with blanks for its plus signs", lambda text: _padded(text.strip().replace(" ", "+"))),
    ("percent-encoded twice", lambda text: _padded(text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))),
    ("in the URL-safe alphabet of base64", _url_safe),
    ("in hexadecimal", bytes.fromhex),
    ("in base64 of hexadecimal", lambda text: bytes.fromhex(_padded(text).decode("ascii"))),
)
"""How the MAC may have been written; the first is the right one (RFC 5849 3.4.2)."""


def query_text(query: Sequence[tuple[str, str]]) -> str:
    """Write a query as it stands in a URL."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query)
