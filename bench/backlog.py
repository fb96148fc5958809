"""A backlog as an outage leaves it: outcomes that tools were told are queued, made through Passback's own door."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import app
from bench.stack import Seat, Site, outcome_event, random_score

AGE = timedelta(minutes=10)
"""How long ago the outcomes were received: an outage shorter than a minute would need no read before each score."""
OPENERS = 5
"""Outcomes in courses of their own that come first and find out that the platform is dead."""
QUEUED = "<imsx_description>queued for delivery</imsx_description>"
_POINTS = 10


@dataclass(frozen=True, slots=True)
class Backlog:
    """Seats, and the score that each was promised. ``seconds``: what the door took to take them all."""

    promised: dict[Seat, str]
    seconds: float


def queue_up(seats: Sequence[Seat]) -> Backlog:
    """Send one outcome for each seat while its platform is down."""
    promised = {seat: random_score() for seat in seats}
    received = datetime.now(UTC) - AGE
    seconds = sum(queue_one(seat, score, received) for seat, score in promised.items())
    return Backlog(promised, seconds)


def queue_one(seat: Seat, score: str, received: datetime | None = None) -> float:
    """Send one outcome while its platform is down; the seconds are those of the door alone.

    Raises
    ------
    RuntimeError
        If it is answered with anything but ``queued for delivery``.
    """
    event = outcome_event(seat, score, received)
    started = time.perf_counter()
    answer = app.app(event, None)
    seconds = time.perf_counter() - started
    if answer["statusCode"] != 200 or QUEUED not in answer["body"]:
        raise RuntimeError(f"an outcome was not queued: {answer['statusCode']} {answer['body']}")
    return seconds


def missing(site: Site, promised: Iterable[tuple[Seat, str]], attempts: int | None = 1) -> int:
    """Count the seats whose gradebook does not show what was promised, in so many attempts (None: any number)."""
    return sum(
        not _shown(site.control("state", handle=seat.handle), score, attempts)
        for seat, score in promised
        if seat.platform == site.name
    )


def _shown(state: dict[str, object], score: str, attempts: int | None) -> bool:
    """Tell whether a square of the gradebook is as it ought to be. Scores come as the simulator's exact decimals."""
    if state["score"] is None or attempts not in (None, state["attempt"]):
        return False
    return abs(Decimal(str(state["score"])) - Decimal(score) * _POINTS) < Decimal("0.000001")
