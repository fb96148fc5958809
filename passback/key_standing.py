"""How our signing keys stand: where each is in its life, whom it signs for, and which platform waits for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.clock import to_iso
from chalicelib.lti13.key_rotation import (
    KeyState,
    awaited_key,
    chosen_key,
    published_until,
    signing_key,
    signs_from,
    state_of,
)
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.registrations import Platform
from passback.output import Table


@dataclass(frozen=True, slots=True)
class PlatformStanding:
    """What a platform is signed for with. ``awaited`` is the key that it still has to be given by hand."""

    platform: Platform
    kid: str
    awaited: SigningKey | None


@dataclass(frozen=True, slots=True)
class Standing:
    """All keys, newest first, and all platforms, at one moment. There is at least one key."""

    keys: Sequence[SigningKey]
    platforms: Sequence[PlatformStanding]
    now: datetime

    @property
    def in_use(self) -> SigningKey:
        """Return the key that platforms are signed for with that fetch our key set."""
        return signing_key(self.keys, self.now)

    @property
    def coming(self) -> SigningKey | None:
        """Return the key that is published and not in use yet."""
        return next((key for key in self.keys if state_of(key, self.keys, self.now) is KeyState.COMING), None)

    def signed_with(self, kid: str) -> list[str]:
        """Name the platforms that are signed for with a key."""
        return [each.platform.name for each in self.platforms if each.kid == kid]

    @property
    def awaiting(self) -> list[PlatformStanding]:
        """Return the platforms that still have to be given a key by hand."""
        return [each for each in self.platforms if each.awaited is not None]


def standing(keys: Sequence[SigningKey], platforms: Sequence[Platform], now: datetime) -> Standing:
    """Find out how keys and platforms stand.

    Raises
    ------
    SetupError
        If there is no key.
    """
    signing_key(keys, now)
    return Standing(
        sorted(keys, key=lambda key: key.created_at, reverse=True),
        [
            PlatformStanding(each, chosen_key(keys, each, now).key.kid, awaited_key(keys, each))
            for each in sorted(platforms, key=lambda each: each.name)
        ],
        now,
    )


def key_document(key: SigningKey, state: Standing) -> dict[str, Any]:
    """Return a key as JSON-able values; nothing private is among them."""
    until, where = published_until(key, state.keys), state_of(key, state.keys, state.now)
    return {
        "kid": key.kid,
        "state": where.value,
        "created_at": to_iso(key.created_at),
        "signs_from": to_iso(signs_from(key)) if where is KeyState.COMING else None,
        "published_until": None if until is None else to_iso(until),
        "platforms": state.signed_with(key.kid),
    }


def standing_document(state: Standing) -> dict[str, Any]:
    """Return all keys and platforms as JSON-able values."""
    return {
        "keys": [key_document(key, state) for key in state.keys],
        "platforms": [
            {
                "name": each.platform.name,
                "kid": each.kid,
                "given_by_hand": each.platform.held_kid is not None,
                "awaits": None if each.awaited is None else each.awaited.kid,
            }
            for each in state.platforms
        ],
    }


def standing_tables(state: Standing) -> tuple[Table, Table]:
    """Return the keys and the platforms as tables for people."""
    keys = [key_document(key, state) for key in state.keys]
    return (
        Table(
            ("key id", "state", "made", "signs from", "in the key set until"),
            [
                (
                    each["kid"],
                    each["state"],
                    each["created_at"],
                    each["signs_from"] or "-",
                    each["published_until"] or "-",
                )
                for each in keys
            ],
        ),
        Table(
            ("platform", "signed for with", "knows it", "still to be given"),
            [
                (
                    each.platform.name,
                    each.kid,
                    "from our key set" if each.platform.held_kid is None else "by hand",
                    "-" if each.awaited is None else each.awaited.kid,
                )
                for each in state.platforms
            ],
            empty="No platform is registered yet.",
        ),
    )
