"""The Results service and the progress of files (Canvas AGS, sections 2 and 5)."""

from decimal import Decimal

from simulator.access import (
    AgsCall,
    Entry,
    check_owner,
    enter_course,
    enter_open_or_concluded,
    find_line_item,
    find_user,
)
from simulator.cell import Cell
from simulator.exchange import Response, json_response
from simulator.model import Assignment, Enrollment, Grader, LineItem, Result, Role
from simulator.paging import page_of
from simulator.refusals import not_found
from simulator.ruby_numbers import nearest_double, share
from simulator.scopes import PROGRESS, RESULT_READONLY
from simulator.score_post import EXTENSION

RESULT_CONTAINER_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"


def list_results(call: AgsCall) -> Response:
    """List a line item's Results, or the one of ``user_id``; the Test Student's are not shown."""
    named = call.request.parameter("user_id")
    entry = enter_course(call, (RESULT_READONLY,), named)
    line_item, assignment = find_line_item(entry, call.request.parameter("resourceLinkId"))
    found = [result for result in line_item.results.values() if _shown(entry, result)]
    if named is not None:
        user = find_user(entry.course, named)
        found = [result for result in found if user is not None and result.user_id == user.id]
    found.sort(key=lambda result: result.id)
    page, links = page_of(found, call.request, default=10, maximum=100)
    answers = [_as_json(entry, line_item, assignment, result) for result in page]
    return json_response(200, answers, RESULT_CONTAINER_TYPE, links)


def _shown(entry: Entry, result: Result) -> bool:
    user = entry.course.users[result.user_id]
    return user.role is Role.STUDENT and user.enrollment is Enrollment.ACTIVE


def show_result(call: AgsCall) -> Response:
    """Show one Result, in the container's media type."""
    entry = enter_course(call, (RESULT_READONLY,))
    line_item, assignment = find_line_item(entry, call.request.parameter("resourceLinkId"))
    check_owner(entry, line_item)
    for result in line_item.results.values():
        if result.id == call.record_id:
            return json_response(200, _as_json(entry, line_item, assignment, result), RESULT_CONTAINER_TYPE)
    raise not_found()


def read_score(cell: Cell, line_item: LineItem, result: Result) -> Decimal | None:
    """Give resultScore: as the tool sent it, or a person's points scaled to the Result's maximum."""
    score, maximum, points = result.score, result.maximum, cell.assignment.points
    person = line_item.first and cell.submission.grader is Grader.PERSON
    if score is None or not person or not maximum or not points:
        return score
    return share(score, points, maximum)


def _as_json(entry: Entry, line_item: LineItem, assignment: Assignment, result: Result) -> dict[str, object]:
    user = entry.course.users[result.user_id]
    score = read_score(Cell(entry.call.world, entry.course, assignment, user), line_item, result)
    line_item_url = f"{entry.call.course_url}/line_items/{line_item.id}"
    fields: dict[str, object] = {
        "id": f"{line_item_url}/results/{result.id}",
        "scoreOf": line_item_url,
        "userId": user.lti_id,
        "resultScore": None if score is None else nearest_double(score),
        "resultMaximum": None if result.maximum is None else nearest_double(result.maximum),
        "comment": result.comment,
        EXTENSION: result.extension,
    }
    return {name: value for name, value in fields.items() if value is not None}


def show_progress(call: AgsCall) -> Response:
    """Show the progress of a handed-over file; it is always finished, nothing is fetched."""
    enter_open_or_concluded(call, (PROGRESS,))
    if call.record_id not in call.world.file_progress:
        raise not_found()
    url = f"{call.course_url}/progress/{call.record_id}"
    return json_response(
        200, {"id": call.record_id, "workflow_state": "completed", "completion": 100, "message": None, "url": url}
    )
