"""What a simulator counted of the calls that it got."""

from dataclasses import dataclass

from bench.stack import Site


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls since the last reset. ``scored``: scores that were taken; ``calls``: all that were not refused, by kind."""

    scored: int
    calls: dict[str, int]
    throttled: int
    most_at_once: int

    @property
    def done(self) -> int:
        """Return how many calls were let through."""
        return sum(self.calls.values())


def read_counts(site: Site) -> Counts:
    """Ask a simulator for its counts."""
    told = site.control("counters")
    answered = {kind: {str(end): int(count) for end, count in ends.items()} for kind, ends in told["calls"].items()}
    return Counts(
        scored=answered.get("score", {}).get("200", 0),
        calls={kind: ends["200"] for kind, ends in sorted(answered.items()) if ends.get("200")},
        throttled=int(told["throttled"]),
        most_at_once=int(told["most_at_once"]),
    )
