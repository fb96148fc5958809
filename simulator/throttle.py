"""Canvas's request throttle: a leaky bucket per client (Canvas AGS, section 9).

Switched off, it refuses nothing and its headers tell of an idle bucket.
"""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.exchange import Response

HIGH_WATER_MARK = 600.0
MAXIMUM = 800.0
LEAK_PER_SECOND = 10.0
RESERVED = 50.0
TOKEN_COST = 200.0


@dataclass(slots=True)
class _Bucket:
    count: float = 0.0
    touched: float = 0.0
    entered: int = 0
    running_until: list[float] = field(default_factory=list)

    def leak(self, now: float) -> None:
        self.count = max(0.0, self.count - max(0.0, now - self.touched) * LEAK_PER_SECOND)
        self.touched = now
        self.running_until = [until for until in self.running_until if until > now]

    @property
    def level(self) -> float:
        return self.count + RESERVED * (self.entered + len(self.running_until))


class Throttle:
    """The buckets of all clients. Not thread safe: the simulator's lock guards it."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def enter(self, client: str, now: datetime, status: int) -> Response | None:
        """Reserve room for one more running request, or give the refusal when the client's bucket has none."""
        bucket = self._bucket(client, now)
        if bucket.level + RESERVED > HIGH_WATER_MARK:
            return throttled(status, HIGH_WATER_MARK - bucket.level)
        bucket.entered += 1
        return None

    def leave(self, client: str, now: datetime, cost: float, running_seconds: float) -> tuple[tuple[str, str], ...]:
        """Book the cost of a request that entered, hold its room while its answer is delayed, give its two headers."""
        bucket = self._bucket(client, now)
        bucket.entered -= 1
        bucket.count = min(MAXIMUM, bucket.count + cost)
        remaining = HIGH_WATER_MARK - bucket.level
        if running_seconds:
            bucket.running_until.append(now.timestamp() + running_seconds)
        return cost_headers(cost, remaining)

    def _bucket(self, client: str, now: datetime) -> _Bucket:
        bucket = self._buckets.setdefault(client, _Bucket(touched=now.timestamp()))
        bucket.leak(now.timestamp())
        return bucket


def cost_headers(cost: float, remaining: float) -> tuple[tuple[str, str], ...]:
    """Write the headers of an answer that was not throttled."""
    return (("X-Request-Cost", f"{cost:.6f}"), ("X-Rate-Limit-Remaining", f"{remaining:.6f}"))


def throttled(status: int, remaining: float) -> Response:
    """Make the answer of a full bucket: no Retry-After, no cost, and a remaining value that need not be 0."""
    reason = "Too Many Requests" if status == 429 else "Forbidden"
    return Response(
        status,
        (("Content-Type", "text/plain"), ("X-Rate-Limit-Remaining", f"{remaining:.6f}")),
        f"{status} {reason} (Rate Limit Exceeded)\n".encode(),
    )


def is_throttled(response: Response) -> bool:
    """Tell a full bucket's answer from any other 403 or 429, by its text as a client must."""
    return response.status in (403, 429) and b"(Rate Limit Exceeded)" in response.body
