"""Names that Passback makes up: references that tools quote, and delivery ids. The randomness is passed in."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Makes references and delivery ids from a source of random bytes (``secrets.token_bytes``)."""

    random_bytes: Callable[[int], bytes]

    def reference(self) -> str:
        """Return a reference of 15 digits, as in Canvas's ``[EID_<digits>]`` (Canvas LTI 1.1 outcomes, section 7.1)."""
        number = int.from_bytes(self.random_bytes(8), "big") % 900_000_000_000_000
        return str(number + 100_000_000_000_000)

    def delivery_id(self, received_at: int) -> str:
        """Return a delivery id; ids sort by time of receipt (milliseconds since 1970)."""
        return f"{received_at:012x}-{self.random_bytes(8).hex()}"
