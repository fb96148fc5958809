"""The line of a cell: what is undelivered, in the order it was accepted, and when to look after it. Pure.

Only the head is ever tried. Times are milliseconds since 1970.
"""

from dataclasses import replace
from typing import TypeAlias

from chalicelib.delivery.records import Cell, Delivery, NewestDelivery, PlaceInLine
from chalicelib.lti11.messages import ReplaceResult, Write

_Mark: TypeAlias = tuple[int | None, str | None]

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
        newest=ranked(cell.newest, delivery),
        newest_timestamp=max(delivery.timestamp, cell.newest_timestamp or 0),
    )


def entered_again(cell: Cell, delivery: Delivery, *, awaited_until: int, due_at: int) -> Cell:
    """Return the cell with an ended delivery at the end of its line: its own turn settles what became of it."""
    entering = replace(cell, unsettled_id=None if cell.unsettled_id == delivery.id else cell.unsettled_id)
    return entered(entering, delivery, awaited_until=awaited_until, due_at=due_at)


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


def remainder(
    write: Write,
    cell: Cell,
    received_at: int,
    *,
    takes_work: bool,
    own: str | None = None,
    previous: NewestDelivery | None = None,
) -> Write | None:
    """Return what an outcome brings that no newer one has brought already. None: nothing.

    Only what had an effect counts. A newer outcome with work alone leaves the older one's score to be stored, and one
    with a score alone its work: to call such an older outcome superseded would lose it. Of two that were received in
    one millisecond that one is newer which was accepted later: ``own`` is the outcome's delivery, and ``previous`` was
    the newest of its cell when it was accepted.
    """
    settled = cell.settled
    if settled is None:
        return write
    not_newer = {own} | ({previous.delivery_id, previous.score_by, previous.work_by} if previous else set())

    def is_newer(at: int | None, by: str | None) -> bool:
        if at is None or own is None:
            return at is not None and at > received_at
        return by != own and (at > received_at or (at == received_at and by not in not_newer))

    score_is_newer = is_newer(settled.score_at, settled.score_by)
    work_is_newer = not takes_work or is_newer(settled.work_at, settled.work_by)
    if not isinstance(write, ReplaceResult):
        return None if score_is_newer else write
    if not score_is_newer and not is_newer(settled.work_at, settled.work_by):
        return write
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


def ranked(before: NewestDelivery | None, delivery: Delivery) -> NewestDelivery:
    """Return what is newest with one more delivery: usually that one; an older one adds only what it brings."""
    received_at, name = delivery.received_at, delivery.id
    score: _Mark = (received_at, name) if sets_score(delivery.write) else (None, None)
    work: _Mark = (received_at, name) if sets_work(delivery.write) else (None, None)
    if before is not None:
        score, work = _later((before.score_at, before.score_by), score), _later((before.work_at, before.work_by), work)
    newest = before
    if newest is None or newest.received_at <= received_at:
        newest = NewestDelivery(name, delivery.consumer_key, delivery.body_digest, received_at)
    return replace(newest, score_at=score[0], score_by=score[1], work_at=work[0], work_by=work[1])


def last_ended(before: NewestDelivery | None, delivery: Delivery) -> NewestDelivery:
    """Return what is newest of the ended ones with one more, of which it is not sure what it brought."""
    name, received_at = delivery.id, delivery.received_at
    if before is None:
        return NewestDelivery(name, delivery.consumer_key, delivery.body_digest, received_at)
    if before.received_at > received_at:
        return before
    return replace(
        before,
        delivery_id=name,
        consumer_key=delivery.consumer_key,
        body_digest=delivery.body_digest,
        received_at=received_at,
    )


def without_rank(cell: Cell, delivery: Delivery) -> Cell:
    """Forget an outcome that surely had no effect, so that it supersedes nothing.

    The newest is then the one before it, if that stands in the line still, or else the newest that had an effect.
    """
    newest, settled, before = cell.newest, cell.settled, delivery.previous
    if settled is not None and settled.delivery_id == delivery.id:
        brought = settled.score_at is not None or settled.work_at is not None  # by others: its own was never sure
        rest = settled if brought else None
        settled = rest if before is None else _with_marks(before, settled, ())
    if newest is None:
        return replace(cell, settled=settled)
    if newest.delivery_id == delivery.id:
        newest = before if before is not None and stands_in(cell, before.delivery_id) else settled
    if newest is not None:
        newest = _with_marks(newest, settled, cell.line)
    return replace(cell, newest=newest, settled=settled)


def _with_marks(
    newest: NewestDelivery, settled: NewestDelivery | None, line: tuple[PlaceInLine, ...]
) -> NewestDelivery:
    """Return the newest with the times of those only that had an effect, or still stand in the line."""
    score: _Mark = (None, None) if settled is None else (settled.score_at, settled.score_by)
    work: _Mark = (None, None) if settled is None else (settled.work_at, settled.work_by)
    for place in line:
        score = _later(score, (place.received_at, place.delivery_id)) if place.sets_score else score
        work = _later(work, (place.received_at, place.delivery_id)) if place.sets_work else work
    return replace(newest, score_at=score[0], score_by=score[1], work_at=work[0], work_by=work[1])


def _later(one: _Mark, other: _Mark) -> _Mark:
    if one[0] is None or other[0] is None:
        return other if one[0] is None else one
    return one if one[0] > other[0] else other
