"""Cells as items: one square of a gradebook, and all state that orders scores in it."""

from dataclasses import replace
from decimal import Decimal

from chalicelib.delivery import line
from chalicelib.delivery.courses import shard_of
from chalicelib.delivery.records import Cell, CellKey, KnownScore, NewestDelivery, PlaceInLine, Rank, SubmissionState
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
        "accepted": cell.accepted,
        "newest_timestamp": cell.newest_timestamp,
        "submission": cell.submission,
        "first_submitted_at": cell.first_submitted_at,
        "first_delivery_id": cell.first_delivery_id,
        "last_posted": _written_score(cell.last_posted),
        "last_known": _written_score(cell.last_known),
        "newest": _written_newest(line.newest(cell)),  # for the version before this, at work beside it while deployed
        "settled": _written_settled(cell.settled),
        "posted_timestamp": cell.posted_timestamp,
        "posted_by": cell.posted_by,
        "line": [_written_place(place) for place in cell.line],
        "lease_until": cell.lease_until,
        "due_at": cell.due_at,
        "generation": cell.generation,
        "unsettled_id": cell.unsettled_id,  # for the version before this
        "unsettled": None if cell.unsettled is None else _written_place(cell.unsettled),
        "graded_at": cell.graded_at,
    }


def from_item(item: Item) -> Cell:
    """Read a cell from its item."""
    fields = Fields(item)
    in_line = _read_line(fields)
    settled = _read_settled(fields.part_or_none("settled" if fields.has("line") else "newest"))
    return Cell(
        key=read_cell_key(fields),
        version=fields.number("version"),
        accepted=fields.number("accepted") if fields.has("accepted") else len(in_line),
        newest_timestamp=fields.number_or_none("newest_timestamp"),
        submission=fields.choice("submission", SubmissionState),
        first_submitted_at=fields.number_or_none("first_submitted_at"),
        first_delivery_id=fields.text_or_none("first_delivery_id"),
        last_posted=_read_score(fields.part_or_none("last_posted")),
        last_known=_read_score(fields.part_or_none("last_known")),
        settled=settled,
        posted_timestamp=fields.number_or_none("posted_timestamp"),
        posted_by=fields.text_or_none("posted_by"),
        line=in_line,
        lease_until=fields.number("lease_until"),
        due_at=_read_due(fields),
        generation=fields.number_or_none("generation") or 0,
        unsettled=_read_unsettled(fields, settled),
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


def _written_newest(newest: NewestDelivery | None) -> Item | None:
    """Write which delivery is the newest of the cell."""
    if newest is None:
        return None
    return {
        "delivery_id": newest.delivery_id,
        "consumer_key": newest.consumer_key,
        "body_digest": newest.body_digest,
        "received_at": newest.received_at,
        "number": newest.number,
    }


def _written_settled(settled: NewestDelivery | None) -> Item | None:
    if settled is None:
        return None
    return {
        **(_written_newest(settled) or {}),
        **_written_rank("score", settled.score),
        **_written_rank("work", settled.work),
    }


def _written_rank(name: str, rank: Rank | None) -> Item:
    return {} if rank is None else {f"{name}_at": rank.received_at, f"{name}_number": rank.number}


def _read_settled(fields: Fields | None) -> NewestDelivery | None:
    """Read what ``_written_settled`` wrote; also version 0.1's newest, which knew only what it sets itself."""
    if fields is None:
        return None
    newest = NewestDelivery(
        delivery_id=fields.text("delivery_id"),
        consumer_key=fields.text("consumer_key"),
        body_digest=fields.text("body_digest"),
        received_at=fields.number("received_at"),
        number=fields.number_or_none("number") or 0,
    )
    score = newest.rank if fields.flag_or_none("sets_score") else _read_rank(fields, "score")
    work = newest.rank if fields.flag_or_none("sets_work") else _read_rank(fields, "work")
    return replace(newest, score=score, work=work)


def _read_rank(fields: Fields, name: str) -> Rank | None:
    received_at = fields.number_or_none(f"{name}_at")
    return None if received_at is None else Rank(received_at, fields.number_or_none(f"{name}_number") or 0)


def _listed(cell: Cell) -> Item:
    if cell.due_at is None:
        return {}
    listing = due_listings(cell.key.platform)[shard_of(cell.key.line_item, DUE_LISTINGS)]
    return {"listing_kind": listing, "listing_order": due_order(cell.due_at)}


def _written_place(place: PlaceInLine) -> Item:
    return {
        "delivery_id": place.delivery_id,
        "received_at": place.received_at,
        "number": place.number,
        "consumer_key": place.consumer_key,
        "body_digest": place.body_digest,
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
    """Read the line; version 0.1 had one delivery under way instead.

    What entered before the cell counted has its number by its place in line, which is the order of acceptance.
    """
    if not fields.has("line"):
        under_way = fields.text_or_none("under_way_id")
        return () if under_way is None else (PlaceInLine(under_way, 0, 1, awaited_until=fields.number("lease_until")),)
    places = tuple(_read_place(place, number) for number, place in enumerate(fields.parts("line"), start=1))
    return places if fields.has("accepted") else tuple(_recognised(place, fields) for place in places)


def _read_place(place: Fields, number: int) -> PlaceInLine:
    stored = place.number_or_none("number")
    return PlaceInLine(
        delivery_id=place.text("delivery_id"),
        received_at=place.number("received_at"),
        number=number if stored is None else stored,
        consumer_key=place.text_or_none("consumer_key") or "",
        body_digest=place.text_or_none("body_digest") or "",
        sets_score=place.flag("sets_score"),
        sets_work=place.flag("sets_work"),
        awaited_until=place.number("awaited_until"),
    )


def _recognised(place: PlaceInLine, fields: Fields) -> PlaceInLine:
    """Return a place from before the cell counted with what recognises its repeat, if it was known as the newest."""
    newest = fields.part_or_none("newest")
    if newest is None or newest.text("delivery_id") != place.delivery_id:
        return place
    return replace(place, consumer_key=newest.text("consumer_key"), body_digest=newest.text("body_digest"))


def _read_unsettled(fields: Fields, settled: NewestDelivery | None) -> PlaceInLine | None:
    """Read the place of what is unsettled; before the cell counted, its name was kept, and it stood as settled too."""
    place, name = fields.part_or_none("unsettled"), fields.text_or_none("unsettled_id")
    if place is not None:
        return _read_place(place, number=0)
    if name is None or settled is None or settled.delivery_id != name:
        return None if name is None else PlaceInLine(name, 0)
    return PlaceInLine(name, settled.received_at, settled.number, settled.consumer_key, settled.body_digest)
