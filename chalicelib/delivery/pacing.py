"""Keeps the worker to what a platform lets through, by the quota that the platform's answers tell."""

import math
import threading
from dataclasses import dataclass, replace

from chalicelib.clock import Clock, Deadline
from chalicelib.lti13.profiles import PROFILES, Quota
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import Reply

KEPT_FREE = 150
"""Units that are left for the calls of tools that wait: three at once, each with its reservation."""
LONGEST_WAIT = 5.0
"""Seconds. Who needs longer is better told so by the platform than asleep with a delivery in hand."""
REMAINING = "x-rate-limit-remaining"


@dataclass(frozen=True, slots=True)
class _Bucket:
    """What was left in a platform's bucket, and when (monotonic seconds)."""

    quota: Quota
    left: float
    at: float

    def left_at(self, moment: float) -> float:
        return min(self.quota.full, self.left + self.quota.refill * max(0.0, moment - self.at))


class Pace:
    """The buckets of all platforms, as one container sees them. ``observe`` is a transport's ``Observe``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def observe(self, platform: Platform, reply: Reply, seconds: float) -> None:  # noqa: ARG002  # a transport's hook
        """Note what an answer tells of the quota; one without a quota, or with nonsense for it, tells nothing."""
        quota = PROFILES[platform.profile].quota
        left = _number(reply.headers.get(REMAINING))
        if quota is None or left is None:
            return
        with self._lock:
            # Within what Canvas ever sends: -200 to 600 (Canvas AGS, section 9).
            bounded = min(max(left, -quota.full), quota.full)
            self._buckets[platform.name] = _Bucket(quota, bounded, self._clock.monotonic())

    def wait(self, platform_name: str, deadline: Deadline) -> None:
        """Wait until a call leaves enough in the bucket, but 5 s and half of the time left at most.

        What the call reserves counts as taken from now on, for whoever comes next, until an answer tells how it is.
        """
        seconds = min(self._needed(platform_name), LONGEST_WAIT, deadline.remaining() / 2)
        if seconds > 0:
            self._clock.sleep(seconds)
        self._take(platform_name)

    def _needed(self, platform_name: str) -> float:
        with self._lock:
            bucket = self._buckets.get(platform_name)
            if bucket is None:
                return 0.0
            missing = KEPT_FREE + bucket.quota.reserved - bucket.left_at(self._clock.monotonic())
            return max(0.0, missing / bucket.quota.refill)

    def _take(self, platform_name: str) -> None:
        with self._lock:
            bucket = self._buckets.get(platform_name)
            if bucket is not None:
                now = self._clock.monotonic()
                self._buckets[platform_name] = replace(bucket, left=bucket.left_at(now) - bucket.quota.reserved, at=now)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
