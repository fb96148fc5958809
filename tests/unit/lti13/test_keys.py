import base64
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from jwcrypto import jwk  # type: ignore[import-untyped]  # ships no types

from chalicelib.errors import SetupError
from chalicelib.lti13.keys import SigningKey, generate_signing_key, jwks, public_jwk, public_pem

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generate_signing_key(NOW)


def test_the_public_key_has_the_members_a_platform_asks_for_and_nothing_private(key: SigningKey) -> None:
    published = public_jwk(key)
    assert set(published) == {"kty", "alg", "use", "kid", "n", "e"}
    assert (published["kty"], published["alg"], published["use"], published["e"]) == ("RSA", "RS256", "sig", "AQAB")
    assert published["kid"] == key.kid


def test_the_modulus_has_2048_bits(key: SigningKey) -> None:
    modulus = public_jwk(key)["n"]
    assert len(base64.urlsafe_b64decode(modulus + "==")) * 8 == 2048


def test_the_kid_is_the_thumbprint_that_another_library_computes(key: SigningKey) -> None:
    assert jwk.JWK(**public_jwk(key)).thumbprint() == key.kid


def test_another_library_reads_the_key_set(key: SigningKey) -> None:
    key_set = jwk.JWKSet.from_json(json.dumps(jwks([key])))
    assert key_set.get_key(key.kid).thumbprint() == key.kid


def test_another_library_reads_the_pem_as_the_same_public_key(key: SigningKey) -> None:
    pem = public_pem(key)
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert jwk.JWK.from_pem(pem.encode()).thumbprint() == key.kid
    assert "PRIVATE" not in pem


def test_the_private_key_is_not_in_the_representation(key: SigningKey) -> None:
    assert "PRIVATE KEY" in key.private_pem
    assert "PRIVATE" not in repr(key)


def test_a_damaged_key_is_named_but_not_shown() -> None:
    damaged = SigningKey("k1", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", NOW)
    with pytest.raises(SetupError, match="k1") as raised:
        public_jwk(damaged)
    assert "c2VjcmV0" not in str(raised.value)


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SetupError, match="not an RSA key"):
        public_jwk(SigningKey("k1", pem.decode(), NOW))


@pytest.mark.parametrize("module", ["keys", "key_rotation", "signing", "tokens", "ags", "registrations"])
def test_importing_a_module_loads_nothing_that_slows_a_cold_start(module: str) -> None:
    program = (
        f"import sys, chalicelib.lti13.{module}; print(sorted({{'jwt', 'cryptography', 'httpx'}} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
