"""How records change as a delivery is begun, noted, put off and ended. Pure: records in, records out."""

from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.delivery import line
from chalicelib.delivery.records import (
    Cell,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    SubmissionState,
)
from chalicelib.lti11.messages import Answer, ReplaceResult, Write

KEPT_STORY = int(timedelta(days=180).total_seconds() * 1000)
"""How long what happened is kept."""
LONGEST_STORY = 50
"""Lines of a delivery's story. It may be tried again and again, and an item ends at 400 KB."""
NO_EFFECT = (DeliveryState.REFUSED, DeliveryState.FAILED)
"""How deliveries end that leave nothing in the gradebook which an older outcome must not go over."""


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
    graded: bool = False
    """A grade was read that is neither ours nor what the cell last knew."""
    submission: SubmissionState = SubmissionState.UNKNOWN
    timestamp: int = 0
    platform_words: str = ""
    platform_status: int | None = None
    warnings: tuple[str, ...] = ()


def begun(delivery: Delivery, lease_until: int, now: int) -> Delivery:
    """Return the delivery at the start of a try."""
    return replace(
        delivery,
        state=DeliveryState.ACCEPTED,
        lease_until=lease_until,
        tries=delivery.tries + 1,
        due_at=None,
        answer=None,
        ended_at=None,
        expires_at=now + KEPT_STORY,
        events=told(delivery.events, DeliveryEvent(now, f"try {delivery.tries + 1}")),
    )


def may_be_applied(delivery: Delivery) -> bool:
    """Tell whether an earlier try may have reached the gradebook: its answer was lost, or it never ended."""
    return delivery.outcome_unknown or delivery.lease_until != 0


def queued(delivery: Delivery, why: str, now: int) -> Delivery:
    """Return the delivery once the queue brings it on; its tool is told so, if it wants that at all."""
    return replace(
        delivery,
        state=DeliveryState.QUEUED,
        outcome_unknown=may_be_applied(delivery),
        lease_until=0,
        due_at=None,
        acknowledged=delivery.acknowledged or delivery.queueable,
        events=told(delivery.events, DeliveryEvent(now, f"queued: {why}")),
    )


def waiting(delivery: Delivery, why: str, due_at: int, now: int) -> Delivery:
    """Return the delivery once it is to be tried at a later time. Its tool is told that it is queued."""
    return replace(
        delivery,
        state=DeliveryState.WAITING,
        lease_until=0,
        due_at=due_at,
        acknowledged=True,
        platform_words=why,
        events=told(delivery.events, DeliveryEvent(now, f"waiting: {why}")),
    )


def first_submission_noted(cell: Cell, delivery_id: str, submitted_at: int) -> Cell:
    """Return the cell with its first submission noted, as it must be before the call that makes it."""
    return replace(
        cell,
        submission=SubmissionState.SENT,
        first_submitted_at=submitted_at,
        first_delivery_id=delivery_id,
    )


def ended_cell(cell: Cell, delivery: Delivery, ending: Ending, *, due_at: int, now: int) -> Cell:
    """Return the cell after the delivery's last try, with what the try told of the gradebook.

    The next in line is its head, due then.
    """
    cell = line.left(_noted(cell, ending), delivery.id, due_at=due_at)
    if ending.read is not None:
        cell = replace(cell, last_known=ending.read)
    cell = line.unknown(cell, delivery) if ending.applied is None else line.known(cell, delivery.id)
    if ending.applied is not False or ending.state not in NO_EFFECT:
        cell = _with_posted(_with_rank(cell, delivery, ending), delivery, ending)
    held_anew = ending.state is DeliveryState.HELD and delivery.received_at > (cell.graded_at or 0)
    if ending.graded or held_anew:
        cell = replace(cell, graded_at=now)
    if ending.posted is not None and ending.applied:
        cell = replace(cell, last_posted=ending.posted, last_known=ending.posted, graded_at=None)
    if ending.made_submission:
        return replace(cell, submission=SubmissionState.EXISTS)
    if ending.applied is False:
        if ending.keeps_first_submission:
            return _with_submission(cell)
        cell = without_first_submission(cell, delivery)
    return cell


