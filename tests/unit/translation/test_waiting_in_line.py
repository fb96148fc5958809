"""Outcomes that waited in line: a grade that a person gave meanwhile stays against all of them, unless they are forced.

The design's row "Retry of an unknown try, or any delivery older than 60 s".
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, DeliveryState, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import CodeMajor, DeleteResult, Write
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, Profile, RefusalKind
from chalicelib.translation.comparison import fraction
from chalicelib.translation.plan import next_step
from chalicelib.translation.reading import undelivered_answer
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude, Order, PostScore, ReadLineItem

from .builders import ESSAY, FILE, R, a_cell, extension, facts, known, later, order, points, posted, replaces, row
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Gradebook, Lost, Square

AT = to_milliseconds(R)
SCORE = replaces("0.7")
WITH_WORK = replaces("0.7", ESSAY)
LATE = 3600.0
PROFILES = pytest.mark.parametrize(
    "profile", [CANVAS, CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name)
)
SCORE_OR_DELETE = pytest.mark.parametrize("write", [SCORE, DeleteResult()], ids=["score", "delete"])


def graded(at: int = AT, **changes: object) -> Cell:
    """A cell that knows the person's grade of 0.8, because an outcome before this one was held for it."""
    return a_cell(
        SubmissionState.EXISTS, **({"last_posted": known("0.5"), "last_known": known("0.8"), "graded_at": at} | changes)
    )


def forced(write: Write) -> Order:
    return replace(order(write, retry=True), forced=True)


@pytest.fixture(params=["canvas", "older canvas", "moodle"])
def gradebook(request: pytest.FixtureRequest) -> Gradebook:
    if request.param == "moodle":
        return MoodleGradebook(points=Decimal(10))
    return CanvasGradebook(older=request.param == "older canvas")


class TestNoticedGrade:
    @PROFILES
    @SCORE_OR_DELETE
    @pytest.mark.parametrize("noticed", [AT, AT + 1], ids=["at R", "after R"])
    def test_what_was_received_before_it_was_noticed_does_not_go_over_it(
        self, profile: Profile, write: Write, noticed: int
    ) -> None:
        step = next_step(order(write, retry=True), graded(noticed), profile, facts(row("0.8")))
        assert isinstance(step, Conclude)
        assert (step.state, step.confirms, step.answer.succeeded) == (DeliveryState.HELD, None, True)
        assert "somebody graded meanwhile" in step.answer.description

    @PROFILES
    @SCORE_OR_DELETE
    def test_what_was_received_later_goes_over_it_as_in_1_1(self, profile: Profile, write: Write) -> None:
        step = next_step(order(write, retry=True), graded(AT - 1), profile, facts(row("0.8")))
        assert isinstance(step, PostScore)
        assert (step.score.timestamp, step.ends) == (R, DeliveryState.DELIVERED)

    @PROFILES
    def test_it_stays_where_the_cell_never_knew_a_score(self, profile: Profile) -> None:
        cell = graded(AT, last_known=None, last_posted=None)
        step = next_step(order(SCORE, retry=True), cell, profile, facts(row("0.8")))
        assert isinstance(step, Conclude)
        assert step.state is DeliveryState.HELD

    @PROFILES
    def test_our_own_score_in_the_results_is_still_done(self, profile: Profile) -> None:
        step = next_step(order(SCORE, retry=True), graded(), profile, facts(row("0.7")))
        assert isinstance(step, Conclude)
        assert (step.state, step.confirms) == (DeliveryState.DELIVERED, known("0.7"))

    def test_work_goes_without_its_score(self) -> None:
        assert next_step(order(WITH_WORK, retry=True), graded(), CANVAS, facts(row("0.8"))) == ReadLineItem()
        step = posted(next_step(order(WITH_WORK, retry=True), graded(), CANVAS, facts(row("0.8"), "10")))
        assert (extension(step.score).preserve_score, step.posts) == (True, None)
        assert (step.score.score_given, step.ends) == (Decimal(8), DeliveryState.HELD)
        assert "somebody graded meanwhile" in step.description

    def test_a_fresh_outcome_overwrites_as_in_1_1(self) -> None:
        step = posted(next_step(order(SCORE), graded(AT + 1), CANVAS, facts()))
        assert step.score.score_given == Decimal("0.7")


