"""What every AGS call passes first: body, token, course, tool, conclusion, line item, student.

The order is that of Canvas AGS, section 3.3, steps 1 to 7.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from simulator import exact_json
from simulator.bearer import authorize
from simulator.exchange import Request
from simulator.faults import Fault
from simulator.model import (
    Assignment,
    Course,
    DeveloperKey,
    Enrollment,
    Generation,
    LineItem,
    Role,
    User,
    World,
)
from simulator.refusals import empty_error, not_found, object_error

_CONCLUDED = "This course has concluded{whom}. AGS requests will no longer be accepted for this course."


@dataclass(frozen=True, slots=True)
class AgsCall:
    """One request to an AGS or membership endpoint; ids are those of its path, 0 when it has none."""

    world: World
    request: Request
    now: datetime
    course_id: int
    line_item_id: int = 0
    record_id: int = 0
    take_file_fault: Callable[[], Fault | None] = lambda: None

    @property
    def generation(self) -> Generation:
        """Which Canvas is played."""
        return self.world.switches.generation

    @property
    def course_url(self) -> str:
        """Address of the course's LTI services."""
        return f"{self.request.base_url}/api/lti/courses/{self.course_id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A call that was let into a course."""

    call: AgsCall
    key: DeveloperKey
    course: Course


def read_parameters(request: Request, media_type: str) -> Mapping[str, object]:
    """Read a JSON body; a body of another type is not looked at, as in Rails.

    Raises
    ------
    RefusedError
        400 without a body, when it is not JSON
    """
    if request.media_type not in (media_type, "application/json"):
        return {}
    try:
        value = exact_json.decode(request.body)
    except ValueError:
        raise empty_error(400) from None
    return value if isinstance(value, dict) else {}


def enter_course(call: AgsCall, scopes: tuple[str, ...], user: object = None) -> Entry:
    """Check token, key, course and tool, and that the course is open for the user who is named (steps 1 to 5)."""
    entry = enter_open_or_concluded(call, scopes)
    _check_conclusion(call, entry.course, user)
    return entry


def enter_open_or_concluded(call: AgsCall, scopes: tuple[str, ...]) -> Entry:
    """Check token, key, course and tool (steps 1 to 4)."""
    key = authorize(call.world, call.request, scopes, call.now)
    if not key.on:
        raise object_error(401, "Invalid Developer Key")
    course = call.world.courses.get(call.course_id)
    if course is None:
        raise not_found()
    if key.client_id not in course.installed:
        raise object_error(401, "Access Token not linked to a Tool associated with this Context")
    return Entry(call, key, course)


def _check_conclusion(call: AgsCall, course: Course, user: object) -> None:
    if not course.concluded:
        return
    if call.generation is Generation.OLD:
        raise not_found()
    if user in (None, ""):
        raise object_error(422, _CONCLUDED.format(whom=""))
    found = find_user(course, user)
    if found is None or not open_after_conclusion(found):
        raise object_error(422, _CONCLUDED.format(whom=" for this student"))


def open_after_conclusion(user: User) -> bool:
    """Tell whether an enrollment outlasts its course, as one in a section with later dates does."""
    return user.later_section and user.enrollment is Enrollment.ACTIVE


def find_user(course: Course, value: object) -> User | None:
    """Find a person by ``lti_id``, an earlier one, or the numeric id as text or number (Canvas AGS, section 3.2)."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value)
    return next(
        (user for user in course.users.values() if text in (user.lti_id, str(user.id), *user.past_lti_ids)),
        None,
    )


def is_student(user: User | None) -> bool:
    """Tell whether scores are taken for this person; Student View's counts, inactive ones do not."""
    return user is not None and user.role is not Role.TEACHER and user.enrollment is Enrollment.ACTIVE


def find_line_item(entry: Entry, resource_link_id: object = None) -> tuple[LineItem, Assignment]:
    """Find the line item of the path in this course, and check a ``resourceLinkId`` that was sent (step 6)."""
    line_item = entry.course.line_items.get(entry.call.line_item_id)
    if line_item is None or line_item.deleted:
        raise not_found()
    assignment = entry.course.assignments[line_item.assignment_id]
    if assignment.deleted:
        raise not_found()
    if resource_link_id not in (None, "", assignment.resource_link_id):
        raise object_error(412, "The specified LTI link ID is not associated with the line item.")
    return line_item, assignment


def check_owner(entry: Entry, line_item: LineItem) -> None:
    """Refuse a line item of another developer key."""
    if line_item.client_id != entry.key.client_id:
        raise object_error(412, "Tool does not have permission to view line_item")
