"""Which course a line item is in, as far as its URL tells: for the breaker, and for the order of the queue."""

import hashlib
import re

LONGEST_NAME = 200
"""Characters of a course's name that are kept; of a longer one its digest."""
LONGEST_READABLE = 100

# Canvas .../courses/42/line_items/7 (Canvas AGS, section 2), Moodle .../services.php/2/lineitems/5/lineitem, D2L
# .../orgunits/6606/lineitems/1, Blackboard .../courses/_1_1/lineItems/_2_1.
_COLLECTION = re.compile(r"(?P<course>[^?#]+?)/line_?items(?:[/?#]|$)", re.IGNORECASE)
_READABLE = re.compile(r"[A-Za-z0-9._-]+")


def course_of(line_item: str, context: str = "") -> str:
    """Name the course of a line item: the mapping's context, else the URL up to its collection, else the line item."""
    name = context or _course_part(line_item)
    return name if len(name) <= LONGEST_NAME else _digest(name)


def shard_of(line_item: str, shards: int) -> int:
    """Return the shard of a course, from 0. Only the URL counts, so that one cell always has one shard."""
    return int(_digest(_course_part(line_item)), 16) % shards


def message_group(platform: str, shard: int) -> str:
    """Name the message group of a platform's shard: letters, digits and punctuation, at most 128 (SQS, SendMessage)."""
    readable = _READABLE.fullmatch(platform) is not None and len(platform) <= LONGEST_READABLE
    # No readable name begins with a tilde, and the shard has no dot: two platforms never share a group.
    return f"{platform if readable else '~' + _digest(platform)}.{shard}"


def _course_part(line_item: str) -> str:
    found = _COLLECTION.match(line_item)
    return line_item if found is None else found["course"]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