class TestLine:
    def waits(self, square: Square, *scores: str) -> list[Decimal | None]:
        """An outage: outcomes enter the line a second apart; a teacher grades; then all have their turns."""
        waiting = [square.enters(replaces(score), later(number)) for number, score in enumerate(scores)]
        square.gradebook.now = later(LATE)
        square.gradebook.teacher_grades("8")
        seen = []
        for delivery in waiting:
            square.takes_turn(delivery, later(LATE + 60))
            seen.append(self.grade(square.gradebook))
        return seen

    def grade(self, gradebook: Gradebook) -> Decimal | None:
        result = gradebook.read_result()
        assert result is not None
        assert result.maximum is not None
        return None if result.score is None else result.score / result.maximum * 10

    def test_a_grade_given_during_an_outage_stays_against_the_whole_line(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        square.sends(replaces("0.2"), later(-100))
        assert self.waits(square, "0.5", "0.9", "0.3") == [Decimal(8)] * 3
        assert square.cell.graded_at == to_milliseconds(later(LATE + 60))

    def test_each_one_that_it_stays_against_is_held(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        square.sends(replaces("0.2"), later(-100))
        waiting = [square.enters(replaces(score), later(number)) for number, score in enumerate(("0.5", "0.9"))]
        gradebook.now = later(LATE)
        gradebook.teacher_grades("8")
        told = [square.takes_turn(delivery, later(LATE + 60)) for delivery in waiting]
        assert [each.state for each in told] == [DeliveryState.HELD] * 2
        assert all(each.answer.succeeded for each in told)

    def test_what_the_tool_sends_after_it_goes_over_it(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        square.sends(replaces("0.2"), later(-100))
        self.waits(square, "0.5")
        told = square.sends(replaces("0.6"), later(LATE + 3600))
        assert (told.state, self.grade(gradebook)) == (DeliveryState.DELIVERED, Decimal(6))

    def test_without_a_person_all_are_delivered_in_order(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        waiting = [square.enters(replaces(score), later(number)) for number, score in enumerate(("0.5", "0.9", "0.3"))]
        told = [square.takes_turn(delivery, later(LATE)) for delivery in waiting]
        assert [each.state for each in told] == [DeliveryState.DELIVERED] * 3
        assert self.grade(gradebook) == Decimal(3)
        assert (square.cell.line, square.cell.graded_at) == ((), None)

    def test_the_line_makes_one_attempt_dated_with_the_first(self) -> None:
        gradebook = CanvasGradebook()
        square = Square(gradebook)
        waiting = [square.enters(replaces(score), later(number)) for number, score in enumerate(("0.5", "0.9"))]
        for delivery in waiting:
            square.takes_turn(delivery, later(LATE))
        assert (gradebook.attempts, gradebook.submitted_at) == (1, R)

    @pytest.mark.parametrize("lost", Lost)
    def test_a_grade_given_between_two_tries_stays(self, gradebook: Gradebook, lost: Lost) -> None:
        square = Square(gradebook, queues=True)
        square.sends(replaces("0.2"), later(-100))
        told = square.sends(replaces("0.5"), R, Lost.REQUEST)
        told = square.retries(told, later(100), Lost.REQUEST)
        gradebook.teacher_grades("8")
        told = square.retries(told, later(300), lost)
        assert (told.state, self.grade(gradebook)) == (DeliveryState.HELD, Decimal(8))

    @pytest.mark.parametrize("lost", Lost)
    def test_work_that_waits_arrives_with_one_attempt_however_often_it_was_tried(self, lost: Lost) -> None:
        gradebook = CanvasGradebook()
        square = Square(gradebook, queues=True)
        told = square.sends(WITH_WORK, R, lost)
        for minutes in (2, 5, 9):
            told = square.retries(told, later(60 * minutes), lost)
            assert told.state is DeliveryState.WAITING
        told = square.retries(told, later(LATE))
        assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(7), ESSAY.value, 1)
        assert (told.state, gradebook.submitted_at) == (DeliveryState.DELIVERED, R)


class TestTurns:
    """What stood before it in line may have brought part of it, or have been dated anew."""

    def test_an_older_one_that_came_later_brings_at_its_turn_what_nothing_newer_brought(self) -> None:
        gradebook = CanvasGradebook()
        square = Square(gradebook)
        newer = square.enters(replaces("0.9"), later(1))
        older = square.enters(WITH_WORK, R)
        assert older.write == WITH_WORK
        square.takes_turn(newer, later(LATE))
        told = square.takes_turn(older, later(LATE))
        assert (told.state, gradebook.score, gradebook.work) == (DeliveryState.DELIVERED, Decimal(9), ESSAY.value)

    def test_an_older_score_that_came_later_is_superseded_at_its_turn(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        newer, older = square.enters(replaces("0.9"), later(1)), square.enters(SCORE, R)
        square.takes_turn(newer, later(LATE))
        told = square.takes_turn(older, later(LATE))
        assert (told.state, told.answer.succeeded) == (DeliveryState.SUPERSEDED, True)
        assert square.cell.last_posted is not None
        assert fraction(square.cell.last_posted) == Decimal("0.9")

    def test_an_operator_forces_it_whole(self) -> None:
        gradebook = CanvasGradebook()
        square = Square(gradebook)
        newer, older = square.enters(replaces("0.9"), later(1)), square.enters(SCORE, R)
        square.takes_turn(newer, later(LATE))
        told = square.takes_turn(replace(older, timestamp=to_milliseconds(later(LATE))), later(LATE), forced=True)
        assert (told.state, gradebook.score) == (DeliveryState.DELIVERED, Decimal(7))

    def test_what_follows_one_that_was_dated_anew_is_dated_after_it(self) -> None:
        """A teacher graded between R and the call; the first goes over that, and the second must not be stale."""
        gradebook = CanvasGradebook()
        square = Square(gradebook)
        first, second = square.enters(replaces("0.5"), R), square.enters(replaces("0.9"), later(1))
        gradebook.teacher_grades("8", later(20))
        gradebook.now = later(30)
        square._try(first, None, retry=False)
        assert gradebook.score == Decimal(5)
        told = square._try(second, None, retry=False)
        assert (told.state, gradebook.score) == (DeliveryState.DELIVERED, Decimal(9))
        assert told.delivery.timestamp == to_milliseconds(later(30)) + 1
        assert len(gradebook.posts) == 3

    def test_a_grade_that_ours_went_over_stays_against_nobody(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        square.sends(replaces("0.2"), later(-100))
        held = square.enters(replaces("0.5"), R)
        gradebook.now = later(LATE)
        gradebook.teacher_grades("8")
        assert square.takes_turn(held, later(LATE)).state is DeliveryState.HELD
        assert square.cell.graded_at is not None
        square.sends(replaces("0.6"), later(LATE + 10))
        assert square.cell.graded_at is None


class TestForced:
    @PROFILES
    @SCORE_OR_DELETE
    @pytest.mark.parametrize("cell", [graded(), a_cell(SubmissionState.EXISTS, last_known=known("0.5"))])
    def test_nobodys_grade_is_asked_for(self, profile: Profile, write: Write, cell: Cell) -> None:
        step = posted(next_step(forced(write), cell, profile, facts(row("0.8"))))
        assert step.ends is DeliveryState.DELIVERED
        assert step.score.timestamp == R

    def test_work_goes_with_its_score(self) -> None:
        step = posted(next_step(forced(WITH_WORK), graded(), CANVAS, facts(row("0.8"))))
        assert (step.score.score_given, extension(step.score).preserve_score) == (Decimal("0.7"), None)
        assert step.ends is DeliveryState.DELIVERED

    def test_a_score_that_asked_nicely_goes_over_a_persons_too(self) -> None:
        step = posted(next_step(forced(replaces("0.7", prioritize=True)), graded(), CANVAS, facts(row("0.8"))))
        assert extension(step.score).prioritize_non_tool_grade is not True
        assert step.score.score_given == Decimal("0.7")

    @PROFILES
    @SCORE_OR_DELETE
    def test_a_newer_time_on_the_platform_is_gone_over_however_late(self, profile: Profile, write: Write) -> None:
        step = posted(next_step(forced(write), graded(), profile, facts(row("0.8"))))
        stale = PlatformRefused(RefusalKind.STALE_TIMESTAMP, 400, "before last updated timestamp")
        following = after_refusal(forced(write), step, stale, profile, later(LATE))
        assert isinstance(following, Order)
        assert following.timestamp >= later(LATE)
        assert (following.concessions.grade_stays, following.forced) == (False, True)
        again = posted(next_step(following, graded(), profile, facts(row("0.8"))))
        end = after_refusal(following, again, stale, profile, later(LATE + 1))
        assert isinstance(end, Conclude)
        assert end.state is DeliveryState.HELD

    def test_a_held_score_goes_over_the_persons_grade_when_it_is_forced(self, gradebook: Gradebook) -> None:
        square = Square(gradebook)
        square.sends(replaces("0.2"), later(-100))
        waiting = square.enters(replaces("0.5"), R)
        gradebook.now = later(LATE)
        gradebook.teacher_grades("8")
        held = square.takes_turn(waiting, later(LATE + 60))
        assert held.state is DeliveryState.HELD
        back = square.retries(replace(held, delivery=replace(held.delivery, forced=True)), later(LATE + 120))
        result = gradebook.read_result()
        assert result is not None
        assert (back.state, result.score) == (DeliveryState.DELIVERED, (result.maximum or 0) / 2)
        assert square.cell.last_posted is not None


class TestReadFromLine:
    @pytest.mark.parametrize(
        ("score", "text"), [("0.92", "0.92"), ("0", "0.0"), ("1", "1.0"), ("0.923333", "0.9233"), ("0.99995", "1.0")]
    )
    def test_a_plain_fraction_reads_as_it_will_read_from_the_platform(self, score: str, text: str) -> None:
        answer = undelivered_answer(replaces(score))
        assert answer is not None
        assert (answer.code, answer.score_text, answer.description) == (CodeMajor.SUCCESS, text, "")
        square = Square(CanvasGradebook())
        square.sends(replaces(score), R)
        assert square.reads() == text

    def test_a_delete_reads_as_no_score(self) -> None:
        answer = undelivered_answer(DeleteResult())
        assert answer is not None
        assert (answer.code, answer.score_text) == (CodeMajor.SUCCESS, "")

    def test_a_fraction_with_work_reads_as_the_fraction(self) -> None:
        answer = undelivered_answer(replaces("0.5", FILE))
        assert answer is not None
        assert answer.score_text == "0.5"

    @pytest.mark.parametrize(
        "write", [replaces(points("7")), replaces(work=ESSAY), replaces("0.7", prioritize=True)], ids=str
    )
    def test_what_only_the_platform_knows_is_left_to_it(self, write: Write) -> None:
        assert undelivered_answer(write) is None
