"""Setting the scene: a course with one assignment and one student, as a test or a demonstration needs it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.cell import Cell, Work
from simulator.control_fields import FieldError, Fields
from simulator.identifiers import new_opaque_id, new_uuid
from simulator.line_items import adopt
from simulator.model import (
    Assignment,
    Attachment,
    Course,
    DeveloperKey,
    Enrollment,
    GradingType,
    LegacyTool,
    Place,
    Role,
    User,
    World,
)
from simulator.platform_state import DEFAULT_CLIENT_ID
from simulator.scopes import ALL

STUDENT_KINDS = ("ordinary", "later_section", "test", "inactive", "concluded", "teacher", "unknown", "removed")
SUBMISSION_TYPES = ("external_tool", "online_text_entry", "online_url", "basic_lti_launch", "online_upload")
_ENROLLMENTS = {
    "inactive": Enrollment.INACTIVE,
    "concluded": Enrollment.CONCLUDED,
    "removed": Enrollment.REMOVED,
}
_ROLES = {"test": Role.TEST_STUDENT, "teacher": Role.TEACHER}
_NAMES = (
    "Ada Lovelace", "Emmy Noether", "Alan Turing", "Sofia Kovalevskaya", "Srinivasa Ramanujan", "Katherine Johnson",
    "Leonhard Euler", "Maryam Mirzakhani", "Évariste Galois", "Mary Somerville",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """What was asked for; the fields are documented in docs/simulator.md."""

    name: str
    points: Decimal | None
    grading_type: GradingType
    allowed_attempts: int | None
    extra_attempts: int
    attempts_made: int
    submission_type: str | None
    submitted_at: datetime | None
    due_at: datetime | None
    late_deduction_percent: Decimal
    teacher_score: Decimal | None
    tool_score: Decimal | None
    student: str
    classmates: int
    published: bool
    concluded: bool
    adopted: bool
    consumer_key: str
    shared_secret: str | None
    client_id: str
    beside: str | None
    """The handle of a scene whose course and assignment this student joins."""


def read_scene(fields: Fields) -> Scene:
    """Read the fields of a preparation; unknown ones are an error."""
    submission_type = fields.optional_text("submission_type")
    if submission_type is not None and submission_type not in SUBMISSION_TYPES:
        raise FieldError(f"submission_type must be null or one of {', '.join(SUBMISSION_TYPES)}.")
    scene = Scene(
        name=fields.text("name", "Week 1 quiz"),
        points=fields.number("points", Decimal(10)),
        grading_type=fields.choice("grading_type", GradingType, GradingType.POINTS),
        allowed_attempts=fields.whole("allowed_attempts", None, lowest=1),
        extra_attempts=fields.whole("extra_attempts", 0) or 0,
        attempts_made=fields.whole("attempts_made", 1 if submission_type else 0) or 0,
        submission_type=submission_type,
        submitted_at=fields.time("submitted_at"),
        due_at=fields.time("due_at"),
        late_deduction_percent=fields.number("late_deduction_percent", None) or Decimal(0),
        teacher_score=fields.number("teacher_score", None),
        tool_score=fields.number("tool_score", None),
        student=fields.word("student", STUDENT_KINDS, "ordinary"),
        classmates=fields.whole("classmates", 0) or 0,
        published=fields.flag("published", default=True),
        concluded=fields.flag("concluded", default=False),
        adopted=fields.flag("adopted", default=True),
        consumer_key=fields.text("consumer_key", "legacy-tool"),
        shared_secret=fields.optional_text("shared_secret"),
        client_id=fields.text("client_id", DEFAULT_CLIENT_ID),
        beside=fields.optional_text("beside"),
    )
    fields.finish()
    return scene


def join(world: World, place: Place, scene: Scene) -> tuple[str, User]:
    """Add a student to the course and assignment of a scene that is there; give the new handle and the student."""
    course = world.courses[place.course_id]
    student = _student(world, len(course.users) - 1, scene)
    if scene.student != "unknown":
        course.users[student.id] = student
    handle = f"h{world.next_id()}"
    world.places[handle] = Place(course.id, place.assignment_id, student.id, place.client_id)
    return handle, student


def prepare(world: World, scene: Scene, now: datetime) -> tuple[str, User]:
    """Build the scene and give its handle and its student; an ``unknown`` one is in no course."""
    world.developer_keys.setdefault(scene.client_id, DeveloperKey(scene.client_id, list(ALL)))
    tool = _legacy_tool(world, scene)
    number = world.next_id()
    course = Course(number, f"Course {number}", new_opaque_id(), concluded=scene.concluded, installed=[scene.client_id])
    world.courses[course.id] = course
    student = _people(world, course, scene)
    assignment = _assignment(world, course, scene, tool)
    if student.id in course.users:
        _history(Cell(world, course, assignment, student), scene, now)
    if scene.adopted:
        adopt(world, course, assignment)
    if student.id in course.users and scene.teacher_score is not None:
        # After adoption, so that its Result has no extension object (Canvas AGS, section 4).
        Cell(world, course, assignment, student).grade_by_person(scene.teacher_score, now - timedelta(minutes=30))
    handle = f"h{world.next_id()}"
    world.places[handle] = Place(course.id, assignment.id, student.id, scene.client_id)
    return handle, student


def _legacy_tool(world: World, scene: Scene) -> LegacyTool:
    for tool in world.legacy_tools.values():
        if tool.consumer_key == scene.consumer_key and scene.shared_secret in (None, tool.shared_secret):
            return tool
    made = LegacyTool(world.next_id(), scene.consumer_key, scene.shared_secret or secrets.token_hex(16))
    world.legacy_tools[made.id] = made
    return made


def _people(world: World, course: Course, scene: Scene) -> User:
    student = _student(world, len(world.courses) - 1, scene)
    others = [_person(world, number) for number in range(1, scene.classmates + 1)]
    teacher = _person(world, 0)
    teacher.name, teacher.role = "Grace Hopper", Role.TEACHER
    members = [*others, teacher] if scene.student == "unknown" else [student, *others, teacher]
    course.users = {user.id: user for user in members}
    return student


def _student(world: World, number: int, scene: Scene) -> User:
    student = _person(world, number)
    student.role = _ROLES.get(scene.student, Role.STUDENT)
    student.enrollment = _ENROLLMENTS.get(scene.student, Enrollment.ACTIVE)
    student.later_section = scene.student == "later_section"
    if scene.student == "test":
        student.name = "Test Student"
    return student


def _person(world: World, number: int) -> User:
    round_number, place = divmod(number, len(_NAMES))
    name = _NAMES[place] if not round_number else f"{_NAMES[place]} {round_number + 1}"
    return User(world.next_id(), new_uuid(), new_opaque_id(), name)


def _assignment(world: World, course: Course, scene: Scene, tool: LegacyTool) -> Assignment:
    assignment = Assignment(
        world.next_id(),
        scene.name,
        scene.points,
        scene.client_id,
        resource_link_id=new_uuid(),
        lti11_resource_link_id=new_opaque_id(),
        legacy_tool_id=tool.id,
        grading_type=scene.grading_type,
        allowed_attempts=scene.allowed_attempts,
        extra_attempts=scene.extra_attempts,
        published=scene.published,
        adopted=False,
        due_at=scene.due_at,
        late_deduction_percent=scene.late_deduction_percent,
    )
    course.assignments[assignment.id] = assignment
    return assignment


def _history(cell: Cell, scene: Scene, now: datetime) -> None:
    """Play what happened while the tool was a 1.1 tool: work handed in, and its score."""
    last = scene.submitted_at or now - timedelta(hours=1)
    for remaining in reversed(range(scene.attempts_made)):
        cell.submit(_earlier_work(scene.submission_type or "external_tool", last - timedelta(minutes=remaining)))
    if scene.tool_score is not None:
        cell.grade_by_tool(scene.tool_score, last)


def _earlier_work(kind: str, moment: datetime) -> Work:
    earlier = "https://tool.example.org/earlier"
    return Work(
        kind,
        moment,
        body="An earlier text." if kind == "online_text_entry" else None,
        url=earlier if kind in ("online_url", "basic_lti_launch") else None,
        attachments=(Attachment(f"{earlier}.pdf", "earlier.pdf"),) if kind == "online_upload" else (),
    )
