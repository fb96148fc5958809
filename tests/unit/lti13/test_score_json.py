import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.lti13.score_json import CANVAS_SUBMISSION, write_number, write_score
from chalicelib.lti13.scores import (
    ActivityProgress,
    CanvasSubmission,
    ContentItem,
    GradingProgress,
    Score,
    SubmissionType,
)

AT = datetime(2026, 2, 3, 10, 15, 30, 123456, tzinfo=UTC)


def score(**members: object) -> Score:
    given: dict[str, object] = {
        "user_id": "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11",
        "timestamp": AT,
        "activity_progress": ActivityProgress.COMPLETED,
        "grading_progress": GradingProgress.FULLY_GRADED,
    }
    return Score(**{**given, **members})  # type: ignore[arg-type]  # the members are those of Score


def test_a_complete_score_is_written_as_canvas_documents_it() -> None:
    written = write_score(
        score(
            score_given=Decimal("0.92"),
            score_maximum=Decimal(1),
            submitted_at=datetime(2026, 2, 3, 11, 12, tzinfo=timezone(timedelta(hours=1))),
            extension=CanvasSubmission(
                new_submission=True,
                submission_type=SubmissionType.ONLINE_URL,
                submission_data="https://tool.example.org/essays/17",
                preserve_score=False,
                prioritize_non_tool_grade=False,
            ),
        )
    )
    assert json.loads(written) == {  # Canvas AGS, section 3.1
        "userId": "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11",
        "timestamp": "2026-02-03T10:15:30.123Z",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        "submission": {"submittedAt": "2026-02-03T10:12:00.000Z"},
        CANVAS_SUBMISSION: {
            "new_submission": True,
            "submission_type": "online_url",
            "submission_data": "https://tool.example.org/essays/17",
            "preserve_score": False,
            "prioritize_non_tool_grade": False,
        },
    }


def test_what_is_none_is_left_out() -> None:
    assert set(json.loads(write_score(score()))) == {"userId", "timestamp", "activityProgress", "gradingProgress"}


def test_zero_is_a_score() -> None:
    assert json.loads(write_score(score(score_given=Decimal(0), score_maximum=Decimal(1))))["scoreGiven"] == 0


def test_false_is_written_and_none_is_not() -> None:
    written = json.loads(write_score(score(extension=CanvasSubmission(new_submission=False))))
    assert written[CANVAS_SUBMISSION] == {"new_submission": False}


def test_an_empty_text_is_written() -> None:
    extension = CanvasSubmission(True, SubmissionType.ONLINE_TEXT_ENTRY, "")
    assert json.loads(write_score(score(extension=extension)))[CANVAS_SUBMISSION]["submission_data"] == ""


def test_files_go_without_a_submission_type() -> None:
    extension = CanvasSubmission(
        new_submission=True,
        submission_type=SubmissionType.EXTERNAL_TOOL,
        content_items=(ContentItem("https://tool.example/essay.pdf", "essay.pdf"),),
    )
    assert json.loads(write_score(score(extension=extension)))[CANVAS_SUBMISSION] == {
        "new_submission": True,
        "content_items": [{"type": "file", "url": "https://tool.example/essay.pdf", "title": "essay.pdf"}],
    }


def test_the_extension_carries_the_time_for_platforms_without_the_standard_one() -> None:
    extension = CanvasSubmission(new_submission=True, submitted_at=AT)
    assert json.loads(write_score(score(extension=extension)))[CANVAS_SUBMISSION]["submitted_at"] == (
        "2026-02-03T10:15:30.123Z"
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_arrives_on_one_line_of_ascii(text: str) -> None:
    written = write_score(score(extension=CanvasSubmission(True, SubmissionType.ONLINE_TEXT_ENTRY, text)))
    assert written.isascii()
    assert b"\n" not in written
    assert json.loads(written)[CANVAS_SUBMISSION]["submission_data"] == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_arrives_digit_for_digit(number: Decimal) -> None:
    read = json.loads(write_number(number), parse_float=Decimal, parse_int=Decimal)
    assert (read, len(write_number(number)) < 200) == (number, True)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("0.92333333333333333333333333333333333", "0.92333333333333333333333333333333333"),
        ("1.10", "1.10"),
        ("1E+2", "100"),
        ("0E+3", "0"),
        ("-0", "-0"),
        ("1E-7", "0.0000001"),
        ("1E-999999999", "1E-999999999"),
        ("1E+308", "1E+308"),
    ],
)
def test_numbers_are_written_out_unless_that_is_long(number: str, written: str) -> None:
    assert write_number(Decimal(number)) == written


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_there_is_no_json_for_what_is_not_finite(number: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        write_number(Decimal(number))
