"""Times as they are typed (an ISO 8601 date or time, or how long ago: ``2h``, ``3d``), and as they are shown."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from chalicelib.clock import from_milliseconds, to_iso, to_milliseconds

_AGO = re.compile(r"([0-9]{1,6}) ?(s|min|m|h|d|w)")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Moment(click.ParamType["datetime | timedelta"]):
    """An instant, or how long ago it was. Without a zone it is UTC; a date is its first moment."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        """Read the time."""
        ago = _AGO.fullmatch(str(value).strip())
        if ago is not None:
            return int(ago[1]) * _UNITS[ago[2]]
        try:
            read = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is no time: give 2026-02-03, 2026-02-03T10:15, 90m, 2h or 3d.", param, ctx)
        return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def milliseconds(moment: datetime | timedelta | None, now: datetime) -> int | None:
    """Return a typed time as milliseconds since 1970; what lies before that is 1970."""
    if moment is None:
        return None
    try:
        return max(0, to_milliseconds(now - moment if isinstance(moment, timedelta) else moment))
    except OverflowError:
        return 0


def instant(moment: int | None) -> str | None:
    """Write milliseconds since 1970 as UTC ISO 8601."""
    return None if moment is None else to_iso(from_milliseconds(moment))


def distance(moment: int, now: int) -> str:
    """Say for people how far a moment (milliseconds) is away: ``in 5 min``, ``2 h ago``, ``now``."""
    seconds = round((moment - now) / 1000)
    if seconds == 0:
        return "now"
    number = length(abs(seconds))
    return f"in {number}" if seconds > 0 else f"{number} ago"


def length(seconds: int) -> str:
    """Say for people how long a time is, in its largest whole unit: ``5 min``."""
    size, unit = next(((size, unit) for size, unit in _STEPS if seconds >= size), _STEPS[-1])
    return f"{seconds // size} {unit}"


_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
