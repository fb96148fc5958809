"""What is remembered of an outcome: the cell it goes to, the receipt of its request, and its delivery.

All times are milliseconds since 1970, UTC. All records are values: a change is a new record, written on the
condition that the stored one is still the one it was made from (see ``storage.ledger``).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from chalicelib.lti11.messages import Answer, Write


@dataclass(frozen=True, slots=True)
class CellKey:
    """One square of a gradebook."""

    platform: str
    line_item: str
    user_id: str


class SubmissionState(StrEnum):
    """What is known of a typed submission in the cell (Canvas AGS, section 10, "new_submission must be explicit")."""

    UNKNOWN = "unknown"
    """Imported, and the platform's results were never read."""
    NONE = "none"
    SENT = "sent"
    """``first_submitted_at`` is written; the call that makes the submission is not confirmed."""
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class KnownScore:
    """A score as posted or read: points out of a maximum; no score at all when ``score`` is None."""

    score: Decimal | None
    maximum: Decimal | None


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Where an outcome stands among those of its cell: the greater one is the newer.

    That is the one received later; of those received in one millisecond, the one accepted later.
    """

    received_at: int
    number: int = 0
    """Its number among all that the cell accepted. 0: it was accepted before they were counted."""


@dataclass(frozen=True, slots=True)
class NewestDelivery:
    """The newest delivery of several, and what an outcome that is older still brings.

    A newly signed repeat is recognised by ``consumer_key`` and ``body_digest``.
    """

    delivery_id: str
    consumer_key: str
    body_digest: str
    received_at: int
    number: int = 0
    score: Rank | None = None
    """The rank of the newest outcome, this one or an earlier, that gave a score or took one away."""
    work: Rank | None = None
    """The rank of the newest outcome, this one or an earlier, that handed in work."""

    @property
    def rank(self) -> Rank:
        """Where it stands among the outcomes of its cell."""
        return Rank(self.received_at, self.number)


@dataclass(frozen=True, slots=True)
class PlaceInLine:
    """An undelivered delivery in the line of its cell."""

    delivery_id: str
    received_at: int
    number: int = 0
    consumer_key: str = ""
    """With ``body_digest`` it recognises a newly signed repeat; both empty: entered before they were noted here."""
    body_digest: str = ""
    sets_score: bool = True
    """It gives a score or takes one away."""
    sets_work: bool = False
    """It hands in work."""
    awaited_until: int = 0
    """A tool waits for its answer until then; 0: it was told that its outcome is queued."""

    @property
    def rank(self) -> Rank:
        """Where it stands among the outcomes of its cell."""
        return Rank(self.received_at, self.number)


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the gradebook, and all state that orders scores in it. ``version`` 0: not stored yet."""

    key: CellKey
    version: int = 0
    accepted: int = 0
    """How many outcomes it has accepted: each has its number, and the next one has the next."""
    newest_timestamp: int | None = None
    """The largest ``timestamp`` given out for the cell."""
    submission: SubmissionState = SubmissionState.UNKNOWN
    first_submitted_at: int | None = None
    first_delivery_id: str | None = None
    """The delivery whose call made, or may have made, the first submission."""
    last_posted: KnownScore | None = None
    """What we last posted and saw confirmed. None: never."""
    last_known: KnownScore | None = None
    """What we last posted or read. None: never."""
    settled: NewestDelivery | None = None
    """The newest of those that ended and had, or may have had, an effect; its marks are those of sure effects."""
    posted_timestamp: int | None = None
    """The largest ``timestamp`` that a delivery which has ended was, or may have been, sent with."""
    posted_by: str | None = None
    """That delivery."""
    line: tuple[PlaceInLine, ...] = ()
    """The undelivered deliveries in the order they were accepted; only the first, the head, is ever tried."""
    lease_until: int = 0
    """Until then the head is being tried, by one alone; past: a crash left it behind; 0: nobody tries it."""
    due_at: int | None = None
    """When the schedule looks after the head. None: the line is empty."""
    generation: int = 0
    """Number of the last message that was, or is about to be, sent for a head of this cell."""
    unsettled: PlaceInLine | None = None
    """The place of an ended delivery of which nobody knows yet whether the platform applied it."""
    graded_at: int | None = None
    """When a person's grade was noticed last. What was received before it does not go over that grade."""

    @property
    def head(self) -> PlaceInLine | None:
        """The delivery whose turn it is."""
        return self.line[0] if self.line else None

    @property
    def unsettled_id(self) -> str | None:
        """The ended delivery of which nobody knows yet whether the platform applied it."""
        return None if self.unsettled is None else self.unsettled.delivery_id


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    ACCEPTED = "accepted"
    """Being tried, or about to be, while its tool waits; or being tried again."""
    QUEUED = "queued"
    """Its tool was told so. A message is out for it, or it stands in line behind another delivery."""
    WAITING = "waiting"
    """A try failed for now; the next one is due at ``due_at``."""
    PARKED = "parked"
    """Its sourcedid has no mapping yet."""
    HELD = "held"
    """A person graded after it, and that grade stays; an operator may still send it over the grade."""
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def under_way(self) -> bool:
        """Tell whether something more will happen to the delivery by itself."""
        return self in (
            DeliveryState.ACCEPTED,
            DeliveryState.QUEUED,
            DeliveryState.WAITING,
            DeliveryState.PARKED,
        )

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen to the delivery by itself."""
        return not self.under_way


UNMAPPED = CellKey("", "", "")
"""Where a parked delivery goes, as long as nobody knows."""


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One line in a delivery's story."""

    at: int
    what: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted outcome on its way to a cell."""

    id: str
    cell: CellKey
    consumer_key: str
    sourcedid_digest: str
    context: str
    operation: str
    write: Write | None
    """The payload; deleted when the delivery ends, unless somebody may want it delivered after all."""
    received_at: int
    timestamp: int
    reference: str
    body_digest: str
    receipt_key: str
    state: DeliveryState = DeliveryState.ACCEPTED
    lease_until: int = 0
    number: int = 0
    """Its number among all that its cell accepted; 0: none has accepted it yet, or none counted then."""
    tries: int = 0
    file_tries: int = 0
    """How often the platform could not fetch its file."""
    queueable: bool = False
    """Its tool wants it queued when the platform cannot be reached now."""
    acknowledged: bool = False
    """Its tool was told success before it was in the gradebook."""
    forced: bool = False
    """An operator wants it sent over whatever the gradebook holds."""
    retried_at: int | None = None
    """When an operator last put it back in line: from then on it has the whole time again."""
    due_at: int | None = None
    """When a waiting delivery is tried again."""
    outcome_unknown: bool = False
    """A post went out and no answer came back."""
    answer: Answer | None = None
    platform_words: str = ""
    platform_status: int | None = None
    """HTTP status that came with the words, if they were an answer."""
    warnings: tuple[str, ...] = ()
    events: tuple[DeliveryEvent, ...] = ()
    ended_at: int | None = None
    expires_at: int | None = None

    @property
    def rank(self) -> Rank:
        """Where it stands among the outcomes of its cell."""
        return Rank(self.received_at, self.number)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Remembers a signed request that was seen, and its answer.

    ``key`` is the hash of (consumer key, timestamp, nonce), ``digest`` of signed URL and body. Without an answer the
    request is in progress, or may be processed again with the stored ``received_at``: its delivery and cell tell
    which. ``deadline`` is when the try under way must be over (0: none is), and by it a change is conditioned on the
    receipt that was read. The receipt means nothing once ``expires_at`` has passed.
    """

    key: str
    digest: str
    delivery_id: str
    received_at: int
    deadline: int
    reference: str
    expires_at: int
    answer: Answer | None = None
