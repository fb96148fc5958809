"""What the simulator holds while it runs: the world that is saved, and what is forgotten at its end."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from simulator import scopes
from simulator.counters import Counters
from simulator.faults import Faults
from simulator.model import DeveloperKey, World
from simulator.throttle import Throttle
from simulator.times import Clock

DEFAULT_CLIENT_ID = "10000000000001"
ISSUER = "https://canvas.instructure.com"
_LOGGED = 500


def system_clock() -> datetime:
    """Give the present time in UTC."""
    return datetime.now(UTC)


def new_world(last_id: int = 0) -> World:
    """Make a world with nothing in it but the simulator's own developer key, still without a JWK."""
    world = World(token_secret=secrets.token_hex(32), sourcedid_secret=secrets.token_hex(20), last_id=last_id)
    world.developer_keys[DEFAULT_CLIENT_ID] = DeveloperKey(DEFAULT_CLIENT_ID, list(scopes.ALL))
    return world


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One AGS, membership or token request that was seen; never its token."""

    number: int
    method: str
    path: str
    query: str
    status: int | None
    dropped: bool
    time: str
    body: object


@dataclass(slots=True)
class PlatformState:
    """The simulator's memory. Not thread safe: the simulator's lock guards it."""

    clock: Clock
    world: World
    faults: Faults = field(default_factory=Faults)
    throttle: Throttle = field(default_factory=Throttle)
    log: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=_LOGGED))
    logged: int = 0
    counters: Counters = field(init=False)

    def __post_init__(self) -> None:
        self.counters = Counters(self.now)

    @property
    def now(self) -> datetime:
        """The platform's time, with the switched offset."""
        return self.clock() + timedelta(seconds=float(self.world.switches.clock_offset_seconds))

    def reset(self) -> None:
        """Forget everything but the developer keys. Ids go on, so that nothing old fits anything new."""
        keys = self.world.developer_keys
        self.world = new_world(self.world.last_id)
        self.world.developer_keys.update(keys)
        self.faults, self.throttle = Faults(), Throttle()
        self.log.clear()
        self.counters = Counters(self.now)
