"""What crosses the line to a platform, as plain data: scores, results, line items (AGS 2.0)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class ActivityProgress(StrEnum):
    """How far the student is (AGS 2.0, section 3.4)."""

    INITIALIZED = "Initialized"
    SUBMITTED = "Submitted"
    COMPLETED = "Completed"


class GradingProgress(StrEnum):
    """How far the grading is (AGS 2.0, section 3.4)."""

    FULLY_GRADED = "FullyGraded"
    PENDING_MANUAL = "PendingManual"
    PENDING = "Pending"
    NOT_READY = "NotReady"


class SubmissionType(StrEnum):
    """Canvas's submission types that its extension takes (Canvas AGS, section 3.2)."""

    EXTERNAL_TOOL = "external_tool"
    ONLINE_TEXT_ENTRY = "online_text_entry"
    ONLINE_URL = "online_url"
    BASIC_LTI_LAUNCH = "basic_lti_launch"
    ONLINE_UPLOAD = "online_upload"


@dataclass(frozen=True, slots=True)
class ContentItem:
    """A file that Canvas is to fetch (Canvas AGS, section 3.8)."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class CanvasSubmission:
    """Canvas's extension object ``https://canvas.instructure.com/lti/submission`` (Canvas AGS, section 3.2).

    None means: not sent. ``submission_type`` is not sent beside ``content_items``.
    """

    new_submission: bool
    submission_type: SubmissionType | None = None
    submission_data: str | None = None
    submitted_at: datetime | None = None
    preserve_score: bool | None = None
    prioritize_non_tool_grade: bool | None = None
    content_items: tuple[ContentItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One score post. No ``score_given`` clears the grade, unless the extension preserves it."""

    user_id: str
    timestamp: datetime
    activity_progress: ActivityProgress
    grading_progress: GradingProgress
    score_given: Decimal | None = None
    score_maximum: Decimal | None = None
    submitted_at: datetime | None = None
    """The standard ``submission.submittedAt``."""
    extension: CanvasSubmission | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a results answer. Numbers are None where the platform left them out.

    ``submitted_at`` is the ``submitted_at`` of Canvas's extension object, which only results copied at a
    migration carry: None when it is null or the object is missing (Canvas AGS, section 4).
    """

    score: Decimal | None
    maximum: Decimal | None
    submission_type: str | None = None
    submitted_at: str | None = None


@dataclass(frozen=True, slots=True)
class LineItem:
    """The part of a line item that matters here: its maximum, None when the platform sends none."""

    url: str
    score_maximum: Decimal | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class ListedLineItem:
    """A line item as a course lists it: the URL is the platform's own word for it, and may name another host.

    ``resource_link_id`` is the 1.3 resource link's; on Canvas it is what LTI 1.1 called ``ext_lti_assignment_id``.
    """

    url: str
    label: str
    score_maximum: Decimal | None
    resource_link_id: str
