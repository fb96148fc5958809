"""Seals with the present master key, and still opens what keys before it sealed: both are in use while it changes."""

from collections.abc import Mapping, Sequence

from chalicelib.errors import StorageUnavailable, StorageUnreadable
from chalicelib.storage.recent import Recent
from chalicelib.storage.sealing import Sealer

REMEMBERED = 64


class ChangingKeySealer:
    """Seals with one sealer, and opens with that one or with those before it."""

    def __init__(self, present: Sealer, previous: Sequence[Sealer]) -> None:
        self._present = present
        self._previous = tuple(previous)
        # A sealed value does not say which KMS key it needs. To be refused by the wrong one costs a request, so that
        # it is remembered which one opened it.
        self._openers: Recent[str, Sealer] = Recent(REMEMBERED)

    def seal(self, plain: str, context: Mapping[str, str]) -> str:
        """Encrypt a text with the present key; see ``Sealer.seal``."""
        return self._present.seal(plain, context)

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        """Decrypt what was sealed with the present key or one before; see ``Sealer.open``."""
        return self._opened(sealed, context)[0]

    def resealed(self, sealed: str, context: Mapping[str, str]) -> str | None:
        """Seal anew what a key before the present one sealed; see ``Sealer.resealed``."""
        plain, opener = self._opened(sealed, context)
        return None if opener is self._present else self._present.seal(plain, context)

    def _opened(self, sealed: str, context: Mapping[str, str]) -> tuple[str, Sealer]:
        known = self._openers.get(sealed)
        if known is not None:
            return known.open(sealed, context), known
        problems: list[StorageUnavailable | StorageUnreadable] = []
        for sealer in (self._present, *self._previous):
            try:
                plain = sealer.open(sealed, context)
            except (StorageUnreadable, StorageUnavailable) as problem:
                problems.append(problem)
            else:
                self._openers.keep(sealed, sealer)
                return plain, sealer
        # Where one of the keys cannot be used now, that may be the right one.
        raise min(problems, key=lambda problem: not isinstance(problem, StorageUnavailable))
