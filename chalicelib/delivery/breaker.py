"""When a platform is left alone: the circuit breaker and the slowing down, as pure rules over shared state.

The breaker opens when several calls over several courses found nobody, with no answer between: one broken course never
opens it, however often it fails. So a platform that only one or two courses are delivered to is never taken for dead,
and its tools wait their time-out. While it is open one caller at a time, over all containers, may try; any answer
closes it.

Times are milliseconds since 1970. They may come from a container whose clock is wrong: a stored time further ahead than
Passback ever writes one counts for nothing, so that it cannot keep a platform off.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from chalicelib.errors import Trouble

OPENS_AFTER = 5
"""Troubles, over at least ``LEAST_COURSES`` courses, all within ``WINDOW``."""
LEAST_COURSES = 3
MOST_OF_ONE_COURSE = 3
"""More of one course tell nothing new, and would be written down each time."""
WINDOW = 300_000
FIRST_PROBE = 15_000
LONGEST_PROBE = 60_000
FIRST_SLOWING = 5_000
"""Canvas AGS, section 9: back off with jitter from about 5 s, in which 50 units come back."""
LONGEST_SLOWING = 60_000
SAME_BURST = 2_500
"""While more than this of a slowing is left, a throttled call is one of those that began it."""
SLOWING_FORGOTTEN = 60_000
"""After a slowing: the platform throttles again within this time, and it is slowed for longer."""
CLOCKS_APART = 10_000
"""How far the clocks of two containers may be apart."""


class Permission(Enum):
    """What may be done with a platform now."""

    GO = "go"
    SLOWED = "slowed"
    """It throttles: no call while a tool waits; the worker paces itself."""
    CLOSED_OFF = "closed off"
    """The breaker is open: no call."""
    PROBE = "probe"
    """The breaker is open, and a caller may try, once it has claimed the probe."""


class NotedTrouble(NamedTuple):
    """A call that found nobody."""

    course: str
    at: int


@dataclass(frozen=True, slots=True)
class PlatformHealth:
    """How a platform is, as all containers share it. ``version`` 0: nothing is stored of it."""

    platform: str
    version: int = 0
    troubles: tuple[NotedTrouble, ...] = ()
    """Since the last answer, oldest first; empty while the breaker is open."""
    opened_at: int | None = None
    probe_at: int = 0
    """While the breaker is open: when the next probe is due."""
    probes: int = 0
    slowed_until: int = 0
    slowings: int = 0
    """How many slowings have come one after another."""

    @property
    def clean(self) -> bool:
        """Tell whether an answer of the platform changes nothing here."""
        return self.opened_at is None and not self.troubles


def permission(health: PlatformHealth, now_ms: int) -> Permission:
    """Tell what may be done with a platform now."""
    if health.opened_at is not None:
        waiting = now_ms < health.probe_at <= now_ms + LONGEST_PROBE + CLOCKS_APART
        return Permission.CLOSED_OFF if waiting else Permission.PROBE
    return Permission.SLOWED if _slowed_until(health, now_ms) > now_ms else Permission.GO


def after_trouble(
    health: PlatformHealth, trouble: Trouble, course: str, now_ms: int, chance: Callable[[], float]
) -> PlatformHealth:
    """Return the health after a call that failed for now; the same object when there is nothing to write down."""
    match trouble:
        case Trouble.OURS:
            return health
        case Trouble.ERROR:
            return after_answer(health, now_ms)
        case Trouble.THROTTLED:
            return _slowed(after_answer(health, now_ms), now_ms, chance)
        case Trouble.UNREACHABLE | Trouble.TOKEN:
            return _noted(health, course, now_ms)


def after_answer(health: PlatformHealth, now_ms: int) -> PlatformHealth:  # noqa: ARG001  # as after_trouble
    """Return the health after any answer: it closes the breaker and forgets troubles. A slowing lasts its time."""
    return health if health.clean else replace(health, troubles=(), opened_at=None, probe_at=0, probes=0)


def probe_claimed(health: PlatformHealth, now_ms: int, chance: Callable[[], float]) -> PlatformHealth:
    """Return the health with the due probe taken, and the time of the next one, should this one find nobody."""
    longest = min(FIRST_PROBE << min(health.probes + 1, 8), LONGEST_PROBE)
    pause = int(longest * (0.75 + 0.25 * chance()))
    return replace(health, probe_at=now_ms + pause, probes=health.probes + 1)


def _noted(health: PlatformHealth, course: str, now_ms: int) -> PlatformHealth:
    if health.opened_at is not None:
        return health  # a probe that found nobody: the next one was set when it was claimed
    recent = tuple(each for each in health.troubles if now_ms - WINDOW < each.at <= now_ms + CLOCKS_APART)
    if sum(each.course == course for each in recent) >= MOST_OF_ONE_COURSE:
        return health
    recent = (*recent, NotedTrouble(course, now_ms))
    if len(recent) < OPENS_AFTER or len({each.course for each in recent}) < LEAST_COURSES:
        return replace(health, troubles=recent)
    return replace(health, troubles=(), opened_at=now_ms, probe_at=now_ms + FIRST_PROBE, probes=0)


def _slowed(health: PlatformHealth, now_ms: int, chance: Callable[[], float]) -> PlatformHealth:
    until = _slowed_until(health, now_ms)
    if until - now_ms > SAME_BURST:
        return health
    slowings = health.slowings + 1 if now_ms - until <= SLOWING_FORGOTTEN else 1
    longest = min(FIRST_SLOWING << min(slowings - 1, 8), LONGEST_SLOWING)
    pause = min(int(longest * (1 + chance() / 2)), LONGEST_SLOWING)
    return replace(health, slowed_until=now_ms + pause, slowings=slowings)


def _slowed_until(health: PlatformHealth, now_ms: int) -> int:
    return health.slowed_until if health.slowed_until <= now_ms + LONGEST_SLOWING + CLOCKS_APART else 0
