"""Seals everything anew that a master key before the present one sealed, one item at a time, beside running traffic.

Each item is written only if nobody changed it, and what is sealed with the present key is left alone. So it can be
stopped anywhere and run again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.errors import StorageConflict, StorageUnreadable
from chalicelib.lti13.tokens import token_key
from chalicelib.storage import signing_keys, tokens, tools
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.resealing import Reseal

if TYPE_CHECKING:
    from chalicelib.services import Services

TRIES = 5
"""How often an item is read again that somebody else keeps changing."""


class Kind(StrEnum):
    """What is sealed."""

    SIGNING_KEYS = "signing keys"
    TOOL = "tool secrets"
    TOKEN = "access tokens"  # noqa: S105  # not one


@dataclass(frozen=True, slots=True)
class Place:
    """An item that holds secrets. ``name`` tells people which; ``resealed`` says what would change in it."""

    kind: Kind
    name: str
    pk: str
    resealed: Callable[[Item], Reseal | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one place, and done there. ``earlier``: values that a key before the present one sealed."""

    place: Place
    earlier: int = 0
    opens: bool = True


def places(services: "Services") -> Iterator[Place]:
    """Name every item that holds secrets. A tool that was added a moment ago may be missing."""
    keys, store = services.signing_keys, services.token_store
    yield Place(Kind.SIGNING_KEYS, "signing keys", signing_keys.PK, keys.resealed)
    for item in services.table.listing(tools.KIND):
        consumer_key = Fields(item).text("consumer_key")
        yield Place(Kind.TOOL, consumer_key, tools.tool_key(consumer_key), services.tools.resealed)
    for platform in services.platforms.list():
        key = token_key(platform)
        yield Place(Kind.TOKEN, platform.name, tokens.token_key(key), partial(store.resealed, key))


def looked_at(services: "Services", place: Place, *, write: bool) -> Found:
    """Look at one place, and seal anew what is to be there, if ``write`` says so.

    A token that does not open is no fault: the next one takes its place.

    Raises
    ------
    StorageConflict
        If somebody else keeps changing the item.
    """
    for _ in range(TRIES):
        item = services.table.get(place.pk)
        try:
            anew = None if item is None else place.resealed(item)
        except StorageUnreadable:
            return Found(place, opens=place.kind is Kind.TOKEN)
        if anew is None:
            return Found(place)
        if not write:
            return Found(place, anew.count)
        try:
            services.table.update(place.pk, anew.changes, anew.condition, kind=place.kind)
        except StorageConflict:
            continue
        return Found(place, anew.count)
    raise StorageConflict(frozenset({place.kind.value}))
