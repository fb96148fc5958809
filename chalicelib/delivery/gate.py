"""Asks before a call whether the platform may be called, and notes after it how the platform is.

What it knows comes from the table, at most 2 s old: an answer that one container got and the troubles that another had
within these seconds may miss each other. Nothing in here fails an outcome: without the table everybody may go.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import telemetry
from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery.breaker import (
    Permission,
    PlatformHealth,
    after_answer,
    after_trouble,
    permission,
    probe_claimed,
)
from chalicelib.errors import PassbackError, PlatformUnavailable, StorageConflict, Trouble
from chalicelib.storage.health import HealthStore

KEPT_FOR = 2.0
"""Seconds that a health is used without reading it again."""
TRIES = 4
"""When a platform goes down many containers write at once; what the last ones saw, the others saw as well."""
CLAIM_LOST = 1000
"""Milliseconds after which to come again when it is not known how a lost probe ends."""

OPENED = "breaker_opened"
CLOSED = "breaker_closed"
SLOWED = "platform_slowed"
PROBING = "breaker_probe"
NOT_KEPT = "platform_health_not_kept"


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a platform may be called: ``GO``, ``SLOWED`` or ``CLOSED_OFF``, and until when (ms) that holds.

    ``probe``: the caller goes although the breaker is open, to see whether the platform is back.
    """

    permission: Permission
    until: int = 0
    probe: bool = False


class Gate:
    """The breakers of all platforms, as one container sees them. ``chance`` gives numbers from 0 up to 1."""

    def __init__(self, store: HealthStore, clock: Clock, chance: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._kept: dict[str, tuple[float, PlatformHealth]] = {}

    def admit(self, platform_name: str, health: PlatformHealth | None = None, *, may_probe: bool = True) -> Admission:
        """Tell whether the platform may be called now; claims a probe when one is due.

        Parameters
        ----------
        health
            As it was read just now along with other things; by default it is read here, at most every 2 s.
        may_probe
            Whether the caller may be the one to try while the breaker is open: its tool waits a whole time-out then.
        """
        try:
            known = self._keep(health) if health is not None else self._known(platform_name)
        except PassbackError as problem:
            _not_kept(platform_name, problem)
            return Admission(Permission.GO)
        admission = _admission(known, self._now())
        if admission.permission is not Permission.PROBE:
            return admission
        return self._claim(known) if may_probe else Admission(Permission.CLOSED_OFF, self._now())

    def answered(self, platform_name: str) -> None:
        """Note that the platform answered, whatever it said. Writes only if there is something to forget."""
        _, seen = self._kept.get(platform_name, (0.0, None))
        if seen is not None and not seen.clean:
            self._change(platform_name, after_answer)

    def trouble(self, platform_name: str, course: str, problem: PlatformUnavailable) -> None:
        """Note that a call failed for now, and why."""
        cause = problem.cause
        if cause is Trouble.ERROR:
            self.answered(platform_name)
        elif cause is not Trouble.OURS:
            self._change(platform_name, lambda health, now: after_trouble(health, cause, course, now, self._chance))

    def _claim(self, known: PlatformHealth) -> Admission:
        """Take the due probe, unless somebody else has: of all containers one may try."""
        now = self._now()
        elsewhere = Admission(Permission.CLOSED_OFF, now + CLAIM_LOST)
        try:
            claimed = self._keep(self._store.put(known, probe_claimed(known, now, self._chance)))
        except StorageConflict:
            return self._claimed_elsewhere(known.platform, elsewhere)
        except PassbackError as problem:
            _not_kept(known.platform, problem)
            return elsewhere  # it was down when last seen, and without the table nobody knows who tries
        telemetry.event(PROBING, platform=known.platform, probe=claimed.probes)
        return Admission(Permission.GO, claimed.probe_at, probe=True)

    def _claimed_elsewhere(self, platform_name: str, unknown: Admission) -> Admission:
        try:
            admission = _admission(self._read(platform_name), self._now())
        except PassbackError as problem:
            _not_kept(platform_name, problem)
            return unknown
        return unknown if admission.permission is Permission.PROBE else admission

    def _change(self, platform_name: str, change: Callable[[PlatformHealth, int], PlatformHealth]) -> None:
        """Read, change and write a health, again when somebody else wrote meanwhile."""
        try:
            for _ in range(TRIES):
                before = self._read(platform_name)
                after = change(before, self._now())
                if after is before:
                    return
                try:
                    self._keep(self._store.put(before, after))
                except StorageConflict:
                    continue
                _tell(before, after)
                return
        except PassbackError as problem:
            _not_kept(platform_name, problem)

    def _known(self, platform_name: str) -> PlatformHealth:
        at, health = self._kept.get(platform_name, (0.0, None))
        if health is not None and self._clock.monotonic() - at < KEPT_FOR:
            return health
        return self._read(platform_name)

    def _read(self, platform_name: str) -> PlatformHealth:
        return self._keep(self._store.get(platform_name))

    def _keep(self, health: PlatformHealth) -> PlatformHealth:
        self._kept[health.platform] = (self._clock.monotonic(), health)
        return health

    def _now(self) -> int:
        return to_milliseconds(self._clock.now())


def _admission(health: PlatformHealth, now: int) -> Admission:
    allowed = permission(health, now)
    until = {Permission.CLOSED_OFF: health.probe_at, Permission.SLOWED: health.slowed_until}
    return Admission(allowed, until.get(allowed, now))


def _tell(before: PlatformHealth, after: PlatformHealth) -> None:
    if before.opened_at is None and after.opened_at is not None:
        telemetry.event(OPENED, platform=after.platform)
    if before.opened_at is not None and after.opened_at is None:
        telemetry.event(CLOSED, platform=after.platform, probes=before.probes)
    if after.slowed_until > before.slowed_until:
        telemetry.event(SLOWED, platform=after.platform, slowings=after.slowings)


def _not_kept(platform_name: str, problem: PassbackError) -> None:
    telemetry.event(NOT_KEPT, platform=platform_name, why=str(problem))
