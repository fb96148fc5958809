"""A delivery that is claimed, and where its try stands."""

from dataclasses import dataclass, field

from chalicelib.clock import from_milliseconds
from chalicelib.delivery.records import Cell, Delivery, KnownScore, Receipt
from chalicelib.lti11.messages import Write
from chalicelib.lti13.profiles import PROFILES, Profile
from chalicelib.lti13.registrations import Platform
from chalicelib.translation.comparison import known
from chalicelib.translation.steps import Concessions, Facts, Order, Unread


@dataclass(frozen=True, slots=True)
class Claimed:
    """The head of a cell's line, nobody else's until its lease ends, as stored."""

    delivery: Delivery
    write: Write
    cell: Cell
    platform: Platform
    receipt: Receipt | None
    retry: bool
    in_passing: bool = False
    """It is not the head, but tried before it under its claim; it must end now."""

    @property
    def profile(self) -> Profile:
        """The rules of the delivery's kind of platform."""
        return PROFILES[self.platform.profile]

    @property
    def may_wait(self) -> bool:
        """Tell whether the delivery may go on later, after its tool was told that it is queued."""
        return (self.delivery.queueable or self.delivery.acknowledged) and not self.in_passing


@dataclass(frozen=True, slots=True)
class Run:
    """Where a try stands."""

    claimed: Claimed
    cell: Cell
    order: Order
    facts: Facts = field(default_factory=Facts)

    @property
    def score_read(self) -> KnownScore | None:
        """The score that this try read; None: it read nothing."""
        return None if isinstance(self.facts.result, Unread) else known(self.facts.result)


def begin(claimed: Claimed) -> Run:
    """Begin a try of a claimed delivery."""
    delivery = claimed.delivery
    order = Order(
        write=claimed.write,
        user_id=delivery.cell.user_id,
        received_at=from_milliseconds(delivery.received_at),
        timestamp=from_milliseconds(delivery.timestamp),
        retry=claimed.retry,
        forced=delivery.forced,
        concessions=Concessions(file_tries=delivery.file_tries),
        unknown=delivery.outcome_unknown,
    )
    return Run(claimed, claimed.cell, order)
