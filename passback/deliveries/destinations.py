"""Where deliveries go that were ended before their sourcedid was mapped: of the sourcedid they keep only a digest."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import to_milliseconds
from chalicelib.lti11.keys import sourcedid_digest

if TYPE_CHECKING:
    from chalicelib.delivery.records import Delivery
    from chalicelib.mapping.model import Mapping as SourcedidMapping
    from chalicelib.services import Services


class Destinations:
    """Finds mappings by the digests of sourcedids. A tool's mappings are listed once, when they are first needed."""

    def __init__(self, services: "Services", now: datetime) -> None:
        self._services = services
        self._now = to_milliseconds(now)
        self._of_tool = cache(self._listed)

    def find(self, delivery: "Delivery") -> "SourcedidMapping | None":
        """Return the mapping of a delivery's sourcedid; None: there is none yet, or it was written a moment ago."""
        sourcedid = self._of_tool(delivery.consumer_key).get(delivery.sourcedid_digest)
        return None if sourcedid is None else self._services.mappings.get(delivery.consumer_key, sourcedid)

    def _listed(self, consumer_key: str) -> Mapping[str, str]:
        return {sourcedid_digest(text): text for text in self._sourcedids(consumer_key)}

    def _sourcedids(self, consumer_key: str) -> Iterator[str]:
        """Give the sourcedids that may be mapped: as they are mapped, and as they were sent, with blanks around."""
        yield from (mapping.sourcedid for mapping in self._services.mappings.list(consumer_key))
        yield from (lot.sourcedid for lot in self._services.lots.list(self._now, consumer_key))
