import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from jwcrypto import jwk, jws  # type: ignore[import-untyped]  # ships no types

from chalicelib.errors import SetupError
from chalicelib.lti13.keys import (
    Signer,
    SigningKey,
    generate_signing_key,
    jwks,
    public_jwk,
    published_keys,
    signing_key,
)

from .clocks import FakeClock

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generate_signing_key(NOW)


def keys_made(*ages: timedelta) -> list[SigningKey]:
    return [SigningKey(f"k{index}", "", NOW - age) for index, age in enumerate(ages)]


def names(keys: Sequence[SigningKey]) -> list[str]:
    return [key.kid for key in keys]


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


def test_another_library_reads_the_key_set_and_verifies_our_signature(key: SigningKey) -> None:
    key_set = jwk.JWKSet.from_json(json.dumps(jwks([key])))
    token = jws.JWS()
    token.deserialize(Signer(lambda: [key], FakeClock(NOW)).sign({"sub": "10000000000042"}))
    token.verify(key_set.get_key(key.kid))
    assert json.loads(token.payload) == {"sub": "10000000000042"}


def test_the_header_names_algorithm_type_and_key(key: SigningKey) -> None:
    header = jwt.get_unverified_header(Signer(lambda: [key], FakeClock(NOW)).sign({}))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": key.kid}


def test_the_private_key_is_not_in_the_representation(key: SigningKey) -> None:
    assert "PRIVATE KEY" in key.private_pem
    assert "PRIVATE" not in repr(key)


def test_no_key_is_read_before_something_is_signed(key: SigningKey) -> None:
    reads: list[str] = []

    def read() -> list[SigningKey]:
        reads.append("read")
        return [key]

    signer = Signer(read, FakeClock(NOW))
    assert reads == []
    signer.sign({})
    assert reads == ["read"]


def test_a_key_is_parsed_once(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization

    signer = Signer(lambda: [key], FakeClock(NOW))
    signer.sign({})
    monkeypatch.setattr(serialization, "load_pem_private_key", None)
    assert signer.sign({}).count(".") == 2


def test_without_a_key_the_operator_is_told_what_to_do() -> None:
    with pytest.raises(SetupError, match="passback key show"):
        Signer(list, FakeClock(NOW)).sign({})


def test_a_damaged_key_is_named_but_not_shown() -> None:
    damaged = SigningKey("k1", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", NOW)
    with pytest.raises(SetupError, match="k1") as raised:
        Signer(lambda: [damaged], FakeClock(NOW)).sign({})
    assert "c2VjcmV0" not in str(raised.value)


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SetupError, match="not an RSA key"):
        public_jwk(SigningKey("k1", pem.decode(), NOW))


def test_a_new_key_signs_only_after_a_day() -> None:
    keys = keys_made(30 * DAY, DAY - timedelta(seconds=1))
    assert signing_key(keys, NOW).kid == "k0"
    assert signing_key(keys, NOW + timedelta(seconds=1)).kid == "k1"


def test_the_very_first_key_signs_at_once() -> None:
    assert signing_key(keys_made(timedelta(0)), NOW).kid == "k0"


def test_a_new_key_is_published_at_once_beside_the_one_in_use() -> None:
    assert names(published_keys(keys_made(30 * DAY, timedelta(0)), NOW)) == ["k1", "k0"]


def test_a_replaced_key_is_published_for_one_more_day() -> None:
    keys = keys_made(30 * DAY, 2 * DAY - timedelta(seconds=1))
    assert names(published_keys(keys, NOW)) == ["k1", "k0"]
    assert names(published_keys(keys, NOW + timedelta(seconds=1))) == ["k1"]


def test_no_keys_make_an_empty_set() -> None:
    assert jwks(published_keys([], NOW)) == {"keys": []}


@pytest.mark.parametrize("module", ["keys", "tokens", "ags", "registrations"])
def test_importing_a_module_loads_nothing_that_slows_a_cold_start(module: str) -> None:
    program = (
        f"import sys, chalicelib.lti13.{module}; print(sorted({{'jwt', 'cryptography', 'httpx'}} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
