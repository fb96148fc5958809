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


@dataclass(frozen=True, slots=True)
class NewestDelivery:
    """The newest delivery accepted for a cell, as far as a newly signed repeat is recognised by it."""

    delivery_id: str
    consumer_key: str
    body_digest: str
    received_at: int
    sets_score: bool = True
    """It gives a score or takes one away."""
    sets_work: bool = False
    """It hands in work."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the gradebook, and all state that orders scores in it. ``version`` 0: not stored yet."""

    key: CellKey
    version: int = 0
    newest_timestamp: int | None = None
    """The largest ``timestamp`` given out for the cell; at least ``newest_received_at`` once a tie was moved on."""
    submission: SubmissionState = SubmissionState.UNKNOWN
    first_submitted_at: int | None = None
    first_delivery_id: str | None = None
    """The delivery whose call made, or may have made, the first submission."""
    last_posted: KnownScore | None = None
    """What we last posted and saw confirmed. None: never."""
    last_known: KnownScore | None = None
    """What we last posted or read. None: never."""
    newest: NewestDelivery | None = None
    under_way_id: str | None = None
    """The delivery that owns the cell; it owns it alone until its ``lease_until``."""
    lease_until: int = 0
    unsettled_id: str | None = None
    """An ended delivery of which nobody knows whether the platform applied it."""

    @property
    def newest_received_at(self) -> int | None:
        """Time R of the newest outcome that was accepted and had, or may have had, an effect."""
        return None if self.newest is None else self.newest.received_at


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen to the delivery by itself."""
        return self is not DeliveryState.ACCEPTED


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
    """The payload; deleted when the delivery ends, unless it may still be needed to settle what happened."""
    received_at: int
    timestamp: int
    reference: str
    body_digest: str
    receipt_key: str
    state: DeliveryState = DeliveryState.ACCEPTED
    lease_until: int = 0
    previous: NewestDelivery | None = None
    """The cell's newest delivery before this one: the newest again when this one surely had no effect."""
    tries: int = 0
    outcome_unknown: bool = False
    """A post went out and no answer came back."""
    answer: Answer | None = None
    platform_words: str = ""
    warnings: tuple[str, ...] = ()
    events: tuple[DeliveryEvent, ...] = ()
    ended_at: int | None = None
    expires_at: int | None = None


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
