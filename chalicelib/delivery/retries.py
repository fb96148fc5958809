"""When a delivery that failed for now is tried again, and when it is given up. Pure; times are milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.delivery.records import Delivery

_DAY = 86_400_000
_UNITS = ((_DAY, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"))

FILE_WAITS = (2 * 60_000, 5 * 60_000, 10 * 60_000, 20 * 60_000)
"""The longest waits between the tries of a file: the fifth falls within the hour (design, row "Files")."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How long to wait, and for how long in all. Durations in milliseconds.

    ``first_wait`` is the longest wait after the first try; it doubles with each try up to ``longest_wait``. A delivery
    older than ``give_up_after`` is given up when its next try fails; its age counts anew when an operator puts it back
    in line. ``look_again`` is how long a message may be on its way before another one is sent for the same delivery.
    """

    first_wait: int = 60_000
    longest_wait: int = 3_600_000
    give_up_after: int = 7 * _DAY
    look_again: int = 600_000

    def next_try(self, tries: int, now: int, chance: Callable[[], float]) -> int:
        """Say when to try again after so many tries: exponential backoff with full jitter.

        Full jitter spreads the load of many that failed at one moment (AWS Architecture Blog, "Exponential Backoff
        And Jitter").
        """
        ceiling = min(self.longest_wait, self.first_wait * 2 ** min(max(tries - 1, 0), 30))
        return now + int(ceiling * chance())

    def gives_up(self, delivery: Delivery, now: int) -> bool:
        """Tell whether a delivery that failed for now has been tried for long enough."""
        since = delivery.received_at if delivery.retried_at is None else delivery.retried_at
        return now - since > self.give_up_after

    @property
    def patience(self) -> str:
        """The time after which a delivery is given up, for people: whole days, or hours, minutes, seconds."""
        size, unit = next((each for each in _UNITS if self.give_up_after >= each[0]), _UNITS[-1])
        number = self.give_up_after // size
        return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def next_file_try(file_tries: int, now: int, chance: Callable[[], float]) -> int:
    """Say when to offer a file again that the platform could not fetch so many times."""
    longest = FILE_WAITS[min(file_tries, len(FILE_WAITS)) - 1]
    return now + int(longest * (0.5 + chance() / 2))
