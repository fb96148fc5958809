"""Cells as items: one square of a gradebook, and all state that orders scores in it."""

from decimal import Decimal

from chalicelib.delivery.records import Cell, CellKey, KnownScore, NewestDelivery, SubmissionState
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.keys import item_key

KIND = "cell"


def cell_key(key: CellKey) -> str:
    """Make the key of a cell's item."""
    return item_key(KIND, key.platform, key.line_item, key.user_id)


def to_item(cell: Cell) -> Item:
    """Make the item of a cell."""
    return {
        "pk": cell_key(cell.key),
        **written_cell_key(cell.key),
        "version": cell.version,
        "newest_timestamp": cell.newest_timestamp,
        "submission": cell.submission,
        "first_submitted_at": cell.first_submitted_at,
        "first_delivery_id": cell.first_delivery_id,
        "last_posted": _written_score(cell.last_posted),
        "last_known": _written_score(cell.last_known),
        "newest": written_newest(cell.newest),
        "under_way_id": cell.under_way_id,
        "lease_until": cell.lease_until,
        "unsettled_id": cell.unsettled_id,
    }


def from_item(item: Item) -> Cell:
    """Read a cell from its item."""
    fields = Fields(item)
    return Cell(
        key=read_cell_key(fields),
        version=fields.number("version"),
        newest_timestamp=fields.number_or_none("newest_timestamp"),
        submission=fields.choice("submission", SubmissionState),
        first_submitted_at=fields.number_or_none("first_submitted_at"),
        first_delivery_id=fields.text_or_none("first_delivery_id"),
        last_posted=_read_score(fields.part_or_none("last_posted")),
        last_known=_read_score(fields.part_or_none("last_known")),
        newest=read_newest(fields.part_or_none("newest")),
        under_way_id=fields.text_or_none("under_way_id"),
        lease_until=fields.number("lease_until"),
        unsettled_id=fields.text_or_none("unsettled_id"),
    )


def written_cell_key(key: CellKey) -> Item:
    """Write what a cell is, as attributes."""
    return {"platform": key.platform, "line_item": key.line_item, "user_id": key.user_id}


def read_cell_key(fields: Fields) -> CellKey:
    """Read what ``written_cell_key`` wrote."""
    return CellKey(fields.text("platform"), fields.text("line_item"), fields.text("user_id"))


def _written_score(score: KnownScore | None) -> Item | None:
    if score is None:
        return None
    return {"score": _written_decimal(score.score), "maximum": _written_decimal(score.maximum)}


def _written_decimal(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _read_score(fields: Fields | None) -> KnownScore | None:
    if fields is None:
        return None
    return KnownScore(fields.decimal_or_none("score"), fields.decimal_or_none("maximum"))


def written_newest(newest: NewestDelivery | None) -> Item | None:
    """Write which delivery is, or was, the newest of a cell, as a map."""
    if newest is None:
        return None
    return {
        "delivery_id": newest.delivery_id,
        "consumer_key": newest.consumer_key,
        "body_digest": newest.body_digest,
        "received_at": newest.received_at,
        "sets_score": newest.sets_score,
        "sets_work": newest.sets_work,
    }


def read_newest(fields: Fields | None) -> NewestDelivery | None:
    """Read what ``written_newest`` wrote."""
    if fields is None:
        return None
    return NewestDelivery(
        delivery_id=fields.text("delivery_id"),
        consumer_key=fields.text("consumer_key"),
        body_digest=fields.text("body_digest"),
        received_at=fields.number("received_at"),
        sets_score=fields.flag("sets_score"),
        sets_work=fields.flag("sets_work"),
    )
