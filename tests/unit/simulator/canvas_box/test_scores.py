"""The scores endpoint: Canvas AGS, sections 3 and 6."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canvas_box.canvas_harness import EXTENSION, SCORE_TYPE, Canvas, Scene, ags_error, listed_error
from simulator.exchange import Response
from simulator.times import iso_milliseconds

NOT_A_STUDENT = (422, "User not found in course or is not a student")


def later(canvas: Canvas, **distance: float) -> str:
    """A time of this distance from now, in ISO 8601 with milliseconds."""
    return iso_milliseconds(canvas.clock.now + timedelta(**distance))


def model_fault(answer: Response) -> tuple[int, str, str]:
    fault = json.loads(answer.body)["errors"][0]
    assert fault["error_code"] is None
    return answer.status, fault["field"], fault["message"]


# Section 3.1: the answer


def test_a_score_is_answered_with_200_and_the_address_of_its_result(scene: Scene) -> None:
    answer = scene.post()
    body = json.loads(answer.body)
    assert (answer.status, answer.header("Content-Type").partition(";")[0]) == (200, SCORE_TYPE)
    assert body["resultUrl"].startswith(f"{scene.line_item}/results/")
    assert body[EXTENSION] == {"content_items": []}


def test_older_canvas_answers_with_the_extension_only_for_files(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare()
    assert EXTENSION not in scene.posted()
    file = {"type": "file", "url": "https://tool.example.org/a.pdf", "title": "a.pdf"}
    assert EXTENSION in scene.posted(extension={"content_items": [file]})


def test_the_body_may_be_plain_json_and_nothing_else(canvas: Canvas, scene: Scene) -> None:
    url = f"{scene.line_item}/scores"
    assert canvas.call("POST", url, scene.score_body(), "application/json").status == 200
    # A type that Rails does not read leaves all parameters absent; userId is the first to be missed.
    assert ags_error(canvas.call("POST", url, scene.score_body(), "text/plain")) == NOT_A_STUDENT


@pytest.mark.parametrize("body", [b"{", b'{"scoreGiven": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_400_without_a_body(canvas: Canvas, scene: Scene, body: bytes) -> None:
    answer = canvas.call("POST", f"{scene.line_item}/scores", body, SCORE_TYPE)
    assert (answer.status, answer.body) == (400, b"")


def test_json_that_is_no_object_has_no_fields(canvas: Canvas, scene: Scene) -> None:
    assert ags_error(canvas.call("POST", f"{scene.line_item}/scores", [1], SCORE_TYPE)) == NOT_A_STUDENT


# Section 3.2: who is meant


@pytest.mark.parametrize("form", ["lti_id", "number", "text"])
def test_the_user_is_named_by_lti_id_or_number(scene: Scene, form: str) -> None:
    number = scene.told["canvas_user_id"]
    named = {"lti_id": scene.told["user_id"], "number": number, "text": str(number)}[form]
    scene.posted(userId=named)
    assert scene.state()["score"] == 9.2


def test_an_earlier_lti_id_still_names_the_user(canvas: Canvas, scene: Scene) -> None:
    # Made by editing the saved state: nobody merges users through the control door.
    saved = json.loads(canvas.simulator.dump())
    user = saved["courses"][str(scene.told["course_id"])]["users"][str(scene.told["canvas_user_id"])]
    user["past_lti_ids"] = ["before-the-merge"]
    canvas.simulator = type(canvas.simulator).load(json.dumps(saved), canvas.clock)
    assert scene.post(userId="before-the-merge").status == 200


def test_the_lti11_user_id_names_nobody(scene: Scene) -> None:
    assert ags_error(scene.post(userId=scene.told["lti11"]["user_id"])) == NOT_A_STUDENT


@pytest.mark.parametrize("named", [None, True, ["x"], "nobody"])
def test_a_missing_or_strange_user_is_not_a_student(scene: Scene, named: object) -> None:
    body = scene.score_body()
    body["userId"] = named
    answer = scene.canvas.call("POST", f"{scene.line_item}/scores", body, SCORE_TYPE)
    assert ags_error(answer) == NOT_A_STUDENT


@pytest.mark.parametrize("kind", ["inactive", "concluded", "teacher", "unknown", "removed"])
def test_only_active_students_take_scores(canvas: Canvas, kind: str) -> None:
    assert ags_error(canvas.prepare(student=kind).post()) == NOT_A_STUDENT


def test_the_test_student_takes_scores(canvas: Canvas) -> None:
    scene = canvas.prepare(student="test")
    scene.posted()
    assert scene.state()["score"] == 9.2


# Section 3.3: order of checks


def test_the_token_is_checked_before_the_course(canvas: Canvas) -> None:
    answer = canvas.call("POST", "/api/lti/courses/9999/line_items/1/scores", {}, token="")
    assert ags_error(answer) == (401, "Missing access token")
    answer = canvas.call("POST", "/api/lti/courses/9999/line_items/1/scores", {})
    assert listed_error(answer) == (404, "The specified resource does not exist.")


def test_the_conclusion_is_checked_before_the_line_item(canvas: Canvas) -> None:
    scene = canvas.prepare(concluded=True)
    status, text = ags_error(scene.post(line_item=scene.line_item + "999"))
    assert (status, text[:26]) == (422, "This course has concluded ")


def test_the_line_item_is_checked_before_the_user(canvas: Canvas, scene: Scene) -> None:
    other = canvas.prepare()
    number = other.line_item.rpartition("/")[2]
    elsewhere = scene.line_item.rpartition("/")[0] + f"/{number}"
    assert listed_error(scene.post(line_item=elsewhere, userId="nobody"))[0] == 404


def test_a_resource_link_that_is_sent_must_fit(scene: Scene) -> None:
    text = "The specified LTI link ID is not associated with the line item."
    assert ags_error(scene.post(resourceLinkId="x")) == (412, text)
    assert scene.post(resourceLinkId=scene.told["resource_link_id"]).status == 200


def test_the_user_is_checked_before_the_fields(scene: Scene) -> None:
    assert ags_error(scene.post(userId="nobody", timestamp=None)) == NOT_A_STUDENT


@pytest.mark.parametrize("name", ["activityProgress", "gradingProgress", "timestamp"])
@pytest.mark.parametrize("value", [None, " "])
def test_a_missing_or_blank_field_is_named(scene: Scene, name: str, value: Any) -> None:
    assert listed_error(scene.post(**{name: value})) == (400, f"{name} is missing")


def test_missing_fields_are_found_before_an_unpublished_assignment(canvas: Canvas) -> None:
    scene = canvas.prepare(published=False)
    assert listed_error(scene.post(timestamp=None))[0] == 400
    assert ags_error(scene.post(timestamp="x")) == (422, "This assignment is still unpublished")


def test_the_checks_of_the_values_come_in_order(scene: Scene) -> None:
    wrong: dict[str, Any] = {
        "timestamp": "x",
        "scoreMaximum": -1,
        "scoreGiven": -1,
        "submission": {"submittedAt": "x"},
        "extension": {"submission_type": "online_upload"},
    }
    told = []
    for name, right in (
        ("timestamp", scene.score_body()["timestamp"]),
        ("scoreMaximum", 1),
        ("scoreGiven", 1),
        ("submission", None),
        ("extension", None),
    ):
        told.append(ags_error(scene.post(**wrong))[1])
        wrong[name] = right
    assert [text.partition(" of ")[0] for text in told] == [
        "Provided timestamp",
        "ScoreMaximum must be greater than or equal to 0",
        "ScoreGiven must be greater than or equal to 0",
        "Provided submitted_at timestamp",
        "Content items must be provided with submission type 'online_upload'",
    ]
    assert scene.post(**wrong).status == 200


def test_what_is_refused_stores_nothing(scene: Scene) -> None:
    before = scene.state()
    scene.post(scoreGiven=-1)
    scene.post(extension={"submission_type": "online_upload"})
    assert scene.state() == before


# Concluded courses (section 6)


def test_a_concluded_course_refuses_the_student(canvas: Canvas) -> None:
    text = "This course has concluded for this student. AGS requests will no longer be accepted for this course."
    assert ags_error(canvas.prepare(concluded=True).post()) == (422, text)


def test_a_section_with_later_dates_stays_open(canvas: Canvas) -> None:
    assert canvas.prepare(concluded=True, student="later_section").post().status == 200


def test_a_concluded_course_in_older_canvas_is_not_there(old_canvas: Canvas) -> None:
    assert listed_error(old_canvas.prepare(concluded=True).post())[0] == 404


# Section 3.4 step 2: handing in


def test_a_plain_score_hands_in_tool_work_and_grades_it(scene: Scene) -> None:
    scene.posted(submission={"submittedAt": "2026-02-03T09:00:00.250Z"})
    state = scene.state()
    assert (state["attempt"], state["submission_type"], state["submitted_at"], state["score"]) == (
        1,
        "external_tool",
        "2026-02-03T09:00:00.250Z",
        9.2,
    )
    assert (state["graded_by"], state["workflow_state"], state["grade"]) == ("tool", "graded", "9.2")


def test_a_default_post_adds_an_attempt_and_wipes_the_work(canvas: Canvas) -> None:
    scene = canvas.prepare(submission_type="online_text_entry")
    scene.posted()
    state = scene.state()
    assert (state["attempt"], state["submission_type"], state["body"]) == (2, "external_tool", None)
    assert [version["body"] for version in state["history"]] == ["An earlier text.", None]


@pytest.mark.parametrize("value", [False, "false"])
def test_no_new_submission_leaves_the_work_alone(canvas: Canvas, value: object) -> None:
    scene = canvas.prepare(submission_type="online_text_entry")
    scene.posted(extension={"new_submission": value})
    state = scene.state()
    assert (state["attempt"], state["body"], state["score"]) == (1, "An earlier text.", 9.2)


def test_submission_type_none_hands_nothing_in_whatever_else_is_sent(scene: Scene) -> None:
    scene.posted(extension={"submission_type": "none", "new_submission": True})
    assert scene.state()["attempt"] == 0


def test_the_same_time_adds_no_attempt_and_another_does(canvas: Canvas, scene: Scene) -> None:
    times = [later(canvas, minutes=-5), later(canvas, minutes=-5), later(canvas, minutes=-4)]
    attempts = []
    for moment in times:
        scene.posted(submission={"submittedAt": moment})
        attempts.append(scene.state()["attempt"])
    assert attempts == [1, 1, 2]


def test_times_are_compared_in_full(scene: Scene) -> None:
    scene.posted(submission={"submittedAt": "2026-02-03T09:00:00.250Z"})
    scene.posted(submission={"submittedAt": "2026-02-03T09:00:00.250001Z"})
    assert scene.state()["attempt"] == 2


def test_without_a_time_it_is_now(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    canvas.clock.forward(seconds=1)
    scene.posted()
    state = scene.state()
    assert (state["attempt"], state["submitted_at"]) == (2, later(canvas))


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("online_text_entry", "My essay", "body"),
        ("online_url", "https://tool.example.org/essays/17", "url"),
        ("basic_lti_launch", "https://tool.example.org/launch?a=1", "url"),
    ],
)
def test_the_data_goes_where_its_type_says(scene: Scene, kind: str, data: str, field: str) -> None:
    scene.posted(extension={"submission_type": kind, "submission_data": data})
    state = scene.state()
    assert (state["submission_type"], state[field]) == (kind, data)


def test_data_of_another_type_is_ignored(scene: Scene) -> None:
    scene.posted(extension={"submission_type": "external_tool", "submission_data": "text"})
    state = scene.state()
    assert (state["body"], state["url"]) == (None, None)


@pytest.mark.parametrize("kind", ["online_url", "basic_lti_launch", "online_text_entry"])
def test_work_without_its_data_counts_as_unsubmitted(scene: Scene, kind: str) -> None:
    scene.posted(extension={"submission_type": kind, "preserve_score": True}, scoreGiven=None, scoreMaximum=None)
    assert scene.state()["workflow_state"] == "unsubmitted"


def test_an_unknown_type_sets_no_type_and_wipes_nothing(canvas: Canvas) -> None:
    scene = canvas.prepare(submission_type="online_text_entry")
    scene.posted(extension={"submission_type": "carrier_pigeon"})
    state = scene.state()
    assert (state["attempt"], state["submission_type"], state["body"]) == (2, "online_text_entry", "An earlier text.")


def test_a_bad_url_is_a_model_error_and_stores_nothing(scene: Scene) -> None:
    for url in ("ftp://x.example.org", "https://a b.example.org", "http://[", "http://"):
        answer = scene.post(extension={"submission_type": "online_url", "submission_data": url})
        assert model_fault(answer) == (422, "url", "is not a valid URL")
    assert scene.state()["attempt"] == 0


def test_a_url_without_scheme_is_completed(scene: Scene) -> None:
    scene.posted(extension={"submission_type": "online_url", "submission_data": "tool.example.org/x"})
    assert scene.state()["url"] == "http://tool.example.org/x"


@pytest.mark.parametrize("activity", ["Initialized", "Started", "InProgress"])
def test_only_finished_work_is_handed_in(scene: Scene, activity: str) -> None:
    scene.posted(activityProgress=activity)
    state = scene.state()
    assert (state["attempt"], state["score"]) == (0, 9.2)


def test_older_canvas_does_not_look_at_the_activity(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare()
    scene.posted(activityProgress="Started")
    assert scene.state()["attempt"] == 1


def test_an_earlier_score_stays_but_does_not_match_new_work(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=5, submission_type="external_tool")
    scene.posted(
        scoreGiven=None,
        scoreMaximum=None,
        gradingProgress="Pending",
        activityProgress="Submitted",
        extension={"preserve_score": True, "submission_type": "online_text_entry", "submission_data": "new"},
    )
    state = scene.state()
    assert (state["score"], state["score_matches_submission"], state["workflow_state"]) == (5, False, "submitted")


# Section 3.4 step 3: the score table


@pytest.mark.parametrize("value", [True, "true"])
def test_preserve_leaves_the_score(canvas: Canvas, value: object) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(extension={"preserve_score": value})
    assert scene.state()["score"] == 5


def test_older_canvas_knows_neither_preserve_nor_prioritize(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare(tool_score=5)
    scene.posted(extension={"prioritize_non_tool_grade": True})
    assert scene.state()["score"] == 9.2
    scene.posted(scoreGiven=None, scoreMaximum=None, extension={"preserve_score": True})
    assert scene.state()["score"] is None


@pytest.mark.parametrize("progress", ["FullyGraded", "PendingManual", "Pending", "NotReady", "Failed"])
def test_no_score_clears(canvas: Canvas, progress: str) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(scoreGiven=None, scoreMaximum=None, gradingProgress=progress)
    assert scene.state()["score"] is None


@pytest.mark.parametrize(
    ("progress", "score"),
    [("FullyGraded", 9.2), ("PendingManual", 9.2), ("Pending", None), ("NotReady", None), ("Failed", None)],
)
def test_a_score_counts_by_its_grading_progress(canvas: Canvas, progress: str, score: float | None) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(gradingProgress=progress)
    assert scene.state()["score"] == score
    assert scene.result()["resultScore"] == 0.92


def test_clearing_takes_a_persons_grade_too_even_when_prioritized(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=5)
    scene.posted(scoreGiven=None, scoreMaximum=None, extension={"prioritize_non_tool_grade": True})
    state = scene.state()
    assert (state["score"], state["graded_by"]) == (None, "person")


@pytest.mark.parametrize("whose", ["teacher_score", "tool_score"])
def test_prioritize_keeps_any_score(canvas: Canvas, whose: str) -> None:
    scene = canvas.prepare(**{whose: 5})
    scene.posted(extension={"prioritize_non_tool_grade": True})
    assert scene.state()["score"] == 5


def test_prioritize_grades_where_no_score_is(scene: Scene) -> None:
    scene.posted(extension={"prioritize_non_tool_grade": "true"})
    assert scene.state()["score"] == 9.2


@pytest.mark.parametrize(("given", "grade", "score"), [("0.01", "complete", 10), ("0", "incomplete", 0)])
def test_pass_fail_looks_at_the_sign(canvas: Canvas, given: str, grade: str, score: int) -> None:
    scene = canvas.prepare(grading_type="pass_fail")
    scene.posted(scoreGiven=Decimal(given))
    state = scene.state()
    assert (state["grade"], state["score"]) == (grade, score)


@pytest.mark.parametrize(
    ("points", "given", "maximum", "score"),
    [
        ("1.5", "0.92", "1", "1.38"),
        ("10", "1", "3", "3.3333333333333335"),
        ("10", "12", "10", "12.0"),
        ("100", "0.07", "1", "7.0"),
        ("10", "0", "1", "0.0"),
    ],
)
def test_the_score_is_scaled_without_noise(canvas: Canvas, points: str, given: str, maximum: str, score: str) -> None:
    scene = canvas.prepare(points=Decimal(points))
    scene.posted(scoreGiven=Decimal(given), scoreMaximum=Decimal(maximum))
    raw = canvas.send("POST", "/_sim/state", json.dumps({"handle": scene.handle}).encode()).body.decode()
    assert f'"score": {score},' in raw


def test_a_maximum_of_zero_is_not_scaled(canvas: Canvas) -> None:
    scene = canvas.prepare(points=0)
    scene.posted(scoreGiven=3, scoreMaximum=0)
    assert scene.state()["score"] == 3


def test_blank_points_store_zero(canvas: Canvas) -> None:
    scene = canvas.prepare(points=None)
    scene.posted()
    assert scene.state()["score"] == 0


def test_a_percent_and_a_letter_are_shown_as_such(canvas: Canvas) -> None:
    percent, letter = canvas.prepare(grading_type="percent"), canvas.prepare(grading_type="letter_grade")
    for scene in (percent, letter):
        scene.posted()
    assert (percent.state()["grade"], letter.state()["grade"]) == ("92%", "A-")
    letter.posted(scoreGiven=Decimal("0.3"))
    assert letter.state()["grade"] == "F"


# Section 3.4 steps 4 to 6


def test_each_comment_is_added(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(comment="Well done")
    scene.posted(comment="Well done", extension={"preserve_score": True})
    assert scene.state()["comments"] == ["Well done", "Well done"]


def test_the_result_takes_what_was_sent_also_when_the_score_is_kept(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(extension={"preserve_score": True, "new_submission": False}, comment="c")
    result = scene.state()["result"]
    assert (result["score"], result["maximum"]) == (0.92, 1)
    assert result["extension"] == {"preserve_score": True, "new_submission": False}
    assert scene.result()["comment"] == "c"


def test_the_result_is_updated_at_the_timestamp(canvas: Canvas, scene: Scene) -> None:
    moment = later(canvas, minutes=-3)
    scene.posted(timestamp=moment)
    assert scene.state()["result"]["updated"] == moment


@pytest.mark.parametrize(("activity", "review"), [("Completed", True), ("Submitted", True), ("InProgress", False)])
def test_pending_manual_marks_finished_work_for_review(scene: Scene, activity: str, review: bool) -> None:
    scene.posted(gradingProgress="PendingManual", activityProgress=activity)
    assert scene.state()["needs_review"] is review


def test_older_canvas_marks_for_review_whatever_the_activity(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare()
    scene.posted(gradingProgress="PendingManual", activityProgress="InProgress")
    assert scene.state()["needs_review"] is True


def test_review_is_marked_without_a_score_or_a_submission_too(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=5)
    scene.posted(
        gradingProgress="PendingManual",
        scoreGiven=None,
        scoreMaximum=None,
        extension={"preserve_score": True, "new_submission": False},
    )
    state = scene.state()
    assert (state["needs_review"], state["score"]) == (True, 5)


def test_a_later_grade_ends_the_review_without_moving_the_results_time(canvas: Canvas, scene: Scene) -> None:
    scene.posted(gradingProgress="PendingManual")
    before = scene.state()["result"]["updated"]
    canvas.clock.forward(minutes=1)
    scene.grade(7)
    state = scene.state()
    assert (state["needs_review"], state["result"]["updated"]) == (False, before)
    assert state["result"]["grading_progress"] == "FullyGraded"
    scene.posted(gradingProgress="PendingManual")
    scene.posted(gradingProgress="FullyGraded")
    assert scene.state()["needs_review"] is False


# Section 3.6: times


def test_an_older_timestamp_is_refused_with_both_times(canvas: Canvas, scene: Scene) -> None:
    newest, older = later(canvas, minutes=-1), later(canvas, minutes=-2)
    scene.posted(timestamp=newest)
    text = f"Provided timestamp of {older} before last updated timestamp of {newest}"
    assert ags_error(scene.post(timestamp=older)) == (400, text)


def test_each_post_moves_the_results_time(canvas: Canvas, scene: Scene) -> None:
    for minutes in (-5, -3):
        scene.posted(timestamp=later(canvas, minutes=minutes))
    assert scene.post(timestamp=later(canvas, minutes=-4)).status == 400


def test_an_equal_timestamp_is_accepted(canvas: Canvas, scene: Scene) -> None:
    moment = later(canvas)
    scene.posted(timestamp=moment)
    assert scene.post(timestamp=moment, scoreGiven=1).status == 200


def test_timestamps_are_compared_in_full(scene: Scene) -> None:
    scene.posted(timestamp="2026-02-03T09:00:00.000002Z")
    assert scene.post(timestamp="2026-02-03T09:00:00.000001Z").status == 400


def test_a_future_timestamp_blocks_smaller_ones(canvas: Canvas, scene: Scene) -> None:
    scene.posted(timestamp=later(canvas, days=1))
    assert scene.post(timestamp=later(canvas)).status == 400


def test_a_teachers_first_grade_has_the_time_of_grading(canvas: Canvas, scene: Scene) -> None:
    before = later(canvas, seconds=-1)
    scene.grade(7)
    assert ags_error(scene.post(timestamp=before))[0] == 400


@pytest.mark.parametrize("moment", ["yesterday-ish", 1_700_000_000, "1700000000", "2026-02-30T00:00:00Z"])
def test_what_is_no_time_is_refused(scene: Scene, moment: object) -> None:
    text = f"Provided timestamp of {moment} not a valid timestamp"
    assert ags_error(scene.post(timestamp=moment)) == (400, text)


def test_a_submission_time_may_be_a_minute_ahead(canvas: Canvas, scene: Scene) -> None:
    near, far = later(canvas, seconds=59), later(canvas, seconds=61)
    assert scene.post(submission={"submittedAt": near}).status == 200
    text = f"Provided submitted_at timestamp of {far} in the future"
    assert ags_error(scene.post(submission={"submittedAt": far})) == (400, text)


def test_the_standards_time_wins_over_the_extensions_also_when_blank(canvas: Canvas, scene: Scene) -> None:
    extension = {"submitted_at": later(canvas, hours=-9)}
    scene.posted(submission={"submittedAt": later(canvas, hours=-1)}, extension=extension)
    assert scene.state()["submitted_at"] == later(canvas, hours=-1)
    scene.posted(submission={"submittedAt": ""}, extension=extension)
    assert scene.state()["submitted_at"] == later(canvas)
    scene.posted(extension=extension)
    assert scene.state()["submitted_at"] == later(canvas, hours=-9)


def test_a_top_level_time_is_ignored(canvas: Canvas, scene: Scene) -> None:
    scene.posted(submittedAt=later(canvas, hours=-9))
    assert scene.state()["submitted_at"] == later(canvas)


def test_older_canvas_knows_only_the_extensions_time(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare()
    scene.posted(submission={"submittedAt": later(old_canvas, hours=-1)})
    assert scene.state()["submitted_at"] == later(old_canvas)
    scene.posted(extension={"submitted_at": later(old_canvas, hours=-1)})
    assert scene.state()["submitted_at"] == later(old_canvas, hours=-1)


def test_work_after_the_due_date_is_late_and_may_lose_points(canvas: Canvas) -> None:
    scene = canvas.prepare(due_at=later(canvas, hours=-1), late_deduction_percent=10)
    scene.posted()
    state = scene.state()
    assert (state["late"], state["score"], state["result_score"]) == (True, 8.2, 0.92)


def test_work_before_the_due_date_is_not_late(canvas: Canvas) -> None:
    scene = canvas.prepare(due_at=later(canvas, hours=-1), late_deduction_percent=10)
    scene.posted(submission={"submittedAt": later(canvas, hours=-2)})
    state = scene.state()
    assert (state["late"], state["score"]) == (False, 9.2)


# Section 3.7: attempts

NO_ATTEMPTS = (422, "The maximum number of allowed attempts has been reached for this submission")


def test_no_attempts_left_refuses_the_score_too(canvas: Canvas) -> None:
    scene = canvas.prepare(allowed_attempts=2, attempts_made=2)
    assert ags_error(scene.post()) == NO_ATTEMPTS
    assert ags_error(scene.post(activityProgress="Started")) == NO_ATTEMPTS
    assert scene.state()["score"] is None


def test_without_a_new_submission_there_is_no_limit(canvas: Canvas) -> None:
    scene = canvas.prepare(allowed_attempts=1, attempts_made=1)
    scene.posted(extension={"new_submission": False})
    assert scene.state()["score"] == 9.2


def test_extra_attempts_count(canvas: Canvas) -> None:
    scene = canvas.prepare(allowed_attempts=1, attempts_made=1, extra_attempts=1)
    assert scene.post().status == 200


def test_the_same_time_is_exempt_in_recent_canvas(canvas: Canvas) -> None:
    scene = canvas.prepare(allowed_attempts=1, attempts_made=1, submitted_at=later(canvas, hours=-1))
    assert scene.post(submission={"submittedAt": later(canvas, hours=-1)}).status == 200
    canvas.order("switch", generation="old")
    assert ags_error(scene.post(extension={"submitted_at": later(canvas, hours=-1)})) == NO_ATTEMPTS


# Section 3.8: files

FILES = [
    {"type": "file", "url": "https://tool.example.org/a.pdf", "title": "a.pdf", "media_type": "application/pdf"},
    {"type": "link", "url": "https://tool.example.org/b"},
]


def test_files_make_an_upload_and_are_told_with_their_progress(canvas: Canvas, scene: Scene) -> None:
    (item,) = scene.posted(extension={"content_items": FILES, "submission_type": "online_url"})[EXTENSION][
        "content_items"
    ]
    assert (item["type"], item["url"], item["title"]) == ("file", "https://tool.example.org/a.pdf", "a.pdf")
    state = scene.state()
    assert state["submission_type"] == "online_upload"
    assert state["attachments"] == [
        {"url": "https://tool.example.org/a.pdf", "title": "a.pdf", "media_type": "application/pdf"}
    ]
    progress = canvas.call("GET", item["progress"])
    assert json.loads(progress.body)["workflow_state"] == "completed"


def test_older_canvas_ignores_the_media_type(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare()
    scene.posted(extension={"content_items": FILES})
    assert scene.state()["attachments"][0]["media_type"] is None


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("file_service_504", 504, "failed to communicate with file service"),
        ("file_service_400", 400, "uploading to file service failed with 400: bad request"),
        ("file_service_500", 500, "uploading to file service failed with 500: internal server error"),
    ],
)
def test_a_failing_file_service_stores_nothing(canvas: Canvas, scene: Scene, kind: str, status: int, text: str) -> None:
    canvas.order("switch", faults=[{"path": "score", "kind": kind, "count": 1}])
    assert ags_error(scene.post(extension={"content_items": FILES})) == (status, text)
    state = scene.state()
    assert (state["attempt"], state["score"], state["result"]) == (0, None, None)
    assert scene.post(extension={"content_items": FILES}).status == 200


def test_a_post_without_files_does_not_use_the_file_fault_up(canvas: Canvas, scene: Scene) -> None:
    canvas.order("switch", faults=[{"path": "score", "kind": "file_service_500", "count": 1}])
    assert scene.post().status == 200
    assert scene.post(extension={"content_items": FILES}).status == 500


def test_content_items_that_are_no_list_are_no_files(scene: Scene) -> None:
    scene.posted(extension={"content_items": "x"})
    assert scene.state()["submission_type"] == "external_tool"


def test_an_extension_that_is_no_object_counts_as_empty(canvas: Canvas, scene: Scene) -> None:
    scene.posted(**{EXTENSION: "x"})
    assert scene.state()["attempt"] == 1


def test_an_unknown_progress_is_not_found(canvas: Canvas, scene: Scene) -> None:
    url = scene.told["line_items"].replace("line_items", "progress/1")
    assert listed_error(canvas.call("GET", url))[0] == 404


# Section 6: values


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"scoreMaximum": None}, "ScoreMaximum not supplied when ScoreGiven present."),
        ({"scoreMaximum": -1}, "ScoreMaximum must be greater than or equal to 0"),
        ({"scoreMaximum": 0}, "cannot be zero if line item's maximum is not zero"),
        ({"scoreMaximum": "ten"}, "cannot be zero if line item's maximum is not zero"),
        ({"scoreMaximum": [10]}, "cannot be zero if line item's maximum is not zero"),
        ({"scoreMaximum": True}, "cannot be zero if line item's maximum is not zero"),
        ({"scoreGiven": -1}, "ScoreGiven must be greater than or equal to 0"),
    ],
)
def test_scores_have_bounds(scene: Scene, changes: dict[str, Any], text: str) -> None:
    assert ags_error(scene.post(**changes)) == (422, text)
    assert ags_error(scene.post(**changes, extension={"preserve_score": True})) == (422, text)


@pytest.mark.parametrize("changes", [{"scoreMaximum": None}, {"scoreMaximum": -1}, {"scoreGiven": -1}])
def test_scores_that_do_not_count_are_not_checked(scene: Scene, changes: dict[str, Any]) -> None:
    assert scene.post(**changes, gradingProgress="Pending").status == 200


def test_a_score_may_be_a_number_in_text(scene: Scene) -> None:
    scene.posted(scoreGiven="0.5", scoreMaximum="1.0")
    assert scene.state()["score"] == 5


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"activityProgress": "Done"}, "activity_progress", "is not included in the list"),
        ({"gradingProgress": "Done"}, "grading_progress", "is not included in the list"),
        ({"scoreGiven": "much"}, "result_score", "is not a number"),
        ({"scoreGiven": True}, "result_score", "is not a number"),
        ({"scoreGiven": Decimal("1e400")}, "result_score", "is not a number"),
        ({"scoreMaximum": "1x"}, "result_maximum", "is not a number"),
    ],
)
def test_what_the_records_refuse_rolls_the_score_back(
    canvas: Canvas, changes: dict[str, Any], field: str, text: str
) -> None:
    scene = canvas.prepare(tool_score=5)
    assert model_fault(scene.post(**changes, comment="c")) == (422, field, text)
    state = scene.state()
    assert (state["score"], state["comments"], state["result"]["score"]) == (5, [], 5)


def test_an_unpublished_assignment_fails_late_in_older_canvas(old_canvas: Canvas) -> None:
    scene = old_canvas.prepare(published=False)
    text = "cannot be changed at this time: This assignment is still unpublished"
    assert model_fault(scene.post()) == (422, "grade", text)
    state = scene.state()
    assert (state["attempt"], state["score"], state["result"]) == (1, None, None)


# Further line items (section 4)


def test_a_further_line_item_keeps_a_result_and_touches_nothing_else(canvas: Canvas, scene: Scene) -> None:
    body = {"label": "Style", "scoreMaximum": 4, "resourceLinkId": scene.told["resource_link_id"]}
    further = json.loads(canvas.call("POST", scene.told["line_items"], body).body)["id"]
    canvas.order("assignment", handle=scene.handle, allowed_attempts=1)
    for _ in range(2):
        scene.posted(line_item=further, scoreGiven=3, scoreMaximum=4, comment="c", extension={"content_items": FILES})
    state = scene.state()
    assert (state["attempt"], state["score"], state["comments"], state["result"]) == (0, None, [], None)
    (result,) = scene.results(line_item=further)
    assert (result["resultScore"], result["resultMaximum"]) == (3, 4)
