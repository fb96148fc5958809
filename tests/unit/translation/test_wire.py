"""The rows as Canvas receives them, written as in the sample of Canvas AGS, section 3.1."""

import json
from datetime import UTC, datetime

import pytest

from chalicelib.delivery.records import SubmissionState
from chalicelib.lti11.messages import DeleteResult, ResultData, Write
from chalicelib.lti13.profiles import CANVAS, GENERIC, MOODLE, Profile
from chalicelib.lti13.score_json import write_score
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Facts

from .builders import ESSAY, FILE, LINK, USER, a_cell, facts, order, points, posted, replaces, row

EXTENSION = "https://canvas.instructure.com/lti/submission"
AT_R = "2026-02-03T10:15:30.123Z"
HEAD = {"userId": USER, "timestamp": AT_R, "activityProgress": "Completed", "gradingProgress": "FullyGraded"}
TOOLS_TIME = datetime(2026, 2, 3, 10, 12, tzinfo=UTC)


def wire(
    write: Write,
    submission: SubmissionState = SubmissionState.EXISTS,
    profile: Profile = CANVAS,
    read: Facts | None = None,
) -> object:
    step = posted(next_step(order(write), a_cell(submission), profile, read or facts()))
    return json.loads(write_score(step.score))


def test_t1_first_score() -> None:
    assert wire(replaces("0.92"), SubmissionState.NONE) == {
        **HEAD,
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        "submission": {"submittedAt": AT_R},
        EXTENSION: {"new_submission": True, "submission_type": "external_tool"},
    }


def test_t2_later_score() -> None:
    assert wire(replaces("0.92")) == {
        **HEAD,
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        EXTENSION: {"new_submission": False},
    }


def test_t3_points() -> None:
    assert wire(replaces(points("37.5")), read=facts(maximum="40.0")) == {
        **HEAD,
        "scoreGiven": 37.5,
        "scoreMaximum": 40,
        EXTENSION: {"new_submission": False},
    }


@pytest.mark.parametrize(
    ("work", "submission_type"), [(ESSAY, "online_text_entry"), (LINK, "online_url")], ids=["T4", "T5a"]
)
def test_t4_t5_t8_score_with_work_and_its_own_time(work: ResultData, submission_type: str) -> None:
    assert wire(replaces("0.92", work, TOOLS_TIME)) == {
        **HEAD,
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        "submission": {"submittedAt": "2026-02-03T10:12:00.000Z"},
        EXTENSION: {"new_submission": True, "submission_type": submission_type, "submission_data": work.value},
    }


def test_t5c_file() -> None:
    assert wire(replaces("0.92", FILE)) == {
        **HEAD,
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        "submission": {"submittedAt": AT_R},
        EXTENSION: {
            "new_submission": True,
            "content_items": [{"type": "file", "url": FILE.value, "title": "essay.docx"}],
        },
    }


def test_t6_t7_flags() -> None:
    write = replaces("0.92", prioritize=True, review=True)
    assert wire(write, read=facts(None)) == {
        **HEAD,
        "gradingProgress": "PendingManual",
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        EXTENSION: {"new_submission": False, "prioritize_non_tool_grade": True},
    }


@pytest.mark.parametrize(("review", "progress"), [(False, "Pending"), (True, "PendingManual")], ids=["T9", "T10"])
def test_t9_t10_work_alone_names_no_score_when_there_is_none(review: bool, progress: str) -> None:
    assert wire(replaces(work=ESSAY, review=review), read=facts(None)) == {
        "userId": USER,
        "timestamp": AT_R,
        "activityProgress": "Submitted",
        "gradingProgress": progress,
        "submission": {"submittedAt": AT_R},
        EXTENSION: {
            "new_submission": True,
            "submission_type": "online_text_entry",
            "submission_data": ESSAY.value,
            "preserve_score": True,
        },
    }


def test_t9_work_alone_echoes_the_grade_that_is_there() -> None:
    body = wire(replaces(work=ESSAY), read=facts(row("0.8"), "10"))
    assert isinstance(body, dict)
    assert (body["scoreGiven"], body["scoreMaximum"], body["gradingProgress"]) == (8, 10, "Pending")


def test_t12_delete() -> None:
    assert wire(DeleteResult()) == {
        "userId": USER,
        "timestamp": AT_R,
        "activityProgress": "Initialized",
        "gradingProgress": "NotReady",
        EXTENSION: {"new_submission": False},
    }


def test_moodle_gets_a_score_out_of_100_and_nothing_of_canvas() -> None:
    assert wire(replaces("0.92333333"), profile=MOODLE) == {**HEAD, "scoreGiven": 92.333333, "scoreMaximum": 100}


def test_other_platforms_get_the_standard_time_of_submission() -> None:
    assert wire(replaces("0.92", submitted_at=TOOLS_TIME), profile=GENERIC) == {
        **HEAD,
        "scoreGiven": 0.92,
        "scoreMaximum": 1,
        "submission": {"submittedAt": "2026-02-03T10:12:00.000Z"},
    }


@pytest.mark.parametrize("profile", [CANVAS, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_a_zero_is_sent_as_a_zero(profile: Profile) -> None:
    body = wire(replaces("0"), profile=profile)
    assert isinstance(body, dict)
    assert body["scoreGiven"] == 0
