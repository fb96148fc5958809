from collections.abc import Mapping
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.errors import SetupError, StorageUnavailable, StorageUnreadable
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.sealing import KeyFileSealer

OWNER = {"kind": "tool", "consumer_key": "key"}


class Counted:
    """A sealer that cannot say by the value whether it is its own, like KMS; ``refuses`` stands for KMS being away."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0
        self.refuses = False

    def seal(self, plain: str, context: Mapping[str, str]) -> str:
        return f"{self.name}|{plain}"

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        self.asked += 1
        if self.refuses:
            raise StorageUnavailable("away")
        if not sealed.startswith(f"{self.name}|"):
            raise StorageUnreadable("not mine")
        return sealed.partition("|")[2]

    def resealed(self, sealed: str, context: Mapping[str, str]) -> str | None:
        raise AssertionError("the one that knows both keys decides")


@pytest.fixture
def old() -> Counted:
    return Counted("old")


@pytest.fixture
def new() -> Counted:
    return Counted("new")


@pytest.fixture
def both(old: Counted, new: Counted) -> ChangingKeySealer:
    return ChangingKeySealer(new, [old])


def test_the_present_key_seals_and_both_open(both: ChangingKeySealer, old: Counted) -> None:
    assert both.seal("secret", OWNER) == "new|secret"
    assert both.open("new|secret", OWNER) == "secret"
    assert old.asked == 0
    assert both.open("old|secret", OWNER) == "secret"


def test_only_what_the_key_before_sealed_is_sealed_anew(both: ChangingKeySealer) -> None:
    assert both.resealed("old|secret", OWNER) == "new|secret"
    assert both.resealed("new|secret", OWNER) is None


def test_which_key_opened_a_value_is_remembered(both: ChangingKeySealer, old: Counted, new: Counted) -> None:
    for _ in range(3):
        both.open("old|secret", OWNER)
    assert (new.asked, old.asked) == (1, 3)


def test_what_no_key_opens_is_unreadable(both: ChangingKeySealer) -> None:
    with pytest.raises(StorageUnreadable):
        both.open("other|secret", OWNER)


@pytest.mark.parametrize("sealed", ["old|secret", "other|secret"])
def test_where_a_key_cannot_be_used_now_nothing_is_called_unreadable(
    both: ChangingKeySealer, old: Counted, sealed: str
) -> None:
    old.refuses = True
    with pytest.raises(StorageUnavailable):
        both.open(sealed, OWNER)


def test_a_value_of_the_key_before_opens_while_the_present_key_cannot_be_used(
    both: ChangingKeySealer, new: Counted
) -> None:
    new.refuses = True
    assert both.open("old|secret", OWNER) == "secret"


def test_key_files_change_by_the_settings(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sealed = KeyFileSealer(old).seal("secret", OWNER)
    both = make_sealer(Settings(key_file=str(new), previous_key_file=str(old)), {})
    assert both.open(sealed, OWNER) == "secret"
    anew = both.resealed(sealed, OWNER)
    assert anew is not None
    assert both.resealed(anew, OWNER) is None
    assert make_sealer(Settings(key_file=str(new)), {}).open(anew, OWNER) == "secret"
    with pytest.raises(StorageUnreadable, match="PASSBACK_PREVIOUS_KEY_FILE"):
        KeyFileSealer(new).open(sealed, OWNER)


def test_a_key_file_of_before_is_never_made_up(tmp_path: Path) -> None:
    both = make_sealer(Settings(key_file=str(tmp_path / "new"), previous_key_file=str(tmp_path / "old")), {})
    with pytest.raises(SetupError, match="There is no key file"):
        both.open(KeyFileSealer(tmp_path / "elsewhere").seal("secret", OWNER), OWNER)
    assert not (tmp_path / "old").exists()


def test_a_single_key_has_nothing_to_seal_anew(tmp_path: Path) -> None:
    sealer = make_sealer(Settings(key_file=str(tmp_path / "key")), {})
    assert sealer.resealed(sealer.seal("secret", OWNER), OWNER) is None
    with pytest.raises(StorageUnreadable):
        sealer.resealed(KeyFileSealer(tmp_path / "other").seal("secret", OWNER), OWNER)


def test_a_key_before_does_not_stand_in_for_the_present_one(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="PASSBACK_KMS_KEY"):
        make_sealer(Settings(previous_key_file=str(tmp_path / "old")), {})
