"""What the gradebook would look like without each rule: the wrong grades that the rules are there to prevent.

Every test takes one thing out of a post and lets the gradebook have it. They also show that the gradebooks of these
tests notice.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from chalicelib.delivery.records import SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import DeleteResult, Write
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.lti13.scores import ActivityProgress, GradingProgress, Score
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Facts

from .builders import ESSAY, R, a_cell, extension, later, order, points, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Gradebook, Square

Change = Callable[[Score], Score]


def extended(**changes: object) -> Change:
    return lambda score: replace(score, extension=replace(extension(score), **changes))  # type: ignore[arg-type]  # any


def graded(points_of_canvas: Decimal = Decimal(10)) -> CanvasGradebook:
    """A gradebook with an essay, graded 5 of 10 by the tool."""
    gradebook = CanvasGradebook(points=points_of_canvas)
    Square(gradebook).sends(replaces("0.5", ESSAY), later(-3600))
    return gradebook


def post_changed(gradebook: Gradebook, write: Write, change: Change, at: datetime = R) -> None:
    """Post what the rules say for submitted work, but for one change."""
    facts = Facts(gradebook.read_result(), gradebook.read_line_item())
    cell = a_cell(SubmissionState.EXISTS)
    step = next_step(order(write, received_at=at), cell, gradebook.profile, facts)
    gradebook.now = max(gradebook.now, at)
    gradebook.post(change(posted(step).score))


def test_without_new_submission_false_a_score_wipes_the_essay() -> None:
    gradebook = graded()
    post_changed(gradebook, replaces("0.9"), lambda score: replace(score, extension=None))
    assert (gradebook.work, gradebook.attempts) == (None, 2)


def test_with_new_submission_true_a_score_burns_an_attempt() -> None:
    gradebook = graded()
    post_changed(gradebook, replaces("0.9"), extended(new_submission=True))
    assert (gradebook.work, gradebook.attempts) == (None, 2)


def test_without_the_same_submitted_at_a_retry_burns_an_attempt() -> None:
    gradebook = CanvasGradebook()
    for at in (R, later(90)):
        post_changed(gradebook, replaces("0.9", ESSAY), lambda score: replace(score, submitted_at=None), at)
        gradebook.now = later(90)
    assert gradebook.attempts == 2


def test_without_preserve_score_an_essay_clears_the_grade() -> None:
    gradebook = graded()
    post_changed(gradebook, replaces(work=ESSAY), extended(preserve_score=None))
    assert gradebook.score is None


def test_without_the_echo_a_grade_reads_empty() -> None:
    gradebook = graded()
    post_changed(gradebook, replaces(work=ESSAY), lambda score: replace(score, score_given=None, score_maximum=None))
    assert (gradebook.score, Square(gradebook).reads()) == (Decimal(5), "")


def test_with_an_echo_as_read_a_persons_grade_reads_wrong() -> None:
    gradebook = graded()
    gradebook.teacher_grades("8")
    read = gradebook.read_result()
    assert read is not None
    post_changed(
        gradebook,
        replaces(work=ESSAY),
        lambda score: replace(score, score_given=read.score, score_maximum=read.maximum),
    )
    assert (gradebook.score, Square(gradebook).reads()) == (Decimal(8), "0.08")


def test_with_the_flag_alone_a_tool_cannot_raise_its_own_grade() -> None:
    gradebook = graded()
    post_changed(gradebook, replaces("0.9"), extended(prioritize_non_tool_grade=True))
    assert gradebook.score == Decimal(5)


def test_without_the_flag_a_grade_given_a_moment_ago_is_lost() -> None:
    gradebook = CanvasGradebook()
    gradebook.before_next_post = lambda: gradebook.teacher_grades("8", R)
    post_changed(gradebook, replaces("0.7", prioritize=True), extended(prioritize_non_tool_grade=None), later(1))
    assert gradebook.score == Decimal(7)


def test_with_a_maximum_of_100_points_are_scaled() -> None:
    gradebook = CanvasGradebook(points=Decimal(40))
    post_changed(gradebook, replaces(points("30")), lambda score: replace(score, score_maximum=Decimal(100)))
    assert gradebook.score == Decimal(12)


def test_with_a_maximum_that_was_kept_points_are_scaled() -> None:
    gradebook = CanvasGradebook(points=Decimal(40))
    kept = gradebook.points
    gradebook.points = Decimal(80)
    post_changed(gradebook, replaces(points("30")), lambda score: replace(score, score_maximum=kept))
    assert gradebook.score == Decimal(60)


@pytest.mark.parametrize("progress", [GradingProgress.PENDING, GradingProgress.NOT_READY])
def test_with_another_progress_a_score_clears_the_grade(progress: GradingProgress) -> None:
    gradebook = graded()
    post_changed(gradebook, replaces("0.9"), lambda score: replace(score, grading_progress=progress))
    assert gradebook.score is None


def test_with_pending_manual_moodle_clears_the_grade() -> None:
    gradebook = MoodleGradebook()
    post_changed(
        gradebook,
        replaces("0.9", review=True),
        lambda score: replace(score, grading_progress=GradingProgress.PENDING_MANUAL),
    )
    assert gradebook.score is None


def test_with_pending_manual_a_delete_asks_a_teacher_to_act() -> None:
    gradebook = graded()
    post_changed(
        gradebook,
        DeleteResult(),
        lambda score: replace(
            score, activity_progress=ActivityProgress.COMPLETED, grading_progress=GradingProgress.PENDING_MANUAL
        ),
    )
    assert gradebook.needs_review is True


def test_with_initialized_a_first_score_makes_no_submission() -> None:
    gradebook = CanvasGradebook()
    post_changed(
        gradebook,
        replaces("0.9", ESSAY),
        lambda score: replace(score, activity_progress=ActivityProgress.INITIALIZED),
    )
    assert (gradebook.score, gradebook.attempts) == (Decimal(9), 0)


def test_out_of_1_moodle_loses_digits() -> None:
    gradebook = MoodleGradebook()
    post_changed(
        gradebook,
        replaces("0.92333333"),
        lambda score: replace(score, score_given=Decimal("0.92333333"), score_maximum=Decimal(1)),
    )
    assert gradebook.score == Decimal("92.333")


def test_with_the_present_time_a_late_score_overwrites_a_persons_grade() -> None:
    gradebook = CanvasGradebook()
    gradebook.teacher_grades("8", later(600))
    post_changed(gradebook, replaces("0.7"), lambda score: replace(score, timestamp=later(1200)))
    assert gradebook.score == Decimal(7)


def test_with_a_time_ahead_of_now_the_next_outcome_is_refused() -> None:
    gradebook = CanvasGradebook()
    post_changed(gradebook, replaces("0.7"), lambda score: replace(score, timestamp=later(3600)))
    with pytest.raises(PlatformRefused) as refused:
        post_changed(gradebook, replaces("0.9"), lambda score: score, later(100))
    assert refused.value.kind is RefusalKind.STALE_TIMESTAMP
    assert gradebook.score == Decimal(7)


def test_without_a_tick_of_its_own_moodle_refuses_the_second_outcome_of_a_second() -> None:
    gradebook = MoodleGradebook()
    post_changed(gradebook, replaces("0.7"), lambda score: score, R)
    with pytest.raises(PlatformRefused) as refused:
        post_changed(gradebook, replaces("0.9"), lambda score: score, later(0.3))
    assert refused.value.kind is RefusalKind.STALE_TIMESTAMP
