"""Short ways to say what a tool sends, what is known of a cell, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, CellKey, Delivery, KnownScore, SubmissionState
from chalicelib.lti11.messages import DataKind, Operation, ReplaceResult, ResultData, ScoreScale, ToolScore, Write
from chalicelib.lti13.scores import CanvasSubmission, Result, Score
from chalicelib.translation.steps import UNREAD, Facts, Order, PostScore, Step, Unread

R = datetime(2026, 2, 3, 10, 15, 30, 123000, tzinfo=UTC)
"""Time R of most tests, the one of the sample in Canvas AGS, section 3.1."""
EARLIER = R - timedelta(days=2)
USER = "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11"
KEY = CellKey("canvas", "https://school.example/api/lti/courses/42/line_items/7", USER)

ESSAY = ResultData(DataKind.TEXT, "My essay. <p>Markup</p>")
LINK = ResultData(DataKind.URL, "https://tool.example/essays/17")
LAUNCH = ResultData(DataKind.LTI_LAUNCH_URL, "https://tool.example/launch?attempt=42")
FILE = ResultData(DataKind.FILE, "https://tool.example/files/essay.docx", "essay.docx")
EVERY_KIND_OF_WORK = (ESSAY, LINK, LAUNCH, FILE)


def later(seconds: float) -> datetime:
    return R + timedelta(seconds=seconds)


def fraction(text: str) -> ToolScore:
    return ToolScore(ScoreScale.FRACTION, Decimal(text))


def points(text: str) -> ToolScore:
    return ToolScore(ScoreScale.POINTS, Decimal(text))


def replaces(
    score: ToolScore | str | None = None,
    work: ResultData | None = None,
    submitted_at: datetime | None = None,
    *,
    prioritize: bool = False,
    review: bool = False,
) -> ReplaceResult:
    """A replaceResult; a score given as text is a fraction."""
    given = fraction(score) if isinstance(score, str) else score
    return ReplaceResult(given, work, submitted_at, prioritize, review)


def known(score: str | None, maximum: str | None = "1") -> KnownScore:
    return KnownScore(
        None if score is None else Decimal(score), None if maximum is None or score is None else Decimal(maximum)
    )


def row(score: str | None, maximum: str | None = "1", **extension: str | None) -> Result:
    """A row of a results answer."""
    return Result(None if score is None else Decimal(score), None if maximum is None else Decimal(maximum), **extension)


def a_cell(submission: SubmissionState = SubmissionState.NONE, **changes: object) -> Cell:
    return replace(Cell(KEY, submission=submission), **changes)  # type: ignore[arg-type]  # any of a cell's fields


def order(write: Write, *, received_at: datetime = R, retry: bool = False) -> Order:
    return Order(write, USER, received_at, received_at, retry)


def facts(result: Result | Unread | None = UNREAD, maximum: str | Unread | None = UNREAD) -> Facts:
    return Facts(result, Decimal(maximum) if isinstance(maximum, str) else maximum)


def posted(step: Step) -> PostScore:
    """The post that a step says to make."""
    assert isinstance(step, PostScore), step
    return step


def extension(score: Score) -> CanvasSubmission:
    assert score.extension is not None
    return score.extension


def a_delivery(write: Write, identifier: str = "d1", received_at: datetime = R, **changes: object) -> Delivery:
    delivery = Delivery(
        id=identifier,
        cell=KEY,
        consumer_key="tool",
        sourcedid_digest="digest of a sourcedid",
        context="course 42",
        operation=Operation.REPLACE_RESULT if isinstance(write, ReplaceResult) else Operation.DELETE_RESULT,
        write=write,
        received_at=to_milliseconds(received_at),
        timestamp=to_milliseconds(received_at),
        reference="12345",
        body_digest=f"digest of the body of {identifier}",
        receipt_key=f"receipt of {identifier}",
    )
    return replace(delivery, **changes)  # type: ignore[arg-type]  # any of a delivery's fields
