"""The accepted differences between LTI 1.1 and AGS, each with the row that names it. Nothing else may differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from differential.twins import Happening, Read, Replace

Shown = dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """One accepted difference: where the specification names it, and when it applies."""

    name: str
    row: str
    applies: Callable[[Happening, Shown, Shown, Shown | None], bool]
    """Called with the happening, what old and new show after it, and what new showed before it."""
    stays: bool = False
    """Whether the gradebooks go on differing in this until something else changes it."""


def _replace(happening: Happening) -> Replace | None:
    return happening if isinstance(happening, Replace) else None


def _negative_total(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    sent = _replace(happening)
    return sent is not None and (sent.total or "").strip().startswith("-") and "bad_score" in new["answer"]


def _person_graded_and_nothing_submitted(happening: Happening, old: Shown, new: Shown, before: Shown | None) -> bool:
    sent = _replace(happening)
    return (
        sent is not None
        and sent.prioritize_non_tool_grade
        and sent.data is None
        and "no_submission_created" in new["answer"]
        and new["attempt"] == 0
        and new["score"] == old["score"]
    )


def _attempts_exhausted(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    sent = _replace(happening)
    graded = "no attempts are left" in new["answer"] and new["score"] == old["score"]
    return (
        sent is not None and sent.data is not None and (graded or "maximum number of allowed attempts" in new["answer"])
    )


def _ungraded_history(happening: Happening, old: Shown, new: Shown, before: Shown | None) -> bool:
    sent = _replace(happening)
    return (
        sent is not None
        and before is None
        and sent.data is None
        and new["attempt"] == old["attempt"] + 1
        and new["score"] == old["score"]
    )


def _read_in_concluded_course(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    return isinstance(happening, Read) and "course_not_available" in new["answer"] and old["status"] == 200


def _read_of_no_student(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    return (
        isinstance(happening, Read) and "user_not_in_course" in old["answer"] and new["answer"].endswith("textString=")
    )


def _read_without_points(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    return isinstance(happening, Read) and old["status"] == new["status"] == 200 and _only_the_read_value(old, new)


def _unpublished(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    return old["answer"] == "no XML" and "platform_refused" in new["answer"]


def _teacher_cleared(happening: Happening, old: Shown, new: Shown, before: Shown | None) -> bool:
    sent = _replace(happening)
    return (
        sent is not None
        and sent.prioritize_non_tool_grade
        and before is not None
        and before["score"] is None
        and bool(before["person_graded"])
    )


def _checked_before_the_platform(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    sent = _replace(happening)
    judged = any(f"ext_canvas_error_code={code}" in new["answer"] for code in ("no_score", "bad_score"))
    return sent is not None and sent.prioritize_non_tool_grade and judged and bool(old["person_graded"])


def _graded_again(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    sent = _replace(happening)
    if sent is None or sent.data is None or new["score"] is None:
        return False
    grade_was_kept = (sent.score is None and sent.total is None) or sent.prioritize_non_tool_grade
    differing = {name for name in old if old[name] != new[name]}
    return (
        grade_was_kept
        and differing <= {"workflow_state", "score_matches_submission", "person_graded"}
        and (old["score_matches_submission"], new["score_matches_submission"]) == (False, True)
        and new["workflow_state"] in ("graded", old["workflow_state"])
        and not new["person_graded"]
    )


def _not_found_for_concluded(happening: Happening, old: Shown, new: Shown, _before: Shown | None) -> bool:
    refused = "course_not_available" in old["answer"] or (isinstance(happening, Read) and old["status"] == 200)
    return refused and "assignment_invalid" in new["answer"] and old["attempt"] == new["attempt"]


def _only_the_read_value(old: Shown, new: Shown) -> bool:
    same = {name for name in old if old[name] == new[name]}
    return same == set(old) - {"answer"}


NEGATIVE_TOTAL = Accepted("negative total", "Canvas AGS, section 10, row 'T < 0'", _negative_total)
PERSON_GRADED = Accepted(
    "a person graded, nothing was submitted, and the score is skipped: 1.1 makes an empty submission",
    "design, prioritizeNonToolGrade",
    _person_graded_and_nothing_submitted,
)
ATTEMPTS = Accepted("no attempts left", "Canvas AGS, section 10, row 'attempts limit reached'", _attempts_exhausted)
UNGRADED_HISTORY = Accepted("an imported student with an ungraded submission", "design, New attempt", _ungraded_history)
CONCLUDED_READ = Accepted(
    "reading in a concluded course",
    "Canvas AGS, section 10, row 'readResult in a concluded course'",
    _read_in_concluded_course,
)
NO_STUDENT_READ = Accepted(
    "reading for somebody who is no student", "Canvas AGS, section 5: the answer is an empty list", _read_of_no_student
)
NO_POINTS_READ = Accepted(
    "reading where a fraction was sent for an assignment of 0 points, or work without a score was",
    "Canvas AGS, section 10, rows 'points possible 0' and 'blocked or score-less post'",
    _read_without_points,
)
PASS_FAIL_READ = Accepted(
    "reading complete and incomplete: a result holds the tool's number, as with late policies",
    "Canvas AGS, section 5",
    _read_without_points,
)
UNPUBLISHED = Accepted(
    "unpublished assignment: no POX in 1.1", "Canvas AGS, section 10, row 'unpublished assignment'", _unpublished
)
CLEARED_BY_PERSON = Accepted(
    "a person cleared the grade: AGS does not tell who, so the tool's score counts",
    "Canvas AGS, section 10, row 'T6 prioritizeNonToolGrade'",
    _teacher_cleared,
)
LOCAL_CHECKS = Accepted(
    "a person graded, and the skipped score is missing or out of range: 1.1 does not look at it",
    "design, Local checks first",
    _checked_before_the_platform,
)

# What older Canvas forces.

GRADED_AGAIN = Accepted(
    "work without a score: older Canvas would clear the grade, so it is given again, by the tool, for the new work",
    "Canvas AGS, section 3.2, no preserve_score in older Canvas; design, Data without score",
    _graded_again,
    stays=True,
)
OLDER_CONCLUDED = Accepted(
    "a concluded course: older Canvas says 404, as for an assignment that is gone",
    "Canvas AGS, section 6, 404 in older Canvas; design, Platform 404",
    _not_found_for_concluded,
)
