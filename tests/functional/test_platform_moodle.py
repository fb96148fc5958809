"""Outcomes to a Moodle: each with the grade that its gradebook shows then (Moodle 4.5)."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from platforms.campus import Campus, Seat, campus_on_a_socket, make_moodle, open_campus, registration
from platforms.moodle import SCORE
from platforms.moodle_course import Place
from platforms.wires import put_before, through_the_seam
from pox import delete_result, read_result, replace_result
from stage import Stage

from chalicelib.delivery.records import DeliveryState

TEXT = {"text": "an essay"}


@pytest.fixture
def campus(stage: Stage, tmp_path: Path) -> Iterator[Campus]:
    opened = open_campus(stage, tmp_path)
    yield opened
    ahead = [each for each in opened.moodle.posted if datetime.fromisoformat(each.score["timestamp"]) > each.at]
    assert not ahead, "a score dated ahead of now blocks everything until then"


def send(campus: Campus, body: bytes) -> tuple[str | None, str, str | None]:
    answer = campus.stage.send(body)
    return answer.code, answer.description, answer.error


# scores


@pytest.mark.parametrize(
    ("sent", "grade"),
    [("0.92", "18.4"), ("1", "20"), ("0.333333", "6.66666"), ("0.92333333", "18.466666"), (".5", "10"), ("0x1", "20")],
)
def test_a_fraction_becomes_points_of_the_column(campus: Campus, sent: str, grade: str) -> None:
    seat = campus.seat(points="20")
    assert send(campus, replace_result(seat.sourcedid, sent)) == ("success", "", None)
    assert seat.grade == Decimal(grade)


def test_digits_beyond_the_fifth_decimal_survive_because_fractions_are_sent_out_of_a_hundred(campus: Campus) -> None:
    seat = campus.seat(points="100")
    send(campus, replace_result(seat.sourcedid, "0.92333333"))
    assert seat.grade == Decimal("92.33333")
    assert (campus.scores[0]["scoreGiven"], campus.scores[0]["scoreMaximum"]) == (Decimal("92.333333"), Decimal(100))


def test_a_second_score_replaces_the_first(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    assert send(campus, replace_result(seat.sourcedid, "0.4")) == ("success", "", None)
    assert seat.grade == Decimal(8)


def test_points_are_points_of_the_column(campus: Campus) -> None:
    seat = campus.seat(points="20")
    assert send(campus, replace_result(seat.sourcedid, total="7.5")) == ("success", "", None)
    assert seat.grade == Decimal("7.5")


def test_points_beyond_the_column_are_cut_by_moodle_and_read_so(campus: Campus) -> None:
    seat = campus.seat(points="20")
    assert send(campus, replace_result(seat.sourcedid, total="24")) == ("success", "", None)
    assert seat.grade == Decimal(20)
    assert campus.stage.send(read_result(seat.sourcedid)).score == "1.0"


def test_zero_is_a_grade_and_reads_as_zero(campus: Campus) -> None:
    seat = campus.seat()
    assert campus.stage.send(read_result(seat.sourcedid)).score == ""
    assert send(campus, replace_result(seat.sourcedid, "0")) == ("success", "", None)
    assert seat.grade == Decimal(0)
    assert campus.stage.send(read_result(seat.sourcedid)).score == "0.0"


def test_a_score_is_read_back_as_a_fraction_of_the_column(campus: Campus) -> None:
    seat = campus.seat(points="20")
    send(campus, replace_result(seat.sourcedid, "0.5"))
    assert campus.stage.send(read_result(seat.sourcedid)).score == "0.5"


def test_a_teachers_grade_is_read(campus: Campus) -> None:
    seat = campus.seat(points="20")
    campus.teacher_grades(seat, "13")
    assert campus.stage.send(read_result(seat.sourcedid)).score == "0.65"


def test_delete_clears_the_grade_and_a_new_score_counts_again(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    assert send(campus, delete_result(seat.sourcedid)) == ("success", "", None)
    assert seat.grade is None
    assert campus.stage.send(read_result(seat.sourcedid)).score == ""
    campus.later()
    assert send(campus, replace_result(seat.sourcedid, "0.3")) == ("success", "", None)
    assert seat.grade == Decimal(6)


def test_delete_after_a_zero_reads_as_nothing(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0"))
    campus.later()
    send(campus, delete_result(seat.sourcedid))
    assert seat.grade is None
    assert campus.stage.send(read_result(seat.sourcedid)).score == ""


def test_work_that_needs_review_is_graded_with_a_warning_because_the_mark_would_clear_the_grade(campus: Campus) -> None:
    seat = campus.seat()
    assert send(campus, replace_result(seat.sourcedid, "0.6", needs_additional_review=True)) == ("success", "", None)
    assert seat.grade == Decimal(12)
    assert campus.scores[0]["gradingProgress"] == "FullyGraded"
    assert ["needs review" in warning for warning in campus.last_delivery.warnings] == [True]


def test_a_suspended_student_is_graded(campus: Campus) -> None:
    seat = campus.seat(place=Place.SUSPENDED)
    assert send(campus, replace_result(seat.sourcedid, "0.6")) == ("success", "", None)
    assert seat.grade == Decimal(12)


# order and time


def test_two_outcomes_in_one_second_the_second_lands_a_second_later(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    assert send(campus, replace_result(seat.sourcedid, "0.4")) == ("success", "", None)
    assert seat.grade == Decimal(8)
    first, second = campus.moodle.posted
    assert (first.status, second.status) == (200, 200)
    assert second.at.microsecond < 100_000
    assert second.score["timestamp"] == f"{second.at:%Y-%m-%dT%H:%M:%S}.000Z"


def test_five_outcomes_in_one_second_end_with_the_last(campus: Campus) -> None:
    seat = campus.seat()
    for score in ("0.1", "0.2", "0.3", "0.4", "0.5"):
        assert send(campus, replace_result(seat.sourcedid, score)) == ("success", "", None)
    assert seat.grade == Decimal(10)
    assert campus.statuses == [200] * 5


def test_two_students_in_one_second_do_not_wait_for_each_other(campus: Campus) -> None:
    one, other = campus.seat(), campus.seat()
    began = campus.stage.clock.now()
    send(campus, replace_result(one.sourcedid, "0.9"))
    send(campus, replace_result(other.sourcedid, "0.4"))
    assert (one.grade, other.grade) == (Decimal(18), Decimal(8))
    assert (campus.stage.clock.now() - began).total_seconds() < 0.5


def test_a_grade_of_the_same_second_by_somebody_else_is_overwritten_in_the_next(campus: Campus) -> None:
    seat = campus.seat()
    campus.teacher_grades(seat, "3")
    campus.teacher_grades(seat, None)
    assert send(campus, replace_result(seat.sourcedid, "0.4")) == ("success", "", None)
    assert (seat.grade, campus.statuses) == (Decimal(8), [409, 200])


def test_an_overridden_grade_stays_though_moodle_says_that_it_took_the_score(campus: Campus) -> None:
    seat = campus.seat()
    campus.teacher_grades(seat, "3")
    campus.later()
    assert send(campus, replace_result(seat.sourcedid, "0.9")) == ("success", "", None)
    assert seat.grade == Decimal(3)
    assert campus.stage.send(read_result(seat.sourcedid)).score == "0.15"


# no answer


@pytest.mark.parametrize("wait", [0, 5, 59, 300])
@pytest.mark.parametrize(
    ("score", "total", "grade", "read"),
    [("0.4", None, "8", "0.4"), (None, "7.5", "7.5", "0.375"), ("0", None, "0", "0.0")],
    ids=["score", "points", "zero"],
)
def test_a_repeat_after_an_answer_that_was_lost_is_done_and_nothing_is_lost(
    campus: Campus, score: str | None, total: str | None, grade: str, read: str, wait: int
) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    campus.moodle.drop_after_scores = 1
    body = replace_result(seat.sourcedid, score, total=total)
    assert send(campus, body)[2] == "platform_unavailable"
    campus.later(wait)
    assert send(campus, body) == ("success", "", None)
    assert seat.grade == Decimal(grade)
    assert campus.stage.send(read_result(seat.sourcedid)).score == read


def test_a_repeat_after_a_lost_answer_knows_its_points_again_though_moodle_rounds_them(campus: Campus) -> None:
    seat = campus.seat(points="1")
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    campus.moodle.drop_after_scores = 1
    body = replace_result(seat.sourcedid, total="0.1234567")
    send(campus, body)
    campus.later(5)
    assert send(campus, body) == ("success", "", None)
    assert seat.grade == Decimal("0.12346")


def test_a_repeat_after_a_lost_answer_knows_its_points_again_though_moodle_cuts_them(campus: Campus) -> None:
    seat = campus.seat(points="20")
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    campus.moodle.drop_after_scores = 1
    body = replace_result(seat.sourcedid, total="24")
    send(campus, body)
    campus.later(5)
    assert send(campus, body) == ("success", "", None)
    assert seat.grade == Decimal(20)


def test_a_repeat_of_a_delete_after_a_lost_answer_is_done(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    campus.moodle.drop_after_scores = 1
    body = delete_result(seat.sourcedid)
    assert send(campus, body)[2] == "platform_unavailable"
    assert send(campus, body) == ("success", "", None)
    assert seat.grade is None


@pytest.mark.parametrize("wait", [0, 5, 300])
@pytest.mark.parametrize("first", ["0.4", "0"])
def test_the_next_outcome_after_a_lost_answer_counts(campus: Campus, first: str, wait: int) -> None:
    seat = campus.seat()
    campus.moodle.drop_after_scores = 1
    send(campus, replace_result(seat.sourcedid, first))
    campus.later(wait)
    assert send(campus, replace_result(seat.sourcedid, "0.7")) == ("success", "", None)
    assert seat.grade == Decimal(14)


def test_a_teachers_grade_between_a_lost_answer_and_its_repeat_stays(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.9"))
    campus.later()
    campus.moodle.drop_after_scores = 1
    body = replace_result(seat.sourcedid, "0.4")
    send(campus, body)
    campus.later(5)
    campus.teacher_grades(seat, "17")
    campus.later(5)
    code, description, _ = send(campus, body)
    assert (code, "somebody graded meanwhile" in description) == ("success", True)
    assert seat.grade == Decimal(17)


# what Moodle does not take


def test_work_with_a_score_is_graded_and_the_description_names_the_loss(campus: Campus) -> None:
    seat = campus.seat()
    code, description, _ = send(campus, replace_result(seat.sourcedid, "0.8", data=TEXT))
    assert (code, description) == ("success", "graded, but the text was not stored: this platform takes none")
    assert seat.grade == Decimal(16)


def test_work_alone_fails_and_leaves_the_grade(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.8"))
    campus.later()
    assert send(campus, replace_result(seat.sourcedid, data=TEXT))[2] == "no_score"
    assert (seat.grade, len(campus.scores)) == (Decimal(16), 1)


def test_no_score_carries_canvas_extension_fields(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.8", data=TEXT, submitted_at="2026-01-01T00:00:00Z"))
    assert set(campus.scores[0]) == {
        "userId", "timestamp", "activityProgress", "gradingProgress", "scoreGiven", "scoreMaximum",
    }  # fmt: skip


# prioritizeNonToolGrade


def prioritized(seat: Seat, score: str) -> bytes:
    return replace_result(seat.sourcedid, score, prioritize_non_tool_grade=True)


def test_prioritized_scores_go_through_while_the_tool_is_the_only_grader(campus: Campus) -> None:
    seat = campus.seat()
    for score, grade in (("0.333333", "6.66666"), ("0", "0"), ("0.7", "14"), ("1", "20")):
        assert send(campus, prioritized(seat, score)) == ("success", "", None)
        assert seat.grade == Decimal(grade)
        campus.later()


@pytest.mark.parametrize(("column", "total"), [("1", "0.1234567"), ("0.5", ".333333"), ("3", "1.0000049")])
def test_prioritized_points_that_moodle_rounds_are_the_tools_own_still(campus: Campus, column: str, total: str) -> None:
    seat = campus.seat(points=column)
    send(campus, replace_result(seat.sourcedid, total=total, prioritize_non_tool_grade=True))
    campus.later()
    body = replace_result(seat.sourcedid, total="0.4", prioritize_non_tool_grade=True)
    assert send(campus, body) == ("success", "", None)
    assert seat.grade == Decimal("0.4")


def test_prioritized_points_that_moodle_cuts_are_the_tools_own_still(campus: Campus) -> None:
    seat = campus.seat(points="20")
    send(campus, replace_result(seat.sourcedid, total="24", prioritize_non_tool_grade=True))
    campus.later()
    assert send(campus, prioritized(seat, "0.5")) == ("success", "", None)
    assert seat.grade == Decimal(10)


def test_a_prioritized_score_leaves_a_teachers_grade(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, prioritized(seat, "0.4"))
    campus.later()
    campus.teacher_grades(seat, "17")
    campus.later()
    assert send(campus, prioritized(seat, "0.9"))[2] == "no_submission_created"
    assert seat.grade == Decimal(17)


def test_a_prioritized_score_with_work_leaves_a_teachers_grade(campus: Campus) -> None:
    seat = campus.seat()
    campus.teacher_grades(seat, "17")
    campus.later()
    body = replace_result(seat.sourcedid, "0.9", data=TEXT, prioritize_non_tool_grade=True)
    assert send(campus, body)[2] == "no_submission_created"
    assert (seat.grade, campus.scores) == (Decimal(17), [])


# refusals


@pytest.mark.parametrize("place", [Place.TEACHER, None])
def test_somebody_who_is_no_student_of_the_course_is_refused_for_good(campus: Campus, place: Place | None) -> None:
    seat = campus.seat(place=place or Place.STUDENT)
    if place is None:
        del campus.moodle.people[seat.user_id]
    assert send(campus, replace_result(seat.sourcedid, "0.5"))[2] == "user_not_in_course"
    assert (seat.grade, campus.statuses) == (None, [400])


@pytest.mark.parametrize("what", ["grade", "column"])
def test_a_locked_grade_is_a_final_refusal_and_stays(campus: Campus, what: str) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.5"))
    campus.later()
    if what == "grade":
        seat.column.grade(seat.user_id).locked = True
    else:
        seat.column.locked = True
    assert send(campus, replace_result(seat.sourcedid, "0.9"))[2] == "platform_refused"
    assert (seat.grade, campus.last_delivery.state) == (Decimal(10), DeliveryState.REFUSED)


@pytest.mark.parametrize("user_id", ["5b1f8a2e-3c77-4e0a", "9" * 30])
def test_a_user_id_that_moodle_cannot_read_is_refused_for_good(campus: Campus, user_id: str) -> None:
    seat = campus.seat()
    sourcedid = campus.map(seat.column, user_id)
    assert send(campus, replace_result(sourcedid, "0.5"))[2] == "platform_refused"
    assert campus.last_delivery.state is DeliveryState.REFUSED


def test_a_user_id_that_moodle_cannot_read_does_not_read_other_peoples_results(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.5"))
    answer = campus.stage.send(read_result(campus.map(seat.column, "not-a-number")))
    assert (answer.code, answer.score) == ("success", "")


def test_the_malformed_status_line_over_a_real_socket_is_a_final_refusal(stage: Stage, tmp_path: Path) -> None:
    with campus_on_a_socket(stage, tmp_path) as campus:
        seat = campus.seat()
        assert send(campus, replace_result(campus.map(seat.column, "not-a-number"), "0.5"))[2] == "platform_refused"
        assert campus.last_delivery.state is DeliveryState.REFUSED
        assert campus.statuses == [0]


def test_a_score_over_a_real_socket_lands(stage: Stage, tmp_path: Path) -> None:
    with campus_on_a_socket(stage, tmp_path) as campus:
        seat = campus.seat()
        assert send(campus, replace_result(seat.sourcedid, "0.92")) == ("success", "", None)
        assert seat.grade == Decimal("18.4")
        assert campus.stage.send(read_result(seat.sourcedid)).score == "0.92"


def test_an_answer_lost_on_a_real_socket_is_found_by_the_repeat(stage: Stage, tmp_path: Path) -> None:
    with campus_on_a_socket(stage, tmp_path) as campus:
        seat = campus.seat()
        campus.moodle.drop_after_scores = 1
        body = replace_result(seat.sourcedid, "0.92")
        assert send(campus, body)[2] == "platform_unavailable"
        assert send(campus, body) == ("success", "", None)
        assert (seat.grade, campus.statuses) == (Decimal("18.4"), [200])


def test_a_refusal_that_comes_as_200_with_an_empty_list_is_a_refusal(stage: Stage, tmp_path: Path) -> None:
    """Something between us and Moodle writes the JSON anew, with line breaks: Moodle's "no" then looks like a yes."""
    moodle = make_moodle(stage)
    direct = through_the_seam(moodle)

    def indented(request: httpx.Request) -> httpx.Response:
        if request.headers.get("content-type") == SCORE:
            content = json.dumps(json.loads(request.content), indent=1).encode()
            headers = {name: value for name, value in request.headers.items() if name != "content-length"}
            return direct(httpx.Request(request.method, request.url, headers=headers, content=content))
        return direct(request)

    platform = registration(moodle)
    put_before(stage, tmp_path, platform, indented)
    campus = Campus(stage, moodle, platform)
    seat = campus.seat(place=Place.TEACHER)
    assert send(campus, replace_result(seat.sourcedid, "0.5"))[2] == "platform_refused"
    assert (seat.grade, campus.statuses) == (None, [200])


