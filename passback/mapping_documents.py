"""Mappings, and the cells that they point to, as values for JSON."""

from typing import Any

from chalicelib.clock import from_milliseconds, to_iso
from chalicelib.delivery import line
from chalicelib.delivery.records import Cell, KnownScore
from chalicelib.mapping.model import Mapping


def mapping_document(mapping: Mapping) -> dict[str, Any]:
    """Return a mapping as JSON-able values."""
    return {
        "consumer_key": mapping.consumer_key,
        "sourcedid": mapping.sourcedid,
        "platform": mapping.platform,
        "line_item": mapping.line_item,
        "user_id": mapping.user_id,
        "submitted": mapping.submitted.value,
        "context": mapping.context,
        "created_at": mapping.created_at.isoformat() if mapping.created_at else None,
    }


def cell_document(cell: Cell) -> dict[str, Any]:
    """Return a cell as JSON-able values; scores are strings, exact to the last digit."""
    newest = line.newest(cell)
    return {
        "submission": cell.submission.value,
        "first_submitted_at": _instant(cell.first_submitted_at),
        "last_posted": _score(cell.last_posted),
        "last_known": _score(cell.last_known),
        "newest_received_at": _instant(newest.received_at if newest else None),
        "newest_delivery": newest.delivery_id if newest else None,
        "under_way": cell.head.delivery_id if cell.head else None,
        "undelivered": len(cell.line),
        "unsettled": cell.unsettled_id,
    }


def _instant(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else to_iso(from_milliseconds(milliseconds))


def _score(known: KnownScore | None) -> str | None:
    if known is None:
        return None
    if known.score is None:
        return "no score"
    return f"{known.score} of {known.maximum}"
