"""The gradebook as a web page."""

from urllib.parse import urlencode

import pytest
from lxml import html

from canvas_box.canvas_harness import BASE, Canvas, Scene, data_xml
from simulator.exchange import Response


def page(canvas: Canvas, path: str = "/gradebook") -> str:
    answer = canvas.send("GET", path)
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    return answer.body.decode()


def rows(canvas: Canvas, path: str = "/gradebook") -> list[list[str]]:
    document = html.fromstring(page(canvas, path))
    return [
        [" ".join(str(cell.text_content()).split()) for cell in row.xpath("td")] for row in document.xpath("//tbody/tr")
    ]


def test_an_empty_gradebook_says_so(canvas: Canvas) -> None:
    assert "No courses yet" in page(canvas)


def test_a_row_tells_score_work_and_result(scene: Scene) -> None:
    scene.posted(
        extension={"submission_type": "online_url", "submission_data": "https://t.example.org/u"}, comment="Hm"
    )
    (row,) = rows(scene.canvas, f"/gradebook/{scene.told['course_id']}")
    assert row[:5] == ["Ada Lovelace", "9.2", "tool", "graded", "1"]
    assert row[5] == "2026-02-0310:00:00.123"
    assert row[6] == "link https://t.example.org/uHm"
    assert row[7] == "0.92 / 1FullyGraded10:00:00"


def test_a_row_tells_review_lateness_and_who_graded(canvas: Canvas) -> None:
    scene = canvas.prepare(due_at="2026-02-01T00:00:00Z")
    scene.replace("0.5", data_xml(text="x" * 200), "<needsAdditionalReview/>")
    (row,) = rows(canvas)
    assert row[3] == "needs review late"
    assert row[6].endswith("x…")
    scene.grade(6)
    assert rows(canvas)[0][1:3] == ["6", "teacher"]


def test_a_row_tells_what_is_missing(canvas: Canvas) -> None:
    scene = canvas.prepare(adopted=False, points=None, published=False, concluded=True, student="inactive")
    (row,) = rows(canvas)
    assert row[0] == "Ada Lovelaceinactive"
    assert (row[1], row[4], row[6], row[7]) == ("–", "–", "–", "no line item")
    text = page(canvas)
    assert "no points" in text
    assert "unpublished" in text
    assert "concluded" in text
    canvas.order("assignment", handle=scene.handle, deleted=True)
    assert rows(canvas) == []


def test_a_score_of_earlier_work_and_a_letter_are_marked(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=9, submission_type="online_upload", grading_type="letter_grade")
    scene.replace(inside=data_xml(downloadUrl="https://t.example.org/f", documentName="f.docx"))
    (row,) = rows(canvas)
    assert row[1] == "9 A- (earlier attempt)"
    assert row[6] == "file f.docx"


def test_a_cleared_result_shows_a_dash(scene: Scene) -> None:
    scene.posted(scoreGiven=None, scoreMaximum=None)
    assert rows(scene.canvas)[0][7].startswith("–FullyGraded")


def test_everything_is_escaped(canvas: Canvas) -> None:
    scene = canvas.prepare(name="<script>alert(1)</script>")
    scene.posted(
        extension={"submission_type": "online_text_entry", "submission_data": "<img src=x onerror=alert(2)>"},
        comment="<b>bold</b>",
        gradingProgress="FullyGraded",
    )
    text = page(canvas)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<b>bold" not in text


def test_the_newest_course_comes_first(canvas: Canvas) -> None:
    for name in ("First", "Second"):
        canvas.prepare(name=name)
    text = page(canvas)
    assert text.index("Second") < text.index("First")


def test_an_unknown_course_is_404(canvas: Canvas) -> None:
    assert canvas.send("GET", "/gradebook/99").status == 404


def form(scene: Scene, score: str, **changes: str) -> int:
    fields = {
        "assignment": str(scene.told["assignment_id"]),
        "user": str(scene.told["canvas_user_id"]),
        "score": score,
        **changes,
    }
    course = changes.get("course", str(scene.told["course_id"]))
    answer = scene.canvas.send("POST", f"/gradebook/{course}/grade", urlencode(fields).encode())
    if answer.status == 303:
        assert answer.header("Location") == f"/gradebook/{course}"
    return answer.status


def test_a_teacher_grades_in_the_form(scene: Scene) -> None:
    assert form(scene, " 7.5 ") == 303
    state = scene.state()
    assert (state["score"], state["graded_by"]) == (7.5, "person")
    assert form(scene, "") == 303
    assert scene.state()["score"] is None


@pytest.mark.parametrize("score", ["x", "1e400"])
def test_a_grade_that_is_no_number_is_refused(scene: Scene, score: str) -> None:
    assert form(scene, score) == 422
    assert scene.state()["score"] is None


@pytest.mark.parametrize("changes", [{"assignment": "x"}, {"user": "9" * 30}, {"course": "99"}])
def test_a_grade_for_nobody_is_404(scene: Scene, changes: dict[str, str]) -> None:
    assert form(scene, "7", **changes) == 404


# The panel of the faults


def in_force(canvas: Canvas, path: str = "/gradebook") -> list[str]:
    document = html.fromstring(page(canvas, path))
    return [str(item.text_content()) for item in document.xpath("//aside//li")]


