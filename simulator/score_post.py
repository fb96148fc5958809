"""A score as a tool posts it: reading its fields by Canvas's rules (Canvas AGS, section 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from simulator.cell import KNOWN_SUBMISSION_TYPES
from simulator.model import Attachment, Generation
from simulator.ruby_numbers import leading_number, nearest_double, parse_float
from simulator.times import parse_time

EXTENSION = "https://canvas.instructure.com/lti/submission"
ACTIVITY_PROGRESS = ("Initialized", "Started", "InProgress", "Submitted", "Completed")
GRADING_PROGRESS = ("FullyGraded", "PendingManual", "Pending", "NotReady", "Failed")


def read_number(value: object) -> Decimal:
    """Read a number leniently: text counts by its beginning, anything else as 0."""
    if isinstance(value, bool):
        return Decimal(0)
    if isinstance(value, int | Decimal):
        return nearest_double(value)
    return leading_number(value) if isinstance(value, str) else Decimal(0)


def is_number(value: object) -> bool:
    """Tell whether a value passes as a (finite) number when a record is validated; absence passes too."""
    if value is None or value == "":
        return True
    number = parse_float(value) if isinstance(value, str) else None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = nearest_double(value)
    return number is not None and number.is_finite()


def _truth(value: object) -> bool:
    return value is True or value == "true"


@dataclass(frozen=True, slots=True)
class ScorePost:
    """The body of a score post. What older Canvas did not know is not seen in it."""

    parameters: Mapping[str, object]
    generation: Generation

    @property
    def extension(self) -> Mapping[str, object]:
        """Canvas's extension object, empty when absent."""
        value = self.parameters.get(EXTENSION)
        return value if isinstance(value, dict) else {}

    @property
    def activity_progress(self) -> object:
        """activityProgress as sent."""
        return self.parameters.get("activityProgress")

    @property
    def grading_progress(self) -> object:
        """gradingProgress as sent."""
        return self.parameters.get("gradingProgress")

    @property
    def has_score(self) -> bool:
        """Whether scoreGiven was sent."""
        return self.parameters.get("scoreGiven") not in (None, "")

    @property
    def score_counts(self) -> bool:
        """Whether the gradebook is to look at the score: it was sent, and the grading is far enough."""
        return self.has_score and self.grading_progress in ("FullyGraded", "PendingManual")

    @property
    def score_given(self) -> Decimal:
        """The score, 0 when it is no number."""
        return read_number(self.parameters.get("scoreGiven"))

    @property
    def has_maximum(self) -> bool:
        """Whether scoreMaximum was sent."""
        return self.parameters.get("scoreMaximum") not in (None, "")

    @property
    def score_maximum(self) -> Decimal:
        """The maximum, 0 when it is no number."""
        return read_number(self.parameters.get("scoreMaximum"))

    @property
    def preserve_score(self) -> bool:
        """Whether the gradebook's score is not to be touched."""
        return self.generation is Generation.NEW and _truth(self.extension.get("preserve_score"))

    @property
    def prioritize_non_tool_grade(self) -> bool:
        """Whether any existing score is to stay."""
        return self.generation is Generation.NEW and _truth(self.extension.get("prioritize_non_tool_grade"))

    @property
    def comment(self) -> str | None:
        """Comment for the submission."""
        value = self.parameters.get("comment")
        return value if isinstance(value, str) and value else None

    @property
    def new_submission(self) -> bool:
        """Whether work is handed in: by default, unless the type is ``none``."""
        if self.extension.get("submission_type") == "none":
            return False
        return self.extension.get("new_submission", True) not in (False, "false")

    @property
    def makes_submission(self) -> bool:
        """Whether work is really handed in; recent Canvas looks at the activity too (Canvas AGS, section 3.4)."""
        finished = self.generation is Generation.OLD or self.activity_progress in ("Submitted", "Completed")
        return self.new_submission and finished

    @property
    def files(self) -> tuple[Attachment, ...]:
        """The content items that are files."""
        items = self.extension.get("content_items")
        knows_media_type = self.generation is Generation.NEW
        return tuple(
            Attachment(
                str(item.get("url", "")),
                str(item.get("title", "")),
                str(item["media_type"]) if knows_media_type and "media_type" in item else None,
            )
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, dict) and item.get("type") == "file"
        )

    @property
    def submission_type(self) -> str | None:
        """Type of the work; any file makes it an upload, an unknown type is None."""
        if self.files:
            return "online_upload"
        value = self.extension.get("submission_type", "external_tool")
        return value if isinstance(value, str) and value in KNOWN_SUBMISSION_TYPES else None

    @property
    def submission_data(self) -> str | None:
        """Text or URL of the work."""
        value = self.extension.get("submission_data")
        return value if isinstance(value, str) else None

    @property
    def submitted_at_text(self) -> str:
        """Time of the work as sent. ``submission.submittedAt`` wins whenever it is there, even when blank."""
        submission = self.parameters.get("submission")
        if self.generation is Generation.NEW and isinstance(submission, dict) and "submittedAt" in submission:
            value = submission["submittedAt"]
        else:
            value = self.extension.get("submitted_at")
        return "" if value is None else str(value)

    @property
    def submitted_at(self) -> datetime | None:
        """Time of the work; None when none was sent or it is no time."""
        return parse_time(self.submitted_at_text)
