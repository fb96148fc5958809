"""The gradebook as a web page."""

from urllib.parse import urlencode

import pytest
from lxml import html

from canvas_box.canvas_harness import Canvas, Scene, data_xml


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
