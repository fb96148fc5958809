"""What one outcome needs of the table, in few requests: read what is known, then write everything or nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, CellKey, Delivery, Receipt
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.history import with_imported_history
from chalicelib.mapping.model import Mapping
from chalicelib.storage import cells, deliveries, mappings, platforms, receipts, tools
from chalicelib.storage.attributes import Item
from chalicelib.storage.conditions import ABSENT, Put, absent_or_expired, unchanged
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
        """Follow a sourcedid, as it is, then trimmed, to its mapping, platform and cell. None: it is not mapped.

        Two requests at the first time. Where it pointed is remembered, so that later one request reads all three
        together; the mapping just read always decides, and if it points elsewhere now, that is read as well.
        """
        keys = mappings.mapping_keys(consumer_key, sourcedid)
        remembered = self._targets.get(keys[0])
        items = self._table.get_many((*keys, *_target_keys(remembered)))
        found = next((items[key] for key in keys if key in items), None)
        if found is None:
            return None
        mapping = mappings.from_item(found)
        target = CellKey(mapping.platform, mapping.line_item, mapping.user_id)
        if target != remembered:
            items = self._table.get_many(_target_keys(target))
            self._targets.keep(keys[0], target)
        return _pointing(mapping, target, items)

    def cell(self, key: CellKey) -> Cell:
        """Read a cell; one that is not stored has version 0."""
        item = self._table.get(cells.cell_key(key))
        return Cell(key) if item is None else cells.from_item(item)

    def receipt(self, key: str, now: datetime) -> Receipt | None:
        """Read a receipt; one whose time is over is None."""
        return _living_receipt(self._table.get(receipts.receipt_key(key)), now)

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Read a delivery."""
        item = self._table.get(deliveries.delivery_key(delivery_id))
        return None if item is None else deliveries.from_item(item)

    def commit(
        self,
        now: datetime,
        *,
        receipt: Change[Receipt] | None = None,
        cell: Change[Cell] | None = None,
        delivery: Change[Delivery] | None = None,
        also: Change[Delivery] | None = None,
    ) -> Cell | None:
        """Write all changes or none, in one request, if every record is still as it was read.

        - receipt: not stored or expired at ``now``; or the same delivery and deadline as before
        - cell: the same version as before (version 0 or None: not stored)
        - delivery, and another one ``also``: not stored; or the same state and lease as before

        Returns the cell as it is stored now: ``after``, with the version after ``before``'s.

        Raises
        ------
        StorageConflict
            If a record is not as it was read. Nothing is written then. ``kinds`` names which: receipt, cell, delivery.
        """
        puts = [_delivery_put(change) for change in (delivery, also) if change is not None]
        stored = None
        if receipt is not None:
            puts.append(_receipt_put(receipt, now))
        if cell is not None:
            stored = replace(cell.after, version=1 if cell.before is None else cell.before.version + 1)
            puts.append(_cell_put(cell.before, stored))
        if not puts:
            raise ValueError("a commit changes something")
        if len(puts) == 1:
            self._table.put(puts[0].item, puts[0].condition, kind=puts[0].kind)
        else:
            self._table.transact(puts)
        return stored


def _target_keys(target: CellKey | None) -> tuple[str, ...]:
    return () if target is None else (platforms.platform_key(target.platform), cells.cell_key(target))


def _pointing(mapping: Mapping, key: CellKey, items: dict[str, Item]) -> Pointing:
    platform = items.get(platforms.platform_key(mapping.platform))
    stored = items.get(cells.cell_key(key))
    cell = Cell(key) if stored is None else cells.from_item(stored)
    return Pointing(
        mapping, None if platform is None else platforms.from_item(platform), with_imported_history(cell, mapping)
    )


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


def _delivery_put(change: Change[Delivery]) -> Put:
    before = change.before
    condition = ABSENT if before is None else unchanged(state=before.state, lease_until=before.lease_until)
    return Put(deliveries.KIND, deliveries.to_item(change.after), condition)
