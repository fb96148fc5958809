"""Our RSA keys: made, and written as JWK and PEM. ``cryptography`` loads at first use only."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.errors import SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

KEY_BITS = 2048
"""The smallest size allowed, and the one that every platform takes (1EdTech Security Framework 1.1, keys)."""
PUBLIC_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private RSA key in PEM (PKCS #8, not encrypted), and the ``kid`` that its public half is published under.

    ``forced_at``: since when it signs, where it did not wait its day. ``withdrawn``: it is published no more.
    """

    kid: str
    private_pem: str = field(repr=False)
    created_at: datetime
    forced_at: datetime | None = None
    withdrawn: bool = False


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
    public = load_private_key(key).public_key()
    return {**_required_members(public), "alg": "RS256", "use": "sig", "kid": key.kid}


def public_pem(key: SigningKey) -> str:
    """Return the public half in PEM (SubjectPublicKeyInfo), as Moodle wants a key that is typed in."""
    from cryptography.hazmat.primitives import serialization

    written = (
        load_private_key(key)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return written.decode("ascii")


def jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, str]]]:
    """Return the JWK Set of these keys (RFC 7517, section 5)."""
    return {"keys": [public_jwk(key) for key in keys]}


def load_private_key(key: SigningKey) -> "RSAPrivateKey":
    """Parse the private part.

    Raises
    ------
    SetupError
        If it is damaged, or no RSA key.
    """
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
