"""Keeps access tokens, shared by all containers, sealed."""

from chalicelib.errors import StorageConflict, StorageUnreadable
from chalicelib.lti13.tokens import StoredToken
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.conditions import lifetime, unchanged
from chalicelib.storage.keys import item_key
from chalicelib.storage.resealing import Reseal
from chalicelib.storage.sealing import Sealer
from chalicelib.storage.table import Table

KIND = "token"


class TokenStore:
    """Access tokens by a key that names platform, client and scopes."""

    def __init__(self, table: Table, sealer: Sealer) -> None:
        self._table = table
        self._sealer = sealer

    def get(self, key: str) -> StoredToken | None:
        """Read a token as it is stored. It may have expired: DynamoDB deletes late, so that the reader compares.

        One that does not open (the sealing key was lost) counts as none: the next one takes its place.
        """
        item = self._table.get(token_key(key))
        try:
            return None if item is None else self.from_item(key, item)
        except StorageUnreadable:
            return None

    def put(self, key: str, token: StoredToken) -> None:
        """Store a token in the place of the one before."""
        self._table.put(self.to_item(key, token))

    def claim_renewal(self, key: str, seen: StoredToken, until: int) -> bool:
        """Mark a token as being renewed until then (ms); tell whether this caller is the one to renew it.

        Of all callers that saw the same token one is told so; for the others it is not the token they saw any more.
        """
        still = unchanged(expires_at_ms=seen.expires_at, renewing_until=seen.renewing_until)
        try:
            self._table.update(token_key(key), {"renewing_until": until}, still, kind=KIND)
        except StorageConflict:
            return False
        return True

    def to_item(self, key: str, token: StoredToken) -> Item:
        """Make the item of a token, sealed for its key."""
        return {
            "pk": token_key(key),
            "access_token": self._sealer.seal(token.access_token, _owner(key)),
            "renewing_until": token.renewing_until,
            **lifetime(token.expires_at),
        }

    def from_item(self, key: str, item: Item) -> StoredToken:
        """Open a token from its item."""
        fields = Fields(item)
        return StoredToken(
            access_token=self._sealer.open(fields.text("access_token"), _owner(key)),
            expires_at=fields.number("expires_at_ms"),
            renewing_until=fields.number("renewing_until"),
        )

    def resealed(self, key: str, item: Item) -> Reseal | None:
        """Seal a token anew where a master key before the present one sealed it; None: it did not.

        Raises
        ------
        StorageUnreadable
            If it does not open.
        """
        sealed = Fields(item).text("access_token")
        anew = self._sealer.resealed(sealed, _owner(key))
        return None if anew is None else Reseal({"access_token": anew}, unchanged(access_token=sealed), 1)


def token_key(key: str) -> str:
    """Make the key of a token's item."""
    return item_key(KIND, key)


def _owner(key: str) -> dict[str, str]:
    return {"kind": KIND, "key": key}
