"""Conditions under which an item is written, and writes that carry one."""

from dataclasses import dataclass, field
from typing import TypeAlias

from chalicelib.storage.attributes import Item


@dataclass(frozen=True, slots=True)
class Condition:
    """A DynamoDB condition expression: ``#name`` stands for the attribute, ``:name`` for the value given here."""

    expression: str
    names: tuple[str, ...]
    values: Item = field(default_factory=dict)


ABSENT = Condition("attribute_not_exists(#pk)", ("pk",))
"""No item with this key is stored."""


ALWAYS = Condition("attribute_exists(#pk) OR attribute_not_exists(#pk)", ("pk",))
"""Whatever is stored: for what is written only together with something else that has a condition."""


def unchanged(**seen: str | int) -> Condition:
    """Require that the stored attributes still have the values that were seen."""
    return Condition(" AND ".join(f"#{name} = :{name}" for name in seen), tuple(seen), seen)


def absent_or_expired(now: int) -> Condition:
    """Require that no item is stored, or one whose time is over at ``now`` (milliseconds).

    DynamoDB deletes expired items days late, so that its TTL is never relied on (DynamoDB, "Using TTL").
    """
    return Condition(
        "attribute_not_exists(#pk) OR #expires_at_ms <= :expires_at_ms", ("pk", "expires_at_ms"), {"expires_at_ms": now}
    )


def lifetime(expires_at: int | None) -> Item:
    """Make the attributes that end an item: exact milliseconds, and the whole seconds that DynamoDB's TTL reads.

    The seconds are rounded up, so that nothing is deleted while it still counts.
    """
    if expires_at is None:
        return {}
    return {"expires_at_ms": expires_at, "expires_at": -(-expires_at // 1000)}


@dataclass(frozen=True, slots=True)
class Put:
    """One item to write under a condition. ``kind`` names it in a ``StorageConflict``."""

    kind: str
    item: Item
    condition: Condition


@dataclass(frozen=True, slots=True)
class Check:
    """One item that a transaction leaves as it is, and that must meet a condition for the rest to be written."""

    kind: str
    pk: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Remove:
    """One item to delete, whatever it holds; deleting what is not stored is fine."""

    kind: str
    pk: str


Write: TypeAlias = Put | Check | Remove
"""What a transaction is made of. It names each item once (DynamoDB API, TransactWriteItems)."""
