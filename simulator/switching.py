"""The control door's switches: clock, generation, keys, throttle and faults."""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal

from simulator.control_fields import FieldError, Fields
from simulator.control_order import Order
from simulator.fault_orders import read_faults, tell_faults
from simulator.faults import KINDS
from simulator.model import Generation
from simulator.platform_state import DEFAULT_CLIENT_ID
from simulator.reports import find_place

_DEAREST_REQUEST = 600
_LONGEST_REQUEST = 60


def switch(order: Order) -> object:
    """Change what was sent; every field is read first, so that a wrong one changes nothing."""
    fields, world = order.fields, order.world
    switches = world.switches
    offset = fields.number("clock_offset_seconds", switches.clock_offset_seconds) or Decimal(0)
    generation = fields.choice("generation", Generation, switches.generation)
    throttle = fields.word("throttle", ("off", "real"), switches.throttle)
    status = fields.whole("throttle_status", switches.throttle_status)
    cost = _limited(fields, "request_cost", switches.request_cost, _DEAREST_REQUEST)
    seconds = _limited(fields, "request_seconds", switches.request_seconds, _LONGEST_REQUEST)
    review = fields.flag("needs_review_honoured", default=switches.needs_review_honoured)
    unchanged = fields.flag("unchanged_score_stops", default=switches.unchanged_score_stops)
    if status not in (403, 429):
        raise FieldError("throttle_status must be 403 or 429.")
    if abs(offset) > 10**9:
        raise FieldError("clock_offset_seconds is too large.")
    key_change, tool_change = _key_change(order), _tool_change(order)
    change_faults = _fault_change(order)
    fields.finish()
    switches.clock_offset_seconds, switches.generation = offset, generation
    switches.throttle, switches.throttle_status = throttle, status
    switches.request_cost, switches.request_seconds = cost, seconds
    switches.needs_review_honoured, switches.unchanged_score_stops = review, unchanged
    key_change()
    tool_change()
    change_faults()
    return in_force(order)


def _key_change(order: Order) -> Callable[[], None]:
    if not order.fields.has("key_on"):
        return lambda: None
    on = order.fields.flag("key_on", default=True)
    key = order.world.developer_keys.get(order.fields.text("client_id", DEFAULT_CLIENT_ID))
    if key is None:
        raise FieldError("No such client_id.")

    def change() -> None:
        key.on = on

    return change


def _tool_change(order: Order) -> Callable[[], None]:
    if not order.fields.has("tool_installed"):
        return lambda: None
    installed = order.fields.flag("tool_installed", default=True)
    place = find_place(order.world, order.fields.required_text("handle"))
    course = order.world.courses[place.course_id]

    def change() -> None:
        others = [client_id for client_id in course.installed if client_id != place.client_id]
        course.installed = [*others, place.client_id] if installed else others

    return change


def _limited(fields: Fields, name: str, default: Decimal, most: int) -> Decimal:
    number = fields.number(name, default)
    if number is None or not 0 <= number <= most:
        raise FieldError(f"{name} must be from 0 to {most}.")
    return number


def _fault_change(order: Order) -> Callable[[], None]:
    """Read the fields of faults; they are done in this order: replace or take away, then add."""
    fields, faults = order.fields, order.state.faults
    replacing = read_faults(order.world, fields.take("faults"), "faults") if fields.has("faults") else None
    adding = read_faults(order.world, fields.take("add_faults", []), "add_faults")
    removing = fields.word("clear_faults", KINDS, "") if fields.has("clear_faults") else None
    down = fields.flag("down", default=faults.down)

    def change() -> None:
        if replacing is not None:
            faults.replace_all(replacing)
        if removing is not None:
            faults.remove(removing)
        faults.add(adding)
        faults.down = down

    return change


def in_force(order: Order) -> dict[str, object]:
    """Tell what is switched how."""
    world, faults = order.world, order.state.faults
    return {
        **asdict(world.switches),
        "now": order.state.now.isoformat(),
        "keys_off": [key.client_id for key in world.developer_keys.values() if not key.on],
        "down": faults.down,
        "faults": tell_faults(faults.in_force),
    }
