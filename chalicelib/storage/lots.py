"""Keeps the lots: sourcedids that nobody has mapped, and which outcomes are parked for them.

Lots that hold something are listed in tenths, so that the schedule can look through one tenth each minute; those that
only are wanted are listed beside them. Limits are counted by numbers of their own: a tool may send any sourcedid.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from chalicelib import telemetry
from chalicelib.delivery.lots import WANTED_FOR, Lot, ParkedOutcome
from chalicelib.errors import StorageConflict, StorageUnreadable
from chalicelib.mapping.model import Mapping
from chalicelib.storage import mappings
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.conditions import ABSENT, Put, lifetime, unchanged
from chalicelib.storage.keys import item_key
from chalicelib.storage.table import GET_BATCH, Table

KIND = "lot"
WANTED = "wanted"
PARKED = "parked"
TENTHS = 10
MOST_OF_A_TENTH = 1000
"""Outcomes parked for the sourcedids of one tool that fall into one tenth: 10,000 in all."""
MOST_WANTED = 10_000
"""Sourcedids of one tool, for which nothing is parked, that are noted anew in one period of 30 days."""
UNREADABLE = "lot_unreadable"


@dataclass(frozen=True, slots=True)
class Count:
    """How many outcomes of a tool are counted as parked in one tenth. Crashes leave some too many."""

    consumer_key: str
    pk: str
    number: int


class LotStore:
    """Reads lots, and counts them. They are written by the ledger, together with the deliveries they hold."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, consumer_key: str, sourcedid: str) -> Lot:
        """Read the lot of exactly this sourcedid; one that is not stored has version 0."""
        item = self._table.get(lot_key(consumer_key, sourcedid))
        return Lot(consumer_key, sourcedid) if item is None else from_item(item)

    def holding(self, tenth: int) -> Iterator[Lot]:
        """Read the lots of a tenth in which something is parked, the longest parked first; page by page."""
        return self._listed(f"{KIND}#{tenth}")

    def list(self, now: int, consumer_key: str | None = None) -> Iterator[Lot]:
        """Read all lots, or all of one tool, in no order. One that was written a moment ago may be missing."""
        for tenth in range(TENTHS):
            for lot in (*self.holding(tenth), *self._listed(f"{WANTED}#{tenth}")):
                alive = lot.expires_at is None or lot.expires_at > now
                if alive and consumer_key in (None, lot.consumer_key):
                    yield lot

    def with_mappings(self, lots: Iterator[Lot]) -> Iterator[tuple[Lot, Mapping | None]]:
        """Look up what the lots' sourcedids stand for by now, in one request for up to 50 of them."""
        while chunk := list(islice(lots, GET_BATCH // 2)):
            keys = {lot: mappings.mapping_keys(lot.consumer_key, lot.sourcedid) for lot in chunk}
            items = self._table.get_many(key for several in keys.values() for key in several)
            for lot, several in keys.items():
                found = next((items[key] for key in several if key in items), None)
                try:
                    yield lot, None if found is None else mappings.from_item(found)
                except StorageUnreadable as problem:  # whose outcomes wait until it is mapped anew
                    telemetry.event(UNREADABLE, why=str(problem))

    def remove(self, lot: Lot) -> bool:
        """Remove a lot whatever it holds; tell whether there was one."""
        return self._table.delete(lot_key(lot.consumer_key, lot.sourcedid))

    def reserve(self, lot: Lot) -> bool:
        """Count one more outcome as parked; False: the tool has as many as it may."""
        tenth = tenth_of(lot)
        pk = _count_key(lot.consumer_key, tenth)
        listed = {"listing_kind": f"{PARKED}#{tenth}", "listing_order": pk, "consumer_key": lot.consumer_key}
        return self._table.add(pk, "number", 1, at_most=MOST_OF_A_TENTH, also=listed, kind=PARKED) is not None

    def give_back(self, lot: Lot, number: int = 1) -> None:
        """Count outcomes as parked no more. When others are busy with the number, the next count puts it right."""
        with suppress(StorageConflict):
            self._table.add(_count_key(lot.consumer_key, tenth_of(lot)), "number", -number, kind=PARKED)

    def counts(self, tenth: int) -> Sequence[Count]:
        """Read the numbers of a tenth: one for each tool that ever parked something in it."""
        return [
            Count(Fields(item).text("consumer_key"), Fields(item).text("pk"), Fields(item).number("number"))
            for item in self._table.listing(f"{PARKED}#{tenth}")
        ]

    def correct(self, count: Count, number: int) -> None:
        """Put a number right, unless it has changed since it was read."""
        with suppress(StorageConflict):
            self._table.update(count.pk, {"number": number}, unchanged(number=count.number), kind=PARKED)

    def reserve_wanted(self, consumer_key: str, period: int) -> bool:
        """Count one more sourcedid as wanted in the period; False: it is not to be noted."""
        pk = item_key(WANTED, consumer_key, str(period))
        also = lifetime((period + 2) * WANTED_FOR)
        return self._table.add(pk, "number", 1, at_most=MOST_WANTED, also=also, kind=WANTED) is not None

    def _listed(self, kind: str) -> Iterator[Lot]:
        for item in self._table.listing(kind):
            try:
                yield from_item(item)
            except StorageUnreadable as problem:  # one damaged lot must not keep the others from being looked at
                telemetry.event(UNREADABLE, why=str(problem))


def lot_key(consumer_key: str, sourcedid: str) -> str:
    """Make the key of a lot's item."""
    return item_key(KIND, consumer_key, sourcedid)


def tenth_of(lot: Lot) -> int:
    """Say in which tenth a lot is listed."""
    return int(lot_key(lot.consumer_key, lot.sourcedid)[-8:], 16) % TENTHS


def to_put(before: Lot | None, after: Lot) -> Put:
    """Make the write of a lot in the place of the one that it was made from."""
    condition = ABSENT if before is None or before.version == 0 else unchanged(version=before.version)
    return Put(KIND, to_item(after), condition)


def to_item(lot: Lot) -> Item:
    """Make the item of a lot."""
    pk, tenth = lot_key(lot.consumer_key, lot.sourcedid), tenth_of(lot)
    holds = bool(lot.parked)
    return {
        "pk": pk,
        "listing_kind": f"{KIND if holds else WANTED}#{tenth}",
        "listing_order": f"{lot.parked[0].received_at:015d}" if holds else pk,
        "consumer_key": lot.consumer_key,
        "sourcedid": lot.sourcedid,
        "version": lot.version,
        "wanted": lot.wanted,
        "first_seen": lot.first_seen,
        "last_seen": lot.last_seen,
        "parked": [
            {
                "delivery_id": place.delivery_id,
                "received_at": place.received_at,
                "sets_score": place.sets_score,
                "body_digest": place.body_digest,
            }
            for place in lot.parked
        ],
        "counted_in": lot.counted_in,
        **lifetime(lot.expires_at),
    }


def from_item(item: Item) -> Lot:
    """Read a lot from its item."""
    fields = Fields(item)
    return Lot(
        consumer_key=fields.text("consumer_key"),
        sourcedid=fields.text("sourcedid"),
        version=fields.number("version"),
        wanted=fields.number("wanted"),
        first_seen=fields.number("first_seen"),
        last_seen=fields.number("last_seen"),
        parked=tuple(
            ParkedOutcome(
                delivery_id=place.text("delivery_id"),
                received_at=place.number("received_at"),
                sets_score=place.flag("sets_score"),
                body_digest=place.text("body_digest"),
            )
            for place in fields.parts("parked")
        ),
        counted_in=fields.number_or_none("counted_in"),
    )


def _count_key(consumer_key: str, tenth: int) -> str:
    return item_key(PARKED, consumer_key, str(tenth))
