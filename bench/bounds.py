"""How fast anybody can be under Canvas's throttle (Canvas AGS, section 9): computed, not measured. Pure."""

from dataclasses import dataclass

BUCKET = 600.0
LEAK = 10.0
RESERVED = 50.0
MOST_AT_ONCE = int(BUCKET // RESERVED)
TOKEN_COST = 200.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one call costs in the bucket, and for how many seconds it runs."""

    cost: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least seconds that some calls take: by the bucket's leak, by calls at once, and one after the other."""

    by_leak: float
    by_calls_at_once: float
    one_by_one: float

    @property
    def best(self) -> float:
        """Return the least seconds for whoever may call as often and as widely as Canvas lets them."""
        return max(self.by_leak, self.by_calls_at_once)


def bounds(calls: int, load: Load) -> Bounds:
    """Compute the bounds of so many calls after one for a token, from an empty bucket on.

    The bucket may be full at the end, and every call may run beside as many as have room in an empty one: nobody
    reaches either, so nobody is faster.
    """
    cost = calls * load.cost + TOKEN_COST + load.cost
    return Bounds(
        by_leak=max(0.0, (cost - BUCKET) / LEAK),
        by_calls_at_once=calls * load.seconds / MOST_AT_ONCE,
        one_by_one=calls * load.seconds,
    )
