"""Keeps the tools: consumer keys, their sealed secrets and their switches."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from chalicelib.errors import SetupError, StorageConflict
from chalicelib.lti11.tools import BodyHashRule, OnDelay, Tool, Unmapped
from chalicelib.storage.attributes import Fields, Item, written_moment
from chalicelib.storage.conditions import ABSENT, unchanged
from chalicelib.storage.keys import item_key, listing_order
from chalicelib.storage.resealing import Reseal, resealed_texts
from chalicelib.storage.sealing import Sealer
from chalicelib.storage.table import Table

KIND = "tool"
MOST_SECRETS = 2


class ToolStore:
    """The registered tools, by consumer key."""

    def __init__(self, table: Table, sealer: Sealer) -> None:
        self._table = table
        self._sealer = sealer

    def get(self, consumer_key: str) -> Tool | None:
        """Read a tool with its secrets."""
        item = self._table.get(tool_key(consumer_key))
        return None if item is None else self.from_item(item)

    def add(self, tool: Tool) -> None:
        """Register a tool.

        Raises
        ------
        SetupError
            If the consumer key is registered already.
        """
        try:
            self._table.put(self.to_item(tool), ABSENT, kind=KIND)
        except StorageConflict:
            raise SetupError(f"The consumer key {tool.consumer_key!r} is registered already.") from None

    def list(self) -> Iterator[Tool]:
        """Read all tools in the order of their consumer keys. A tool added a moment ago may be missing."""
        return map(self.from_item, self._table.listing(KIND))

    def remove(self, consumer_key: str) -> bool:
        """Remove a tool; tell whether there was one. Its mappings stay."""
        return self._table.delete(tool_key(consumer_key))

    def rotate(self, consumer_key: str, secret: str, at: datetime | None = None) -> Tool:
        """Add a second secret, the newer one from ``at`` on; both are live.

        Raises
        ------
        SetupError
            If there is no such tool, if it has two secrets already, or if it has this one.
        StorageConflict
            If somebody else changed the tool at the same time.
        """
        tool, revision = self._stored(consumer_key)
        if secret in tool.secrets:
            raise SetupError(f"The consumer key {consumer_key!r} has this secret already.")
        if len(tool.secrets) >= MOST_SECRETS:
            raise SetupError(f"The consumer key {consumer_key!r} has two live secrets. Retire the oldest one first.")
        return self._change(replace(tool, secrets=(secret, *tool.secrets), rotated_at=at), revision)

    def retire_oldest(self, consumer_key: str) -> Tool:
        """Take the older of two secrets away.

        Raises
        ------
        SetupError
            If there is no such tool, or if it has only one secret.
        StorageConflict
            If somebody else changed the tool at the same time.
        """
        tool, revision = self._stored(consumer_key)
        if len(tool.secrets) < MOST_SECRETS:
            raise SetupError(f"The consumer key {consumer_key!r} has only one secret. Rotate it first.")
        return self._change(replace(tool, secrets=tool.secrets[:-1], rotated_at=None), revision)

    def to_item(self, tool: Tool, revision: int = 1) -> Item:
        """Make the item of a tool, its secrets sealed for its consumer key."""
        return {
            "pk": tool_key(tool.consumer_key),
            "listing_kind": KIND,
            "listing_order": listing_order(tool.consumer_key),
            "revision": revision,
            "consumer_key": tool.consumer_key,
            "secrets": [self._sealer.seal(secret, _owner(tool.consumer_key)) for secret in tool.secrets],
            "body_hash": tool.body_hash,
            "failure_status": tool.failure_status,
            "on_delay": tool.on_delay,
            "unmapped": tool.unmapped,
            "created_at": written_moment(tool.created_at),
            "rotated_at": written_moment(tool.rotated_at),
        }

    def from_item(self, item: Item) -> Tool:
        """Read a tool from its item, opening its secrets."""
        fields = Fields(item)
        consumer_key = fields.text("consumer_key")
        return Tool(
            consumer_key=consumer_key,
            secrets=tuple(self._sealer.open(sealed, _owner(consumer_key)) for sealed in fields.texts("secrets")),
            body_hash=fields.choice("body_hash", BodyHashRule),
            failure_status=fields.number("failure_status"),
            on_delay=fields.choice("on_delay", OnDelay),
            unmapped=fields.choice("unmapped", Unmapped),
            created_at=fields.moment_or_none("created_at"),
            rotated_at=fields.moment_or_none("rotated_at"),
        )

    def resealed(self, item: Item) -> Reseal | None:
        """Seal a tool's secrets anew where a master key before the present one sealed them; None: nowhere.

        Raises
        ------
        StorageUnreadable
            If one does not open.
        """
        fields = Fields(item)
        owner, revision = _owner(fields.text("consumer_key")), fields.number("revision")
        secrets, count = resealed_texts(self._sealer, [(sealed, owner) for sealed in fields.texts("secrets")])
        return (
            Reseal({"secrets": secrets, "revision": revision + 1}, unchanged(revision=revision), count)
            if count
            else None
        )

    def _stored(self, consumer_key: str) -> tuple[Tool, int]:
        item = self._table.get(tool_key(consumer_key))
        if item is None:
            raise SetupError(f"The consumer key {consumer_key!r} is not registered.")
        return self.from_item(item), Fields(item).number("revision")

    def _change(self, tool: Tool, revision: int) -> Tool:
        self._table.put(self.to_item(tool, revision + 1), unchanged(revision=revision), kind=KIND)
        return tool


def tool_key(consumer_key: str) -> str:
    """Make the key of a tool's item."""
    return item_key(KIND, consumer_key)


def _owner(consumer_key: str) -> dict[str, str]:
    return {"kind": KIND, "consumer_key": consumer_key}
