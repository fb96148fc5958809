"""Keeps how each platform is: breaker and slowing down, shared by all containers."""

from dataclasses import replace

from chalicelib.delivery.breaker import NotedTrouble, PlatformHealth
from chalicelib.errors import StorageUnreadable
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.conditions import ABSENT, unchanged
from chalicelib.storage.keys import item_key
from chalicelib.storage.table import Table

KIND = "health"


class HealthStore:
    """The health of platforms, by their names."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, platform: str) -> PlatformHealth:
        """Read a platform's health; of one with nothing stored version 0."""
        item = self._table.get(health_key(platform))
        return PlatformHealth(platform) if item is None else from_item(item)

    def put(self, before: PlatformHealth, after: PlatformHealth) -> PlatformHealth:
        """Write a health in the place of the one that it was made from; return it as it is stored.

        Raises
        ------
        StorageConflict
            If somebody else wrote meanwhile.
        """
        stored = replace(after, version=before.version + 1)
        condition = unchanged(version=before.version) if before.version else ABSENT
        self._table.put(to_item(stored), condition, kind=KIND)
        return stored


def health_key(platform: str) -> str:
    """Make the key of a platform's health."""
    return item_key(KIND, platform)


def to_item(health: PlatformHealth) -> Item:
    """Make the item of a health."""
    return {
        "pk": health_key(health.platform),
        "platform": health.platform,
        "version": health.version,
        "troubles": [{"course": each.course, "at": each.at} for each in health.troubles],
        "opened_at": health.opened_at,
        "probe_at": health.probe_at,
        "probes": health.probes,
        "slowed_until": health.slowed_until,
        "slowings": health.slowings,
    }


def from_item(item: Item) -> PlatformHealth:
    """Read a health from its item. If its state cannot be read, it counts for nothing: no outcome may fail by it."""
    fields = Fields(item)
    bare = PlatformHealth(fields.text("platform"), version=fields.number("version"))
    try:
        return replace(
            bare,
            troubles=tuple(NotedTrouble(each.text("course"), each.number("at")) for each in fields.parts("troubles")),
            opened_at=fields.number_or_none("opened_at"),
            probe_at=fields.number("probe_at"),
            probes=fields.number("probes"),
            slowed_until=fields.number("slowed_until"),
            slowings=fields.number("slowings"),
        )
    except StorageUnreadable:
        return bare
