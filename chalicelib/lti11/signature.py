"""Whether a request was signed by the tool it names: signature, body hash and time window (RFC 5849 3.2)."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, unquote, urlsplit

# Only the functions that make base strings and MACs. Its endpoints refuse the keys and nonces of real tools and
# never look at the body hash.
from oauthlib.oauth1.rfc5849 import signature as rfc5849

from chalicelib.clock import to_milliseconds
from chalicelib.errors import RequestRefused
from chalicelib.lti11.authorization import SIGNATURE_NAME, Authorization, SignatureMethod, refused_authorization
from chalicelib.lti11.tools import BodyHashRule

TIMESTAMP_EXPIRED = "Timestamp too old or too far in the future, request has expired"
DUMMY_SECRET = "nobody-signs-with-this-one"  # noqa: S105 - stands in for missing secrets, and never matches
LIVE_SECRETS = 2

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Credentials:
    """What oauthlib's signing functions read from a client; LTI 1.1 has no token."""

    client_secret: str
    resource_owner_secret: str | None = None


def verify_signature(
    method: str,
    urls: Sequence[str],
    authorization: Authorization,
    extra_parameters: Parameters,
    secrets: Sequence[str],
) -> str | None:
    """Return the first of ``urls`` that the request was signed for, or None (RFC 5849 3.4).

    ``urls`` are absolute, with their query string; ``extra_parameters`` are decoded form fields, empty for XML.
    ``secrets`` are the live secrets of the key, none for an unknown key. Every URL is tried with every secret, and
    missing secrets are made up by a dummy that cannot match, so that the work tells nothing about the key.

    Raises
    ------
    RequestRefused
        401 when the query string of a URL repeats an OAuth parameter (RFC 5849 3.1).
    """
    live = [(secret, True) for secret in secrets if secret not in ("", DUMMY_SECRET)]
    candidates = live + [(DUMMY_SECRET, False)] * (LIVE_SECRETS - len(live))
    matched: str | None = None
    for url in urls:
        for base_string in _base_strings(method, url, authorization, extra_parameters):
            for secret, counts in candidates:
                made = _sign(authorization.signature_method, base_string, secret)
                if _equal(made, authorization.signature) and counts and matched is None:
                    matched = url
    return matched


def check_body_hash(authorization: Authorization, body: bytes, rule: BodyHashRule) -> None:
    """Check ``oauth_body_hash`` against the exact bytes of the body (OAuth Request Body Hash 1.0, section 3.2).

    Raises
    ------
    RequestRefused
        401 when the hash is wrong, or when it is missing and the tool's rule requires it.
    """
    if authorization.body_hash is None:
        if rule is BodyHashRule.REQUIRED:
            raise refused_authorization("oauth_body_hash is missing")
        return
    digests = [hashlib.sha1(body, usedforsecurity=False).digest()]
    if authorization.signature_method is SignatureMethod.HMAC_SHA256:
        # Sakai hashes the body with SHA-256 under this method, others stay with SHA-1 (LTI standards, section 1.4).
        digests.append(hashlib.sha256(body).digest())
    equal = [_equal(base64.b64encode(digest).decode(), authorization.body_hash) for digest in digests]
    if not any(equal):
        raise refused_authorization("oauth_body_hash does not match the body")


def check_timestamp(authorization: Authorization, now: datetime, past: int, future: int) -> None:
    """Check that the request was signed at most ``past`` seconds ago and ``future`` seconds ahead.

    Raises
    ------
    RequestRefused
        401 with Canvas's text (Canvas LTI 1.1 outcomes, section 7.4).
    """
    age = to_milliseconds(now) - authorization.timestamp * 1000
    if not -future * 1000 <= age <= past * 1000:
        raise RequestRefused(401, TIMESTAMP_EXPIRED, f"signed {age // 1000} s ago")


def _base_strings(method: str, url: str, authorization: Authorization, extra: Parameters) -> Iterator[str]:
    """Yield the base strings that a tool may have signed for this URL; none when it is not a URL."""
    try:
        uri = rfc5849.base_string_uri(url)
        readings = _query_readings(urlsplit(url).query)
        _refuse_repeated(readings[0], authorization)
        for query in readings:
            pairs = [*authorization.parameters, *query, *extra]
            normalized = rfc5849.normalize_parameters(pairs)  # type: ignore[arg-type] # the stub says dict; it is pairs
            yield rfc5849.signature_base_string(method, uri, normalized)  # type: ignore[arg-type] # any method is text
    except ValueError:  # not a URL, or text that UTF-8 cannot hold: nobody can have signed it
        return


def _query_readings(query: str) -> list[list[tuple[str, str]]]:
    once = parse_qsl(query, keep_blank_values=True)
    # Python's oauth2 library, and so pylti, decodes the values of the query a second time before it signs.
    twice = [(name, unquote(value)) for name, value in once]
    return [once] if once == twice else [once, twice]


def _refuse_repeated(query: Parameters, authorization: Authorization) -> None:
    named = {name for name, _ in authorization.parameters} | {SIGNATURE_NAME}
    if any(name in named for name, _ in query):
        raise refused_authorization("an OAuth parameter of the header is repeated in the query string")


def _sign(method: SignatureMethod, base_string: str, secret: str) -> str:
    credentials = _Credentials(secret)
    if method is SignatureMethod.HMAC_SHA256:
        return str(rfc5849.sign_hmac_sha256_with_client(base_string, credentials))  # type: ignore[no-untyped-call] # stub
    return str(rfc5849.sign_hmac_sha1_with_client(base_string, credentials))


def _equal(made: str, received: str) -> bool:
    return hmac.compare_digest(made.encode(), received.encode())
