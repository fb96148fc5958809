"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Both of a clock's hands move together; ``sleep`` moves them."""

    def __init__(self, now: datetime = datetime(2026, 2, 3, 10, 15, 30, 123000, tzinfo=UTC)) -> None:
        self._start = now
        self._seconds = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return 1000.0 + self._seconds

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._seconds += seconds
