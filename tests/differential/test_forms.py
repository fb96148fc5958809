"""Every form of outcome, to old Canvas and through Passback to new Canvas: the same answer and the same gradebook."""

from typing import Any

import pytest
from stage import Stage

from differential.accepted import (
    ATTEMPTS,
    CONCLUDED_READ,
    LOCAL_CHECKS,
    NEGATIVE_TOTAL,
    NO_POINTS_READ,
    NO_STUDENT_READ,
    PASS_FAIL_READ,
    PERSON_GRADED,
    UNGRADED_HISTORY,
    UNPUBLISHED,
    Accepted,
)
from differential.twins import Delete, Happening, Read, Replace, TeacherGrades, TimePasses, Twins, differences, twins

TEXT = {"text": "My essay <b>& more</b>\n🎓"}
URL = {"url": "https://tool.example.org/work/17"}
LAUNCH = {"ltiLaunchUrl": "https://tool.example.org/launch?attempt=42"}
FILE = {"documentName": "essay.docx", "downloadUrl": "https://tool.example.org/files/essay.docx"}
LATER = TimePasses(90)

FORMS: dict[str, list[Happening]] = {
    "a score": [Replace("0.92"), Read()],
    "many digits": [Replace("0.123456789012345678901234567890"), Read()],
    "zero": [Replace("0"), Read(), Replace("0.0"), Replace("-0.0")],
    "one": [Replace("1"), Read(), Replace("1.0")],
    "odd numbers": [Replace(" .5\n"), Replace("+0.25"), Replace("9.2e-1"), Replace("0x1"), Read()],
    "two scores": [Replace("0.92"), LATER, Replace("0.5"), Read()],
    "points": [Replace(total="7.5"), LATER, Replace("0.3", total="2"), Read()],
    "extra credit": [Replace(total="17.5"), Read()],
    "a text": [Replace("0.5", data=TEXT), LATER, Replace("0.7"), Read()],
    "a text and another": [Replace("0.5", data=TEXT), LATER, Replace("0.6", data={"text": "second"})],
    "a url": [Replace("0.5", data=URL), LATER, Replace("0.6")],
    "a launch url": [Replace("0.5", data=LAUNCH), LATER, Replace("0.6")],
    "a file": [Replace("0.5", data=FILE), LATER, Replace("0.6")],
    "a file without a score": [Replace(data=FILE)],
    "half a file": [Replace("0.5", data={"documentName": "essay.docx"})],
    "all data at once": [Replace("0.5", data=URL | LAUNCH | TEXT | FILE)],
    "an empty text": [Replace("0.5", data={"text": ""}), LATER, Replace("0.6")],
    "data, then a score": [Replace(data=TEXT), LATER, Replace("0.4"), LATER, Replace(data=URL), Read()],
    "data over a teacher's grade": [TeacherGrades("3"), Replace(data=TEXT), Read(), LATER, Replace(data=URL), Read()],
    "submitted at": [Replace("0.4", submitted_at="2026-01-01T00:00:00Z"), Replace("0.5", submitted_at="2026-01-02")],
    "data submitted at": [
        Replace("0.4", data=TEXT, submitted_at="2026-01-01T10:00:00+02:00"),
        Replace("0.5", data=URL, submitted_at="2026-01-01T08:00:00Z"),
        Replace("0.6", data=URL, submitted_at="April 16 2017 10:00"),
    ],
    "an empty submitted at": [Replace("0.4", submitted_at="")],
    "prioritized": [
        Replace("0.4", prioritize_non_tool_grade=True),
        LATER,
        Replace("0.6", prioritize_non_tool_grade=True),
        TeacherGrades("3"),
        Replace("0.9", prioritize_non_tool_grade=True),
        Read(),
        Replace("0.9", data=TEXT, prioritize_non_tool_grade=True),
        Read(),
        Replace("0.1"),
        LATER,
        Replace("0.2", prioritize_non_tool_grade=True),
        Read(),
    ],
    "a teacher in between": [
        Replace("0.4"),
        TeacherGrades("9"),
        Read(),
        Replace("0.5"),
        Read(),
        TeacherGrades(None),
        Read(),
    ],
    "a teacher first": [TeacherGrades("3"), Read(), Replace("0.6"), Read()],
    "needs review": [Replace("0.6", needs_additional_review=True), Read(), LATER, Replace("0.7"), Read()],
    "data that needs review": [Replace(data=TEXT, needs_additional_review=True), LATER, Replace("0.7")],
    "deleted": [Replace("0.6", data=TEXT), Delete(), Read(), Delete(), LATER, Replace("0.7"), Read()],
    "deleted before anything": [Delete(), Read(), Replace("0.6")],
    "deleted a teacher's grade": [TeacherGrades("6"), Delete(), Read(), Replace("0.6")],
    "impossible": [
        Replace("1.5"),
        Replace("-0.1"),
        Replace("A"),
        Replace(""),
        Replace("0,5"),
        Replace("NaN"),
        Replace("0.5", total="x"),
        Replace("x", total="5"),
        Replace(),
        Replace(needs_additional_review=True),
        Replace(submitted_at="2026-01-01"),
        Replace("0.5", submitted_at="yesterday-ish"),
        Replace("0.5", submitted_at="2031-01-01"),
        Replace("9", submitted_at="2031-01-01"),
        Replace("9", data=TEXT),
        Read(),
    ],
}

