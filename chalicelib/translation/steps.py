"""What the rules are asked, and what they can say: read something, post a score, or end with an answer."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from chalicelib.delivery.records import DeliveryState, KnownScore
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.scores import Result, Score


class Unread(Enum):
    """Nobody asked the platform yet. Not the same as None: asked, and there was nothing."""

    UNREAD = "unread"


UNREAD = Unread.UNREAD


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read from the platform for this try."""

    result: Result | Unread | None = UNREAD
    line_item_maximum: Decimal | Unread | None = UNREAD


@dataclass(frozen=True, slots=True)
class Concessions:
    """What this try goes without, because the platform refused it with."""

    no_new_submission: bool = False
    """No attempts are left: the score goes alone."""
    no_file: bool = False
    """The platform cannot fetch the file: the score goes alone."""
    moved_timestamp: bool = False
    """The platform had a newer time: the score was given the present one."""
    grade_stays: bool = False
    """Somebody graded after R: the work goes without its score."""
    file_tries: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """One write on its way to its cell."""

    write: Write
    user_id: str
    received_at: datetime
    """Time R."""
    timestamp: datetime
    """R, or the next free tick when R was taken."""
    retry: bool = False
    """An earlier try may have been applied, or the outcome is older than a minute: read before writing."""
    forced: bool = False
    """An operator wants it in the gradebook whatever stands there: nobody's grade is asked for."""
    concessions: Concessions = field(default_factory=Concessions)
    unknown: bool = False
    """An earlier try went out and no answer came back."""


@dataclass(frozen=True, slots=True)
class ReadResults:
    """Ask the platform for the user's result, and come again."""


@dataclass(frozen=True, slots=True)
class ReadLineItem:
    """Ask the platform for the line item's present maximum, and come again."""


@dataclass(frozen=True, slots=True)
class PostScore:
    """Post this score.

    ``submitted_at`` is the time of the submission that the post makes, None when it makes none;
    ``first_submission`` tells that this is the first one in the cell, to be noted before the call.
    ``posts`` is what the gradebook holds afterwards (None: the post leaves the grade alone).
    ``ends`` and ``description`` say how the delivery ends once the platform accepts.
    """

    score: Score
    submitted_at: datetime | None = None
    first_submission: bool = False
    posts: KnownScore | None = None
    ends: DeliveryState = DeliveryState.DELIVERED
    description: str = ""
    stale_is_ours: bool = False
    """A platform that finds this post stale has it already."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conclude:
    """Nothing more to post: the delivery ends so, with this answer.

    ``confirms`` is the score that was found in the gradebook, when an earlier try turned out to have been applied.
    """

    state: DeliveryState
    answer: Answer
    confirms: KnownScore | None = None


Step = ReadResults | ReadLineItem | PostScore | Conclude
