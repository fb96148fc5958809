"""The control door `/_sim`: preparing scenes, playing the teacher, switching misbehaviour on, looking inside."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal

from simulator import faults as ordered_faults
from simulator.control_fields import FieldError, Fields
from simulator.exchange import Request, Response, json_response
from simulator.faults import Fault
from simulator.line_items import adopt
from simulator.model import DeveloperKey, Enrollment, Generation, Place, User, World
from simulator.platform_state import DEFAULT_CLIENT_ID, PlatformState
from simulator.prepare import prepare, read_scene
from simulator.reports import describe_scene, describe_state, find_cell, find_place
from simulator.scopes import ALL

_ENROLLMENTS = {"remove": Enrollment.REMOVED, "conclude": Enrollment.CONCLUDED, "restore": Enrollment.ACTIVE}


@dataclass(frozen=True, slots=True)
class _Order:
    state: PlatformState
    request: Request
    fields: Fields

    @property
    def world(self) -> World:
        return self.state.world


def answer(state: PlatformState, request: Request) -> Response:
    """Do what the control door is asked; a wrong field is 400 with a sentence and changes nothing."""
    orders = _POST if request.method == "POST" else _GET if request.method == "GET" else {}
    order = orders.get(request.path)
    if order is None:
        return json_response(404, {"error": "The control door has no such order."})
    try:
        fields = Fields.read(request.body if request.method == "POST" else b"")
        return json_response(200, order(_Order(state, request, fields)))
    except FieldError as error:
        return json_response(400, {"error": str(error)})


def _prepare(order: _Order) -> object:
    scene = read_scene(order.fields)
    handle, student = prepare(order.world, scene, order.state.now)
    return describe_scene(order.world, order.request, handle, student)


def _state(order: _Order) -> object:
    place = find_place(order.world, order.fields.required_text("handle"))
    order.fields.finish()
    return describe_state(find_cell(order.world, place))


def _grade(order: _Order) -> object:
    place = find_place(order.world, order.fields.required_text("handle"))
    if not order.fields.has("score"):
        raise FieldError("score is required; null clears it.")
    score = order.fields.number("score", None)
    order.fields.finish()
    _student_of(order.world, place)
    cell = find_cell(order.world, place)
    cell.grade_by_person(score, order.state.now)
    return describe_state(cell)


def _student(order: _Order) -> object:
    place = find_place(order.world, order.fields.required_text("handle"))
    action = order.fields.word("action", tuple(_ENROLLMENTS), "")
    order.fields.finish()
    user = _student_of(order.world, place)
    user.enrollment = _ENROLLMENTS[action]
    return {"user_id": user.lti_id, "enrollment": user.enrollment.value}


def _student_of(world: World, place: Place) -> User:
    user = world.courses[place.course_id].users.get(place.user_id)
    if user is None:
        raise FieldError("This handle's student is in no course.")
    return user


def _assignment(order: _Order) -> object:
    """Change the assignment as a teacher does; the first line item follows its points."""
    fields = order.fields
    cell = find_cell(order.world, find_place(order.world, fields.required_text("handle")))
    assignment, course = cell.course.assignments[cell.assignment.id], cell.course
    points = fields.number("points", assignment.points)
    allowed = fields.whole("allowed_attempts", assignment.allowed_attempts, lowest=1)
    published = fields.flag("published", default=assignment.published)
    concluded = fields.flag("concluded", default=course.concluded)
    deleted = fields.flag("deleted", default=assignment.deleted)
    fields.finish()
    assignment.points, assignment.allowed_attempts, assignment.published = points, allowed, published
    course.concluded, assignment.deleted = concluded, deleted
    return {
        "points": points,
        "allowed_attempts": allowed,
        "published": published,
        "concluded": concluded,
        "deleted": deleted,
    }


def _adopt(order: _Order) -> object:
    """Play the migration to the 1.3 tool."""
    place = find_place(order.world, order.fields.required_text("handle"))
    order.fields.finish()
    course = order.world.courses[place.course_id]
    line_item = adopt(order.world, course, course.assignments[place.assignment_id])
    return {"line_item": f"{order.request.base_url}/api/lti/courses/{course.id}/line_items/{line_item.id}"}


def _register(order: _Order) -> object:
    fields = order.fields
    client_id = fields.text("client_id", DEFAULT_CLIENT_ID)
    jwks_url = fields.optional_text("jwks_url")
    public_jwk = fields.take("public_jwk")
    scopes = fields.take("scopes", list(ALL))
    on, active = fields.flag("on", default=True), fields.flag("active", default=True)
    fields.finish()
    if public_jwk is not None and not isinstance(public_jwk, dict):
        raise FieldError("public_jwk must be a JSON object.")
    if jwks_url is None and public_jwk is None:
        raise FieldError("One of jwks_url and public_jwk is required.")
    if jwks_url is not None and not jwks_url.startswith(("http://", "https://")):
        raise FieldError("jwks_url must be a web address.")
    if not isinstance(scopes, list) or any(scope not in ALL for scope in scopes):
        raise FieldError("scopes must be a list of scopes that Canvas knows.")
    key = DeveloperKey(client_id, [str(scope) for scope in scopes], jwks_url, public_jwk, on, active)
    order.world.developer_keys[client_id] = key
    return {"client_id": client_id, "scopes": key.scopes, "on": on, "active": active}


def _switch(order: _Order) -> object:
    """Read every field first, so that a wrong one changes nothing."""
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
    return _in_force(order)


def _key_change(order: _Order) -> Callable[[], None]:
    if not order.fields.has("key_on"):
        return lambda: None
    on = order.fields.flag("key_on", default=True)
    key = order.world.developer_keys.get(order.fields.text("client_id", DEFAULT_CLIENT_ID))
    if key is None:
        raise FieldError("No such client_id.")

    def change() -> None:
        key.on = on

    return change


def _tool_change(order: _Order) -> Callable[[], None]:
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


def _in_force(order: _Order) -> dict[str, object]:
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


def _requests(order: _Order) -> object:
    text = order.request.parameter("since") or "0"
    if not (text.isascii() and text.isdigit()):
        raise FieldError("since must be a whole number.")
    seen = [asdict(entry) for entry in order.state.log if entry.number > int(text)]
    return {"requests": seen, "last": order.state.logged}


def _reset(order: _Order) -> object:
    order.fields.finish()
    order.state.reset()
    return {"status": "reset"}


def _health(order: _Order) -> object:
    return {"status": "ok", "generation": order.world.switches.generation, "courses": len(order.world.courses)}


_POST: dict[str, Callable[[_Order], object]] = {
    "/_sim/prepare": _prepare,
    "/_sim/state": _state,
    "/_sim/grade": _grade,
    "/_sim/student": _student,
    "/_sim/assignment": _assignment,
    "/_sim/adopt": _adopt,
    "/_sim/register": _register,
    "/_sim/switch": _switch,
    "/_sim/reset": _reset,
}
_GET: dict[str, Callable[[_Order], object]] = {
    "/_sim/requests": _requests,
    "/_sim/health": _health,
    "/_sim/switch": _in_force,
}
