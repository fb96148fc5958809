import base64
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.config import Settings
from chalicelib.errors import SetupError, StorageUnreadable
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.sealing import KeyFileSealer, canonical

OWNER = {"kind": "tool", "consumer_key": "key"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def sealer(tmp_path: Path) -> KeyFileSealer:
    return KeyFileSealer(tmp_path / "home" / "key")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=TEXT, context=st.dictionaries(TEXT, TEXT))
def test_any_text_opens_for_its_owner(sealer: KeyFileSealer, plain: str, context: dict[str, str]) -> None:
    sealed = sealer.seal(plain, context)
    assert sealed.isascii()
    assert sealer.open(sealed, context) == plain


def test_the_same_secret_is_sealed_differently_each_time(sealer: KeyFileSealer) -> None:
    assert sealer.seal("secret", OWNER) != sealer.seal("secret", OWNER)


def test_the_order_of_the_context_does_not_matter(sealer: KeyFileSealer) -> None:
    assert sealer.open(sealer.seal("secret", OWNER), dict(reversed(OWNER.items()))) == "secret"


@pytest.mark.parametrize(
    "other", [{}, {"kind": "tool", "consumer_key": "other"}, {"kind": "toolconsumer_key", "": "key"}]
)
def test_another_owner_does_not_open_it(sealer: KeyFileSealer, other: dict[str, str]) -> None:
    sealed = sealer.seal("secret", OWNER)
    with pytest.raises(StorageUnreadable, match="does not open") as unreadable:
        sealer.open(sealed, other)
    assert "secret" not in str(unreadable.value).replace("A stored secret", "")


def test_pairs_of_a_context_never_run_together() -> None:
    assert canonical({"a": "bc"}) != canonical({"ab": "c"})


def test_any_damaged_byte_is_noticed(sealer: KeyFileSealer) -> None:
    sealed = sealer.seal("secret", OWNER)
    prefix, _, encoded = sealed.rpartition(":")
    content = base64.b64decode(encoded)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(StorageUnreadable):
            sealer.open(f"{prefix}:{base64.b64encode(damaged).decode()}", OWNER)


@pytest.mark.parametrize("cut", ["", "AAAA", "not base64!", "é"])
def test_a_shortened_value_is_noticed(sealer: KeyFileSealer, cut: str) -> None:
    prefix, _, _ = sealer.seal("secret", OWNER).rpartition(":")
    with pytest.raises(StorageUnreadable, match="does not open"):
        sealer.open(f"{prefix}:{cut}", OWNER)


def test_another_key_file_is_named_as_the_cause(sealer: KeyFileSealer, tmp_path: Path) -> None:
    sealed = sealer.seal("secret", OWNER)
    other = KeyFileSealer(tmp_path / "other key")
    with pytest.raises(StorageUnreadable, match="other key"):
        other.open(sealed, OWNER)


def test_the_key_is_made_once_for_its_owner_only(sealer: KeyFileSealer, tmp_path: Path) -> None:
    sealed = sealer.seal("secret", OWNER)
    path = tmp_path / "home" / "key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]
    assert KeyFileSealer(path).open(sealed, OWNER) == "secret"
    assert path.read_text().strip() not in repr(sealer)


def test_processes_that_start_together_use_one_key(tmp_path: Path) -> None:
    sealers = [KeyFileSealer(tmp_path / "key") for _ in range(8)]
    barrier = threading.Barrier(8)

    def seal(sealer: KeyFileSealer) -> str:
        barrier.wait()
        return sealer.seal("secret", OWNER)

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(seal, sealers))
    assert {KeyFileSealer(tmp_path / "key").open(each, OWNER) for each in sealed} == {"secret"}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_others_can_read_is_refused(sealer: KeyFileSealer, tmp_path: Path) -> None:
    sealer.seal("secret", OWNER)
    path = tmp_path / "home" / "key"
    path.chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600"):
        KeyFileSealer(path).seal("secret", OWNER)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", base64.b64encode(b"x" * 31), b"x" * 32])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SetupError, match="not a key file"):
        KeyFileSealer(path).seal("secret", OWNER)
    assert path.read_bytes() == content


def test_the_settings_choose_the_key_file(tmp_path: Path) -> None:
    sealer = make_sealer(Settings(key_file=str(tmp_path / "key")), {})
    assert sealer.open(sealer.seal("secret", OWNER), OWNER) == "secret"
    assert (tmp_path / "key").exists()


def test_without_any_key_the_operator_is_told_what_to_set() -> None:
    with pytest.raises(SetupError, match="PASSBACK_KMS_KEY"):
        make_sealer(Settings(), {})


def test_importing_the_stores_loads_no_cryptography_and_no_aws_client() -> None:
    program = (
        "import sys, chalicelib.storage.ledger, chalicelib.storage.tokens, chalicelib.storage.signing_keys\n"
        "print(sorted({'jwt', 'cryptography', 'boto3', 'botocore.session', 'httpx'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
