"""Keys: fetching a tool's key set, and the platform's own."""

import base64
import hashlib
from http.client import HTTPException
from urllib.request import ProxyHandler, Request, build_opener

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_TIMEOUT_SECONDS = 5.0
_LARGEST = 256 * 1024


def fetch_document(url: str) -> bytes:
    """Get a document of at most 256 KiB by http or https, within 5 s; OSError when that fails."""
    if not url.startswith(("http://", "https://")):
        raise OSError("not a web address")
    # No proxy: key sets of tests and demonstrations are on this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the scheme is checked above
            return bytes(answer.read(_LARGEST))
    except (HTTPException, ValueError) as error:
        raise OSError("no usable answer") from error


def new_private_key() -> str:
    """Make the platform's signing key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_set(private_key: str) -> dict[str, object]:
    """Give the public half of a key as a JWK set."""
    key = load_pem_private_key(private_key.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the platform's key must be RSA")
    numbers = key.public_key().public_numbers()
    modulus = _base64url(numbers.n)
    kid = hashlib.sha256(modulus.encode()).hexdigest()[:16]
    return {
        "keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": modulus, "e": _base64url(numbers.e)}]
    }


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