def waiting_cell(cell: Cell, ending: Ending, *, retry: bool, due_at: int) -> Cell:
    """Return the cell after a try that failed for now: its head stays, and is due then.

    What a retry read is not what the cell knows: a person's grade, found just before the platform went away again,
    would be taken for what stood there all along, and be gone over by the next try.
    """
    read = None if ending.graded else ending.read
    return first_known(line.waits(_noted(cell, ending), due_at), read, retry=retry)


def first_known(cell: Cell, read: KnownScore | None, *, retry: bool) -> Cell:
    """Return the cell with a score that was read before its delivery has ended, if that may be what the cell knows."""
    return cell if read is None or (retry and cell.last_known is not None) else replace(cell, last_known=read)


def _with_rank(cell: Cell, delivery: Delivery, ending: Ending) -> Cell:
    """Return the cell with what had an effect among those that cover what is older; a person's grade covers it too."""
    if ending.applied is None:
        return cell
    ranks = line.ranked if ending.applied or ending.state is DeliveryState.HELD else line.named
    return replace(cell, settled=ranks(cell.settled, line.place_of(delivery)))


def _with_posted(cell: Cell, delivery: Delivery, ending: Ending) -> Cell:
    if ending.timestamp < (cell.posted_timestamp or 1):
        return cell
    return replace(cell, posted_timestamp=ending.timestamp, posted_by=delivery.id)


def _noted(cell: Cell, ending: Ending) -> Cell:
    cell = replace(cell, newest_timestamp=max(cell.newest_timestamp or 0, ending.timestamp))
    return replace(cell, submission=ending.submission) if cell.submission is SubmissionState.UNKNOWN else cell


def ended_delivery(delivery: Delivery, ending: Ending, now: int) -> Delivery:
    """Return the delivery after its last try.

    What the student wrote goes, unless somebody may want it delivered after all: it failed, it is held, or it was
    refused although the tool had been told success.
    """
    refused_later = ending.state is DeliveryState.REFUSED and delivery.acknowledged
    keeps = ending.state in (DeliveryState.FAILED, DeliveryState.HELD) or refused_later
    story = f"{ending.state}: {ending.answer.description}" if ending.answer.description else str(ending.state)
    return replace(
        delivery,
        state=ending.state,
        lease_until=0,
        due_at=None,
        write=delivery.write if keeps else None,
        outcome_unknown=ending.applied is None,
        answer=ending.answer,
        platform_words=ending.platform_words,
        platform_status=ending.platform_status,
        warnings=ending.warnings,
        events=told(delivery.events, DeliveryEvent(now, story)),
        ended_at=now,
        expires_at=now + KEPT_STORY,
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
    cell = replace(cell, unsettled=None, last_known=shown, last_posted=confirmed or cell.last_posted)
    if not applied:
        return cell
    cell = replace(cell, settled=line.ranked(cell.settled, line.place_of(delivery)))
    if confirmed_submission(cell, write):
        cell = replace(cell, submission=SubmissionState.EXISTS)
    return cell


def told(story: tuple[DeliveryEvent, ...], event: DeliveryEvent) -> tuple[DeliveryEvent, ...]:
    """Return the story with one more line; of a long one the beginning and the end."""
    half = LONGEST_STORY // 2
    return (*story, event) if len(story) < LONGEST_STORY else (*story[:half], *story[half + 1 :], event)


def _with_submission(cell: Cell) -> Cell:
    """Know of a submission that a refusal came after (Canvas AGS, section 6, "still unpublished", older).

    To send it once more would be safe for the attempt, not for the work: any submit wipes what is there.
    """
    return replace(cell, submission=SubmissionState.EXISTS) if cell.submission is SubmissionState.SENT else cell


def without_first_submission(cell: Cell, delivery: Delivery) -> Cell:
    """Forget a first submission that a refusal surely prevented; an unknown try, also another's, may have made it."""
    unknown = delivery.outcome_unknown or cell.unsettled is not None
    if cell.first_delivery_id != delivery.id or cell.submission is not SubmissionState.SENT or unknown:
        return cell
    return replace(cell, submission=SubmissionState.NONE, first_submitted_at=None, first_delivery_id=None)
