"""Pages of a list, with Canvas's Link header."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

from simulator.exchange import Request

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item], request: Request, default: int, maximum: int
) -> tuple[Sequence[Item], tuple[tuple[str, str], ...]]:
    """Cut out the page that ``page`` and ``limit`` ask for, and write its Link header."""
    limit = min(_whole(request.parameter("limit"), default), maximum)
    page = _whole(request.parameter("page"), 1)
    last = max(1, -(-len(items) // limit))
    relations = [("current", page), ("first", 1), ("last", last)]
    if page < last:
        relations.insert(1, ("next", page + 1))
    if page > 1:
        relations.insert(1, ("prev", page - 1))
    links = ",".join(f'<{_address(request, number, limit)}>; rel="{name}"' for name, number in relations)
    return items[(page - 1) * limit : page * limit], (("Link", links),)


def _address(request: Request, page: int, limit: int) -> str:
    others = [(name, value) for name, value in request.parameters if name not in ("page", "limit")]
    query = urlencode([*others, ("page", page), ("limit", limit)])
    return f"{request.base_url}{request.path}?{query}"


def _whole(text: str | None, default: int) -> int:
    # At most six digits: larger numbers are nobody's page.
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 else default
