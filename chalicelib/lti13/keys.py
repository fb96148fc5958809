"""Our RSA keys: made, published as a JWK Set, and used to sign. ``cryptography`` and ``jwt`` load at first use only."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.clock import Clock
from chalicelib.errors import SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

KEY_BITS = 2048
"""The smallest size allowed, and the one that every platform takes (1EdTech Security Framework 1.1, keys)."""
PUBLIC_EXPONENT = 65537
OVERLAP = timedelta(days=1)
"""How long a new key is published before it signs, and an old one after: platforms cache key sets for hours."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private RSA key in PEM (PKCS #8, not encrypted), and the ``kid`` that its public half is published under."""

    kid: str
    private_pem: str = field(repr=False)
    created_at: datetime


def generate_signing_key(now: datetime) -> SigningKey:
    """Make a key: RSA 2048, its ``kid`` the thumbprint of the public half (RFC 7638)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(_thumbprint(private.public_key()), pem.decode("ascii"), now)


def public_jwk(key: SigningKey) -> dict[str, str]:
    """Return the public half as a JWK: the members that Canvas asks for, never ``d`` (Canvas AGS, section 1)."""
    public = _load(key).public_key()
    return {**_required_members(public), "alg": "RS256", "use": "sig", "kid": key.kid}


def jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, str]]]:
    """Return the JWK Set of these keys (RFC 7517, section 5)."""
    return {"keys": [public_jwk(key) for key in keys]}


def signing_key(keys: Sequence[SigningKey], now: datetime) -> SigningKey:
    """Choose the key to sign with: the newest that has been published for a day, or else the oldest of all.

    Raises
    ------
    SetupError
        If there is no key at all.
    """
    if not keys:
        raise SetupError("There is no signing key; `passback key show` makes one.")
    by_age = sorted(keys, key=lambda key: key.created_at)
    published_long_enough = [key for key in by_age if key.created_at + OVERLAP <= now]
    return published_long_enough[-1] if published_long_enough else by_age[0]


def published_keys(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Choose the keys to publish, newest first: those still to come, the one in use, and those it replaced today."""
    if not keys:
        return []
    in_use_a_day_ago = signing_key(keys, now - OVERLAP)
    newest_first = sorted(keys, key=lambda key: key.created_at, reverse=True)
    return [key for key in newest_first if key.created_at >= in_use_a_day_ago.created_at]


class Signer:
    """Signs with the key that is in use. Keys are read when a token is signed, and parsed once each."""

    def __init__(self, keys: Callable[[], Sequence[SigningKey]], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._parsed: dict[str, RSAPrivateKey] = {}

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as a signed JWT: RS256, with our ``kid`` in the header.

        Raises
        ------
        SetupError
            If there is no key.
        """
        import jwt

        key = signing_key(self._keys(), self._clock.now())
        if key.kid not in self._parsed:
            self._parsed[key.kid] = _load(key)
        return jwt.encode(dict(claims), self._parsed[key.kid], algorithm="RS256", headers={"kid": key.kid})


def _load(key: SigningKey) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        # The consistency check costs 29 ms and was passed when the key was made; it comes back from sealed storage.
        private = load_pem_private_key(key.private_pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise SetupError(f"The signing key {key.kid} cannot be read.") from None  # the cause may quote the key
    if not isinstance(private, RSAPrivateKey):
        raise SetupError(f"The signing key {key.kid} is not an RSA key.")
    return private


def _required_members(public: "RSAPublicKey") -> dict[str, str]:
    numbers = public.public_numbers()
    return {"kty": "RSA", "n": _base64url(numbers.n), "e": _base64url(numbers.e)}


def _thumbprint(public: "RSAPublicKey") -> str:
    # RFC 7638, section 3: the required members only, in lexicographic order, without blanks.
    canonical = json.dumps(_required_members(public), sort_keys=True, separators=(",", ":"))
    return _unpadded(hashlib.sha256(canonical.encode("ascii")).digest())


def _base64url(number: int) -> str:
    # RFC 7518, section 2 (Base64urlUInt): big-endian, in as few octets as possible.
    return _unpadded(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _unpadded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
