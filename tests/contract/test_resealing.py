"""Secrets sealed anew with another master key, in a real engine: the writes and their conditions."""

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.errors import StorageConflict
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.tokens import StoredToken
from chalicelib.storage import signing_keys
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.resealing import Reseal
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.signing_keys import SigningKeyStore
from chalicelib.storage.table import Table
from chalicelib.storage.tokens import TokenStore
from chalicelib.storage.tokens import token_key as token_item_key
from chalicelib.storage.tools import ToolStore, tool_key

from .records import NOW, NOW_MS, TOOL

KEYS = (
    SigningKey("kid-1", "-----BEGIN PRIVATE KEY-----\nfirst\n", NOW, withdrawn=True),
    SigningKey("kid-2", "x" * 5000, NOW + timedelta(days=1), forced_at=NOW + timedelta(days=2)),
)
TOKEN = StoredToken("very-secret-token", NOW_MS + 3_600_000, 5)


@pytest.fixture
def new(tmp_path: Path) -> KeyFileSealer:
    return KeyFileSealer(tmp_path / "new key")


@pytest.fixture
def both(new: KeyFileSealer, sealer: KeyFileSealer) -> ChangingKeySealer:
    return ChangingKeySealer(new, [sealer])


def written(table: Table, pk: str, reseal: Reseal | None) -> int:
    assert reseal is not None
    table.update(pk, reseal.changes, reseal.condition)
    return reseal.count


def test_a_tool(table: Table, sealer: KeyFileSealer, new: KeyFileSealer, both: ChangingKeySealer) -> None:
    ToolStore(table, sealer).add(TOOL)
    store, pk = ToolStore(table, both), tool_key(TOOL.consumer_key)
    item = table.get(pk)
    assert item is not None
    assert written(table, pk, store.resealed(item)) == 2
    assert ToolStore(table, new).get(TOOL.consumer_key) == TOOL
    assert list(ToolStore(table, new).list()) == [TOOL]
    with pytest.raises(StorageConflict):  # what was read before is not what is stored any more
        written(table, pk, store.resealed(item))
    assert store.resealed(table.get(pk) or {}) is None


def test_signing_keys(table: Table, sealer: KeyFileSealer, new: KeyFileSealer, both: ChangingKeySealer) -> None:
    for key in KEYS:
        SigningKeyStore(table, sealer).add(key)
    item = table.get(signing_keys.PK)
    assert item is not None
    store = SigningKeyStore(table, both)
    assert written(table, signing_keys.PK, store.resealed(item)) == 2
    assert SigningKeyStore(table, new).list() == KEYS
    with pytest.raises(StorageConflict):
        written(table, signing_keys.PK, store.resealed(item))
    assert SigningKeyStore(table, new).change(lambda keys: keys[1:]) == KEYS[1:]


def test_a_token(table: Table, sealer: KeyFileSealer, new: KeyFileSealer, both: ChangingKeySealer) -> None:
    TokenStore(table, sealer).put("key", TOKEN)
    store, pk = TokenStore(table, both), token_item_key("key")
    item = table.get(pk)
    assert item is not None
    assert TokenStore(table, sealer).claim_renewal("key", TOKEN, 9)  # beside it: the token is the same
    assert written(table, pk, store.resealed("key", item)) == 1
    found = TokenStore(table, new).get("key")
    assert found == StoredToken(TOKEN.access_token, TOKEN.expires_at, 9)
    with pytest.raises(StorageConflict):
        written(table, pk, store.resealed("key", item))
    assert table.delete(pk)
    with pytest.raises(StorageConflict):  # a token that is gone does not come back without its end
        written(table, pk, store.resealed("key", item))
