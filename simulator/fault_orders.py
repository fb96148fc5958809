"""How a fault is said: read from an order's fields, and told again."""

from dataclasses import asdict
from decimal import Decimal

from simulator.control_fields import FieldError, Fields
from simulator.faults import KINDS, PATHS, TIMED_KINDS, Fault
from simulator.model import World
from simulator.reports import find_place

# A thread of the server waits for each such answer.
_LONGEST_SECONDS = 3600


def read_faults(world: World, value: object, name: str) -> list[Fault]:
    """Read a list of faults from the field of this name."""
    if not isinstance(value, list):
        raise FieldError(f"{name} must be a list.")
    return [read_fault(world, Fields(item, "A fault")) for item in value]


def read_fault(world: World, fields: Fields) -> Fault:
    """Read one fault."""
    handle = fields.optional_text("handle")
    fault = Fault(
        path=fields.word("path", PATHS, "any"),
        kind=fields.word("kind", KINDS, ""),
        count=fields.whole("count", None, lowest=1),
        status=fields.whole("status", 500, lowest=200) or 500,
        body=fields.text("body", ""),
        seconds=float(fields.number("seconds", Decimal(0)) or 0),
        handle=handle,
        course_id=_course(world, handle, fields.whole("course_id", None)),
        share=_share(fields),
        seed=fields.whole("seed", 0) or 0,
    )
    fields.finish()
    if fault.kind in TIMED_KINDS and not 0 < fault.seconds <= _LONGEST_SECONDS:
        raise FieldError(f"A fault of kind {fault.kind} needs seconds, at most {_LONGEST_SECONDS}.")
    if fault.status > 599:
        raise FieldError("status must be at most 599.")
    return fault


def _course(world: World, handle: str | None, course_id: int | None) -> int | None:
    meant = find_place(world, handle).course_id if handle else course_id
    if meant is not None and (meant not in world.courses or course_id not in (None, meant)):
        raise FieldError("No such course_id.")
    return meant


def _share(fields: Fields) -> float:
    share = fields.number("share", Decimal(1))
    if share is None or not 0 < share <= 1:
        raise FieldError("share must be above 0 and at most 1.")
    return float(share)


def tell_faults(faults: tuple[Fault, ...]) -> list[dict[str, object]]:
    """Write faults so that they can be ordered again."""
    return [asdict(fault) for fault in faults]
