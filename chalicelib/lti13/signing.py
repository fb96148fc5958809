"""Signs for platforms, each with the key of ours that it knows. ``cryptography`` and ``jwt`` load at first use only."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.clock import Clock
from chalicelib.lti13.key_rotation import ChosenKey, chosen_key
from chalicelib.lti13.keys import SigningKey, load_private_key
from chalicelib.lti13.registrations import Platform

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class Signer:
    """Signs with our keys. They are read anew each time, so that no container goes on with an old one."""

    def __init__(self, keys: Callable[[], Sequence[SigningKey]], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._parsed: dict[str, RSAPrivateKey] = {}

    def chosen(self, platform: Platform) -> ChosenKey:
        """Choose the key to sign with for a platform.

        Raises
        ------
        SetupError
            If there is no key.
        """
        return chosen_key(self._keys(), platform, self._clock.now())

    def sign(self, claims: Mapping[str, object], key: SigningKey) -> str:
        """Return the claims as a signed JWT: RS256, with the key's ``kid`` in the header.

        Raises
        ------
        SetupError
            If the key cannot be read.
        """
        import jwt

        if key.kid not in self._parsed:
            self._parsed[key.kid] = load_private_key(key)
        return jwt.encode(dict(claims), self._parsed[key.kid], algorithm="RS256", headers={"kid": key.kid})