# tokens and hosts


def test_one_token_serves_many_calls_and_a_dead_one_is_replaced_once(campus: Campus) -> None:
    seat = campus.seat()
    send(campus, replace_result(seat.sourcedid, "0.5"))
    campus.later()
    send(campus, replace_result(seat.sourcedid, "0.6"))
    asked = [call for call in campus.moodle.calls if call.endswith("token.php")]
    assert len(asked) == 1
    campus.moodle.tokens.forget()
    campus.later()
    assert send(campus, replace_result(seat.sourcedid, "0.7")) == ("success", "", None)
    asked = [call for call in campus.moodle.calls if call.endswith("token.php")]
    assert (seat.grade, len(asked)) == (Decimal(14), 2)


def test_a_tool_without_grade_sync_is_told_so(campus: Campus) -> None:
    campus.moodle.tokens.grade_sync = False
    seat = campus.seat()
    assert send(campus, replace_result(seat.sourcedid, "0.5"))[2] == "assignment_tool_mismatch"
    assert "scopes asked for" in campus.last_delivery.platform_words
    assert seat.grade is None


def test_another_name_of_the_host_is_not_followed_and_the_words_say_where_it_led(stage: Stage, tmp_path: Path) -> None:
    moodle = make_moodle(stage)
    platform = registration(moodle, host="www.moodle.example.edu")
    put_before(stage, tmp_path, platform, through_the_seam(moodle))
    campus = Campus(stage, moodle, platform)
    seat = campus.seat()
    assert send(campus, replace_result(seat.sourcedid, "0.5"))[0] == "failure"
    assert "redirected to moodle.example.edu" in campus.last_delivery.platform_words
    assert seat.grade is None
