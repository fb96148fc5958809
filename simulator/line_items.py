"""Line items: list, show, create, update, delete, and how a 1.1 assignment gets one (Canvas AGS, section 4)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from simulator.access import AgsCall, Entry, check_owner, enter_course, find_line_item, read_parameters
from simulator.cell import first_line_item, has_submission
from simulator.exchange import Response, json_response
from simulator.identifiers import new_uuid
from simulator.model import Assignment, Course, Generation, LineItem, Result, World
from simulator.paging import page_of
from simulator.refusals import RefusedError, empty_error, list_error, model_error, not_found, object_error
from simulator.ruby_numbers import nearest_double
from simulator.scopes import LINE_ITEM, LINE_ITEM_READONLY
from simulator.score_post import is_number, read_number
from simulator.times import iso_milliseconds, iso_seconds, parse_time

LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
CONTAINER_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
SUBMISSION_TYPE = "https://canvas.instructure.com/lti/submission_type"
LAUNCH_URL = "https://canvas.instructure.com/lti/launch_url"


def maximum_of(line_item: LineItem, assignment: Assignment) -> Decimal:
    """Give a line item's maximum; the first one follows the assignment's points, 0 when these are blank."""
    if line_item.first:
        return nearest_double(assignment.points or Decimal(0))
    return nearest_double(line_item.score_maximum)


def adopt(world: World, course: Course, assignment: Assignment) -> LineItem:
    """Make the assignment's own line item and copy present scores into Results; nothing the second time."""
    present = first_line_item(course, assignment)
    if present is not None:
        return present
    points = assignment.points or Decimal(0)
    line_item = LineItem(
        world.next_id(), assignment.id, assignment.client_id, assignment.name, points, first=True, coupled=True
    )
    line_item.launch_url = f"https://tool.example.org/launch/{assignment.id}"
    for user_id, submission in assignment.submissions.items():
        if submission.score is not None and submission.graded_at is not None:
            # A null time tells that there was a score but no typed submission.
            typed = submission.submitted_at if has_submission(submission) else None
            extension: dict[str, object] = {"submitted_at": iso_milliseconds(typed) if typed else None}
            line_item.results[user_id] = Result(
                world.next_id(), user_id, submission.graded_at, submission.score, points, extension=extension
            )
    course.line_items[line_item.id] = line_item
    assignment.adopted = True
    return line_item


def list_line_items(call: AgsCall) -> Response:
    """List the calling key's line items of undeleted assignments, filtered and in pages."""
    entry = enter_course(call, (LINE_ITEM, LINE_ITEM_READONLY))
    found = [item for item in entry.course.line_items.values() if _listed(entry, item)]
    items, links = page_of(found, call.request, default=10, maximum=100)
    return json_response(200, [_as_json(entry, item) for item in items], CONTAINER_TYPE, links)


def _listed(entry: Entry, item: LineItem) -> bool:
    assignment = entry.course.assignments[item.assignment_id]
    if item.deleted or assignment.deleted or item.client_id != entry.key.client_id:
        return False
    filters = (
        ("tag", item.tag),
        ("resource_id", item.resource_id),
        ("resource_link_id", assignment.resource_link_id),
    )
    wanted = entry.call.request.parameter
    return all(wanted(name) in (None, value) for name, value in filters)


def show_line_item(call: AgsCall) -> Response:
    """Show one line item."""
    entry = enter_course(call, (LINE_ITEM, LINE_ITEM_READONLY))
    line_item = entry.course.line_items.get(call.line_item_id)
    if line_item is not None and entry.course.assignments[line_item.assignment_id].deleted:
        raise empty_error(404)
    line_item, _ = find_line_item(entry, call.request.parameter("resourceLinkId"))
    check_owner(entry, line_item)
    return json_response(200, _as_json(entry, line_item), LINE_ITEM_TYPE)


def update_line_item(call: AgsCall) -> Response:
    """Change a line item; changes to the first one are the assignment's."""
    parameters = read_parameters(call.request, LINE_ITEM_TYPE)
    entry = enter_course(call, (LINE_ITEM,))
    line_item, assignment = find_line_item(entry, parameters.get("resourceLinkId"))
    check_owner(entry, line_item)
    maximum = _score_maximum(parameters) if "scoreMaximum" in parameters else maximum_of(line_item, assignment)
    if "scoreMaximum" in parameters:
        line_item.score_maximum = maximum
    line_item.label = _text(parameters, "label") or line_item.label
    line_item.tag = _text(parameters, "tag", line_item.tag)
    line_item.resource_id = _text(parameters, "resourceId", line_item.resource_id)
    if line_item.first:
        assignment.name = line_item.label
        if "scoreMaximum" in parameters:
            assignment.points = maximum
        _set_dates(entry, assignment, parameters)
    return json_response(200, _as_json(entry, line_item), LINE_ITEM_TYPE)


def delete_line_item(call: AgsCall) -> Response:
    """Delete a line item that the tool made; with the first one goes its assignment."""
    entry = enter_course(call, (LINE_ITEM,))
    line_item, assignment = find_line_item(entry)
    check_owner(entry, line_item)
    if line_item.coupled:
        raise empty_error(401)
    line_item.deleted = True
    assignment.deleted = assignment.deleted or line_item.first
    return Response(204)


