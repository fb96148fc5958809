"""What one outcome needs of the table, in few requests: read what is known, then write everything or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from chalicelib import metrics
from chalicelib.clock import to_milliseconds
from chalicelib.delivery.breaker import PlatformHealth
from chalicelib.delivery.lots import Lot
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, Receipt
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.history import with_imported_history
from chalicelib.mapping.model import Mapping
from chalicelib.storage import cells, deliveries, health, lots, mappings, platforms, receipts, tools
from chalicelib.storage.attributes import Item
from chalicelib.storage.conditions import ABSENT, ALWAYS, Check, Put, Remove, Write, absent_or_expired, unchanged
from chalicelib.storage.recent import Recent
from chalicelib.storage.table import Table
from chalicelib.storage.tools import ToolStore

Record = TypeVar("Record")
REMEMBERED = 2048


@dataclass(frozen=True, slots=True)
class Change(Generic[Record]):
    """A record as it was read (None: it was not there), and as it shall be."""

    before: Record | None
    after: Record


@dataclass(frozen=True, slots=True)
class Opening:
    """What a request's parameters lead to: its tool, and its receipt if it was seen before."""

    tool: Tool | None
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a sourcedid points. ``platform`` is None when the mapping names one that is not registered."""

    mapping: Mapping
    platform: Platform | None
    cell: Cell
    health: PlatformHealth


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of a sourcedid: where it points (None: it is not mapped), and what waits for it to be mapped."""

    pointing: Pointing | None
    lot: Lot


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery stands in. ``receipt`` is None when it waits for no answer any more, or means nothing."""

    cell: Cell
    platform: Platform | None
    health: PlatformHealth
    tool: bool
    receipt: Receipt | None


class Ledger:
    """Reads and writes the records of outcomes. All reads are consistent.

    Every method raises ``StorageUnavailable`` when the table cannot be used, and ``StorageUnreadable`` when what is
    stored cannot be read.
    """

    def __init__(self, table: Table, tools: ToolStore) -> None:
        self._table = table
        self._tools = tools
        self._targets: Recent[str, CellKey] = Recent(REMEMBERED)

    def opening(self, consumer_key: str, receipt_key: str, now: datetime) -> Opening:
        """Read tool and receipt in one request. A receipt whose time is over is None."""
        tool_pk, receipt_pk = tools.tool_key(consumer_key), receipts.receipt_key(receipt_key)
        items = self._table.get_many((tool_pk, receipt_pk))
        tool = self._tools.from_item(items[tool_pk]) if tool_pk in items else None
        return Opening(tool, _living_receipt(items.get(receipt_pk), now))

    def pointing(self, consumer_key: str, sourcedid: str) -> Pointing | None:
        """Follow a sourcedid, as it is, then trimmed, to its mapping, platform and cell. None: it is not mapped."""
        return self.whereabouts(consumer_key, sourcedid).pointing

    def whereabouts(self, consumer_key: str, sourcedid: str) -> Whereabouts:
        """Follow a sourcedid, and read what waits for it to be mapped.

        Two requests at the first time. Where it pointed is remembered, so that later one request reads everything
        together; the mapping just read always decides, and if it points elsewhere now, that is read as well.
        """
        keys, lot_pk = mappings.mapping_keys(consumer_key, sourcedid), lots.lot_key(consumer_key, sourcedid)
        remembered = self._targets.get(keys[0])
        items = self._table.get_many((*keys, lot_pk, *_target_keys(remembered)))
        lot = lots.from_item(items[lot_pk]) if lot_pk in items else Lot(consumer_key, sourcedid)
        found = next((items[key] for key in keys if key in items), None)
        if found is None:
            return Whereabouts(None, lot)
        mapping = mappings.from_item(found)
        target = CellKey(mapping.platform, mapping.line_item, mapping.user_id)
        if target != remembered:
            items = self._table.get_many(_target_keys(target))
            self._targets.keep(keys[0], target)
        return Whereabouts(_pointing(mapping, target, items), lot)

    def cell(self, key: CellKey) -> Cell:
        """Read a cell; one that is not stored has version 0."""
        item = self._table.get(cells.cell_key(key))
        return Cell(key) if item is None else cells.from_item(item)

    def receipt(self, key: str, now: datetime) -> Receipt | None:
        """Read a receipt; one whose time is over is None."""
        return _living_receipt(self._table.get(receipts.receipt_key(key)), now)

    def delivery(self, delivery_id: str, now: datetime) -> Delivery | None:
        """Read a delivery; one that ended without having been delivered with its payload, as long as that is kept."""
        item = self._table.get(deliveries.delivery_key(delivery_id))
        if item is None:
            return None
        delivery = deliveries.from_item(item)
        if not delivery.state.ended or delivery.state is DeliveryState.DELIVERED or delivery.write is not None:
            return delivery
        kept = self._table.get(deliveries.kept_key(delivery_id))
        return deliveries.with_kept(delivery, kept, to_milliseconds(now))

    def surroundings(self, delivery: Delivery, now: datetime) -> Surroundings:
        """Read all that a delivery is tried with, in one request."""
        key = delivery.cell
        cell_pk, platform_pk = cells.cell_key(key), platforms.platform_key(key.platform)
        health_pk, tool_pk = health.health_key(key.platform), tools.tool_key(delivery.consumer_key)
        receipt_pk = receipts.receipt_key(delivery.receipt_key)
        wanted = (cell_pk, platform_pk, health_pk, tool_pk, *(() if delivery.acknowledged else (receipt_pk,)))
        items = self._table.get_many(wanted)
        receipt = _living_receipt(items.get(receipt_pk), now)
        if receipt is not None and (receipt.delivery_id != delivery.id or receipt.answer is not None):
            receipt = None
        return Surroundings(
            cell=cells.from_item(items[cell_pk]) if cell_pk in items else Cell(key),
            platform=platforms.from_item(items[platform_pk]) if platform_pk in items else None,
            health=_health(key.platform, items),
            tool=tool_pk in items,
            receipt=receipt,
        )

    def due_cells(self, platform: str, now: datetime) -> tuple[Iterator[Cell], ...]:
        """Read the cells of a platform whose heads are due: several listings, the longest due first in each.

        A listing lags by a moment. A cell that has changed since is noticed when it is written.
        """
        before = cells.due_order(to_milliseconds(now) + 1)
        return tuple(
            map(cells.from_item, self._table.listing(listing, before=before))
            for listing in cells.due_listings(platform)
        )

    def undelivered_cells(self, platform: str) -> Iterator[Cell]:
        """Read all cells of a platform that have something undelivered, whenever it is due. It lags by a moment."""
        for listing in self.undelivered_listings(platform):
            yield from listing

    def undelivered_listings(self, platform: str) -> Iterator[Iterator[Cell]]:
        """Read the same listing by listing, what is due first at the beginning of each."""
        for listing in cells.due_listings(platform):
            yield map(cells.from_item, self._table.listing(listing))

    def commit(
        self,
        now: datetime,
        *,
        receipt: Change[Receipt] | None = None,
        cell: Change[Cell] | None = None,
        delivery: Change[Delivery] | None = None,
        also: Change[Delivery] | None = None,
        lot: Change[Lot] | None = None,
        unmapped: tuple[str, str] | None = None,
    ) -> Cell | None:
        """Write all changes or none, in one request, if every record is still as it was read.

        - receipt: not stored or expired at ``now``; or the same delivery and deadline as before
        - cell: the same version as before (version 0 or None: not stored)
        - delivery, and another one ``also``: not stored; or the same state, lease and number of tries as before
        - lot: the same version as before (version 0: not stored)
        - unmapped: this consumer key and sourcedid have no mapping, neither as it is nor trimmed

        Returns the cell as it is stored now: ``after``, with the version after ``before``'s.

        Raises
        ------
        StorageConflict
            If a record is not as it was read. Nothing is written then. ``kinds`` names which: receipt, cell, delivery,
            lot, mapping.
        """
        writes = [write for change in (delivery, also) if change is not None for write in _delivery_writes(change)]
        stored = None
        if receipt is not None:
            writes.append(_receipt_put(receipt, now))
        if cell is not None:
            stored = replace(cell.after, version=1 if cell.before is None else cell.before.version + 1)
            writes.append(_cell_put(cell.before, stored))
        if lot is not None:
            writes.append(lots.to_put(lot.before, lot.after))
        if unmapped is not None:
            writes += [Check(mappings.KIND, key, ABSENT) for key in mappings.mapping_keys(*unmapped)]
        match writes:
            case []:
                raise ValueError("a commit changes something")
            case [Put() as put]:
                self._table.put(put.item, put.condition, kind=put.kind)
            case _:
                self._table.transact(writes)
        _count(now, delivery, also)
        return stored


def _count(now: datetime, *changes: Change[Delivery] | None) -> None:
    """Count deliveries that have just come to their end or were put off: whoever did it, it is written here."""
    for change in changes:
        if change is None or (change.before is not None and change.before.state is change.after.state):
            continue
        after = change.after
        if after.state.ended or after.state is DeliveryState.WAITING:
            age = to_milliseconds(now) - after.received_at
            metrics.add_delivery(after.state, after.cell.platform, ended=after.state.ended, milliseconds=age)


def _target_keys(target: CellKey | None) -> tuple[str, ...]:
    if target is None:
        return ()
    return platforms.platform_key(target.platform), cells.cell_key(target), health.health_key(target.platform)


def _pointing(mapping: Mapping, key: CellKey, items: dict[str, Item]) -> Pointing:
    platform = items.get(platforms.platform_key(mapping.platform))
    stored = items.get(cells.cell_key(key))
    cell = Cell(key) if stored is None else cells.from_item(stored)
    return Pointing(
        mapping,
        None if platform is None else platforms.from_item(platform),
        with_imported_history(cell, mapping),
        _health(mapping.platform, items),
    )


def _health(platform: str, items: dict[str, Item]) -> PlatformHealth:
    item = items.get(health.health_key(platform))
    return PlatformHealth(platform) if item is None else health.from_item(item)


def _living_receipt(item: Item | None, now: datetime) -> Receipt | None:
    """Compare the expiry here: DynamoDB deletes expired items days late (DynamoDB, "Using TTL")."""
    if item is None:
        return None
    receipt = receipts.from_item(item)
    return receipt if receipt.expires_at > to_milliseconds(now) else None


def _receipt_put(change: Change[Receipt], now: datetime) -> Put:
    before = change.before
    if before is None:
        condition = absent_or_expired(to_milliseconds(now))
    else:
        condition = unchanged(delivery_id=before.delivery_id, deadline=before.deadline)
    return Put(receipts.KIND, receipts.to_item(change.after), condition)


def _cell_put(before: Cell | None, after: Cell) -> Put:
    condition = ABSENT if before is None or before.version == 0 else unchanged(version=before.version)
    return Put(cells.KIND, cells.to_item(after), condition)


def _delivery_writes(change: Change[Delivery]) -> list[Write]:
    """Write a delivery, and what is kept of it apart once it has ended without having been delivered."""
    before, after = change.before, change.after
    condition = ABSENT
    if before is not None:
        condition = unchanged(state=before.state, lease_until=before.lease_until, tries=before.tries)
    writes: list[Write] = [Put(deliveries.KIND, deliveries.to_item(after), condition)]
    if deliveries.keeps_apart(after):
        writes.append(Put(deliveries.KEPT, deliveries.kept_item(after), ALWAYS))
    elif before is not None and deliveries.keeps_apart(before):
        writes.append(Remove(deliveries.KEPT, deliveries.kept_key(after.id)))
    return writes