def forms(canvas: Canvas, path: str = "/gradebook") -> dict[str, html.FormElement]:
    """Give the panel's forms by the names of their buttons."""
    document = html.fromstring(page(canvas, path))
    return {str(form.xpath("button")[0].text_content()): form for form in document.xpath("//aside//form")}


def press(canvas: Canvas, button: str, path: str = "/gradebook", **typed: str) -> Response:
    """Send a form of the panel as a browser does."""
    form = forms(canvas, path)[button]
    fields = {name: value or "" for name, value in form.fields.items()} | typed
    return canvas.send(form.method, str(form.action), urlencode(fields).encode(), headers={"Origin": BASE})


def test_the_panel_offers_the_usual_faults(canvas: Canvas, scene: Scene) -> None:
    usual = ["Slow", "Throttled", "Error 500", "Drop after storing"]
    assert list(forms(canvas)) == ["Down", *usual, "Clear all"]
    assert list(forms(canvas, f"/gradebook/{scene.told['course_id']}")) == [*usual, "Clear all"]
    assert "none in force" in page(canvas)


@pytest.mark.parametrize(
    ("button", "typed", "sentence"),
    [
        ("Slow", {"seconds": "2.5"}, "slow 2.5 s, all calls, all courses, until cleared"),
        ("Slow", {"count": "3"}, "slow 10 s, all calls, all courses, 3 more"),
        ("Throttled", {}, "throttle 403, all calls, all courses, until cleared"),
        ("Error 500", {"count": " 1 "}, "status 500, all calls, all courses, 1 more"),
        ("Drop after storing", {}, "drop after, all calls, all courses, until cleared"),
    ],
)
def test_a_button_switches_a_fault(canvas: Canvas, button: str, typed: dict[str, str], sentence: str) -> None:
    answer = press(canvas, button, **typed)
    assert (answer.status, answer.header("Location")) == (303, "/gradebook")
    assert in_force(canvas) == [sentence]
    assert press(canvas, "Clear all").status == 303
    assert in_force(canvas) == []


def test_a_courses_page_switches_faults_of_that_course(canvas: Canvas, scene: Scene) -> None:
    other = canvas.prepare()
    scene.posted()
    address = f"/gradebook/{scene.told['course_id']}"
    assert press(canvas, "Error 500", address).header("Location") == address
    assert (scene.post().status, other.post().status) == (500, 200)
    assert in_force(canvas, address)[0].endswith(f"course {scene.told['course_id']}, until cleared")


def test_down_is_switched_on_and_off(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    press(canvas, "Down")
    assert scene.post().drop
    assert in_force(canvas) == ["Canvas is down: every call is refused"]
    press(canvas, "Error 500")
    press(canvas, "Up again")
    assert len(in_force(canvas)) == 1
    press(canvas, "Down")
    press(canvas, "Clear all")
    assert in_force(canvas) == []
    assert scene.post().status == 200


def test_a_fault_from_the_control_door_is_told_too(canvas: Canvas) -> None:
    canvas.order("switch", faults=[{"kind": "hang", "seconds": 60, "path": "score", "share": 0.25, "count": 2}])
    assert in_force(canvas) == ["hang 60 s, scores, all courses, 0.25 of the calls, 2 more"]


@pytest.mark.parametrize(
    ("fields", "path", "status"),
    [
        ({"kind": "dance"}, "/gradebook/faults", 422),
        ({}, "/gradebook/faults", 422),
        ({"kind": "slow", "seconds": "x"}, "/gradebook/faults", 422),
        ({"kind": "slow", "seconds": "1e999"}, "/gradebook/faults", 422),
        ({"kind": "slow", "seconds": "-1"}, "/gradebook/faults", 422),
        ({"kind": "status", "count": "0"}, "/gradebook/faults", 422),
        ({"kind": "status", "count": "9999999"}, "/gradebook/faults", 422),
        ({"kind": "status", "count": "two"}, "/gradebook/faults", 422),
        ({"kind": "status"}, "/gradebook/99/faults", 422),
        ({"score": "1"}, "/gradebook/grade", 404),
    ],
)
def test_a_wrong_form_switches_nothing(canvas: Canvas, fields: dict[str, str], path: str, status: int) -> None:
    assert canvas.send("POST", path, urlencode(fields).encode()).status == status
    assert canvas.order("switch")["faults"] == []


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", f"{BASE}.example.org"])
def test_a_form_of_another_site_is_refused(scene: Scene, origin: str) -> None:
    """A page on the web can make a browser post to this machine; the browser says from where."""
    canvas, course = scene.canvas, scene.told["course_id"]
    sent = urlencode({"kind": "down"}).encode()
    assert canvas.send("POST", "/gradebook/faults", sent, headers={"Origin": origin}).status == 403
    assert canvas.order("switch")["down"] is False
    grade = urlencode({"assignment": scene.told["assignment_id"], "user": scene.told["canvas_user_id"], "score": "1"})
    assert canvas.send("POST", f"/gradebook/{course}/grade", grade.encode(), headers={"Origin": origin}).status == 403
    assert scene.state()["score"] is None


def test_a_faults_page_is_posted_to_only(canvas: Canvas) -> None:
    assert canvas.send("GET", "/gradebook/faults").status == 404
