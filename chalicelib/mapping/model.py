"""A mapping: what one tool's sourcedid stands for. It only points; the cell it points to owns all state."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Submitted(StrEnum):
    """What an import says of the student's history: work was submitted before the move, or not, or nobody knows."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mapping:
    """(consumer key, sourcedid) -> (platform, line item, user id)."""

    consumer_key: str
    sourcedid: str
    platform: str
    line_item: str
    user_id: str
    submitted: Submitted = Submitted.UNKNOWN
    context: str = ""
    created_at: datetime | None = None
