"""Time, passed in: a clock for instants, and one deadline for everything done while a tool waits."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. Tests bring their own."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which everything done for one waiting tool must be over."""

    clock: Clock
    at: float  # on the clock's monotonic scale

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """Make a deadline so many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Tell whether no time is left."""
        return self.remaining() <= 0.0


def to_milliseconds(instant: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00:00Z, cut off, not rounded."""
    delta = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the UTC instant of so many milliseconds since 1970."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def to_iso(instant: datetime) -> str:
    """Write an instant as UTC ISO 8601 with milliseconds, as platforms take it (AGS 2.0, section 3.4)."""
    utc = instant.astimezone(UTC)
    # Not strftime: it leaves a year before 1000 without its zeros, and some tools send the year 1 for "no time".
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
