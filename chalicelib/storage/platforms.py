"""Keeps the platforms that the operator registered."""

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.errors import SetupError, StorageConflict
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.attributes import Fields, Item, written_moment
from chalicelib.storage.conditions import ABSENT, Condition, unchanged
from chalicelib.storage.keys import item_key, listing_order
from chalicelib.storage.table import Table

KIND = "platform"


class PlatformStore:
    """The registered platforms, by name."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> Platform | None:
        """Read a platform."""
        item = self._table.get(platform_key(name))
        return None if item is None else from_item(item)

    def add(self, platform: Platform) -> None:
        """Register a platform.

        Raises
        ------
        SetupError
            If the name is taken.
        """
        try:
            self._table.put(to_item(platform), ABSENT, kind=KIND)
        except StorageConflict:
            raise SetupError(f"A platform named {platform.name!r} is registered already.") from None

    def hold(self, seen: Platform, kid: str | None) -> Platform:
        """Note which key of ours a platform was given by hand (None: it fetches our key set).

        Raises
        ------
        StorageConflict
            If the registration is not any more what was seen.
        """
        held = replace(seen, held_kid=kid)
        self._table.put(to_item(held), _as_seen(seen), kind=KIND)
        return held

    def list(self) -> Iterator[Platform]:
        """Read all platforms in the order of their names. One that was added a moment ago may be missing."""
        return map(from_item, self._table.listing(KIND))

    def remove(self, name: str) -> bool:
        """Remove a platform; tell whether there was one. Mappings that point to it stay."""
        return self._table.delete(platform_key(name))


def _as_seen(seen: Platform) -> Condition:
    if seen.held_kid is not None:
        return unchanged(client_id=seen.client_id, token_url=seen.token_url, held_kid=seen.held_kid)
    same = unchanged(client_id=seen.client_id, token_url=seen.token_url)
    return Condition(f"{same.expression} AND attribute_not_exists(#held_kid)", (*same.names, "held_kid"), same.values)


def platform_key(name: str) -> str:
    """Make the key of a platform's item."""
    return item_key(KIND, name)


def to_item(platform: Platform) -> Item:
    """Make the item of a platform."""
    return {
        "pk": platform_key(platform.name),
        "listing_kind": KIND,
        "listing_order": listing_order(platform.name),
        "name": platform.name,
        "profile": platform.profile,
        "issuer": platform.issuer,
        "client_id": platform.client_id,
        "token_url": platform.token_url,
        "audience": platform.audience,
        "hosts": platform.hosts,
        "jwks_url": platform.jwks_url,
        "auth_url": platform.auth_url,
        "allow_private": platform.allow_private,
        "held_kid": platform.held_kid,
        "created_at": written_moment(platform.created_at),
    }


def from_item(item: Item) -> Platform:
    """Read a platform from its item."""
    fields = Fields(item)
    return Platform(
        name=fields.text("name"),
        profile=fields.text("profile"),
        issuer=fields.text("issuer"),
        client_id=fields.text("client_id"),
        token_url=fields.text("token_url"),
        audience=fields.text("audience"),
        hosts=fields.texts("hosts"),
        jwks_url=fields.text_or_none("jwks_url"),
        auth_url=fields.text_or_none("auth_url"),
        allow_private=fields.flag("allow_private"),
        held_kid=fields.text_or_none("held_kid"),
        created_at=fields.moment_or_none("created_at"),
    )
