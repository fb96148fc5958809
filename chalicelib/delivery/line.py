"""The line of a cell: what is undelivered, in the order it was accepted, and when to look after it. Pure.

Only the head is ever tried. Times are milliseconds since 1970.
"""

from dataclasses import replace
from functools import reduce

from chalicelib.delivery.records import Cell, Delivery, NewestDelivery, PlaceInLine, Rank
from chalicelib.lti11.messages import ReplaceResult, Write

LONGEST = 50
"""Places in one line: the cell is written with every step, and an item ends at 400 KB."""


def place_of(delivery: Delivery, *, awaited_until: int = 0) -> PlaceInLine:
    """Return the place that a delivery takes."""
    return PlaceInLine(
        delivery.id,
        delivery.received_at,
        delivery.number,
        delivery.consumer_key,
        delivery.body_digest,
        sets_score=sets_score(delivery.write),
        sets_work=sets_work(delivery.write),
        awaited_until=awaited_until,
    )


def entered(cell: Cell, delivery: Delivery, *, awaited_until: int, due_at: int) -> Cell:
    """Return the cell with the delivery at the end of its line, and counted.

    One that comes again is not to be settled any more: its own turn does that. ``due_at`` counts only when the line
    was empty: whoever stands before it comes first.
    """
    return replace(
        known(cell, delivery.id),
        accepted=max(cell.accepted, delivery.number),
        line=(*cell.line, place_of(delivery, awaited_until=awaited_until)),
        due_at=cell.due_at if cell.line else due_at,
        newest_timestamp=max(delivery.timestamp, cell.newest_timestamp or 0),
    )


def is_unsettled_behind(cell: Cell, delivery_id: str) -> bool:
    """Tell whether nobody knows what became of an ended delivery, and others are tried before it could be.

    They have to settle it first: what it may have posted would be taken for a person's grade.
    """
    return bool(cell.line) and cell.unsettled_id == delivery_id


def claimed(cell: Cell, lease_until: int) -> Cell:
    """Return the cell while its head is being tried: should that never end, the schedule looks after it."""
    return replace(cell, lease_until=lease_until, due_at=lease_until)


def left(cell: Cell, delivery_id: str, *, due_at: int) -> Cell:
    """Return the cell without the delivery in its line.

    Is there a new head, it is free, and called for; or it is left to the tool that waits for it.
    """
    was_head = cell.head is not None and cell.head.delivery_id == delivery_id
    line = tuple(place for place in cell.line if place.delivery_id != delivery_id)
    if not line:
        return replace(cell, line=(), lease_until=0, due_at=None)
    if not was_head:
        return replace(cell, line=line)
    freed = replace(cell, line=line, lease_until=0)
    return replace(freed, due_at=line[0].awaited_until) if line[0].awaited_until else called(freed, due_at)


def called(cell: Cell, due_at: int) -> Cell:
    """Return the cell with a message going out for its head; is that lost, the schedule sends another when due."""
    return replace(cell, generation=cell.generation + 1, due_at=due_at)


def waits(cell: Cell, due_at: int) -> Cell:
    """Return the cell with its head free, unawaited, and due again at some time."""
    if cell.head is None:
        return cell
    head = replace(cell.head, awaited_until=0)
    return replace(cell, line=(head, *cell.line[1:]), lease_until=0, due_at=due_at)


def unawaited(cell: Cell, delivery_id: str) -> Cell:
    """Return the cell once no tool waits for the delivery any more: the queue brings it."""
    line = tuple(replace(place, awaited_until=0) if place.delivery_id == delivery_id else place for place in cell.line)
    return replace(cell, line=line)


def stands_in(cell: Cell, delivery_id: str) -> bool:
    """Tell whether the delivery is in the cell's line."""
    return any(place.delivery_id == delivery_id for place in cell.line)


def is_queued_up(cell: Cell, now: int) -> bool:
    """Tell whether somebody in the line is left to the queue: what comes after is then left to it as well."""
    return any(place.awaited_until == 0 for place in cell.line) or any(
        place.awaited_until <= now for place in cell.line[1:]
    )


def is_being_tried(cell: Cell, now: int) -> bool:
    """Tell whether the head is being tried, or is about to be by a tool that waits."""
    return cell.lease_until > now or (cell.head is not None and cell.head.awaited_until > now)


