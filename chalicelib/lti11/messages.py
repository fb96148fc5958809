"""The messages of LTI 1.1 Basic Outcomes, as plain data: what a tool sends, and what it is answered."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

LONGEST_ECHO = 255
"""Characters of a text from the request that an answer repeats at most."""


class Operation(StrEnum):
    """The three operations of the service (LTI 1.1 Basic Outcomes, section 1.2)."""

    REPLACE_RESULT = "replaceResult"
    READ_RESULT = "readResult"
    DELETE_RESULT = "deleteResult"


class DataKind(StrEnum):
    """What kind of work a message carries; the order is Canvas's precedence (Canvas LTI 1.1 outcomes, section 4.2)."""

    TEXT = "text"
    URL = "url"
    FILE = "file"
    LTI_LAUNCH_URL = "lti_launch_url"


@dataclass(frozen=True, slots=True)
class ResultData:
    """The student's work in a message: a text, a URL, a file to fetch, or a launch URL. May be empty, not absent."""

    kind: DataKind
    value: str
    document_name: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One POX request as it was read: texts as sent, nothing judged yet (Canvas LTI 1.1 outcomes, section 3.9)."""

    message_identifier: str
    operation_name: str
    """Name of the first element of the body without a final ``Request``; empty when there is none."""
    sourcedid: str | None
    result_score: str | None = None
    total_score: str | None = None
    data: ResultData | None = None
    submitted_at: str | None = None
    prioritize_non_tool_grade: bool = False
    needs_additional_review: bool = False


class ScoreScale(StrEnum):
    """How a tool's number is meant: resultScore is a fraction, resultTotalScore is points."""

    FRACTION = "fraction"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class ToolScore:
    """A number from a tool, to its last digit. Fractions are 0..1, points are 0 or more; never a negative zero."""

    scale: ScoreScale
    value: Decimal


@dataclass(frozen=True, slots=True)
class ReplaceResult:
    """A replaceResult that passed every local check: at least one of score and data is there."""

    score: ToolScore | None
    data: ResultData | None = None
    submitted_at: datetime | None = None
    prioritize_non_tool_grade: bool = False
    needs_additional_review: bool = False


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """A deleteResult."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A readResult."""


Write = ReplaceResult | DeleteResult
Outcome = ReplaceResult | DeleteResult | ReadResult


class CodeMajor(StrEnum):
    """``imsx_codeMajor`` as Canvas uses it; never ``processing`` (Canvas LTI 1.1 outcomes, section 7.1)."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an outcome, before it is written as POX or as the form-encoded service's answer.

    ``error_code`` is the ``ext_canvas_error_code`` of a failure. ``score_text`` is the value of a readResult
    (empty when there is no score) and None for the other operations.
    """

    code: CodeMajor
    description: str = ""
    error_code: str | None = None
    score_text: str | None = None

    @property
    def succeeded(self) -> bool:
        """Tell whether the tool is told success."""
        return self.code is CodeMajor.SUCCESS
