"""Results: Canvas AGS, sections 2 and 5."""

import json
from decimal import Decimal

import pytest

from canvas_box.canvas_harness import EXTENSION, Canvas, Scene, ags_error, listed_error

TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"


def test_a_result_shows_what_the_tool_sent(scene: Scene) -> None:
    scene.posted(comment="Well done", extension={"submission_type": "none"})
    answer = scene.canvas.call("GET", f"{scene.line_item}/results")
    (result,) = json.loads(answer.body)
    assert (answer.status, answer.header("Content-Type").partition(";")[0]) == (200, TYPE)
    assert result == {
        "id": result["id"],
        "scoreOf": scene.line_item,
        "userId": scene.told["user_id"],
        "resultScore": 0.92,
        "resultMaximum": 1.0,
        "comment": "Well done",
        EXTENSION: {"submission_type": "none"},
    }
    assert b'"resultMaximum": 1.0' in answer.body


def test_null_fields_are_left_out(scene: Scene) -> None:
    scene.posted(scoreGiven=None, scoreMaximum=None)
    assert set(scene.result()) == {"id", "scoreOf", "userId"}


def test_one_result_is_shown_in_the_containers_type(canvas: Canvas, scene: Scene) -> None:
    url = scene.posted()["resultUrl"]
    answer = canvas.call("GET", url)
    assert (answer.status, answer.header("Content-Type").partition(";")[0]) == (200, TYPE)
    assert json.loads(answer.body)["id"] == url
    assert listed_error(canvas.call("GET", f"{url}999"))[0] == 404


def test_a_result_of_another_keys_line_item_is_not_shown_but_listed(canvas: Canvas) -> None:
    scene = canvas.prepare()
    url = scene.posted()["resultUrl"]
    canvas.order("register", client_id="55", public_jwk=canvas.public_jwk)
    saved = json.loads(canvas.simulator.dump())
    saved["courses"][str(scene.told["course_id"])]["installed"].append("55")
    canvas.simulator = type(canvas.simulator).load(json.dumps(saved), canvas.clock)
    canvas.token = json.loads(canvas.ask_token(canvas.claims(sub="55")).body)["access_token"]
    assert ags_error(canvas.call("GET", url)) == (412, "Tool does not have permission to view line_item")
    assert len(scene.results()) == 1
    assert scene.post(scoreGiven=1).status == 200


@pytest.mark.parametrize("form", ["user_id", "canvas_user_id"])
def test_a_user_is_asked_for_in_the_same_forms_as_in_scores(scene: Scene, form: str) -> None:
    scene.posted()
    assert len(scene.results(f"?user_id={scene.told[form]}")) == 1


def test_nobody_and_no_result_are_an_empty_list(canvas: Canvas, scene: Scene) -> None:
    assert scene.results(f"?user_id={scene.told['user_id']}") == []
    assert scene.results("?user_id=nobody") == []
    teacher = canvas.prepare(student="teacher")
    assert teacher.results(f"?user_id={teacher.told['user_id']}") == []


def test_the_test_students_result_is_not_shown(canvas: Canvas) -> None:
    scene = canvas.prepare(student="test")
    scene.posted()
    assert scene.results() == []
    assert scene.results(f"?user_id={scene.told['user_id']}") == []


def test_results_come_in_pages_with_links(canvas: Canvas) -> None:
    scene = canvas.prepare(classmates=11)
    members = json.loads(canvas.call("GET", scene.told["context_memberships_url"]).body)["members"]
    for member in members:
        if member["roles"][0].endswith("Learner"):
            scene.posted(userId=member["user_id"])
    first = canvas.call("GET", f"{scene.line_item}/results")
    assert len(json.loads(first.body)) == 10
    assert f'<{scene.line_item}/results?page=2&limit=10>; rel="next"' in first.header("Link")
    second = canvas.call("GET", f"{scene.line_item}/results?page=2&limit=10")
    assert len(json.loads(second.body)) == 2
    assert "next" not in second.header("Link")
    assert 'rel="prev"' in second.header("Link")
    assert len(scene.results("?limit=100")) == 12


@pytest.mark.parametrize("limit", ["0", "-1", "x", "9999999", "²"])
def test_a_strange_limit_is_the_default(scene: Scene, limit: str) -> None:
    scene.posted()
    assert "limit=10>" in scene.canvas.call("GET", f"{scene.line_item}/results?limit={limit}").header("Link")


def test_a_limit_above_the_maximum_is_the_maximum(scene: Scene) -> None:
    assert "limit=100>" in scene.canvas.call("GET", f"{scene.line_item}/results?limit=500").header("Link")


# Person's grades


def test_a_persons_grade_is_scaled_to_the_results_maximum(scene: Scene) -> None:
    scene.posted()
    scene.grade(Decimal("7.5"))
    result = scene.result()
    assert (result["resultScore"], result["resultMaximum"]) == (0.75, 1)


def test_a_person_makes_a_result_in_points(scene: Scene) -> None:
    scene.grade(7)
    result = scene.result()
    assert (result["resultScore"], result["resultMaximum"]) == (7, 10)
    assert EXTENSION not in result


def test_a_person_makes_a_result_of_zero_when_points_are_blank(canvas: Canvas) -> None:
    scene = canvas.prepare(points=None)
    scene.grade(7)
    result = scene.result()
    assert (result["resultScore"], result["resultMaximum"]) == (7, 0)


def test_a_persons_grade_does_not_move_the_results_time(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    before = scene.state()["result"]["updated"]
    canvas.clock.forward(hours=1)
    scene.grade(7)
    assert scene.state()["result"]["updated"] == before


def test_a_person_sets_a_maximum_that_was_null(scene: Scene) -> None:
    scene.posted(scoreGiven=None, scoreMaximum=None)
    scene.grade(7)
    assert scene.result()["resultMaximum"] == 10


def test_a_cleared_grade_has_no_result_score(scene: Scene) -> None:
    scene.grade(None)
    assert scene.results() == []
    scene.grade(7)
    scene.grade(None)
    assert "resultScore" not in scene.result()


def test_trap_a_blocked_post_leaves_the_tools_number_scaled_as_a_persons(scene: Scene) -> None:
    scene.grade(8)
    scene.posted(extension={"prioritize_non_tool_grade": True})
    assert scene.result()["resultScore"] == 0.092
    assert scene.state()["score"] == 8


def test_trap_a_preserving_post_without_score_nulls_the_result(scene: Scene) -> None:
    scene.posted()
    scene.posted(scoreGiven=None, scoreMaximum=None, extension={"preserve_score": True})
    assert "resultScore" not in scene.result()
    assert scene.state()["score"] == 9.2


def test_a_score_over_lti11_does_not_change_an_existing_result(scene: Scene) -> None:
    scene.posted()
    assert scene.replace("0.5").status == 200
    assert scene.state()["score"] == 5
    assert scene.result()["resultScore"] == 0.92


def test_a_score_over_lti11_makes_no_result(scene: Scene) -> None:
    assert scene.replace("0.5").status == 200
    assert scene.results() == []


# Concluded courses


def test_a_concluded_course_refuses_reading(canvas: Canvas) -> None:
    scene = canvas.prepare(concluded=True)
    general = "This course has concluded. AGS requests will no longer be accepted for this course."
    assert ags_error(canvas.call("GET", f"{scene.line_item}/results")) == (422, general)
    named = canvas.call("GET", f"{scene.line_item}/results?user_id={scene.told['user_id']}")
    assert ags_error(named) == (422, general.replace("concluded", "concluded for this student"))
