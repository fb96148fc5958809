"""The line of a cell: what is undelivered, in the order it was accepted, and when to look after it. Pure.

Only the head is ever tried. Times are milliseconds since 1970.
"""

from dataclasses import replace

from chalicelib.delivery.records import Cell, Delivery, NewestDelivery, PlaceInLine
from chalicelib.lti11.messages import ReplaceResult, Write

LONGEST = 50
"""Places in one line: the cell is written with every step, and an item ends at 400 KB."""


def entered(cell: Cell, delivery: Delivery, *, awaited_until: int, due_at: int) -> Cell:
    """Return the cell with the delivery at the end of its line and known as its newest outcome.

    ``due_at`` counts only when the line was empty: whoever stands before it comes first.
    """
    place = PlaceInLine(
        delivery.id,
        delivery.received_at,
        sets_score=sets_score(delivery.write),
        sets_work=sets_work(delivery.write),
        awaited_until=awaited_until,
    )
    return replace(
        cell,
        line=(*cell.line, place),
        due_at=cell.due_at if cell.line else due_at,
        newest=_newest(cell.newest, delivery),
        newest_timestamp=max(delivery.timestamp, cell.newest_timestamp or 0),
    )


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


def remainder(
    write: Write, cell: Cell, received_at: int, *, takes_work: bool, loses_ties: bool = False
) -> Write | None:
    """Return what an outcome brings that no newer one of its cell has brought already. None: nothing.

    A newer outcome with work alone leaves the older one's score to be stored, and one with a score alone its work: to
    call such an older outcome superseded would lose it. ``loses_ties``: of two received in one millisecond the other
    one counts as newer, because it was accepted later.
    """
    newest = cell.newest
    latest = received_at - 1 if loses_ties else received_at
    if newest is None or newest.received_at <= latest:
        return write
    score_is_newer = newest.score_at is not None and newest.score_at > latest
    work_is_newer = not takes_work or (newest.work_at is not None and newest.work_at > latest)
    if not isinstance(write, ReplaceResult):
        return None if score_is_newer else write
    score = None if score_is_newer else write.score
    data = None if work_is_newer else write.data
    if score is None and data is None:
        return None
    return replace(write, score=score, data=data, submitted_at=None if data is None else write.submitted_at)


def sets_score(write: Write | None) -> bool:
    """Tell whether a write gives a score or takes one away."""
    return not isinstance(write, ReplaceResult) or write.score is not None


def sets_work(write: Write | None) -> bool:
    """Tell whether a write hands in work."""
    return isinstance(write, ReplaceResult) and write.data is not None


def _newest(before: NewestDelivery | None, delivery: Delivery) -> NewestDelivery:
    """Return what is newest with one more delivery: usually that one; an older one adds only what it brings."""
    received_at = delivery.received_at
    score_at = received_at if sets_score(delivery.write) else None
    work_at = received_at if sets_work(delivery.write) else None
    if before is not None:
        score_at = _later(before.score_at, score_at)
        work_at = _later(before.work_at, work_at)
        if before.received_at > received_at:
            return replace(before, score_at=score_at, work_at=work_at)
    return NewestDelivery(
        delivery.id, delivery.consumer_key, delivery.body_digest, received_at, score_at=score_at, work_at=work_at
    )


def _later(one: int | None, other: int | None) -> int | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
