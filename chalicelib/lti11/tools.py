"""A legacy tool as its operator registered it: consumer key, secrets, and its few switches."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BodyHashRule(StrEnum):
    """Whether ``oauth_body_hash`` must be there. When it is there it is always checked."""

    REQUIRED = "required"
    IF_PRESENT = "if_present"


class OnDelay(StrEnum):
    """What a tool is told when the platform cannot be reached now."""

    QUEUE = "queue"
    FAIL = "fail"


class Unmapped(StrEnum):
    """What happens to an outcome whose sourcedid has no mapping."""

    FAIL = "fail"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Tool:
    """One consumer key. ``secrets`` are the live shared secrets, newest first, at most two.

    ``rotated_at``: since when there are two, where that is known.
    """

    consumer_key: str
    secrets: tuple[str, ...]
    body_hash: BodyHashRule = BodyHashRule.REQUIRED
    failure_status: int = 422
    on_delay: OnDelay = OnDelay.QUEUE
    unmapped: Unmapped = Unmapped.FAIL
    created_at: datetime | None = None
    rotated_at: datetime | None = None

    def __repr__(self) -> str:
        """Name the tool without its secrets, so that no log or traceback can show them."""
        return f"Tool(consumer_key={self.consumer_key!r}, secrets={len(self.secrets)})"
