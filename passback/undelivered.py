"""What is under way of a tool or a platform that is to be removed: found, counted, and ended if that is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from chalicelib.clock import Deadline, to_milliseconds
from passback.failures import CommandFailed
from passback.session import Session

if TYPE_CHECKING:
    from chalicelib.delivery.lots import Lot
    from chalicelib.delivery.records import CellKey
    from chalicelib.lti11.messages import Answer

FAIL_OPTION = click.option(
    "--fail-deliveries",
    is_flag=True,
    help="End what is under way as failed, visibly; it can be retried for 30 days once this is registered again, and "
    "what was parked once it is mapped.",
)
PATIENCE = 60.0
"""Seconds for which what is just being tried is waited for: longer than a worker's lease."""
_PAUSE = 1.0
_AFTERWARDS = "they can be retried for 30 days, once this is registered again, and what was parked once it is mapped."


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is under way: in the lines of cells, and parked."""

    cells: "dict[CellKey, int]"
    lots: "list[Lot]"

    @property
    def count(self) -> int:
        """Return the number of deliveries."""
        return sum(self.cells.values()) + self.parked

    @property
    def parked(self) -> int:
        """Return the number of those that wait for a mapping."""
        return sum(len(lot.parked) for lot in self.lots)


def of_platform(session: Session, name: str) -> UnderWay:
    """Find what is under way to a platform. Nothing is parked for a platform: nobody knows it then."""
    cells = session.services.ledger.undelivered_cells(name)
    return UnderWay({cell.key: len(cell.line) for cell in cells if cell.line}, [])


def of_tool(session: Session, consumer_key: str) -> UnderWay:
    """Find what is under way of a tool."""
    services = session.services
    counts: dict[CellKey, int] = {}
    for platform in services.platforms.list():
        for cell in services.ledger.undelivered_cells(platform.name):
            inside = services.deliveries.get_many(place.delivery_id for place in cell.line)
            number = sum(1 for each in inside if each.consumer_key == consumer_key and each.state.under_way)
            if number:
                counts[cell.key] = number
    lots = services.lots.list(to_milliseconds(session.clock.now()), consumer_key)
    return UnderWay(counts, [lot for lot in lots if lot.parked])


def remove_with(
    session: Session,
    find: "Callable[[], UnderWay]",
    remove: Callable[[], object],
    answer: "Answer",
    *,
    fail: bool,
    consumer_key: str | None = None,
) -> int:
    """Remove something of which deliveries may be under way; returns how many were ended as failed.

    They are ended before it is removed, because the schedule looks only after what is registered, and once more
    afterwards: what was accepted meanwhile would stand there for ever.

    Raises
    ------
    CommandFailed
        If something is under way and must not be ended, or is being tried for too long.
    """
    found = find()
    if found.count and not fail:
        raise CommandFailed("deliveries_under_way", _refusal(found))
    failed = _end(session, find, answer, consumer_key)
    remove()
    return failed + _end(session, find, answer, consumer_key)


def ended(failed: int) -> str:
    """Say behind another sentence how many deliveries were ended."""
    return f" {failed} {'delivery was' if failed == 1 else 'deliveries were'} ended as failed." if failed else ""


def _end(session: Session, find: "Callable[[], UnderWay]", answer: "Answer", consumer_key: str | None) -> int:
    """End what is under way, and wait for what is just being tried.

    Raises
    ------
    CommandFailed
        If something is being tried for too long.
    """
    failed, until = 0, session.clock.monotonic() + PATIENCE
    abandoning = session.services.abandoning
    while True:
        found = find()
        busy = 0
        for key in found.cells:
            done = abandoning.line_of(key, answer, consumer_key=consumer_key)
            failed, busy = failed + done.failed, busy + done.busy
        deadline = Deadline.after(session.clock, PATIENCE)
        failed += sum(session.services.releasing.give_up(lot, answer, deadline) for lot in found.lots)
        if not busy:
            return failed
        if session.clock.monotonic() >= until:
            raise CommandFailed(
                "being_tried", f"{failed} are ended as failed; {busy} are being tried just now. Run the command again."
            )
        session.clock.sleep(_PAUSE)


def _refusal(found: UnderWay) -> str:
    number = f"{found.count} {'delivery is' if found.count == 1 else 'deliveries are'} under way"
    parked = f" ({found.parked} parked)" if found.parked else ""
    return (
        f"{number}{parked}. `passback delivery watch --until-empty` waits for those that are not parked; "
        f"--fail-deliveries ends all as failed; {_AFTERWARDS}"
    )
