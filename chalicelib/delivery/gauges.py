"""What stands undelivered, measured each minute with a bounded look: for alarms, not for counting."""

from itertools import islice

from chalicelib import metrics, telemetry
from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery.breaker import Permission, permission
from chalicelib.errors import PassbackError
from chalicelib.storage.health import HealthStore
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.lots import TENTHS, LotStore
from chalicelib.storage.platforms import PlatformStore

UNMEASURED = "gauges_unmeasured"
LOOKED_AT = 100
"""Cells of each of a platform's listings, those that were due first: what is stuck is among them."""
MOST_MEASURED = 50
"""Platforms."""


class Gauges:
    """Measures. It fails nothing: what it cannot read it tells, and the next minute measures again."""

    def __init__(
        self, ledger: Ledger, platforms: PlatformStore, healths: HealthStore, lots: LotStore, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._healths = healths
        self._lots = lots
        self._clock = clock

    def measure(self) -> None:
        """Measure every platform, and what is parked."""
        try:
            for platform in islice(self._platforms.list(), MOST_MEASURED):
                self._measure(platform.name)
            parked = sum(count.number for tenth in range(TENTHS) for count in self._lots.counts(tenth))
            metrics.add(metrics.PARKED, parked)
        except PassbackError as problem:
            telemetry.event(UNMEASURED, why=str(problem))

    def _measure(self, name: str) -> None:
        now, number, oldest = to_milliseconds(self._clock.now()), 0, None
        for cells in self._ledger.undelivered_listings(name):
            for cell in islice(cells, LOOKED_AT):
                number += len(cell.line)
                for place in cell.line[:1]:
                    oldest = place.received_at if oldest is None else min(oldest, place.received_at)
        metrics.add(metrics.UNDELIVERED, number, Platform=name)
        metrics.add(metrics.OLDEST_UNDELIVERED, 0 if oldest is None else max(0, now - oldest) // 1000, Platform=name)
        closed = permission(self._healths.get(name), now) in (Permission.CLOSED_OFF, Permission.PROBE)
        metrics.add(metrics.BREAKER_OPEN, int(closed), Platform=name)
