"""Notes when a tool last signed with which of its two secrets, so that its operator knows when the older can go."""

from dataclasses import dataclass
from threading import Lock

from chalicelib.clock import Clock, to_milliseconds
from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.lti11.tools import Tool
from chalicelib.storage.attributes import Fields, written_moment
from chalicelib.storage.conditions import ALWAYS, lifetime
from chalicelib.storage.keys import item_key
from chalicelib.storage.table import Table

KIND = "secret_use"
NOTED_EVERY = 600_000
"""Milliseconds between two notes of one container: a note costs a write while a tool waits."""
KEPT = 30 * 86_400_000
"""Milliseconds after the last note."""
_NEWER, _OLDER = "newer", "older"


@dataclass(frozen=True, slots=True)
class SecretUse:
    """When each of two secrets was last seen to sign (milliseconds, late by ten minutes at most); None: not seen."""

    newer: int | None = None
    older: int | None = None


class SecretUseStore:
    """The uses of the secrets of tools that have two."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._noted: dict[tuple[str, str], tuple[str, int]] = {}
        self._lock = Lock()

    def note(self, tool: Tool, *, older: bool) -> None:
        """Note that a tool signed with the older or the newer of its secrets. It is left out when the table is away."""
        rotated_at = written_moment(tool.rotated_at)
        if rotated_at is None:  # one secret only, or two of before this was noted
            return
        which, now = _OLDER if older else _NEWER, to_milliseconds(self._clock.now())
        if not self._is_due(tool.consumer_key, which, rotated_at, now):
            return
        try:
            self._table.update(
                secret_use_key(tool.consumer_key),
                {which: {"rotated_at": rotated_at, "at": now}, **lifetime(now + KEPT)},
                ALWAYS,
                kind=KIND,
            )
        except (StorageUnavailable, StorageConflict):
            with self._lock:
                self._noted.pop((tool.consumer_key, which), None)

    def get(self, tool: Tool) -> SecretUse:
        """Read what is known of the two secrets that a tool has now."""
        item = self._table.get(secret_use_key(tool.consumer_key))
        if item is None:
            return SecretUse()
        found: dict[str, int | None] = {}
        for which in (_NEWER, _OLDER):
            part = Fields(item).part_or_none(which)
            ours = part is not None and part.text("rotated_at") == written_moment(tool.rotated_at)
            found[which] = part.number("at") if part is not None and ours else None
        return SecretUse(found[_NEWER], found[_OLDER])

    def _is_due(self, consumer_key: str, which: str, rotated_at: str, now: int) -> bool:
        with self._lock:
            last = self._noted.get((consumer_key, which))
            if last is not None and last[0] == rotated_at and now - last[1] < NOTED_EVERY:
                return False
            self._noted[consumer_key, which] = rotated_at, now
            return True


def secret_use_key(consumer_key: str) -> str:
    """Make the key of the item."""
    return item_key(KIND, consumer_key)
