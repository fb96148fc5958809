"""Cells as items: one square of a gradebook, and all state that orders scores in it."""

from decimal import Decimal

from chalicelib.delivery.courses import shard_of
from chalicelib.delivery.records import Cell, CellKey, KnownScore, NewestDelivery, PlaceInLine, SubmissionState
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.keys import item_key

KIND = "cell"
DUE = "due"
DUE_LISTINGS = 4
"""Listings of due cells for each platform: one listing takes 1,000 writes a second (DynamoDB, partitions)."""


def cell_key(key: CellKey) -> str:
    """Make the key of a cell's item."""
    return item_key(KIND, key.platform, key.line_item, key.user_id)


def due_listings(platform: str) -> tuple[str, ...]:
    """Name the listings in which a platform's cells stand that have something undelivered, by when it is due."""
    return tuple(f"{DUE}#{number}#{platform}" for number in range(DUE_LISTINGS))


def due_order(due_at: int) -> str:
    """Write a time (ms) so that earlier ones come first in a listing."""
    return f"{due_at:015d}"


def to_item(cell: Cell) -> Item:
    """Make the item of a cell. It is listed as long as its line holds something, by when that is due."""
    return {
        "pk": cell_key(cell.key),
        **_listed(cell),
        **written_cell_key(cell.key),
        "version": cell.version,
        "newest_timestamp": cell.newest_timestamp,
        "submission": cell.submission,
        "first_submitted_at": cell.first_submitted_at,
        "first_delivery_id": cell.first_delivery_id,
        "last_posted": _written_score(cell.last_posted),
        "last_known": _written_score(cell.last_known),
        "newest": written_newest(cell.newest),
        "settled": written_newest(cell.settled),
        "posted_timestamp": cell.posted_timestamp,
        "posted_by": cell.posted_by,
        "line": [_written_place(place) for place in cell.line],
        "lease_until": cell.lease_until,
        "due_at": cell.due_at,
        "generation": cell.generation,
        "unsettled_id": cell.unsettled_id,
        "graded_at": cell.graded_at,
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
        settled=read_newest(fields.part_or_none("settled" if fields.has("line") else "newest")),
        posted_timestamp=fields.number_or_none("posted_timestamp"),
        posted_by=fields.text_or_none("posted_by"),
        line=_read_line(fields),
        lease_until=fields.number("lease_until"),
        due_at=_read_due(fields),
        generation=fields.number_or_none("generation") or 0,
        unsettled_id=fields.text_or_none("unsettled_id"),
        graded_at=fields.number_or_none("graded_at"),
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
        "score_at": newest.score_at,
        "score_by": newest.score_by,
        "work_at": newest.work_at,
        "work_by": newest.work_by,
    }


def read_newest(fields: Fields | None) -> NewestDelivery | None:
    """Read what ``written_newest`` wrote, also in version 0.1, which knew only what the newest itself sets."""
    if fields is None:
        return None
    delivery_id, received_at = fields.text("delivery_id"), fields.number("received_at")
    return NewestDelivery(
        delivery_id=delivery_id,
        consumer_key=fields.text("consumer_key"),
        body_digest=fields.text("body_digest"),
        received_at=received_at,
        score_at=received_at if fields.flag_or_none("sets_score") else fields.number_or_none("score_at"),
        score_by=fields.text_or_none("score_by") or (delivery_id if fields.flag_or_none("sets_score") else None),
        work_at=received_at if fields.flag_or_none("sets_work") else fields.number_or_none("work_at"),
        work_by=fields.text_or_none("work_by") or (delivery_id if fields.flag_or_none("sets_work") else None),
    )


def _listed(cell: Cell) -> Item:
    if cell.due_at is None:
        return {}
    listing = due_listings(cell.key.platform)[shard_of(cell.key.line_item, DUE_LISTINGS)]
    return {"listing_kind": listing, "listing_order": due_order(cell.due_at)}


def _written_place(place: PlaceInLine) -> Item:
    return {
        "delivery_id": place.delivery_id,
        "received_at": place.received_at,
        "sets_score": place.sets_score,
        "sets_work": place.sets_work,
        "awaited_until": place.awaited_until,
    }


def _read_due(fields: Fields) -> int | None:
    """Read when the head is due; what version 0.1 left under way is due when its lease ends."""
    if fields.has("under_way_id") and not fields.has("line"):
        return fields.number("lease_until")
    return fields.number_or_none("due_at")


def _read_line(fields: Fields) -> tuple[PlaceInLine, ...]:
    """Read the line; version 0.1 had one delivery under way instead."""
    if not fields.has("line"):
        under_way = fields.text_or_none("under_way_id")
        return () if under_way is None else (PlaceInLine(under_way, 0, awaited_until=fields.number("lease_until")),)
    return tuple(
        PlaceInLine(
            delivery_id=place.text("delivery_id"),
            received_at=place.number("received_at"),
            sets_score=place.flag("sets_score"),
            sets_work=place.flag("sets_work"),
            awaited_until=place.number("awaited_until"),
        )
        for place in fields.parts("line")
    )
