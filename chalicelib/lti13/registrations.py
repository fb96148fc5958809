"""A platform as its operator registered it: the only source of hosts that Passback calls."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Platform:
    """One registration of Passback at a platform.

    ``hosts`` are the only ``host`` or ``host:port`` values that calls may go to (lower case); the token URL's
    host must be among them. ``allow_private`` lets names resolve to private addresses (a campus LMS). ``held_kid`` is
    the key of ours that the platform was given by hand; None where it fetches our key set.
    """

    name: str
    profile: str
    issuer: str
    client_id: str
    token_url: str
    audience: str
    hosts: tuple[str, ...]
    jwks_url: str | None = None
    auth_url: str | None = None
    allow_private: bool = False
    held_kid: str | None = None
    created_at: datetime | None = None
