"""Names of items in the table: every identifier, however long, is hashed into one short key.

A partition key ends at 2,048 bytes and a sort key at 1,024 (DynamoDB, service quotas), while a sourcedid has no limit.
"""

import hashlib
from collections.abc import Iterable

LONGEST_ORDER = 900


def length_prefixed(parts: Iterable[str]) -> bytes:
    """Join texts so that no two different lists of texts ever give the same bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in (text.encode() for text in parts))


def item_key(kind: str, *parts: str) -> str:
    """Make the partition key of one item: its kind in clear, its identifiers as one SHA-256 in hex.

    Raises
    ------
    UnicodeEncodeError
        If a part holds a lone surrogate; doors refuse such texts before.
    """
    return f"{kind}#{hashlib.sha256(length_prefixed(parts)).hexdigest()}"


def listing_order(text: str) -> str:
    """Cut a text to what fits into the listing's sort key, which may not be empty either."""
    return text.encode()[:LONGEST_ORDER].decode(errors="ignore") or " "
