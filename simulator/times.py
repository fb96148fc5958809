"""Times as Rails' general parser reads them and as Canvas writes them. All times carry UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_OFFSET = r"(?P<offset>Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?"
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
_DATES = (
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})",
    r"(?P<year>[0-9]{4})/(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})",
    r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>[0-9]{1,2}),? (?P<year>[0-9]{4})",
    r"(?P<day>[0-9]{1,2}) (?P<name>[A-Za-z]{3,9})\.? (?P<year>[0-9]{4})",
)
_FORMS = tuple(re.compile(rf"{date}(?:(?:[Tt]| +|, +){_CLOCK} ?{_OFFSET})?") for date in _DATES)
_COMPACT = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})T(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?" + _OFFSET
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

Clock = Callable[[], datetime]


def parse_time(text: str) -> datetime | None:
    """Read a time, ISO 8601 first, then the general forms; without an offset it is UTC. None when it is not a time.

    Bare numbers are not times here: Canvas misreads epochs (Canvas AGS, section 3.6).
    """
    bare = text.strip()
    for form in (*_FORMS, _COMPACT):
        found = form.fullmatch(bare)
        if found:
            return _assemble(found.groupdict())
    return _electronic_mail_date(bare)


def _assemble(parts: dict[str, str | None]) -> datetime | None:
    month = _month(parts)
    if month is None:
        return None
    fraction = ((parts["fraction"] or "") + "000000")[:6]
    try:
        return datetime(
            int(parts["year"] or 0),
            month,
            int(parts["day"] or 0),
            int(parts["hour"] or 0),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(fraction),
            tzinfo=_zone(parts["offset"]),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _month(parts: dict[str, str | None]) -> int | None:
    name = parts.get("name")
    if name is None:
        return int(parts["month"] or 0)
    return _MONTHS.index(name[:3].lower()) + 1 if name[:3].lower() in _MONTHS else None


def _zone(offset: str | None) -> timezone:
    if offset is None or offset[0] not in "+-":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-distance if offset[0] == "-" else distance)


def _electronic_mail_date(text: str) -> datetime | None:
    if not text[:1].isalpha() and not re.match(r"[0-9]{1,2} [A-Za-z]", text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def iso_milliseconds(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with three decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_seconds(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC without decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
