"""The control door's switches: clock, generation, keys, throttle and faults."""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal

from simulator import faults as ordered_faults
from simulator.control_fields import FieldError, Fields
from simulator.control_order import Order
from simulator.faults import Fault
from simulator.model import Generation, World
from simulator.platform_state import DEFAULT_CLIENT_ID
from simulator.reports import find_place


def switch(order: Order) -> object:
    """Change what was sent; every field is read first, so that a wrong one changes nothing."""
    fields, world = order.fields, order.world
    switches = world.switches
    offset = fields.number("clock_offset_seconds", switches.clock_offset_seconds) or Decimal(0)
    generation = fields.choice("generation", Generation, switches.generation)
    throttle = fields.word("throttle", ("off", "real"), switches.throttle)
    status = fields.whole("throttle_status", switches.throttle_status)
    review = fields.flag("needs_review_honoured", default=switches.needs_review_honoured)
    unchanged = fields.flag("unchanged_score_stops", default=switches.unchanged_score_stops)
    if status not in (403, 429):
        raise FieldError("throttle_status must be 403 or 429.")
    if abs(offset) > 10**9:
        raise FieldError("clock_offset_seconds is too large.")
    key_change, tool_change = _key_change(order), _tool_change(order)
    new_faults = _read_faults(world, fields.take("faults")) if fields.has("faults") else None
    fields.finish()
    switches.clock_offset_seconds, switches.generation = offset, generation
    switches.throttle, switches.throttle_status = throttle, status
    switches.needs_review_honoured, switches.unchanged_score_stops = review, unchanged
    key_change()
    tool_change()
    if new_faults is not None:
        order.state.faults.replace_all(new_faults)
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


def _read_faults(world: World, value: object) -> list[Fault]:
    if not isinstance(value, list):
        raise FieldError("faults must be a list.")
    return [_read_fault(world, Fields(item, "A fault")) for item in value]


def _read_fault(world: World, fields: Fields) -> Fault:
    handle = fields.optional_text("handle")
    fault = Fault(
        path=fields.word("path", ordered_faults.PATHS, "any"),
        kind=fields.word("kind", ordered_faults.KINDS, ""),
        count=fields.whole("count", None, lowest=1),
        status=fields.whole("status", 500, lowest=200) or 500,
        body=fields.text("body", ""),
        seconds=float(fields.number("seconds", Decimal(0)) or 0),
        handle=handle,
        course_id=find_place(world, handle).course_id if handle else None,
    )
    fields.finish()
    if fault.kind in ("slow", "endless") and not fault.seconds > 0:
        raise FieldError(f"A fault of kind {fault.kind} needs seconds.")
    if fault.status > 599:
        raise FieldError("status must be at most 599.")
    return fault


def in_force(order: Order) -> dict[str, object]:
    """Tell what is switched how."""
    world = order.world
    faults = []
    for fault in order.state.faults.in_force:
        shown = asdict(fault)
        del shown["course_id"]
        faults.append(shown)
    return {
        **asdict(world.switches),
        "now": order.state.now.isoformat(),
        "keys_off": [key.client_id for key in world.developer_keys.values() if not key.on],
        "faults": faults,
    }
