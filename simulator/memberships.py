"""Names and roles: from a 1.1 user id to the 1.3 user (Canvas AGS, section 8.1)."""

from simulator.access import AgsCall, Entry, enter_open_or_concluded
from simulator.exchange import Response, json_response
from simulator.model import Assignment, Enrollment, Role, User
from simulator.paging import page_of
from simulator.refusals import object_error
from simulator.scopes import MEMBERSHIP

MEMBERSHIP_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
_ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
_CLAIM = "https://purl.imsglobal.org/spec/lti/claim"


def list_members(call: AgsCall) -> Response:
    """List the course's active members in pages of at most 50, all of them or those of one role."""
    entry = enter_open_or_concluded(call, (MEMBERSHIP,))
    assignment = _link(entry)
    role = call.request.parameter("role")
    members = [user for user in entry.course.users.values() if _listed(user) and role in (None, _role(user))]
    page, links = page_of(members, call.request, default=50, maximum=50)
    course = entry.course
    body = {
        "id": f"{call.course_url}/names_and_roles",
        "context": {"id": course.context_id, "label": f"C{course.id}", "title": course.name},
        "members": [_as_json(user, assignment) for user in page],
    }
    return json_response(200, body, MEMBERSHIP_TYPE, links)


def _listed(user: User) -> bool:
    return user.enrollment is Enrollment.ACTIVE and user.role is not Role.TEST_STUDENT


def _role(user: User) -> str:
    return _ROLE + ("Instructor" if user.role is Role.TEACHER else "Learner")


def _link(entry: Entry) -> Assignment | None:
    """Find the assignment of ``rlid``. Everything here is assigned to every student, so it narrows nothing."""
    rlid = entry.call.request.parameter("rlid")
    if rlid is None or rlid == entry.course.context_id:
        return None
    for assignment in entry.course.assignments.values():
        if assignment.resource_link_id == rlid and assignment.client_id == entry.key.client_id:
            return assignment
    raise object_error(400, "Invalid 'rlid' parameter")


def _as_json(user: User, assignment: Assignment | None) -> dict[str, object]:
    given, _, family = user.name.partition(" ")
    member: dict[str, object] = {
        "status": "Active",
        "name": user.name,
        "given_name": given,
        "family_name": family,
        "user_id": user.lti_id,
        "lti11_legacy_user_id": user.lti11_user_id,
        "roles": [_role(user)],
    }
    if assignment is not None:
        member["message"] = [
            {
                f"{_CLAIM}/message_type": "LtiResourceLinkRequest",
                f"{_CLAIM}/resource_link": {"id": assignment.resource_link_id, "title": assignment.name},
                "https://canvas.instructure.com/lti/assignment_id": assignment.id,
            }
        ]
    return member
