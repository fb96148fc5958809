"""All that the table holds of one person at one platform: found, and removed so that a second run finishes a first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import CellKey
from chalicelib.lti11.keys import sourcedid_digest

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.delivery.lots import Lot
    from chalicelib.delivery.records import Delivery
    from chalicelib.mapping.model import Mapping
    from chalicelib.services import Services

_LAG = 300_000
"""Milliseconds by which listings and clocks are off at most: what came since then is looked for once more."""


@dataclass(slots=True)
class Person:
    """What is known of a person: each thing by what it takes to remove it."""

    mappings: "list[Mapping]" = field(default_factory=list)
    cells: set[CellKey] = field(default_factory=set)
    deliveries: set[str] = field(default_factory=set)
    undelivered: set[str] = field(default_factory=set)
    lots: "list[Lot]" = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return how many there are of each, for people and scripts."""
        return {
            "mappings": len(self.mappings),
            "cells": len(self.cells),
            "deliveries": len(self.deliveries),
            "undelivered": len(self.undelivered),
            "waiting_sourcedids": len(self.lots),
        }

    @property
    def is_known(self) -> bool:
        """Tell whether anything is there."""
        return any(self.counts().values())


def find(services: "Services", platform: str, user_id: str, now: "datetime") -> Person:
    """Look through deliveries, mappings and what waits for a mapping.

    Mappings are listed by tool: those of a tool that was removed are found by its deliveries.
    """
    person = Person()
    digests: set[tuple[str, str]] = set()
    keys = {tool.consumer_key for tool in services.tools.list()}
    for delivery in _deliveries(services, platform, user_id, now):
        _add(person, delivery)
        keys.add(delivery.consumer_key)
        digests.add((delivery.consumer_key, delivery.sourcedid_digest))
    for key in sorted(keys):
        for mapping in services.mappings.list(key):
            if (mapping.platform, mapping.user_id) == (platform, user_id):
                person.mappings.append(mapping)
                person.cells.add(CellKey(platform, mapping.line_item, user_id))
                digests.add((key, sourcedid_digest(mapping.sourcedid)))
    for lot in services.lots.list(to_milliseconds(now)):
        if (lot.consumer_key, sourcedid_digest(lot.sourcedid)) in digests:
            person.lots.append(lot)
    for delivery in services.deliveries.get_many(place.delivery_id for lot in person.lots for place in lot.parked):
        _add(person, delivery)
    person.cells = {key for key in person.cells if services.ledger.cell(key).version}
    return person


def remove(
    services: "Services", platform: str, user_id: str, person: Person, now: "datetime", advance: Callable[[], object]
) -> None:
    """Remove it all, and what came meanwhile.

    Cells before mappings: some are known by their mappings only. Once the mappings are gone nothing new comes, and
    what came until then shows by its deliveries, which go last.
    """
    _remove_cells(services, person.cells, advance)
    for mapping in person.mappings:
        services.mappings.remove(mapping.consumer_key, mapping.sourcedid)
        advance()
    for lot in person.lots:
        if services.lots.remove(lot):
            services.lots.give_back(lot, len(lot.parked))
        advance()
    late = Person()
    since = to_milliseconds(now) - _LAG
    for delivery in _deliveries(services, platform, user_id, services.clock.now(), since):
        _add(late, delivery)
    _remove_cells(services, late.cells, lambda: None)
    for delivery_id in sorted(person.deliveries | late.deliveries):
        services.deliveries.remove(delivery_id)
        advance()


def _deliveries(
    services: "Services", platform: str, user_id: str, now: "datetime", since: int | None = None
) -> "Iterator[Delivery]":
    from chalicelib.storage.deliveries import DeliveryFilter

    return services.deliveries.list(now, DeliveryFilter(platform=platform, user_id=user_id, since=since))


def _add(person: Person, delivery: "Delivery") -> None:
    person.deliveries.add(delivery.id)
    if delivery.cell.platform:
        person.cells.add(delivery.cell)
    if delivery.state.under_way:
        person.undelivered.add(delivery.id)


def _remove_cells(services: "Services", cells: set[CellKey], advance: Callable[[], object]) -> None:
    from chalicelib.storage.cells import cell_key

    for key in sorted(cells, key=lambda each: each.line_item):
        services.table.delete(cell_key(key))
        advance()
