"""Writing to a cell that is held: others may enter its line meanwhile, and nothing else of it is theirs to change."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.delivery.records import Cell, Delivery, Receipt
from chalicelib.errors import StorageConflict
from chalicelib.storage.ledger import Change, Ledger

TRIES = 12
"""So many outcomes may enter a line between a read of the cell and the write that follows."""


def commit_held(
    ledger: Ledger,
    now: datetime,
    cell: Cell,
    lease_until: int,
    change: Callable[[Cell], Cell],
    *,
    receipt: Change[Receipt] | None = None,
    delivery: Change[Delivery] | None = None,
) -> tuple[Cell, Cell]:
    """Write a change of the cell that this lease holds, and what goes with it; returns the cell before and after.

    When the line has grown since the cell was read, the change is made to the cell as it is now.

    Raises
    ------
    StorageConflict
        If the cell is not held by this lease any more, or another record was changed.
    """
    for _ in range(TRIES - 1):
        try:
            return _committed(ledger, now, cell, change, receipt, delivery)
        except StorageConflict as conflict:
            if conflict.kinds != {"cell"}:
                raise
            cell = ledger.cell(cell.key)
            if cell.lease_until != lease_until:
                raise
    return _committed(ledger, now, cell, change, receipt, delivery)


def _committed(
    ledger: Ledger,
    now: datetime,
    cell: Cell,
    change: Callable[[Cell], Cell],
    receipt: Change[Receipt] | None,
    delivery: Change[Delivery] | None,
) -> tuple[Cell, Cell]:
    after = change(cell)
    return cell, ledger.commit(now, receipt=receipt, cell=Change(cell, after), delivery=delivery) or after
