"""Moodle's token endpoint (Moodle 4.5, Token endpoint)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import jwt

SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LIFE = 3600


class TokenRefused(Exception):
    """Always 400; the text is often prose."""


@dataclass
class MoodleTokens:
    """Gives out opaque tokens for assertions, and knows what each one is good for."""

    client_id: str
    now: Callable[[], datetime]
    key_set: Callable[[], Mapping[str, Any]]
    """Fetched once, and again for a key id that is not in it."""
    grade_sync: bool = True
    given: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    _keys: dict[str, Any] = field(default_factory=dict)

    def take(self, body: bytes) -> dict[str, Any]:
        """Answer a token request.

        Raises
        ------
        TokenRefused
            With the text of ``error``.
        """
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type")
        self._check_assertion(form.get("client_assertion", ""))
        known = {f"{SCOPE}{name}" for name in ("score", "result.readonly", "lineitem.readonly", "lineitem")}
        granted = [scope for scope in form.get("scope", "").split() if scope in known and self.grade_sync]
        if not granted:
            raise TokenRefused("invalid_scope")
        token = uuid4().hex
        self.given[token] = (self.now().timestamp() + LIFE, frozenset(granted))
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE, "scope": " ".join(granted)}

    def allows(self, authorization: str, scope: str) -> bool:
        """Tell whether a header carries a live token for a scope. Another spelling of ``Bearer`` is none."""
        kind, _, token = authorization.partition(" ")
        until, scopes = self.given.get(token, (0.0, frozenset()))
        return kind == "Bearer" and until > self.now().timestamp() and f"{SCOPE}{scope}" in scopes

    def forget(self) -> None:
        """Make every token bad."""
        self.given.clear()

    def _check_assertion(self, assertion: str) -> None:
        try:
            key_id = str(jwt.get_unverified_header(assertion).get("kid"))
            # Neither aud, iss nor jti is looked at; the times are, below, by this Moodle's own clock.
            claims = jwt.decode(
                assertion,
                self._key(key_id),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_iat": False, "verify_exp": False, "verify_jti": False},
            )
        except jwt.PyJWTError:
            raise TokenRefused("Signature verification failed") from None
        now = self.now().timestamp()
        if claims.get("iat", 0) > now:
            raise TokenRefused("Cannot handle token prior to its time")
        if claims.get("exp", 0) < now:
            raise TokenRefused("Expired token")
        if claims.get("sub") != self.client_id:
            raise TokenRefused("invalid_client")

    def _key(self, key_id: str) -> Any:
        if key_id not in self._keys:
            keys = json.loads(json.dumps(self.key_set()))["keys"]
            self._keys = {key["kid"]: jwt.PyJWK(key) for key in keys}
        if key_id not in self._keys:
            raise TokenRefused("Signature verification failed")
        return self._keys[key_id]
