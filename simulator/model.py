"""The records of the simulated Canvas: courses, people, assignments, line items, submissions, Results, keys.

Records change in place under the simulator's lock. Everything reachable from `World` is saved and loaded as JSON.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Generation(StrEnum):
    """Which Canvas is played: of 2025-26 or of 2021-22."""

    NEW = "new"
    OLD = "old"


class GradingType(StrEnum):
    """How the gradebook shows a score."""

    POINTS = "points"
    PERCENT = "percent"
    PASS_FAIL = "pass_fail"  # noqa: S105 - a grading type, not a secret
    LETTER_GRADE = "letter_grade"
    GPA_SCALE = "gpa_scale"


class Grader(StrEnum):
    """Who graded: the sign of Canvas's grader id (minus: a tool, plus: a person)."""

    TOOL = "tool"
    PERSON = "person"


class Role(StrEnum):
    """What a person is in the course. The Test Student is the one of Student View."""

    STUDENT = "student"
    TEST_STUDENT = "test_student"
    TEACHER = "teacher"


class Enrollment(StrEnum):
    """State of a person's enrollment."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    CONCLUDED = "concluded"
    REMOVED = "removed"


class WorkflowState(StrEnum):
    """State of a submission."""

    UNSUBMITTED = "unsubmitted"
    SUBMITTED = "submitted"
    GRADED = "graded"
    PENDING_REVIEW = "pending_review"


@dataclass(slots=True)
class User:
    """A person in one course, under the names Canvas gives them."""

    id: int
    lti_id: str
    lti11_user_id: str
    name: str
    role: Role = Role.STUDENT
    enrollment: Enrollment = Enrollment.ACTIVE
    past_lti_ids: list[str] = field(default_factory=list)
    later_section: bool = False


@dataclass(slots=True)
class Attachment:
    """A file of a submission, by the address it came from. It is never fetched."""

    url: str
    title: str
    media_type: str | None = None


@dataclass(slots=True)
class Version:
    """What one attempt held."""

    attempt: int
    submission_type: str | None
    body: str | None
    url: str | None
    submitted_at: datetime | None


@dataclass(slots=True)
class Submission:
    """A student's work on an assignment and its grade. ``score`` is in points of the assignment."""

    attempt: int = 0
    submission_type: str | None = None
    body: str | None = None
    url: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    submitted_at: datetime | None = None
    score: Decimal | None = None
    grade: str | None = None
    grader: Grader | None = None
    graded_at: datetime | None = None
    score_matches: bool = False
    review_requested: bool = False
    comments: list[str] = field(default_factory=list)
    history: list[Version] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """What AGS keeps for a line item and a user; ``updated`` is the time of the newest accepted post."""

    id: int
    user_id: int
    updated: datetime
    score: Decimal | None = None
    maximum: Decimal | None = None
    comment: str | None = None
    activity_progress: str = "Completed"
    grading_progress: str = "FullyGraded"
    extension: dict[str, object] | None = None


@dataclass(slots=True)
class LineItem:
    """A column. ``first`` is the assignment's own; ``coupled`` was made by Canvas with the assignment."""

    id: int
    assignment_id: int
    client_id: str
    label: str
    score_maximum: Decimal
    first: bool
    coupled: bool
    tag: str | None = None
    resource_id: str | None = None
    launch_url: str | None = None
    deleted: bool = False
    results: dict[int, Result] = field(default_factory=dict)


@dataclass(slots=True)
class Assignment:
    """An assignment; ``points`` None means blank, ``allowed_attempts`` None unlimited."""

    id: int
    name: str
    points: Decimal | None
    client_id: str
    resource_link_id: str | None
    lti11_resource_link_id: str | None
    legacy_tool_id: int | None
    grading_type: GradingType = GradingType.POINTS
    allowed_attempts: int | None = None
    extra_attempts: int = 0
    published: bool = True
    adopted: bool = True
    deleted: bool = False
    unlock_at: datetime | None = None
    due_at: datetime | None = None
    late_deduction_percent: Decimal = Decimal(0)
    submissions: dict[int, Submission] = field(default_factory=dict)


@dataclass(slots=True)
class Course:
    """A course with its people, assignments and line items; ``installed`` lists the client ids of its tools."""

    id: int
    name: str
    context_id: str
    concluded: bool = False
    installed: list[str] = field(default_factory=list)
    users: dict[int, User] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    line_items: dict[int, LineItem] = field(default_factory=dict)


@dataclass(slots=True)
class DeveloperKey:
    """A 1.3 tool's registration. ``on`` is the account's switch, ``active`` the key's own state."""

    client_id: str
    scopes: list[str]
    jwks_url: str | None = None
    public_jwk: dict[str, object] | None = None
    on: bool = True
    active: bool = True


@dataclass(slots=True)
class LegacyTool:
    """A 1.1 tool."""

    id: int
    consumer_key: str
    shared_secret: str


@dataclass(slots=True)
class Place:
    """What a handle of the control door stands for: one student on one assignment."""

    course_id: int
    assignment_id: int
    user_id: int
    client_id: str


@dataclass(slots=True)
class Switches:
    """What the control door can change about the whole platform."""

    clock_offset_seconds: Decimal = Decimal(0)
    generation: Generation = Generation.NEW
    throttle: str = "off"
    throttle_status: int = 403
    request_cost: Decimal = Decimal("0.25")
    request_seconds: Decimal = Decimal(0)
    needs_review_honoured: bool = True
    unchanged_score_stops: bool = False


@dataclass(slots=True)
class World:
    """Everything that is remembered."""

    token_secret: str
    sourcedid_secret: str
    platform_key: str = ""
    last_id: int = 0
    switches: Switches = field(default_factory=Switches)
    courses: dict[int, Course] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    developer_keys: dict[str, DeveloperKey] = field(default_factory=dict)
    legacy_tools: dict[int, LegacyTool] = field(default_factory=dict)
    nonces: dict[str, datetime] = field(default_factory=dict)
    file_progress: list[int] = field(default_factory=list)

    def next_id(self) -> int:
        """Give an id that nothing else has."""
        self.last_id += 1
        return self.last_id
