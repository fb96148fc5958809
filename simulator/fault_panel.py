"""The gradebook page's panel of faults: which are in force, and a form for each of the usual ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from urllib.parse import parse_qsl

from simulator.control_fields import FieldError, Fields
from simulator.exchange import Request, Response, text_response
from simulator.fault_orders import read_fault
from simulator.faults import TIMED_KINDS, Fault, Faults
from simulator.model import World
from simulator.ruby_numbers import parse_float, shown

_PATHS = {
    "score": "scores",
    "result": "results",
    "line_item": "line items",
    "token": "tokens",
    "other": "members, progress and keys",
    "any": "all calls",
}
_CLEAR, _DOWN, _UP = "clear", "down", "up"
_LARGEST_COUNT = 10**6


@dataclass(frozen=True, slots=True)
class _Usual:
    """A fault that has a form of its own."""

    kind: str
    name: str
    hint: str


_USUAL = (
    _Usual("slow", "Slow", "done at once, answered late"),
    _Usual("throttle_403", "Throttled", "403 Rate Limit Exceeded"),
    _Usual("status", "Error 500", "nothing done, answered 500"),
    _Usual("drop_after", "Drop after storing", "done, and the connection is closed without an answer"),
)


def show(faults: Faults, course_id: int | None) -> str:
    """Write the panel. A course's page switches faults of that course, the page of all those of all."""
    address = _address(course_id)
    active = "".join(f"<li>{escape(_sentence(fault))}</li>" for fault in faults.in_force)
    if faults.down:
        active = f"<li>Canvas is down: every call is refused</li>{active}"
    where = "all courses" if course_id is None else "this course only"
    forms = [_form(address, usual) for usual in _USUAL]
    if course_id is None:
        kind, name = (_UP, "Up again") if faults.down else (_DOWN, "Down")
        forms.insert(0, _button(address, kind, name, "every call is refused, whatever it is"))
    forms.append(_button(address, _CLEAR, "Clear all", "no faults any more, on any course"))
    state = f'<ul aria-label="Faults in force">{active}</ul>' if active else '<span class="quiet">none in force</span>'
    trouble = " trouble" if active else ""
    return (
        f'<aside class="faults{trouble}" aria-label="Faults"><b>Faults</b> <small>({where})</small> {state}'
        f'<div class="switches">{"".join(forms)}</div></aside>'
    )


def take_switch(world: World, faults: Faults, request: Request, course_id: int | None) -> Response:
    """Switch as the form says, and go back to the page."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        _switch(world, faults, form, course_id)
    except FieldError as error:
        return text_response(422, f"{error}\n")
    return Response(303, (("Location", _address(course_id).removesuffix("/faults")),))


def _switch(world: World, faults: Faults, form: Mapping[str, str], course_id: int | None) -> None:
    kind = form.get("kind", "")
    if kind == _CLEAR:
        faults.replace_all([])
    if kind in (_CLEAR, _UP, _DOWN):
        faults.down = kind == _DOWN
        return
    said: dict[str, object] = {"kind": kind, "course_id": course_id, "count": _count(form)}
    if kind in TIMED_KINDS:
        said["seconds"] = _seconds(form)
    faults.add([read_fault(world, Fields(said, "The form"))])


def _count(form: Mapping[str, str]) -> int | None:
    text = form.get("count", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= _LARGEST_COUNT):
        raise FieldError(f"count must be a whole number from 1 to {_LARGEST_COUNT}, or empty.")
    return int(text)


def _seconds(form: Mapping[str, str]) -> Decimal:
    number = parse_float(form.get("seconds", "").strip())
    if number is None or not number.is_finite():
        raise FieldError("seconds must be a number.")
    return number


def _address(course_id: int | None) -> str:
    return "/gradebook/faults" if course_id is None else f"/gradebook/{course_id}/faults"


def _form(address: str, usual: _Usual) -> str:
    seconds = (
        f'<input name="seconds" type="number" min="0.1" max="3600" step="any" value="10" required '
        f'aria-label="{usual.name}: seconds"> s'
        if usual.kind in TIMED_KINDS
        else ""
    )
    return (
        f'<form method="post" action="{address}" title="{usual.hint}">'
        f'<input type="hidden" name="kind" value="{usual.kind}"><button>{usual.name}</button>{seconds}'
        f'<input name="count" type="number" min="1" max="{_LARGEST_COUNT}" placeholder="∞" '
        f'aria-label="{usual.name}: how often; empty until cleared"> ×</form>'
    )


def _button(address: str, kind: str, name: str, hint: str) -> str:
    return (
        f'<form method="post" action="{address}" title="{hint}">'
        f'<input type="hidden" name="kind" value="{kind}"><button class="plain">{name}</button></form>'
    )


def _sentence(fault: Fault) -> str:
    what = fault.kind.replace("_", " ")
    if fault.kind == "status":
        what = f"status {fault.status}"
    if fault.kind in TIMED_KINDS:
        what = f"{what} {shown(Decimal(str(fault.seconds)))} s"
    parts = [what, _PATHS[fault.path], "all courses" if fault.course_id is None else f"course {fault.course_id}"]
    if fault.share < 1:
        parts.append(f"{fault.share:.4g} of the calls")
    parts.append("until cleared" if fault.count is None else f"{fault.count} more")
    return ", ".join(parts)
