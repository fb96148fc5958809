"""``passback delivery watch``: a line for each change, as it happens."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery.records import Delivery, DeliveryState
from passback.commands import Command
from passback.deliveries.documents import delivery_document, due, why
from passback.deliveries.filters import hint_at_unknown, wanted, whose_options
from passback.failures import CommandFailed
from passback.moments import instant
from passback.output import COLOURS, Words
from passback.parameters import Seconds
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.services import Services
    from chalicelib.storage.deliveries import DeliveryFilter

LOOKED_AT = 5_000
"""Undelivered outcomes that are followed at once."""
_LAG = 120_000
"""Milliseconds before the last look from which on new deliveries are listed: a listing lags, and clocks differ."""


@click.command(cls=Command)
@whose_options
@click.option(
    "--interval",
    type=Seconds(0.5, 3600),
    default=3.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--until-empty", is_flag=True, help="End when nothing is undelivered any more (parked ones apart).")
@click.option("--timeout", type=Seconds(0, min_open=True), metavar="SECONDS", help="End after so long.")
@pass_session
def watch(session: Session, /, interval: float, until_empty: bool, timeout: float | None, **choice: Any) -> None:
    """Follow deliveries: what is undelivered now, then a line for each change of state as it happens.

    Ctrl-C ends it. With --json it prints JSON Lines: one delivery a line. With --until-empty the exit status is 1
    when the time was over before.
    """
    watcher = Watcher(session.services, wanted(session.clock.now(), **choice), to_milliseconds(session.clock.now()))
    hint_at_unknown(session, choice["consumer_key"], choice["platform"])
    end = None if timeout is None else session.clock.monotonic() + timeout
    while True:
        for changed in watcher.look(to_milliseconds(session.clock.now())):
            _print(session, changed)
        if until_empty and not watcher.undelivered:
            return
        left = interval if end is None else end - session.clock.monotonic()
        if left <= 0:
            break
        session.clock.sleep(min(interval, left))
    if until_empty:
        raise CommandFailed("timeout", f"After {timeout:g} seconds {watcher.undelivered} are undelivered.")


@dataclass
class Watcher:
    """Remembers which deliveries are under way, and how they were last seen."""

    services: "Services"
    chosen: "DeliveryFilter"
    started: int
    _looked: int = 0
    _seen: dict[str, tuple[DeliveryState, int]] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)
    _parked: set[str] = field(default_factory=set)

    @property
    def undelivered(self) -> int:
        """How many were undelivered at the last look, without those that wait for a mapping."""
        return len(self._under_way - self._parked)

    def look(self, now: int) -> Iterator[Delivery]:
        """Give the deliveries whose state has changed since the last look, in the order they were received.

        Listings lag, so they only tell which deliveries there are; how these stand is read from themselves.
        """
        wanted_ids = {*self._under_way, *self._in_lines(), *self._new(now)}
        found = list(self.services.deliveries.get_many(wanted_ids))
        self._under_way &= {each.id for each in found}  # one that is gone, its person forgotten, never ends
        changed = []
        for delivery in found:
            if not self.chosen.takes(delivery):
                continue
            self._follow(delivery)
            state = (delivery.state, delivery.retried_at or 0)
            if self._seen.get(delivery.id) != state:
                self._seen[delivery.id] = state
                changed.append(delivery)
        return iter(sorted(changed, key=lambda each: (each.received_at, each.id)))

    def _follow(self, delivery: Delivery) -> None:
        for known, belongs in (
            (self._under_way, delivery.state.under_way),
            (self._parked, delivery.state is DeliveryState.PARKED),
        ):
            if belongs:
                known.add(delivery.id)
            else:
                known.discard(delivery.id)

    def _in_lines(self) -> Iterator[str]:
        """Give what stands in lines; of a platform's thousands those that are due first."""
        names = [platform.name for platform in self.services.platforms.list()]
        cells = (
            cell
            for name in names
            if self.chosen.platform in (None, name)
            for cell in self.services.ledger.undelivered_cells(name)
            if self.chosen.user_id in (None, cell.key.user_id)
        )
        return islice((place.delivery_id for cell in cells for place in cell.line), LOOKED_AT)

    def _new(self, now: int) -> Iterator[str]:
        """Give what was received since the last looks."""
        from chalicelib.storage.deliveries import DeliveryFilter

        since, self._looked = max(self.started, self._looked - _LAG), now
        listed = self.services.deliveries.list(from_milliseconds(now), DeliveryFilter(since=since))
        return (each.id for each in listed if each.id not in self._seen)


def _print(session: Session, delivery: Delivery) -> None:
    now = to_milliseconds(session.clock.now())
    if session.output.json_mode:
        session.output.document({"at": instant(now), "delivery": delivery_document(delivery)})
        return
    state = delivery.state.value + (f" (due {due(delivery, now)})" if delivery.due_at is not None else "")
    cell = delivery.cell
    words = (instant(now), delivery.id, delivery.consumer_key, cell.platform, cell.user_id, state, why(delivery))
    line = "  ".join(filter(None, words))
    session.output.show({}, Words(line, COLOURS.get(delivery.state.value, "")))