STUDENTS: list[tuple[str, dict[str, Any], list[Happening], tuple[Accepted, ...]]] = [
    ("a total below zero", {}, [Replace(total="-1")], (NEGATIVE_TOTAL,)),
    (
        "a teacher first, prioritized without a score",
        {},
        [TeacherGrades("3"), Replace("1.2", prioritize_non_tool_grade=True)],
        (LOCAL_CHECKS,),
    ),
    (
        "a teacher first, prioritized",
        {},
        [TeacherGrades("3"), Replace("0.6", prioritize_non_tool_grade=True)],
        (PERSON_GRADED,),
    ),
    ("no points", {"points": 0}, [Replace("0.6"), Replace(total="3")], ()),
    ("no points, read", {"points": 0}, [Replace("0.6"), Read()], (NO_POINTS_READ,)),
    ("no points, points read", {"points": 0}, [Replace(total="3"), Read()], ()),
    ("no points, data, read", {"points": 0}, [Replace(total="3"), Replace(data=TEXT), Read()], (NO_POINTS_READ,)),
    ("one and a half points", {"points": 1.5}, [Replace("0.92"), Read(), Replace(data=TEXT), Read()], ()),
    ("complete or not", {"grading_type": "pass_fail"}, [Replace("0.6"), Replace("0")], ()),
    ("complete or not, read", {"grading_type": "pass_fail"}, [Replace("0.6"), Read()], (PASS_FAIL_READ,)),
    ("attempts", {"allowed_attempts": 1}, [Replace("0.6", data=TEXT), LATER, Replace("0.7")], ()),
    (
        "attempts gone",
        {"allowed_attempts": 1},
        [Replace("0.6", data=TEXT), LATER, Replace("0.7", data=URL)],
        (ATTEMPTS,),
    ),
    (
        "attempts gone, data",
        {"allowed_attempts": 1},
        [Replace("0.6", data=TEXT), LATER, Replace(data=URL)],
        (ATTEMPTS,),
    ),
    (
        "graded by the old tool",
        {"tool_score": 4, "submission_type": "external_tool", "attempts_made": 1},
        [Replace("0.6"), Read()],
        (),
    ),
    (
        "text before the move",
        {"tool_score": 4, "submission_type": "online_text_entry", "attempts_made": 2},
        [Replace("0.6"), Read()],
        (),
    ),
    (
        "deleted after the move",
        {"tool_score": 4, "submission_type": "online_url", "attempts_made": 1},
        [Delete(), Replace("0.6"), Read()],
        (),
    ),
    ("a teacher before the move", {"teacher_score": 4}, [Read(), Replace("0.6"), Read()], ()),
    (
        "ungraded text before the move",
        {"submission_type": "online_text_entry", "attempts_made": 1},
        [Replace("0.6")],
        (UNGRADED_HISTORY,),
    ),
    ("removed", {"student": "removed"}, [Replace("0.6"), Delete()], ()),
    ("removed, read", {"student": "removed"}, [Read()], (NO_STUDENT_READ,)),
    ("inactive", {"student": "inactive"}, [Replace("0.6"), Delete()], ()),
    ("not a student", {"student": "teacher"}, [Replace("0.6"), Delete()], ()),
    ("the test student", {"student": "test"}, [Replace("0.6"), Read(), LATER, Replace("0.7"), Read()], ()),
    ("a concluded course", {"concluded": True}, [Replace("0.6"), Delete()], ()),
    ("a concluded course, read", {"concluded": True}, [Read()], (CONCLUDED_READ,)),
    ("a concluded enrolment", {"student": "concluded"}, [Replace("0.6"), Delete()], ()),
    ("unpublished", {"published": False}, [Replace("0.6")], (UNPUBLISHED,)),
]


def compare(pair: Twins, accepted: tuple[Accepted, ...] = ()) -> set[str]:
    """Fail on every difference that is not accepted; return the names of the accepted ones that were seen."""
    seen: set[str] = set()
    before = None
    for happening, old, new in pair.pairs:
        found = differences((happening, old, new))
        if found:
            names = {each.name for each in accepted if each.applies(happening, old, new, before)}
            assert names, f"{happening}: {found}"
            seen |= names
        before = new
    return seen


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_answer_and_effect(stage: Stage, form: str) -> None:
    pair = twins(stage)
    for happening in FORMS[form]:
        pair.live(happening)
    compare(pair)


@pytest.mark.parametrize(("name", "prepared", "happenings", "accepted"), STUDENTS, ids=[row[0] for row in STUDENTS])
def test_every_kind_of_student_and_assignment_differs_only_as_named(
    stage: Stage, name: str, prepared: dict[str, Any], happenings: list[Happening], accepted: tuple[Accepted, ...]
) -> None:
    pair = twins(stage, **prepared)
    for happening in happenings:
        pair.live(happening)
    assert compare(pair, accepted) == {each.name for each in accepted}
