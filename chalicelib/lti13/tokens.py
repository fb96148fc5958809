"""Access tokens: asked for with a signed assertion, kept in memory and in the table, renewed by one container.

Canvas charges a token request like 200 calls (Canvas AGS, section 9), so every container uses the same token, and
while one container renews it the others go on with the old one.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.errors import PassbackError
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.signing import Signer
from chalicelib.lti13.token_request import SCOPES, AccessToken, TokenEndpoint

if TYPE_CHECKING:
    from chalicelib.lti13.transport import Transport

RENEW_BEFORE = 180_000
"""Milliseconds before its end at which a token is renewed."""
UNUSABLE_BEFORE = 15_000
"""Milliseconds before its end at which a token is not sent any more: the call it goes with takes time too."""
RENEWAL_TIME = 10_000
"""Milliseconds that the container that renews has for itself."""
RENEWAL_PATIENCE = 3.0
"""Seconds that a call waits for a renewal while the old token is still good."""
LOOK_AGAIN = 0.25
"""Seconds between two looks for the token that another container is asking for."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as all containers share it. Times are milliseconds since 1970; ``renewing_until`` 0: nobody renews it."""

    access_token: str = field(repr=False)
    expires_at: int
    renewing_until: int


class TokenStore(Protocol):
    """Where containers share their tokens."""

    def get(self, key: str) -> StoredToken | None:
        """Return the stored token, which may have expired."""

    def put(self, key: str, token: StoredToken) -> None:
        """Store a token in place of the one before."""

    def claim_renewal(self, key: str, seen: StoredToken, until: int) -> bool:
        """Set ``renewing_until`` if the stored token is still the one seen: True for one container only."""


def token_key(platform: Platform) -> str:
    """Return the name that a platform's token is stored under: a digest of all that the token depends on."""
    digest = hashlib.sha256()
    for part in (platform.name, platform.client_id, platform.token_url, platform.audience, *SCOPES):
        octets = part.encode()
        digest.update(len(octets).to_bytes(4, "big") + octets)
    return digest.hexdigest()


class TokenSource:
    """Gives the token for a platform: from memory, from the table, or from the platform's token endpoint."""

    def __init__(
        self,
        transport: "Transport",
        signer: Signer,
        store: TokenStore,
        clock: Clock,
        unguessable: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self._endpoint = TokenEndpoint(transport, signer, clock, unguessable)
        self._store = store
        self._clock = clock
        self._kept: dict[str, AccessToken] = {}

    def token(self, platform: Platform, deadline: Deadline) -> AccessToken:
        """Return a token that is good for some seconds at least.

        Raises what :meth:`TokenEndpoint.request` raises when there is no token and none can be had.
        """
        key = token_key(platform)
        kept = self._kept.get(key)
        if kept is not None and self._lasts(kept, RENEW_BEFORE):
            return kept
        stored = self._store.get(key)
        shared = None if stored is None else AccessToken(stored.access_token, stored.expires_at)
        if stored is None or shared is None or not self._lasts(shared, UNUSABLE_BEFORE):
            return self._obtain(platform, key, stored, deadline)
        self._kept[key] = shared
        if self._lasts(shared, RENEW_BEFORE):
            return shared
        patience = Deadline.after(self._clock, min(RENEWAL_PATIENCE, deadline.remaining() / 2))
        try:
            return self._ask(platform, key, patience) if self._claim(key, stored) else shared
        except PassbackError:  # platform, table or our own keys
            return shared  # it still lives; the next renewal is tried when the claim has run out

    def renewed(self, platform: Platform, rejected: AccessToken, deadline: Deadline) -> AccessToken:
        """Return another token than the one that the platform rejected; raises as :meth:`token` does."""
        key = token_key(platform)
        stored = self._store.get(key)
        if stored is not None and stored.access_token != rejected.value:
            shared = AccessToken(stored.access_token, stored.expires_at)
            if self._lasts(shared, UNUSABLE_BEFORE):
                self._kept[key] = shared
                return shared
        return self._obtain(platform, key, stored, deadline)

    def _obtain(self, platform: Platform, key: str, stored: StoredToken | None, deadline: Deadline) -> AccessToken:
        """Ask for a token where there is none to use; or wait for the one that another container asks for."""
        if stored is not None and not self._claim(key, stored):
            awaited = self._await(key, stored.access_token, deadline)
            if awaited is not None:
                return awaited
        return self._ask(platform, key, deadline)

    def _claim(self, key: str, seen: StoredToken) -> bool:
        now = self._now()
        return seen.renewing_until <= now and self._store.claim_renewal(key, seen, now + RENEWAL_TIME)

    def _await(self, key: str, old: str, deadline: Deadline) -> AccessToken | None:
        """Return the new token when it is there; None when the other container gives up or half our time is over."""
        latest = deadline.remaining() / 2
        while deadline.remaining() > latest:
            self._clock.sleep(min(LOOK_AGAIN, deadline.remaining()))
            stored = self._store.get(key)
            if stored is None:
                return None
            shared = AccessToken(stored.access_token, stored.expires_at)
            if stored.access_token != old and self._lasts(shared, UNUSABLE_BEFORE):
                self._kept[key] = shared
                return shared
            if stored.renewing_until <= self._now():
                return None
        return None

    def _ask(self, platform: Platform, key: str, deadline: Deadline) -> AccessToken:
        token = self._endpoint.request(platform, deadline)
        self._store.put(key, StoredToken(token.value, token.expires_at, 0))
        self._kept[key] = token
        return token

    def _lasts(self, token: AccessToken, milliseconds: int) -> bool:
        return token.expires_at - self._now() > milliseconds

    def _now(self) -> int:
        return to_milliseconds(self._clock.now())
