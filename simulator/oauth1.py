"""OAuth 1.0a signatures, verified by hand from RFC 5849, with the leniencies of Canvas's library.

Canvas LTI 1.1 outcomes, section 8. RSA-SHA1 is not played.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from simulator.exchange import Request

FORM_TYPE = "application/x-www-form-urlencoded"
# A value is percent-encoded throughout; a bare "=" in a signature makes the header malformed.
_PARAMETER = re.compile(r'\s*([A-Za-z0-9_.~%-]+)="([A-Za-z0-9_.~%-]*)"\s*')

Parameters = list[tuple[str, str]]


class SignatureError(Exception):
    """The request is not signed as it should be."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose signature holds."""

    nonce: str
    timestamp: int


def escape(text: str) -> str:
    """Percent-encode by RFC 5849 3.6."""
    return quote(text, safe="-._~")


def base_string(method: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Write the signature base string (RFC 5849 3.4.1); the URL's own query takes part."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *parameters]
    encoded = sorted((escape(name), escape(value)) for name, value in pairs if name not in ("oauth_signature", "realm"))
    normalized = "&".join(f"{name}={value}" for name, value in encoded)
    return "&".join((method.upper(), escape(_base_uri(url)), escape(normalized)))


def _base_uri(url: str) -> str:
    """Write scheme, host and path (RFC 5849 3.4.1.2): lower case, without a default port."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(scheme)
    if default and host.endswith(default):
        host = host.removesuffix(default)
    return f"{scheme}://{host}{parts.path or '/'}"


def sign(method: str, text: str, secret: str, token_secret: str = "") -> str:
    """Sign a base string.

    Raises
    ------
    SignatureError
        when the signature method is not offered
    """
    key = f"{escape(secret)}&{escape(token_secret)}"
    if method == "PLAINTEXT":
        return key
    digests = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
    if method not in digests:
        raise SignatureError("unknown signature method")
    return b64encode(hmac.new(key.encode(), text.encode(), digests[method]).digest()).decode()


def verify(request: Request, secret: str) -> SignedRequest:
    """Check a request's signature with the tool's secret; the consumer key is not looked at.

    Raises
    ------
    SignatureError
        without OAuth parameters, with a malformed header, a repeated parameter or a wrong signature
    """
    in_header = _authorization_parameters(request)
    in_query = [(name, value) for name, value in request.parameters if name.startswith("oauth_")]
    values = dict([*in_header, *in_query])
    if len(values) != len(in_header) + len(in_query):
        raise SignatureError("a parameter stands twice")  # RFC 5849 3.1
    if "oauth_signature" not in values:
        raise SignatureError("no OAuth parameters")
    url = f"{request.base_url}{request.path}" + (f"?{request.query}" if request.query else "")
    text = base_string(request.method, url, [*in_header, *_form_parameters(request)])
    expected = sign(values.get("oauth_signature_method", ""), text, secret)
    if not hmac.compare_digest(expected.encode(), values["oauth_signature"].encode()):
        raise SignatureError("the signature does not fit")
    return SignedRequest(values.get("oauth_nonce", ""), _seconds(values.get("oauth_timestamp", "")))


def _authorization_parameters(request: Request) -> Parameters:
    """Read the header (RFC 5849 3.5.1); only names that begin with ``oauth_`` count."""
    kind, _, rest = request.header("authorization").partition(" ")
    if kind != "OAuth":
        return []
    parameters = []
    for part in rest.split(","):
        found = _PARAMETER.fullmatch(part)
        if found and found.group(1).startswith("oauth_"):
            parameters.append((unquote(found.group(1)), unquote(found.group(2))))
        elif not found and "oauth_" in part:
            raise SignatureError("malformed header")
    return parameters


def _form_parameters(request: Request) -> Parameters:
    if request.media_type != FORM_TYPE:
        return []
    return parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else 0
