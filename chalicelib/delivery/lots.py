"""What is kept of a sourcedid that nobody has mapped: how often it was asked for, and the outcomes parked for it. Pure.

Times are milliseconds since 1970. Every change is a new lot with the next version.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

LONGEST_SOURCEDID = 8 * 1024
"""Bytes in UTF-8: a longer one cannot be mapped either, so nothing is kept of it."""
MOST_PARKED = 20
"""Outcomes parked for one sourcedid."""
WANTED_FOR = int(timedelta(days=30).total_seconds() * 1000)
"""How long a sourcedid for which nothing is parked is remembered after it was last asked for."""
COUNTED_AGAIN_AFTER = 60_000
"""What is asked for once more within a minute is not counted again: counting costs a write."""


@dataclass(frozen=True, slots=True)
class ParkedOutcome:
    """The place of one outcome in a lot; its content is its delivery's. ``body_digest`` tells a newly signed repeat."""

    delivery_id: str
    received_at: int
    sets_score: bool
    body_digest: str


@dataclass(frozen=True, slots=True)
class Lot:
    """One tool's sourcedid, as it is sent. ``version`` 0: nothing is stored of it yet."""

    consumer_key: str
    sourcedid: str
    version: int = 0
    wanted: int = 0
    """How often it was asked for, at most once a minute."""
    first_seen: int = 0
    last_seen: int = 0
    parked: tuple[ParkedOutcome, ...] = ()
    """In the order in which they were received."""
    counted_in: int | None = None
    """The period of ``WANTED_FOR`` in which the tool's limit of wanted sourcedids counted it last."""

    @property
    def expires_at(self) -> int | None:
        """When it is forgotten; never as long as something is parked."""
        return None if self.parked else self.last_seen + WANTED_FOR

    @property
    def newest_score(self) -> ParkedOutcome | None:
        """The newest outcome parked that gives a score or takes one away."""
        return next((place for place in reversed(self.parked) if place.sets_score), None)


def is_counted(lot: Lot, now: int) -> bool:
    """Tell whether the sourcedid was counted as wanted just before."""
    return lot.version > 0 and now - lot.last_seen < COUNTED_AGAIN_AFTER


def period_of(now: int) -> int:
    """Number the periods in which the wanted sourcedids of a tool are limited."""
    return now // WANTED_FOR


def asked(lot: Lot, now: int) -> Lot:
    """Return the lot once its sourcedid was asked for again."""
    return replace(
        lot,
        version=lot.version + 1,
        wanted=lot.wanted + 1,
        first_seen=lot.first_seen or now,
        last_seen=max(now, lot.last_seen),
    )


def with_parked(lot: Lot, place: ParkedOutcome, now: int) -> Lot:
    """Return the lot with one more outcome, which also was asked for."""
    ordered = sorted((*lot.parked, place), key=lambda each: each.received_at)
    return replace(asked(lot, now), parked=tuple(ordered))


def without_parked(lot: Lot, delivery_id: str) -> Lot:
    """Return the lot once an outcome has left it."""
    rest = tuple(place for place in lot.parked if place.delivery_id != delivery_id)
    return replace(lot, version=lot.version + 1, parked=rest)
