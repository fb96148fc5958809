"""``passback mapping missing``: what tools send that nobody has mapped."""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import from_milliseconds, to_iso, to_milliseconds
from passback.commands import Command
from passback.failures import CommandFailed
from passback.output import Table, View, Words
from passback.parameters import LISTED_AT_MOST, ConsumerKey
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.delivery.lots import Lot

LISTED = 100
"""Sourcedids that are shown unless another number is asked for; a form has all."""


@dataclass(frozen=True, slots=True)
class MissingMapping:
    """A sourcedid that nobody has mapped, without the blanks that a tool may put around it. Times in milliseconds."""

    consumer_key: str
    sourcedid: str
    wanted: int
    first_seen: int
    last_seen: int
    parked: int


@click.command(cls=Command)
@click.option("--tool", "--key", "consumer_key", type=ConsumerKey(), help="Only this tool's; its consumer key.")
@click.option("--limit", type=LISTED_AT_MOST, help=f"At most so many; {LISTED} if not said, and all with --csv.")
@click.option(
    "--csv", "as_form", is_flag=True, help="Write an import file with key and sourcedid filled in, and the rest empty."
)
@pass_session
def missing(session: Session, consumer_key: str | None, limit: int | None, as_form: bool) -> None:
    """List what tools send that nobody has mapped, most wanted first.

    What comes twice within a minute is counted once. A sourcedid for which nothing is parked is forgotten 30 days
    after it came last.
    """
    if as_form and session.output.json_mode:
        raise CommandFailed("usage", "--csv and --json cannot both be.", 2)
    services = session.services
    lots = services.lots.list(to_milliseconds(session.clock.now()), consumer_key)
    found = most_wanted(lot for lot, mapping in services.lots.with_mappings(lots) if mapping is None)
    if as_form:
        _write_form(found[:limit])
        return
    shown = found[: limit or LISTED]
    session.output.show({"missing": [_document(each) for each in shown], "total": len(found)}, *_views(shown, found))


def most_wanted(lots: "Iterable[Lot]") -> list[MissingMapping]:
    """Put together the forms of one sourcedid, with and without blanks around it, and sort by how much it is wanted."""
    found: dict[tuple[str, str], MissingMapping] = {}
    for lot in lots:
        name = lot.consumer_key, lot.sourcedid.strip()
        one = MissingMapping(*name, lot.wanted, lot.first_seen, lot.last_seen, len(lot.parked))
        found[name] = _together(found[name], one) if name in found else one
    return sorted(found.values(), key=lambda each: (-each.wanted, -each.parked, -each.last_seen, each.sourcedid))


def _together(one: MissingMapping, other: MissingMapping) -> MissingMapping:
    return MissingMapping(
        one.consumer_key,
        one.sourcedid,
        one.wanted + other.wanted,
        min(one.first_seen, other.first_seen),
        max(one.last_seen, other.last_seen),
        one.parked + other.parked,
    )


def _views(shown: Sequence[MissingMapping], found: Sequence[MissingMapping]) -> list[View]:
    rows = [
        (
            each.consumer_key,
            each.sourcedid,
            str(each.wanted),
            _instant(each.first_seen),
            _instant(each.last_seen),
            str(each.parked),
        )
        for each in shown
    ]
    columns = ("tool", "sourcedid", "times sent", "first", "last", "parked")
    views: list[View] = [Table(columns, rows, empty="Nothing is missing: every sourcedid that came has a mapping.")]
    if len(found) > len(shown):
        views.append(Words(f"{len(found) - len(shown)} more; --limit shows more, --csv writes all."))
    return views


def _document(missing: MissingMapping) -> dict[str, Any]:
    return {
        "consumer_key": missing.consumer_key,
        "sourcedid": missing.sourcedid,
        "wanted": missing.wanted,
        "first_seen": _instant(missing.first_seen),
        "last_seen": _instant(missing.last_seen),
        "parked": missing.parked,
    }


def _write_form(found: Sequence[MissingMapping]) -> None:
    """Write what `passback mapping import` reads, once it is filled in: every text to the letter."""
    from passback.mapping_file import COLUMNS

    writer = csv.DictWriter(sys.stdout, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for each in found:
        writer.writerow({"consumer_key": each.consumer_key, "sourcedid": each.sourcedid})
    sys.stdout.flush()


def _instant(milliseconds: int) -> str:
    return to_iso(from_milliseconds(milliseconds))
