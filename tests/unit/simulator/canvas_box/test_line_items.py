"""Line items and adoption: Canvas AGS, section 4."""

import json
from typing import Any

import pytest

from canvas_box.canvas_harness import EXTENSION, LINE_ITEM_TYPE, Canvas, Scene, ags_error, listed_error
from simulator.exchange import Response

SUBMISSION_TYPE = "https://canvas.instructure.com/lti/submission_type"
LAUNCH_URL = "https://canvas.instructure.com/lti/launch_url"
CONTAINER_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"


def listed(scene: Scene, query: str = "") -> list[dict[str, Any]]:
    answer = scene.canvas.call("GET", scene.told["line_items"] + query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


def create(scene: Scene, **fields: Any) -> Response:
    return scene.canvas.call(
        "POST", scene.told["line_items"], {"label": "L", "scoreMaximum": 5, **fields}, LINE_ITEM_TYPE
    )


def created(scene: Scene, **fields: Any) -> dict[str, Any]:
    answer = create(scene, **fields)
    assert (answer.status, answer.header("Content-Type").partition(";")[0]) == (201, LINE_ITEM_TYPE)
    made: dict[str, Any] = json.loads(answer.body)
    return made


def show(scene: Scene, url: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(scene.canvas.call("GET", url).body)
    return shown


def test_a_line_item_is_listed_and_shown_without_null_fields(scene: Scene) -> None:
    answer = scene.canvas.call("GET", scene.told["line_items"])
    assert answer.header("Content-Type").partition(";")[0] == CONTAINER_TYPE
    (item,) = json.loads(answer.body)
    assert item == {
        "id": scene.line_item,
        "scoreMaximum": 10.0,
        "label": "Week 1 quiz",
        "resourceLinkId": scene.told["resource_link_id"],
        SUBMISSION_TYPE: item[SUBMISSION_TYPE],
    }
    assert b'"scoreMaximum": 10.0' in answer.body
    shown = scene.canvas.call("GET", scene.line_item)
    assert (shown.status, shown.header("Content-Type").partition(";")[0]) == (200, LINE_ITEM_TYPE)
    assert json.loads(shown.body) == item


def test_the_launch_url_is_only_shown_on_demand(scene: Scene) -> None:
    assert LAUNCH_URL not in listed(scene)[0]
    assert LAUNCH_URL in listed(scene, "?include[]=launch_url")[0]


def test_the_list_is_filtered(scene: Scene) -> None:
    made = created(scene, tag="grade", resourceId="quiz-1")
    assert [item["id"] for item in listed(scene, "?tag=grade")] == [made["id"]]
    assert [item["id"] for item in listed(scene, "?resource_id=quiz-1")] == [made["id"]]
    link = scene.told["resource_link_id"]
    assert [item["id"] for item in listed(scene, f"?resource_link_id={link}")] == [scene.line_item]
    assert listed(scene, "?resource_link_id=x") == []


def test_the_list_comes_in_pages(scene: Scene) -> None:
    for _ in range(2):
        created(scene)
    answer = scene.canvas.call("GET", scene.told["line_items"] + "?limit=2&tag=")
    assert json.loads(answer.body) == []
    answer = scene.canvas.call("GET", scene.told["line_items"] + "?limit=2")
    assert len(json.loads(answer.body)) == 2
    assert "page=2&limit=2" in answer.header("Link")


def test_a_new_line_item_makes_a_published_assignment(scene: Scene) -> None:
    made = created(scene, startDateTime="2026-01-31T22:23:11Z", endDateTime="2026-02-07T22:23:11Z")
    assert made["startDateTime"] == "2026-01-31T22:23:11Z"
    assert made["endDateTime"] == "2026-02-07T22:23:11Z"
    assert "resourceLinkId" not in made
    scene.posted(line_item=made["id"])
    assert scene.results(line_item=made["id"])[0]["resultScore"] == 0.92


def test_older_canvas_knows_no_dates(old_canvas: Canvas) -> None:
    made = created(old_canvas.prepare(), startDateTime="2026-01-31T22:23:11Z")
    assert "startDateTime" not in made


def test_dates_that_are_none_are_not_set(scene: Scene) -> None:
    assert "endDateTime" not in created(scene, endDateTime=7)


def test_a_new_tool_assignment_gets_a_resource_link(scene: Scene) -> None:
    launch = {"type": "external_tool", "external_tool_url": "https://tool.example.org/1"}
    made = created(scene, **{SUBMISSION_TYPE: launch})
    assert made["resourceLinkId"]
    assert made[SUBMISSION_TYPE] == launch
    body = {"error": "Invalid submission_type for new assignment: online_quiz"}
    answer = create(scene, **{SUBMISSION_TYPE: {"type": "online_quiz"}})
    assert (answer.status, json.loads(answer.body)) == (400, body)


@pytest.mark.parametrize("name", ["label", "scoreMaximum"])
def test_label_and_maximum_are_required(scene: Scene, name: str) -> None:
    assert listed_error(create(scene, **{name: None})) == (400, f"{name} is missing")


@pytest.mark.parametrize("maximum", [-1, "many"])
def test_a_maximum_must_be_a_number_of_at_least_zero(scene: Scene, maximum: object) -> None:
    assert create(scene, scoreMaximum=maximum).status == 422


def test_a_further_line_item_joins_its_assignment(scene: Scene) -> None:
    made = created(scene, resourceLinkId=scene.told["resource_link_id"])
    assert made["resourceLinkId"] == scene.told["resource_link_id"]
    assert made["scoreMaximum"] == 5
    assert show(scene, scene.line_item)["scoreMaximum"] == 10


def test_a_bad_resource_link_is_refused(canvas: Canvas, scene: Scene) -> None:
    assert listed_error(create(scene, resourceLinkId="x"))[0] == 404
    elsewhere = create(scene, resourceLinkId=canvas.prepare().told["resource_link_id"])
    assert (elsewhere.status, elsewhere.body) == (412, b"")
    canvas.order("assignment", handle=scene.handle, deleted=True)
    assert create(scene, resourceLinkId=scene.told["resource_link_id"]).status == 412


def test_a_resource_link_that_lost_its_line_items_is_refused(scene: Scene) -> None:
    launch = {"type": "external_tool", "external_tool_url": "https://tool.example.org/1"}
    made = created(scene, **{SUBMISSION_TYPE: launch})
    assert scene.canvas.call("DELETE", made["id"]).status == 204
    assert create(scene, resourceLinkId=made["resourceLinkId"]).status == 412


@pytest.fixture
def foreign(canvas: Canvas, scene: Scene) -> Scene:
    """A scene whose line item belongs to another key, with a token of a key that is installed beside it."""
    saved = json.loads(canvas.simulator.dump())
    course = saved["courses"][str(scene.told["course_id"])]
    course["installed"].append("55")
    canvas.simulator = type(canvas.simulator).load(json.dumps(saved), canvas.clock)
    canvas.order("register", client_id="55", public_jwk=canvas.public_jwk)
    canvas.token = json.loads(canvas.ask_token(canvas.claims(sub="55")).body)["access_token"]
    return scene


def test_anothers_line_item_is_neither_listed_nor_shown_nor_changed(foreign: Scene) -> None:
    assert listed(foreign) == []
    for method in ("GET", "PUT", "DELETE"):
        answer = foreign.canvas.call(method, foreign.line_item)
        assert ags_error(answer) == (412, "Tool does not have permission to view line_item")


def test_anothers_resource_link_is_refused(foreign: Scene) -> None:
    answer = create(foreign, resourceLinkId=foreign.told["resource_link_id"])
    assert ags_error(answer) == (422, "Resource link id points to Tool not associated with this Context")


def test_changing_the_first_line_item_changes_the_assignment(canvas: Canvas, scene: Scene) -> None:
    body = {"label": "New", "scoreMaximum": 20, "tag": "t", "resourceId": "r", "endDateTime": "2026-02-07T22:23:11Z"}
    answer = canvas.call("PUT", scene.line_item, body, LINE_ITEM_TYPE)
    changed = json.loads(answer.body)
    assert answer.status == 200
    assert (changed["label"], changed["scoreMaximum"], changed["tag"], changed["resourceId"]) == ("New", 20, "t", "r")
    scene.posted()
    assert scene.state()["score"] == 18.4


def test_changing_a_further_line_item_leaves_the_assignment(canvas: Canvas, scene: Scene) -> None:
    made = created(scene, resourceLinkId=scene.told["resource_link_id"])
    changed = json.loads(canvas.call("PUT", made["id"], {"label": "New"}, LINE_ITEM_TYPE).body)
    assert (changed["label"], changed["scoreMaximum"]) == ("New", 5)
    assert json.loads(canvas.call("PUT", made["id"], {"scoreMaximum": 6}).body)["scoreMaximum"] == 6
    assert show(scene, scene.line_item)["label"] == "Week 1 quiz"


def test_the_maximum_follows_the_assignments_points(canvas: Canvas, scene: Scene) -> None:
    canvas.order("assignment", handle=scene.handle, points=15)
    assert show(scene, scene.line_item)["scoreMaximum"] == 15
    canvas.order("assignment", handle=scene.handle, points=None)
    assert show(scene, scene.line_item)["scoreMaximum"] == 0


def test_a_coupled_line_item_is_not_deleted(canvas: Canvas, scene: Scene) -> None:
    answer = canvas.call("DELETE", scene.line_item)
    assert (answer.status, answer.body) == (401, b"")


def test_deleting_a_further_line_item_leaves_the_assignment_alone(canvas: Canvas, scene: Scene) -> None:
    made = created(scene, resourceLinkId=scene.told["resource_link_id"])
    answer = canvas.call("DELETE", made["id"])
    assert (answer.status, answer.body) == (204, b"")
    assert listed_error(canvas.call("GET", made["id"]))[0] == 404
    assert canvas.call("GET", scene.line_item).status == 200


def test_deleting_an_uncoupled_first_line_item_deletes_its_assignment(canvas: Canvas, scene: Scene) -> None:
    made = created(scene)
    assert canvas.call("DELETE", made["id"]).status == 204
    shown = canvas.call("GET", made["id"])
    assert (shown.status, shown.body) == (404, b"")
    assert listed_error(scene.post(line_item=made["id"]))[0] == 404


def test_a_deleted_assignment_takes_no_scores(canvas: Canvas, scene: Scene) -> None:
    canvas.order("assignment", handle=scene.handle, deleted=True)
    assert listed_error(scene.post())[0] == 404
    assert listed(scene) == []


# Adoption


def test_before_adoption_there_is_no_line_item(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False)
    assert scene.told["line_item"] is None
    assert listed(scene, f"?resource_link_id={scene.told['resource_link_id']}") == []


def test_adoption_copies_scores_with_the_time_of_the_work(canvas: Canvas) -> None:
    scene = canvas.prepare(
        adopted=False, tool_score=7, submission_type="online_url", submitted_at="2026-02-01T08:00:00Z"
    )
    scene.told["line_item"] = canvas.order("adopt", handle=scene.handle)["line_item"]
    result = scene.result()
    assert (result["resultScore"], result["resultMaximum"]) == (7, 10)
    assert result[EXTENSION] == {"submitted_at": "2026-02-01T08:00:00.000Z"}
    assert scene.state()["result"]["updated"] == "2026-02-01T08:00:00.000Z"


def test_adoption_tells_by_null_that_nothing_was_handed_in(canvas: Canvas) -> None:
    assert canvas.prepare(tool_score=7).result()[EXTENSION] == {"submitted_at": None}


def test_adoption_sees_no_work_without_a_score(canvas: Canvas) -> None:
    assert canvas.prepare(submission_type="online_url").results() == []


def test_adoption_happens_once(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False)
    first = canvas.order("adopt", handle=scene.handle)
    assert canvas.order("adopt", handle=scene.handle) == first


def test_creating_with_its_link_adopts_and_adds_a_further_line_item(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False, tool_score=7)
    made = created(scene, resourceLinkId=scene.told["resource_link_id"])
    first, further = listed(scene)
    assert further["id"] == made["id"]
    assert scene.results(line_item=first["id"])[0]["resultScore"] == 7
    assert canvas.call("DELETE", further["id"]).status == 204


def test_listing_scores_and_results_never_adopt(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False)
    listed(scene)
    scene.replace("0.5")
    assert listed(scene) == []


def test_a_teachers_grade_before_adoption_is_copied_like_a_tools(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False, teacher_score=6)
    scene.told["line_item"] = canvas.order("adopt", handle=scene.handle)["line_item"]
    assert scene.result()[EXTENSION] == {"submitted_at": None}


# Names and roles (section 8.1)


def members(scene: Scene, query: str = "") -> list[dict[str, Any]]:
    answer = scene.canvas.call("GET", scene.told["context_memberships_url"] + query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = json.loads(answer.body)["members"]
    return found


def test_members_have_both_user_ids(canvas: Canvas, scene: Scene) -> None:
    answer = canvas.call("GET", scene.told["context_memberships_url"])
    media_type = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
    body = json.loads(answer.body)
    assert answer.header("Content-Type").partition(";")[0] == media_type
    assert body["context"]["id"] == scene.told["context_id"]
    student = body["members"][0]
    assert (student["user_id"], student["lti11_legacy_user_id"]) == (
        scene.told["user_id"],
        scene.told["lti11"]["user_id"],
    )


def test_members_come_in_pages_of_at_most_fifty(canvas: Canvas) -> None:
    scene = canvas.prepare(classmates=60)
    answer = canvas.call("GET", scene.told["context_memberships_url"] + "?limit=100")
    assert len(json.loads(answer.body)["members"]) == 50
    assert 'rel="next"' in answer.header("Link")
    assert len(members(scene, "?page=2")) == 12


def test_members_are_asked_for_by_role(canvas: Canvas) -> None:
    scene = canvas.prepare(classmates=2)
    learner = "http://purl.imsglobal.org/vocab/lis/v2/membership%23Learner"
    assert len(members(scene, f"?role={learner}")) == 3


def test_only_active_members_are_listed(canvas: Canvas, scene: Scene) -> None:
    canvas.order("student", handle=scene.handle, action="remove")
    assert [member["name"] for member in members(scene)] == ["Grace Hopper"]


def test_a_resource_link_adds_a_message(canvas: Canvas, scene: Scene) -> None:
    assert "message" in members(scene, f"?rlid={scene.told['resource_link_id']}")[0]
    assert "message" not in members(scene, f"?rlid={scene.told['context_id']}")[0]
    answer = canvas.call("GET", scene.told["context_memberships_url"] + "?rlid=x")
    assert answer.status == 400
