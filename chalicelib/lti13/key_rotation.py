"""Which of our keys signs for whom, and which are published: decided by the clock, so that no second command is needed.

A new key is published for a day before it signs, and an old one for a day after: platforms cache key sets for hours.
A platform that was given our key by hand knows that one only, and gets no signature of another until it has it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.errors import SetupError
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.registrations import Platform

OVERLAP = timedelta(days=1)
"""How long a new key is published before it signs, and an old one after."""


class KeyState(StrEnum):
    """Where a key is in its life."""

    COMING = "coming"
    """Published, and not yet used."""
    IN_USE = "in use"
    REPLACED = "replaced"
    """Not used any more, and still published: somebody may hold a signature of it."""
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"
    """Taken out of the key set at once, because somebody else may have it."""


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """The key to sign with. ``settled`` is False while the platform may not know it, or may hold the next one."""

    key: SigningKey
    settled: bool


def signs_from(key: SigningKey) -> datetime:
    """Return the moment from which a key may sign for platforms that fetch our key set."""
    return key.forced_at or key.created_at + OVERLAP


def signing_key(keys: Sequence[SigningKey], now: datetime) -> SigningKey:
    """Choose the key in use: the newest that has been published for a day, or else the oldest of all.

    Raises
    ------
    SetupError
        If there is no key at all.
    """
    by_age = _by_age(keys)
    if not by_age:
        raise SetupError("There is no signing key; `passback key show` makes one.")
    ready = [key for key in by_age if signs_from(key) <= now]
    return ready[-1] if ready else by_age[0]


def published_keys(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Choose the keys to publish, newest first: those still to come, the one in use, and those it replaced today."""
    by_age = _by_age(keys)
    if not by_age:
        return []
    in_use_a_day_ago = signing_key(by_age, now - OVERLAP)
    return [key for key in reversed(by_age) if key.created_at >= in_use_a_day_ago.created_at]


def chosen_key(keys: Sequence[SigningKey], platform: Platform, now: datetime) -> ChosenKey:
    """Choose the key to sign with for one platform.

    Raises
    ------
    SetupError
        If there is no key at all.
    """
    held = _held(keys, platform)
    if held is not None:
        return ChosenKey(held, settled=awaited_key(keys, platform) is None)
    key = signing_key(keys, now)
    known = platform.held_kid is None and (key.forced_at is None or key.created_at + OVERLAP <= now)
    return ChosenKey(key, settled=known)


def awaited_key(keys: Sequence[SigningKey], platform: Platform) -> SigningKey | None:
    """Return the key that a platform still has to be given by hand: the newest, if it holds another one."""
    by_age = _by_age(keys)
    if platform.held_kid is None or not by_age or by_age[-1].kid == platform.held_kid:
        return None
    return by_age[-1]


def state_of(key: SigningKey, keys: Sequence[SigningKey], now: datetime) -> KeyState:
    """Tell where one of the keys is in its life."""
    if key.withdrawn:
        return KeyState.WITHDRAWN
    in_use = signing_key(keys, now)
    if key.kid == in_use.kid:
        return KeyState.IN_USE
    if key.created_at > in_use.created_at:
        return KeyState.COMING
    return KeyState.REPLACED if key in published_keys(keys, now) else KeyState.RETIRED


def published_until(key: SigningKey, keys: Sequence[SigningKey]) -> datetime | None:
    """Return when a key leaves the key set: a day after a newer one takes over; None while there is no newer one."""
    newer = [signs_from(other) for other in _by_age(keys) if other.created_at > key.created_at]
    return None if key.withdrawn or not newer else min(newer) + OVERLAP


def rotated(
    keys: Sequence[SigningKey], new: SigningKey, now: datetime, held: Collection[str]
) -> tuple[SigningKey, ...]:
    """Add a key, and leave out what signs for nobody any more; a key that a platform still holds (``held``) stays."""
    over = (KeyState.RETIRED, KeyState.WITHDRAWN)
    stay = (key for key in keys if key.kid in held or state_of(key, keys, now) not in over)
    return (*stay, new)


def replaced_at_once(
    keys: Sequence[SigningKey], new: SigningKey, now: datetime, held: Collection[str]
) -> tuple[SigningKey, ...]:
    """Let a new key sign from now on and leave all others out; one that a platform still holds stays, unpublished."""
    return (*(replace(key, withdrawn=True) for key in keys if key.kid in held), replace(new, forced_at=now))


def _held(keys: Sequence[SigningKey], platform: Platform) -> SigningKey | None:
    return next((key for key in keys if key.kid == platform.held_kid), None)


def _by_age(keys: Sequence[SigningKey]) -> list[SigningKey]:
    return sorted((key for key in keys if not key.withdrawn), key=lambda key: key.created_at)