def is_left_behind(cell: Cell, now: int) -> bool:
    """Tell whether the head's tool was waiting, or its try was running, when whoever did it went away."""
    if cell.head is None or cell.lease_until > now:
        return False
    return cell.lease_until != 0 or 0 < cell.head.awaited_until <= now


def droppable(cell: Cell, write: Write) -> PlaceInLine | None:
    """Find the place that a full line gives up for a new write: the last one that the new one makes useless.

    Neither the head, which may have been tried, nor the one after it, nor work: those leave a trace in the gradebook
    that a later score does not cover.
    """
    if not sets_score(write):
        return None
    return next((place for place in reversed(cell.line[2:]) if not place.sets_work and not place.awaited_until), None)


def remainder(write: Write, cell: Cell, rank: Rank, *, takes_work: bool) -> Write | None:
    """Return what an outcome of this rank brings that no newer one has brought already. None: nothing.

    Only what had an effect counts. A newer outcome with work alone leaves the older one's score to be stored, and one
    with a score alone its work: to call such an older outcome superseded would lose it.
    """
    settled = cell.settled
    if settled is None:
        return write
    score_is_newer = settled.score is not None and settled.score > rank
    work_is_newer = settled.work is not None and settled.work > rank
    if not isinstance(write, ReplaceResult):
        return None if score_is_newer else write
    if not score_is_newer and not work_is_newer:
        return write
    score = None if score_is_newer else write.score
    data = write.data if takes_work and not work_is_newer else None
    if score is None and data is None:
        return None
    return replace(write, score=score, data=data, submitted_at=None if data is None else write.submitted_at)


def sets_score(write: Write | None) -> bool:
    """Tell whether a write gives a score or takes one away."""
    return not isinstance(write, ReplaceResult) or write.score is not None


def sets_work(write: Write | None) -> bool:
    """Tell whether a write hands in work."""
    return isinstance(write, ReplaceResult) and write.data is not None


def newest(cell: Cell) -> NewestDelivery | None:
    """Return the newest of those that had, or may have had, an effect, or stand in line."""
    places = cell.line if cell.unsettled is None else (cell.unsettled, *cell.line)
    return reduce(ranked, places, cell.settled)


def ranked(before: NewestDelivery | None, place: PlaceInLine) -> NewestDelivery:
    """Return what is newest with one more, and what that brings: usually that one; an older one adds only its part."""
    after = named(before, place)
    return replace(
        after,
        score=_later(after.score, place.rank) if place.sets_score else after.score,
        work=_later(after.work, place.rank) if place.sets_work else after.work,
    )


def named(before: NewestDelivery | None, place: PlaceInLine) -> NewestDelivery:
    """Return what is newest with one more, of which only its name and rank count: what it brought is not sure."""
    if before is None:
        return NewestDelivery(place.delivery_id, place.consumer_key, place.body_digest, place.received_at, place.number)
    if before.rank > place.rank:
        return before
    return replace(
        before,
        delivery_id=place.delivery_id,
        consumer_key=place.consumer_key,
        body_digest=place.body_digest,
        received_at=place.received_at,
        number=place.number,
    )


def is_sure(cell: Cell, delivery_id: str) -> bool:
    """Tell whether the delivery is settled, and had an effect for sure; the cell alone tells it."""
    settled = cell.settled
    if settled is None or settled.delivery_id != delivery_id:
        return False
    return settled.rank in (settled.score, settled.work)


def known(cell: Cell, delivery_id: str) -> Cell:
    """Return the cell when the delivery's end is known, or still to come: then there is nothing of it to settle."""
    return replace(cell, unsettled=None) if cell.unsettled_id == delivery_id else cell


def unknown(cell: Cell, delivery: Delivery) -> Cell:
    """Return the cell when nobody knows yet whether the delivery, which has ended, had an effect."""
    if cell.unsettled_id not in (None, delivery.id):  # it was not settled, so nothing was posted since
        return replace(cell, settled=named(cell.settled, place_of(delivery)))
    return replace(cell, unsettled=place_of(delivery))


def never_known(cell: Cell) -> Cell:
    """Return the cell when what its unsettled delivery did stays unknown: it may be the newest, and covers nothing."""
    if cell.unsettled is None:
        return cell
    return replace(cell, unsettled=None, settled=named(cell.settled, cell.unsettled))


def _later(one: Rank | None, other: Rank) -> Rank:
    return other if one is None else max(one, other)
