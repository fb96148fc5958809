"""What changes in an item when its secrets are sealed anew with another master key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.storage.attributes import Item
from chalicelib.storage.conditions import Condition
from chalicelib.storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Reseal:
    """Attributes to set, under the condition that nobody changed the item; ``count`` values are sealed anew."""

    changes: Item
    condition: Condition
    count: int


def resealed_texts(sealer: Sealer, sealed: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[tuple[str, ...], int]:
    """Seal anew what another key sealed; returns all texts in their order, and how many of them changed.

    Raises
    ------
    StorageUnreadable
        If one does not open.
    """
    anew = [sealer.resealed(text, context) for text, context in sealed]
    texts = tuple(new if new is not None else old for new, (old, _) in zip(anew, sealed, strict=True))
    return texts, sum(new is not None for new in anew)
