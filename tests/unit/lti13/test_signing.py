import json
from dataclasses import replace

import jwt
import pytest
from jwcrypto import jwk, jws  # type: ignore[import-untyped]  # ships no types

from chalicelib.errors import SetupError
from chalicelib.lti13 import signing
from chalicelib.lti13.keys import SigningKey, jwks
from chalicelib.lti13.signing import Signer

from .builders import CANVAS_SCHOOL, signing_key_of_the_tests
from .clocks import FakeClock

KEY = signing_key_of_the_tests()


def signer(*keys: SigningKey) -> Signer:
    return Signer(lambda: keys, FakeClock())


def test_another_library_verifies_our_signature_by_our_key_set() -> None:
    key_set = jwk.JWKSet.from_json(json.dumps(jwks([KEY])))
    token = jws.JWS()
    token.deserialize(signer(KEY).sign({"sub": "10000000000042"}, KEY))
    token.verify(key_set.get_key(KEY.kid))
    assert json.loads(token.payload) == {"sub": "10000000000042"}


def test_the_header_names_algorithm_type_and_key() -> None:
    assert jwt.get_unverified_header(signer(KEY).sign({}, KEY)) == {"alg": "RS256", "typ": "JWT", "kid": KEY.kid}


def test_keys_are_read_anew_for_each_signature_and_not_before() -> None:
    reads: list[str] = []

    def read() -> list[SigningKey]:
        reads.append("read")
        return [KEY]

    one = Signer(read, FakeClock())
    assert reads == []
    one.chosen(CANVAS_SCHOOL)
    one.chosen(CANVAS_SCHOOL)
    assert reads == ["read", "read"]


def test_a_key_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one = signer(KEY)
    one.sign({}, KEY)
    monkeypatch.setattr(signing, "load_private_key", None)
    assert one.sign({}, KEY).count(".") == 2


def test_without_a_key_the_operator_is_told_what_to_do() -> None:
    with pytest.raises(SetupError, match="passback key show"):
        signer().chosen(CANVAS_SCHOOL)


def test_a_platform_that_holds_a_key_is_signed_for_with_that_one() -> None:
    other = SigningKey("other", "", KEY.created_at)
    held = replace(CANVAS_SCHOOL, held_kid="other")
    assert signer(KEY, other).chosen(held).key == other
    assert signer(KEY, other).chosen(CANVAS_SCHOOL).key == KEY
