"""One order to the control door, with what it may look at and change."""

from dataclasses import dataclass

from simulator.control_fields import Fields
from simulator.exchange import Request
from simulator.model import World
from simulator.platform_state import PlatformState


@dataclass(frozen=True, slots=True)
class Order:
    """A request to the control door whose JSON was read."""

    state: PlatformState
    request: Request
    fields: Fields

    @property
    def world(self) -> World:
        """What the simulator remembers."""
        return self.state.world
