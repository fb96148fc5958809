"""Keeps our signing keys, all in one item: they are few, and one read shows them all as they are now."""

from collections.abc import Callable

from chalicelib.errors import SetupError
from chalicelib.lti13.keys import SigningKey
from chalicelib.storage.attributes import Fields, Item, written_moment
from chalicelib.storage.conditions import ABSENT, unchanged
from chalicelib.storage.keys import item_key
from chalicelib.storage.resealing import Reseal, resealed_texts
from chalicelib.storage.sealing import Sealer
from chalicelib.storage.table import Table

KIND = "signing_keys"
PK = item_key(KIND)


class SigningKeyStore:
    """Our signing keys, in the order they were added."""

    def __init__(self, table: Table, sealer: Sealer) -> None:
        self._table = table
        self._sealer = sealer

    def list(self) -> tuple[SigningKey, ...]:
        """Read all keys with their private parts, oldest first."""
        item = self._table.get(PK)
        return () if item is None else self.from_item(item)

    def add(self, key: SigningKey) -> None:
        """Add a key.

        Raises
        ------
        SetupError
            If a key with this id is there.
        StorageConflict
            If somebody else changed the keys at the same time.
        """

        def with_it(keys: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
            if any(stored.kid == key.kid for stored in keys):
                raise SetupError(f"A signing key with the id {key.kid!r} is there already.")
            return (*keys, key)

        self.change(with_it)

    def change(self, decide: Callable[[tuple[SigningKey, ...]], tuple[SigningKey, ...]]) -> tuple[SigningKey, ...]:
        """Put other keys in the place of all those that are stored, and return them.

        Raises
        ------
        StorageConflict
            If somebody else changed the keys at the same time.
        """
        item = self._table.get(PK)
        keys = decide(() if item is None else self.from_item(item))
        revision = 0 if item is None else Fields(item).number("revision")
        condition = unchanged(revision=revision) if revision else ABSENT
        self._table.put(self.to_item(keys, revision + 1), condition, kind=KIND)
        return keys

    def to_item(self, keys: tuple[SigningKey, ...], revision: int) -> Item:
        """Make the item of all keys, each private part sealed for its key id."""
        return {
            "pk": PK,
            "revision": revision,
            "keys": [
                {
                    "kid": key.kid,
                    "private_pem": self._sealer.seal(key.private_pem, _owner(key.kid)),
                    "created_at": written_moment(key.created_at),
                    "forced_at": written_moment(key.forced_at),
                    "withdrawn": key.withdrawn or None,
                }
                for key in keys
            ],
        }

    def from_item(self, item: Item) -> tuple[SigningKey, ...]:
        """Read the keys from their item, opening their private parts."""
        return tuple(self._key(fields) for fields in Fields(item).parts("keys"))

    def resealed(self, item: Item) -> Reseal | None:
        """Seal the private parts anew where a master key before the present one sealed them; None: nowhere.

        Raises
        ------
        StorageUnreadable
            If one does not open.
        """
        fields = Fields(item)
        parts, revision = fields.parts("keys"), fields.number("revision")
        texts, count = resealed_texts(
            self._sealer, [(part.text("private_pem"), _owner(part.text("kid"))) for part in parts]
        )
        keys = [{**part.all, "private_pem": text} for part, text in zip(parts, texts, strict=True)]
        return Reseal({"keys": keys, "revision": revision + 1}, unchanged(revision=revision), count) if count else None

    def _key(self, fields: Fields) -> SigningKey:
        kid = fields.text("kid")
        return SigningKey(
            kid=kid,
            private_pem=self._sealer.open(fields.text("private_pem"), _owner(kid)),
            created_at=fields.moment("created_at"),
            forced_at=fields.moment_or_none("forced_at"),
            withdrawn=fields.flag_or_none("withdrawn") or False,
        )


def _owner(kid: str) -> dict[str, str]:
    return {"kind": KIND, "kid": kid}
