"""Reads answers with results and line items: the rows, the one that is the user's, and where the next page is."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import quote, urljoin

from chalicelib.lti13.replies import Reply
from chalicelib.lti13.score_json import CANVAS_SUBMISSION
from chalicelib.lti13.scores import LineItem, ListedLineItem, Result

Row = Mapping[str, object]

MOST_DIGITS = 400
"""Of a number. A double has no more than 309 before the point; the cell in which it is kept ends at 400 KB."""
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
# Whatever stands between "rel=" and its value: plain quotes, none, or Moodle's typographic ones, even decoded wrongly.
_RELATION = re.compile(r"\brel\s*=[^a-z;,]*([a-z][a-z -]*)", re.IGNORECASE | re.ASCII)


def service_url(line_item_url: str, service: str) -> str:
    """Return the URL of a line item's ``scores`` or ``results``: added to the path, before a query.

    AGS 2.0, sections 3.3.1 and 3.4.1; Moodle's line items end in ``?type_id=N``. One trailing slash is dropped.
    """
    path, question, query = line_item_url.partition("?")
    return f"{path.removesuffix('/')}/{service}{question}{query}"


def results_url(line_item_url: str, user_id: str) -> str:
    """Return the URL of one user's results (AGS 2.0, section 3.3). No ``limit``: Moodle crashes on 1."""
    url = service_url(line_item_url, "results")
    return f"{url}{'&' if '?' in url else '?'}user_id={quote(user_id, safe='')}"


def next_page(reply: Reply, url: str) -> str | None:
    """Return the URL that ``Link: <...>; rel="next"`` names (RFC 8288), resolved against the page's own.

    Raises
    ------
    ValueError
        If it is no URL.
    """
    for link in _LINK.finditer(reply.headers.get("link", "")):
        relation = _RELATION.search(link[2])
        if relation is not None and "next" in relation[1].lower().split():
            return str(urljoin(url, link[1].strip()))
    return None


def rows_of(reply: Reply) -> list[Row]:
    """Read the rows of a list.

    Raises
    ------
    ValueError
        If it is not a JSON array of objects.
    """
    parsed = reply.json()
    if not isinstance(parsed, list) or not all(isinstance(row, dict) for row in parsed):
        raise ValueError("not a JSON array of objects")
    return parsed


def belongs_to(row: Row, user_id: str) -> bool:
    """Tell whether a row is this user's; Moodle's ids are numbers, and may be sent as such."""
    found = row.get("userId")
    return (str(found) if isinstance(found, Decimal) else found) == user_id


def read_row(row: Row) -> Result:
    """Read one row (AGS 2.0, section 3.5; Canvas AGS, section 5). Numbers that are null or left out are None.

    Raises
    ------
    ValueError
        If a number is something else than a number.
    """
    extension = row.get(CANVAS_SUBMISSION)
    submission = extension if isinstance(extension, dict) else {}
    return Result(
        score=_number(row.get("resultScore")),
        maximum=_number(row.get("resultMaximum")),
        submission_type=_text(submission.get("submission_type")),
        submitted_at=_text(submission.get("submitted_at")),
    )


def read_line_item_reply(reply: Reply, url: str) -> LineItem:
    """Read a line item; its URL stays the one that was asked, since ``id`` may name another host (Canvas AGS, 2).

    Raises
    ------
    ValueError
        If it is not a JSON object, or its maximum not a number.
    """
    parsed = reply.json()
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")
    return LineItem(url, _number(parsed.get("scoreMaximum")), _text(parsed.get("label")) or "")


def read_listed(row: Row) -> ListedLineItem:
    """Read one row of a line item container (AGS 2.0, section 3.2).

    Raises
    ------
    ValueError
        If it has no URL, or its maximum is not a number.
    """
    url = _text(row.get("id"))
    if not url:
        raise ValueError("no id")
    maximum = _number(row.get("scoreMaximum"))
    return ListedLineItem(url, _text(row.get("label")) or "", maximum, str(row.get("resourceLinkId") or ""))


def _number(value: object) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(value) if isinstance(value, str | Decimal) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or len(number.as_tuple().digits) > MOST_DIGITS:
        raise ValueError("not a number")
    return number


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
