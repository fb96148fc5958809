"""How records change as a delivery is begun, accepted, noted and ended. Pure: records in, records out."""

from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.delivery.records import (
    Cell,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    SubmissionState,
)
from chalicelib.lti11.messages import Answer, ReplaceResult, Write

KEPT_ENDED = int(timedelta(days=180).total_seconds() * 1000)
"""How long what happened is kept."""
KEPT_FAILED_PAYLOAD = int(timedelta(days=30).total_seconds() * 1000)
"""How long a failed delivery keeps what the student wrote."""
LONGEST_STORY = 50
"""Lines of a delivery's story. A tool may send one request again and again, and an item ends at 400 KB."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a try ended.

    ``posted`` is the score that the gradebook holds now because of us (None: unchanged or unknown), ``made_submission``
    tells that the cell surely has a submission now, ``read`` is the score that was read in this try, ``submission``
    what reading told of it. ``applied``: True, False, or None when nobody knows.
    """

    state: DeliveryState
    answer: Answer
    applied: bool | None
    posted: KnownScore | None = None
    made_submission: bool = False
    keeps_first_submission: bool = False
    read: KnownScore | None = None
    submission: SubmissionState = SubmissionState.UNKNOWN
    timestamp: int = 0
    platform_words: str = ""
    warnings: tuple[str, ...] = ()


def begun(delivery: Delivery, lease_until: int, now: int) -> Delivery:
    """Return the delivery at the start of a try."""
    return replace(
        delivery,
        state=DeliveryState.ACCEPTED,
        lease_until=lease_until,
        tries=delivery.tries + 1,
        answer=None,
        ended_at=None,
        expires_at=now + KEPT_FAILED_PAYLOAD,  # should a crash leave it behind and nothing ever come for its cell
        events=_told(delivery.events, DeliveryEvent(now, f"try {delivery.tries + 1}")),
    )


def accepted(cell: Cell, delivery: Delivery) -> Cell:
    """Return the cell once the delivery owns it."""
    return replace(
        cell,
        newest_timestamp=max(delivery.timestamp, cell.newest_timestamp or 0),
        newest=NewestDelivery(
            delivery.id,
            delivery.consumer_key,
            delivery.body_digest,
            delivery.received_at,
            sets_score=_sets_score(delivery.write),
            sets_work=_sets_work(delivery.write),
        ),
        under_way_id=delivery.id,
        lease_until=delivery.lease_until,
    )


def covers(newest: NewestDelivery, write: Write) -> bool:
    """Tell whether nothing of an older write would be left to see once the newer delivery is applied.

    A newer outcome with work alone leaves the older one's score to be stored, and one with a score alone its work:
    to call such an older outcome superseded would lose it.
    """
    return (newest.sets_score or not _sets_score(write)) and (newest.sets_work or not _sets_work(write))


def _sets_score(write: Write | None) -> bool:
    return not isinstance(write, ReplaceResult) or write.score is not None


def _sets_work(write: Write | None) -> bool:
    return isinstance(write, ReplaceResult) and write.data is not None


def first_submission_noted(cell: Cell, delivery_id: str, submitted_at: int) -> Cell:
    """Return the cell with its first submission noted, as it must be before the call that makes it."""
    return replace(
        cell,
        submission=SubmissionState.SENT,
        first_submitted_at=submitted_at,
        first_delivery_id=delivery_id,
    )


def ended_cell(cell: Cell, delivery: Delivery, ending: Ending) -> Cell:
    """Return the cell after the try: free, and with what the try told of the gradebook."""
    cell = replace(
        cell,
        under_way_id=None,
        lease_until=0,
        unsettled_id=delivery.id if ending.applied is None else _other(cell.unsettled_id, delivery.id),
        newest_timestamp=max(cell.newest_timestamp or 0, ending.timestamp),
    )
    if ending.read is not None:
        cell = replace(cell, last_known=ending.read)
    if ending.posted is not None and ending.applied:
        cell = replace(cell, last_posted=ending.posted, last_known=ending.posted)
    if cell.submission is SubmissionState.UNKNOWN:
        cell = replace(cell, submission=ending.submission)
    if ending.made_submission:
        return replace(cell, submission=SubmissionState.EXISTS)
    if ending.applied is False:
        if ending.state is not DeliveryState.SUPERSEDED:
            cell = _without_newest(cell, delivery)
        if ending.keeps_first_submission:
            return _with_submission(cell)
        cell = _without_first_submission(cell, delivery)
    return cell


def ended_delivery(delivery: Delivery, ending: Ending, now: int) -> Delivery:
    """Return the delivery after the try; what the student wrote goes when it ends, unless it failed."""
    failed = ending.state is DeliveryState.FAILED
    story = f"{ending.state}: {ending.answer.description}" if ending.answer.description else str(ending.state)
    return replace(
        delivery,
        state=ending.state,
        lease_until=0,
        write=delivery.write if failed else None,
        outcome_unknown=ending.applied is None,
        answer=ending.answer,
        platform_words=ending.platform_words,
        warnings=ending.warnings,
        events=_told(delivery.events, DeliveryEvent(now, story)),
        ended_at=now,
        expires_at=now + (KEPT_FAILED_PAYLOAD if failed else KEPT_ENDED),
    )


def confirmed_submission(cell: Cell, write: Write) -> bool:
    """Tell whether a write that turned out to be applied made the cell's first submission, or made it again."""
    return isinstance(write, ReplaceResult) and cell.submission is SubmissionState.SENT


def settled_cell(
    cell: Cell, delivery: Delivery, write: Write, *, shown: KnownScore, confirmed: KnownScore | None, applied: bool
) -> Cell:
    """Return the cell once it is known whether an ended try was applied.

    ``shown`` is the score that was read, ``confirmed`` the write's own score when it was among what was read.
    """
    cell = replace(cell, unsettled_id=None, last_known=shown, last_posted=confirmed or cell.last_posted)
    if not applied:
        return _without_newest(cell, delivery)
    if confirmed_submission(cell, write):
        cell = replace(cell, submission=SubmissionState.EXISTS)
    return cell


def _told(story: tuple[DeliveryEvent, ...], line: DeliveryEvent) -> tuple[DeliveryEvent, ...]:
    """Return the story with one more line; of a long one the beginning and the end."""
    half = LONGEST_STORY // 2
    return (*story, line) if len(story) < LONGEST_STORY else (*story[:half], *story[half + 1 :], line)


def _other(delivery_id: str | None, ended_id: str) -> str | None:
    return None if delivery_id == ended_id else delivery_id


def _without_newest(cell: Cell, delivery: Delivery) -> Cell:
    """Forget an outcome that surely had no effect, so that it does not supersede the one before it."""
    if cell.newest is None or cell.newest.delivery_id != delivery.id:
        return cell
    return replace(cell, newest=delivery.previous)


def _with_submission(cell: Cell) -> Cell:
    """Know of a submission that a refusal came after (Canvas AGS, section 6, "still unpublished", older).

    To send it once more would be safe for the attempt, not for the work: any submit wipes what is there.
    """
    return replace(cell, submission=SubmissionState.EXISTS) if cell.submission is SubmissionState.SENT else cell


def _without_first_submission(cell: Cell, delivery: Delivery) -> Cell:
    """Forget a first submission that a refusal surely prevented; an earlier unknown try may have made it."""
    if cell.first_delivery_id != delivery.id or cell.submission is not SubmissionState.SENT or delivery.outcome_unknown:
        return cell
    return replace(cell, submission=SubmissionState.NONE, first_submitted_at=None, first_delivery_id=None)
