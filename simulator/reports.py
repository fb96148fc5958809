"""What the control door tells: the addresses and ids of a prepared scene, and the state of its cell."""

from dataclasses import replace

from simulator.cell import Cell
from simulator.codec import to_json
from simulator.control_fields import FieldError
from simulator.exchange import Request
from simulator.identifiers import sign_sourcedid
from simulator.model import Place, Submission, User, World
from simulator.platform_state import ISSUER
from simulator.results import read_score
from simulator.times import iso_milliseconds
from simulator.tokens import TOKEN_PATH


def find_place(world: World, handle: str) -> Place:
    """Find what a handle stands for."""
    place = world.places.get(handle)
    if place is None:
        raise FieldError("No such handle.")
    return place


def find_cell(world: World, place: Place) -> Cell:
    """Find the cell of a handle; for a student who is in no course an empty one that keeps nothing."""
    course = world.courses[place.course_id]
    assignment = course.assignments[place.assignment_id]
    user = course.users.get(place.user_id)
    if user is not None:
        return Cell(world, course, assignment, user)
    return Cell(world, course, replace(assignment, submissions={}), User(place.user_id, "", "", "nobody"))


def describe_scene(world: World, request: Request, handle: str, student: User) -> dict[str, object]:
    """Tell everything a client needs to reach a prepared scene through either door."""
    place = world.places[handle]
    course = world.courses[place.course_id]
    course_url = f"{request.base_url}/api/lti/courses/{course.id}"
    cell = find_cell(world, place)
    line_item = cell.first_line_item
    return {
        "handle": handle,
        "issuer": ISSUER,
        "client_id": place.client_id,
        "token_url": f"{request.base_url}{TOKEN_PATH}",
        "audience": f"{request.base_url}{TOKEN_PATH}",
        "host": request.host,
        "jwks_url": f"{request.base_url}/api/lti/security/jwks",
        "course_id": course.id,
        "context_id": course.context_id,
        "assignment_id": place.assignment_id,
        "resource_link_id": cell.assignment.resource_link_id,
        "line_item": f"{course_url}/line_items/{line_item.id}" if line_item else None,
        "line_items": f"{course_url}/line_items",
        "context_memberships_url": f"{course_url}/names_and_roles",
        "user_id": student.lti_id,
        "canvas_user_id": student.id,
        "lti11": _describe_legacy_side(world, request, place, student),
        "gradebook_url": f"{request.base_url}/gradebook/{course.id}",
    }


def _describe_legacy_side(world: World, request: Request, place: Place, student: User) -> dict[str, object]:
    assignment = world.courses[place.course_id].assignments[place.assignment_id]
    tool = world.legacy_tools[assignment.legacy_tool_id or 0]
    tool_url = f"{request.base_url}/api/lti/v1/tools/{tool.id}"
    return {
        "outcome_url": f"{tool_url}/grade_passback",
        "ext_outcome_url": f"{tool_url}/ext_grade_passback",
        "consumer_key": tool.consumer_key,
        "shared_secret": tool.shared_secret,
        "sourcedid": sign_sourcedid(
            world.sourcedid_secret, tool.id, place.course_id, place.assignment_id, place.user_id
        ),
        "user_id": student.lti11_user_id,
        "resource_link_id": assignment.lti11_resource_link_id,
    }


def describe_state(cell: Cell) -> dict[str, object]:
    """Tell the state of a cell."""
    submission = cell.submission
    state = cell.workflow_state(cell.world.switches.generation)
    result = _describe_result(cell)
    return {
        "attempt": submission.attempt,
        "submission_type": submission.submission_type,
        "body": submission.body,
        "url": submission.url,
        "attachments": to_json(submission.attachments),
        "submitted_at": iso_milliseconds(submission.submitted_at) if submission.submitted_at else None,
        "score": submission.score,
        "grade": submission.grade,
        "graded_by": submission.grader.value if submission.grader else None,
        "workflow_state": state.value,
        "needs_review": state.value == "pending_review",
        "late": cell.late,
        "comments": list(submission.comments),
        "result": result,
        "result_score": result["score"] if result else None,
        "result_maximum": result["maximum"] if result else None,
        "score_matches_submission": submission.score_matches,
        "history": _describe_history(submission),
    }


def _describe_history(submission: Submission) -> list[dict[str, object]]:
    return [
        {
            "attempt": version.attempt,
            "type": version.submission_type,
            "body": version.body,
            "url": version.url,
            "submitted_at": iso_milliseconds(version.submitted_at) if version.submitted_at else None,
        }
        for version in submission.history
    ]


def _describe_result(cell: Cell) -> dict[str, object] | None:
    line_item, result = cell.first_line_item, cell.result
    if line_item is None or result is None:
        return None
    return {
        "score": read_score(cell, line_item, result),
        "maximum": result.maximum,
        "updated": iso_milliseconds(result.updated),
        "extension": result.extension,
        "activity_progress": result.activity_progress,
        "grading_progress": result.grading_progress,
    }
