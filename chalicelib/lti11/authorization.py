"""The OAuth 1.0a parameters of a request, out of its Authorization header (RFC 5849 3.5.1)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from chalicelib.errors import RequestRefused

INVALID_AUTHORIZATION = "Invalid authorization header"
"""What a tool reads for every fault of header, signature and body hash (Canvas LTI 1.1 outcomes, section 7.4)."""

SCHEME = "OAuth "  # in exactly this case (Canvas LTI 1.1 outcomes, section 8)
PROTOCOL_PREFIX = "oauth_"
SIGNATURE_NAME = "oauth_signature"
LONGEST_HEADER = 8 * 1024
LONGEST_IDENTIFIER = 255

_REQUIRED = (
    "oauth_consumer_key",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_nonce",
    SIGNATURE_NAME,
)
# One element of the list with the comma behind it. Empty elements are allowed, as in every HTTP list.
_ELEMENT = re.compile(r'\s*(?:(?P<name>[^\s",=]+)\s*=\s*"(?P<value>[^"]*)"\s*)?(?:,|\Z)', re.ASCII)
# Printable ASCII. A raw "=", "&" or "," breaks the header for Canvas too; a raw "+" stands for itself.
_ENCODED = re.compile(r"(?:[ !#$'-+\--<>-~]|%[0-9A-Fa-f]{2})*")
_TIMESTAMP = re.compile(r"[0-9]{1,15}")


class SignatureMethod(StrEnum):
    """The methods that are taken; PLAINTEXT and the RSA ones never are."""

    HMAC_SHA1 = "HMAC-SHA1"
    HMAC_SHA256 = "HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The protocol parameters of one request. ``timestamp`` is in seconds since 1970.

    ``parameters`` are all ``oauth_`` names and values as they enter the base string: decoded, without the signature.
    """

    consumer_key: str
    signature_method: SignatureMethod
    timestamp: int
    nonce: str
    signature: str = field(repr=False)
    body_hash: str | None = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = field(repr=False)


def refused_authorization(reason: str) -> RequestRefused:
    """Make the refusal that every fault of the authorization gets; ``reason`` is for the operator only."""
    return RequestRefused(401, INVALID_AUTHORIZATION, reason)


def read_authorization(headers: Sequence[str]) -> Authorization:
    """Read the one Authorization header of a request (RFC 5849 3.5.1; Canvas LTI 1.1 outcomes, section 8).

    ``headers`` are the values of all Authorization headers that came.

    Raises
    ------
    RequestRefused
        401 for any fault: none or several headers, another scheme, bad encoding, a repeated or missing parameter.
    """
    if len(headers) != 1:
        raise refused_authorization("no Authorization header" if not headers else "several Authorization headers")
    header = headers[0]
    if len(header) > LONGEST_HEADER:
        raise refused_authorization("Authorization header too long")
    if not header.startswith(SCHEME):
        raise refused_authorization("not an OAuth Authorization header")
    decoded = ((_decode(name), value) for name, value in _elements(header[len(SCHEME) :]))
    # Canvas drops realm and every other name that is not of the protocol, so their values need not be well encoded.
    return gather_authorization([(name, _decode(value)) for name, value in decoded if name.startswith(PROTOCOL_PREFIX)])


def gather_authorization(parameters: Sequence[tuple[str, str]]) -> Authorization:
    """Check decoded ``oauth_`` parameters and put them together (RFC 5849 3.1 and 3.2).

    Raises
    ------
    RequestRefused
        401 for a repeated or missing parameter, or a value that cannot be.
    """
    values = dict(parameters)
    if len(values) != len(parameters):
        raise refused_authorization("an OAuth parameter is repeated")
    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        raise refused_authorization(f"missing {', '.join(missing)}")
    if values.get("oauth_version", "1.0") != "1.0":
        raise refused_authorization("oauth_version is not 1.0")
    return Authorization(
        consumer_key=_identifier(values, "oauth_consumer_key"),
        signature_method=_signature_method(values["oauth_signature_method"]),
        timestamp=_timestamp(values["oauth_timestamp"]),
        nonce=_identifier(values, "oauth_nonce"),
        signature=values[SIGNATURE_NAME],
        body_hash=values.get("oauth_body_hash"),
        parameters=tuple((name, value) for name, value in parameters if name != SIGNATURE_NAME),
    )


def _elements(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        element = _ELEMENT.match(text, position)
        if element is None:
            raise refused_authorization("malformed Authorization header")
        if element["name"] is not None:
            yield element["name"], element["value"]
        position = element.end()


def _decode(text: str) -> str:
    if _ENCODED.fullmatch(text) is None:
        raise refused_authorization("a part of the Authorization header is not percent-encoded")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise refused_authorization("a part of the Authorization header is not UTF-8") from None


def _identifier(values: dict[str, str], name: str) -> str:
    value = values[name]
    # Real keys are short or hold blanks and colons, real nonces are UUIDs or 43 letters: no tighter rule fits all.
    if not 1 <= len(value) <= LONGEST_IDENTIFIER or not value.isprintable():
        raise refused_authorization(f"{name} is not 1 to {LONGEST_IDENTIFIER} printable characters")
    return value


def _signature_method(value: str) -> SignatureMethod:
    try:
        return SignatureMethod(value.upper())  # Canvas's library compares without regard to case
    except ValueError:
        raise refused_authorization("signature method is neither HMAC-SHA1 nor HMAC-SHA256") from None


def _timestamp(value: str) -> int:
    if _TIMESTAMP.fullmatch(value) is None:
        raise refused_authorization("oauth_timestamp is not a number of seconds")
    return int(value)
