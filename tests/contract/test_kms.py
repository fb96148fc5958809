"""On moto only: the local engine is used with a key file."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from chalicelib.config import Settings
from chalicelib.errors import StorageUnavailable, StorageUnreadable
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.clients import make_kms_client
from chalicelib.storage.kms import KmsSealer
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.sealing import KeyFileSealer

from .conftest import MOTO_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kms import KMSClient

OWNER = {"kind": "tool", "consumer_key": "key"}
SHORT = "a secret é \U0001f511"
LONG = "private key " * 1000
BOUNDARY = "x" * 4096


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> "Iterator[KMSClient]":
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield make_kms_client(Settings(), MOTO_ENVIRONMENT)


@pytest.fixture
def calls(kms: "KMSClient") -> list[str]:
    names: list[str] = []
    kms.meta.events.register("before-call.kms", lambda model, **_: names.append(model.name))
    return names


@pytest.fixture
def key_id(kms: "KMSClient") -> str:
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize("plain", [SHORT, LONG, BOUNDARY, BOUNDARY + "x", ""])
def test_what_is_sealed_opens_in_another_container(kms: "KMSClient", key_id: str, plain: str) -> None:
    sealed = KmsSealer(kms, key_id).seal(plain, OWNER)
    assert sealed.isascii()
    assert KmsSealer(kms, key_id).open(sealed, OWNER) == plain


def test_a_short_text_is_one_call_and_a_long_one_takes_a_data_key(
    kms: "KMSClient", key_id: str, calls: list[str]
) -> None:
    sealer = KmsSealer(kms, key_id)
    calls.clear()
    sealer.seal(SHORT, OWNER)
    sealer.seal(LONG, OWNER)
    assert calls == ["Encrypt", "GenerateDataKey"]


def test_a_warm_container_asks_kms_once(kms: "KMSClient", key_id: str, calls: list[str]) -> None:
    sealer = KmsSealer(kms, key_id)
    sealed = sealer.seal(SHORT, OWNER)
    calls.clear()
    assert [sealer.open(sealed, OWNER) for _ in range(3)] == [SHORT] * 3
    assert calls == ["Decrypt"]


@pytest.mark.parametrize("plain", [SHORT, LONG])
def test_another_owner_does_not_open_it_even_when_it_is_remembered(kms: "KMSClient", key_id: str, plain: str) -> None:
    sealer = KmsSealer(kms, key_id)
    sealed = sealer.seal(plain, OWNER)
    assert sealer.open(sealed, OWNER) == plain
    with pytest.raises(StorageUnreadable, match="does not open"):
        sealer.open(sealed, {**OWNER, "consumer_key": "other"})


def test_the_content_of_an_envelope_cannot_be_exchanged(kms: "KMSClient", key_id: str) -> None:
    sealer = KmsSealer(kms, key_id)
    first, second = sealer.seal(LONG, OWNER).split(":"), sealer.seal(LONG, OWNER).split(":")
    with pytest.raises(StorageUnreadable):
        sealer.open(":".join([first[0], first[1], second[2]]), OWNER)


@pytest.mark.parametrize(
    "sealed", ["", "plain", "kms1:", "kms1:!", "kms1:é", "kms1:AAAA", "kmsdata1:AAAA", "file1:a:b"]
)
def test_what_was_not_sealed_does_not_open(kms: "KMSClient", key_id: str, sealed: str) -> None:
    with pytest.raises(StorageUnreadable, match="does not open"):
        KmsSealer(kms, key_id).open(sealed, OWNER)


def test_a_missing_key_is_unavailable(kms: "KMSClient") -> None:
    with pytest.raises(StorageUnavailable, match="KMS Encrypt"):
        KmsSealer(kms, "00000000-0000-0000-0000-000000000000").seal(SHORT, OWNER)


def test_the_settings_choose_kms(kms: "KMSClient", key_id: str) -> None:
    sealer = make_sealer(Settings(kms_key=key_id, key_file="/ignored"), MOTO_ENVIRONMENT)
    assert isinstance(sealer, KmsSealer)
    assert sealer.open(sealer.seal(SHORT, OWNER), OWNER) == SHORT
    assert SHORT not in repr(sealer)


class TestChangeOfKey:
    """moto says AccessDeniedException to the wrong key, AWS IncorrectKeyException (KMS API, Decrypt); both are met."""

    @pytest.fixture
    def earlier(self, kms: "KMSClient") -> str:
        return kms.create_key()["KeyMetadata"]["KeyId"]

    @pytest.mark.parametrize("plain", [SHORT, LONG])
    def test_both_keys_open_and_what_is_sealed_anew_needs_the_present_one_only(
        self, kms: "KMSClient", key_id: str, earlier: str, plain: str
    ) -> None:
        sealed = KmsSealer(kms, earlier).seal(plain, OWNER)
        both = make_sealer(Settings(kms_key=key_id, previous_kms_key=earlier), MOTO_ENVIRONMENT)
        assert both.open(sealed, OWNER) == plain
        anew = both.resealed(sealed, OWNER)
        assert anew is not None
        assert both.resealed(anew, OWNER) is None
        kms.disable_key(KeyId=earlier)
        assert KmsSealer(kms, key_id).open(anew, OWNER) == plain

    def test_from_a_key_file_to_kms(self, kms: "KMSClient", key_id: str, tmp_path: Path) -> None:
        sealed = KeyFileSealer(tmp_path / "key").seal(SHORT, OWNER)
        settings = Settings(kms_key=key_id, previous_key_file=str(tmp_path / "key"))
        anew = make_sealer(settings, MOTO_ENVIRONMENT).resealed(sealed, OWNER)
        assert anew is not None
        assert KmsSealer(kms, key_id).open(anew, OWNER) == SHORT

    def test_from_kms_to_a_key_file(self, kms: "KMSClient", key_id: str, tmp_path: Path) -> None:
        sealed = KmsSealer(kms, key_id).seal(SHORT, OWNER)
        settings = Settings(key_file=str(tmp_path / "key"), previous_kms_key=key_id)
        anew = make_sealer(settings, MOTO_ENVIRONMENT).resealed(sealed, OWNER)
        assert anew is not None
        assert KeyFileSealer(tmp_path / "key").open(anew, OWNER) == SHORT

    def test_the_wrong_key_is_asked_once_for_each_value(self, kms: "KMSClient", key_id: str, earlier: str) -> None:
        sealed = KmsSealer(kms, earlier).seal(SHORT, OWNER)
        both = ChangingKeySealer(KmsSealer(kms, key_id), [KmsSealer(kms, earlier)])
        asked: list[str] = []
        kms.meta.events.register("before-call.kms", lambda model, **_: asked.append(model.name))
        assert [both.open(sealed, OWNER) for _ in range(3)] == [SHORT] * 3
        assert asked == ["Decrypt", "Decrypt"]
