"""The control door `/_sim`: preparing scenes, playing the teacher, switching misbehaviour on, looking inside."""

from collections.abc import Callable
from dataclasses import asdict

from simulator.control_fields import FieldError, Fields
from simulator.control_order import Order
from simulator.counters import Counters
from simulator.exchange import Request, Response, json_response
from simulator.line_items import adopt
from simulator.model import DeveloperKey, Enrollment, Place, User, World
from simulator.platform_state import DEFAULT_CLIENT_ID, PlatformState
from simulator.prepare import join, prepare, read_scene
from simulator.reports import describe_scene, describe_state, find_cell, find_place
from simulator.scopes import ALL
from simulator.switching import in_force, switch

_ENROLLMENTS = {"remove": Enrollment.REMOVED, "conclude": Enrollment.CONCLUDED, "restore": Enrollment.ACTIVE}


def answer(state: PlatformState, request: Request) -> Response:
    """Do what the control door is asked; a wrong field is 400 with a sentence and changes nothing."""
    orders = _POST if request.method == "POST" else _GET if request.method == "GET" else {}
    order = orders.get(request.path)
    if order is None:
        return json_response(404, {"error": "The control door has no such order."})
    try:
        fields = Fields.read(request.body if request.method == "POST" else b"")
        return json_response(200, order(Order(state, request, fields)))
    except FieldError as error:
        return json_response(400, {"error": str(error)})


def _prepare(order: Order) -> object:
    scene = read_scene(order.fields)
    if scene.beside is not None:
        handle, student = join(order.world, find_place(order.world, scene.beside), scene)
    else:
        handle, student = prepare(order.world, scene, order.state.now)
    return describe_scene(order.world, order.request, handle, student)


def _state(order: Order) -> object:
    place = find_place(order.world, order.fields.required_text("handle"))
    order.fields.finish()
    return describe_state(find_cell(order.world, place))


def _grade(order: Order) -> object:
    place = find_place(order.world, order.fields.required_text("handle"))
    if not order.fields.has("score"):
        raise FieldError("score is required; null clears it.")
    score = order.fields.number("score", None)
    order.fields.finish()
    _student_of(order.world, place)
    cell = find_cell(order.world, place)
    cell.grade_by_person(score, order.state.now)
    return describe_state(cell)


def _student(order: Order) -> object:
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


def _assignment(order: Order) -> object:
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


def _adopt(order: Order) -> object:
    """Play the migration to the 1.3 tool."""
    place = find_place(order.world, order.fields.required_text("handle"))
    order.fields.finish()
    course = order.world.courses[place.course_id]
    line_item = adopt(order.world, course, course.assignments[place.assignment_id])
    return {"line_item": f"{order.request.base_url}/api/lti/courses/{course.id}/line_items/{line_item.id}"}


def _register(order: Order) -> object:
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


def _requests(order: Order) -> object:
    text = order.request.parameter("since") or "0"
    if not (text.isascii() and text.isdigit()):
        raise FieldError("since must be a whole number.")
    seen = [asdict(entry) for entry in order.state.log if entry.number > int(text)]
    return {"requests": seen, "last": order.state.logged}


def _counters(order: Order) -> object:
    afresh = order.fields.flag("reset", default=False)
    order.fields.finish()
    told = order.state.counters.tell()
    if afresh:
        order.state.counters = Counters(order.state.now)
    return told


def _reset(order: Order) -> object:
    order.fields.finish()
    order.state.reset()
    return {"status": "reset"}


def _health(order: Order) -> object:
    return {"status": "ok", "generation": order.world.switches.generation, "courses": len(order.world.courses)}


_POST: dict[str, Callable[[Order], object]] = {
    "/_sim/prepare": _prepare,
    "/_sim/state": _state,
    "/_sim/grade": _grade,
    "/_sim/student": _student,
    "/_sim/assignment": _assignment,
    "/_sim/adopt": _adopt,
    "/_sim/register": _register,
    "/_sim/switch": switch,
    "/_sim/counters": _counters,
    "/_sim/reset": _reset,
}
_GET: dict[str, Callable[[Order], object]] = {
    "/_sim/requests": _requests,
    "/_sim/health": _health,
    "/_sim/counters": _counters,
    "/_sim/switch": in_force,
}