def create_line_item(call: AgsCall) -> Response:
    """Make a line item: a further one of an assignment, or a new assignment with its own."""
    parameters = read_parameters(call.request, LINE_ITEM_TYPE)
    entry = enter_course(call, (LINE_ITEM,))
    for name in ("scoreMaximum", "label"):
        if parameters.get(name) in (None, ""):
            raise list_error(400, f"{name} is missing")
    maximum = _score_maximum(parameters)
    link = parameters.get("resourceLinkId")
    if link not in (None, ""):
        assignment, launch_url = _linked_assignment(entry, link), None
    else:
        launch_url = _launch_url(parameters)
        assignment = _new_assignment(entry, parameters, maximum, launch_url)
    line_item = LineItem(
        call.world.next_id(),
        assignment.id,
        entry.key.client_id,
        str(parameters["label"]),
        maximum,
        first=first_line_item(entry.course, assignment) is None,
        coupled=False,
        tag=_text(parameters, "tag"),
        resource_id=_text(parameters, "resourceId"),
        launch_url=launch_url,
    )
    entry.course.line_items[line_item.id] = line_item
    return json_response(201, _as_json(entry, line_item), LINE_ITEM_TYPE)


def _linked_assignment(entry: Entry, link: object) -> Assignment:
    for course in entry.call.world.courses.values():
        for assignment in course.assignments.values():
            if assignment.resource_link_id == link:
                _check_link(entry, course, assignment)
                # Naming the link of a 1.1 assignment is one of the ways that Canvas adopts it.
                adopt(entry.call.world, course, assignment)
                return assignment
    raise not_found()


def _check_link(entry: Entry, course: Course, assignment: Assignment) -> None:
    lost_its_items = assignment.adopted and first_line_item(course, assignment) is None
    if course is not entry.course or assignment.deleted or lost_its_items:
        raise empty_error(412)
    if assignment.client_id != entry.key.client_id:
        raise object_error(422, "Resource link id points to Tool not associated with this Context")


def _launch_url(parameters: Mapping[str, object]) -> str | None:
    wanted = parameters.get(SUBMISSION_TYPE)
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "external_tool":
        return str(wanted.get("external_tool_url", ""))
    message = f"Invalid submission_type for new assignment: {wanted.get('type')}"
    raise RefusedError(json_response(400, {"error": message}))


def _new_assignment(
    entry: Entry, parameters: Mapping[str, object], maximum: Decimal, launch_url: str | None
) -> Assignment:
    world = entry.call.world
    assignment = Assignment(
        world.next_id(),
        str(parameters["label"]),
        maximum,
        entry.key.client_id,
        resource_link_id=new_uuid() if launch_url is not None else None,
        lti11_resource_link_id=None,
        legacy_tool_id=None,
    )
    _set_dates(entry, assignment, parameters)
    entry.course.assignments[assignment.id] = assignment
    return assignment


def _score_maximum(parameters: Mapping[str, object]) -> Decimal:
    value = parameters.get("scoreMaximum")
    if value is None or not is_number(value):
        raise model_error("score_maximum", "is not a number")
    if read_number(value) < 0:
        raise model_error("score_maximum", "must be greater than or equal to 0")
    return read_number(value)


def _text(parameters: Mapping[str, object], name: str, present: str | None = None) -> str | None:
    value = parameters.get(name, present)
    return None if value is None else str(value)


def _set_dates(entry: Entry, assignment: Assignment, parameters: Mapping[str, object]) -> None:
    if entry.call.generation is Generation.OLD:
        return
    if "startDateTime" in parameters:
        assignment.unlock_at = _moment(parameters["startDateTime"])
    if "endDateTime" in parameters:
        assignment.due_at = _moment(parameters["endDateTime"])


def _moment(value: object) -> datetime | None:
    return parse_time(value) if isinstance(value, str) else None


def _as_json(entry: Entry, line_item: LineItem) -> dict[str, object]:
    assignment = entry.course.assignments[line_item.assignment_id]
    fields: dict[str, object] = {
        "id": f"{entry.call.course_url}/line_items/{line_item.id}",
        "scoreMaximum": maximum_of(line_item, assignment),
        "label": assignment.name if line_item.first else line_item.label,
        "resourceId": line_item.resource_id,
        "tag": line_item.tag,
        "resourceLinkId": assignment.resource_link_id,
    }
    if entry.call.generation is Generation.NEW:
        fields["startDateTime"] = iso_seconds(assignment.unlock_at) if assignment.unlock_at else None
        fields["endDateTime"] = iso_seconds(assignment.due_at) if assignment.due_at else None
    if line_item.launch_url is not None:
        fields[SUBMISSION_TYPE] = {"type": "external_tool", "external_tool_url": line_item.launch_url}
        if ("include[]", "launch_url") in entry.call.request.parameters:
            fields[LAUNCH_URL] = line_item.launch_url
    return {name: value for name, value in fields.items() if value is not None}
