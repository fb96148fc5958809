"""The times that tools give as submittedAt: the usual forms that Rails' general time parser takes."""

import re
from datetime import UTC, datetime, timedelta

from chalicelib.errors import OutcomeCode, OutcomeFailure

NOT_PARSEABLE = "Invalid timestamp - timestamp not parseable"
IN_FUTURE = "Invalid timestamp - timestamp in future"
ALLOWED_AHEAD = timedelta(minutes=1)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month_name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?(?:,| ) ?)?"
# RFC 2822 4.3 names these zones; hours east of Greenwich.
_ZONES = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6}
_ZONES |= {"pst": -8, "pdt": -7}
_ZONE = rf"(?: ?(?:(?P<zone>{'|'.join(_ZONES)})|(?P<offset>[+-](?:\d\d(?::?\d\d)?))))?(?: ?\([a-z ]*\))?"
_TIME = rf"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?{_ZONE}"
_BASIC_TIME = rf"(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?{_ZONE}"

_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        # ISO 8601: 2017-04-16T18:54:36.736+00:00, 2017-04-16 18:54, 2017-04-16
        rf"(?P<year>\d{{4}})-(?P<month>\d\d?)-(?P<day>\d\d?)(?:(?:t| ){_TIME})?",
        # ISO 8601 basic: 20170416T185436Z, 20170416
        rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)(?:(?:t| ){_BASIC_TIME})?",
        # 2017/04/16 10:00
        rf"(?P<year>\d{{4}})/(?P<month>\d\d?)/(?P<day>\d\d?)(?: {_TIME})?",
        # RFC 2822: Sun, 16 Apr 2017 18:54:36 +0000
        rf"{_WEEKDAY}(?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}})(?:,? {_TIME})?",
        # April 16 2017 10:00
        rf"{_WEEKDAY}{_MONTH} (?P<day>\d\d?)(?: ?, ?| )(?P<year>\d{{4}})(?:,? {_TIME})?",
    )
)


def parse_submitted_at(text: str) -> datetime | None:
    """Read a submittedAt as an instant in UTC; blanks alone are None (Canvas LTI 1.1 outcomes, section 4.4).

    A time without a zone is UTC. Fractions of a second are cut off at microseconds.

    Raises
    ------
    OutcomeFailure
        ``timestamp_not_parseable`` for anything that is not one of the forms, or no real date.
    """
    single_spaced = " ".join(text.split())  # no run of blanks for the forms to try in many ways
    if not single_spaced:
        return None
    for form in _FORMS:
        match = form.fullmatch(single_spaced)
        if match:
            try:
                return _instant(match.groupdict())
            except (ValueError, OverflowError):  # 30 February, hour 25, year 0, or moved out of the calendar
                break
    raise OutcomeFailure(OutcomeCode.TIMESTAMP_NOT_PARSEABLE, NOT_PARSEABLE)


def check_not_ahead(submitted_at: datetime, now: datetime) -> None:
    """Check that a submittedAt is at most one minute ahead (Canvas LTI 1.1 outcomes, section 4.4).

    Raises
    ------
    OutcomeFailure
        ``timestamp_in_future``.
    """
    if submitted_at - now > ALLOWED_AHEAD:
        raise OutcomeFailure(OutcomeCode.TIMESTAMP_IN_FUTURE, IN_FUTURE)


def _instant(parts: dict[str, str | None]) -> datetime:
    name = parts.get("month_name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"] or "")
    day = datetime(int(parts["year"] or ""), month, int(parts["day"] or ""), tzinfo=UTC)
    return day + _time_of_day(parts) - _offset(parts)


def _time_of_day(parts: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(parts[name] or "0") for name in ("hour", "minute", "second"))
    microsecond = int((parts["fraction"] or "")[:6].ljust(6, "0"))
    time = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)
    # Midnight may be written as 24:00, and a leap second as 60: both are the moment that follows.
    if minute > 59 or second > 60 or (hour > 23 and time != timedelta(days=1)):
        raise ValueError("no such time of day")
    return time


def _offset(parts: dict[str, str | None]) -> timedelta:
    zone, offset = parts["zone"], parts["offset"]
    if zone:
        return timedelta(hours=_ZONES[zone.lower()])
    if not offset:
        return timedelta()
    hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or "0")
    if hours > 23 or minutes > 59:
        raise ValueError("no such zone")
    east = timedelta(hours=hours, minutes=minutes)
    return -east if offset[0] == "-" else east
