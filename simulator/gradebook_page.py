"""The gradebook as a web page: every course, every student, and a box for the teacher's grade."""

from datetime import datetime
from html import escape
from importlib.resources import files
from urllib.parse import parse_qsl

from simulator.cell import Cell
from simulator.exchange import Request, Response, text_response
from simulator.model import Course, Grader, GradingType, Role, Submission, WorkflowState, World
from simulator.refusals import not_found
from simulator.results import read_score
from simulator.ruby_numbers import parse_float, shown

_STYLE = files("simulator").joinpath("gradebook.css").read_text("utf-8")
_SCRIPT = files("simulator").joinpath("gradebook.js").read_text("utf-8")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'"
)
_COLUMNS = ("Student", "Score", "Graded by", "State", "Attempts", "Submitted", "Work", "Result", "Grade by hand")
_STATES = {
    WorkflowState.UNSUBMITTED: "nothing yet",
    WorkflowState.SUBMITTED: "needs grading",
    WorkflowState.GRADED: "graded",
    WorkflowState.PENDING_REVIEW: "needs review",
}
_GRADING = {
    GradingType.POINTS: "",
    GradingType.PERCENT: ", percent",
    GradingType.PASS_FAIL: ", complete or incomplete",
    GradingType.LETTER_GRADE: ", letter grade",
    GradingType.GPA_SCALE: ", GPA scale",
}
_TYPES = {
    "external_tool": "tool",
    "online_text_entry": "text",
    "online_url": "link",
    "basic_lti_launch": "launch",
    "online_upload": "file",
}


def show(world: World, course_id: int | None, fault_panel: str) -> Response:
    """Show one course, or all of them, newest first, below the panel of the faults."""
    courses = sorted(world.courses.values(), key=lambda course: course.id, reverse=True)
    if course_id is not None:
        courses = [course for course in courses if course.id == course_id]
        if not courses:
            raise not_found()
    sections = "".join(_course(world, course) for course in courses)
    empty = '<p class="empty">No courses yet. They appear here as soon as one is prepared.</p>'
    back = "" if course_id is None else '<a class="back" href="/gradebook">All courses</a>'
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Gradebook</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
        f"<style>{_STYLE}</style></head><body><header><h1>Gradebook</h1>{back}</header>"
        f'<main id="gradebook">{fault_panel}{sections or empty}</main><script>{_SCRIPT}</script></body></html>'
    )
    answer = text_response(200, page, "text/html")
    return Response(200, (*answer.headers, ("Content-Security-Policy", _POLICY)), answer.body)


def take_grade(world: World, request: Request, course_id: int, now: datetime) -> Response:
    """Take the teacher's grade from the form, empty to clear it, and go back to the page."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    course = world.courses.get(course_id)
    if course is None:
        raise not_found()
    assignment = course.assignments.get(_whole(form.get("assignment")))
    user = course.users.get(_whole(form.get("user")))
    if assignment is None or user is None:
        raise not_found()
    text = form.get("score", "").strip()
    score = parse_float(text) if text else None
    if text and (score is None or not score.is_finite()):
        return text_response(422, "The grade must be a number, or empty to clear it.\n")
    Cell(world, course, assignment, user).grade_by_person(score, now)
    return Response(303, (("Location", f"/gradebook/{course_id}"),))


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _course(world: World, course: Course) -> str:
    marks = '<span class="mark">concluded</span>' if course.concluded else ""
    title = f'<a href="/gradebook/{course.id}">{escape(course.name)}</a>'
    parts = [f"<section><h2>{title} {marks}</h2>"]
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    for assignment in course.assignments.values():
        if assignment.deleted:
            continue
        points = "no points" if assignment.points is None else f"{shown(assignment.points)} points"
        about = f"<small>{points}{_GRADING[assignment.grading_type]}</small>"
        draft = "" if assignment.published else '<span class="mark">unpublished</span>'
        parts.append(f'<h3>{escape(assignment.name)} {about} {draft}</h3><div class="scroll">')
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
        students = (user for user in course.users.values() if user.role is not Role.TEACHER)
        parts.extend(_row(Cell(world, course, assignment, user)) for user in students)
        parts.append("</tbody></table></div>")
    return "".join((*parts, "</section>"))


def _row(cell: Cell) -> str:
    submission = cell.submission
    state = cell.workflow_state(cell.world.switches.generation)
    late = ' <span class="mark late">late</span>' if cell.late else ""
    enrollment = cell.user.enrollment.value
    away = "" if enrollment == "active" else f'<br><span class="mark">{enrollment}</span>'
    cells = (
        f"<b>{escape(cell.user.name)}</b>{away}",
        _score(submission),
        _grader(submission),
        f'<span class="state {state.value}">{_STATES[state]}</span>{late}',
        str(submission.attempt or "–"),
        _moment(submission.submitted_at),
        _work(submission),
        _result(cell),
        _form(cell),
    )
    return "<tr>" + "".join(f"<td>{content}</td>" for content in cells) + "</tr>"


def _score(submission: Submission) -> str:
    if submission.score is None:
        return "–"
    grade = submission.grade or ""
    number = shown(submission.score)
    note = "" if grade == number else f" <small>{escape(grade)}</small>"
    stale = "" if submission.score_matches else ' <small title="given for an earlier attempt">(earlier attempt)</small>'
    return f'<span class="score">{number}</span>{note}{stale}'


def _grader(submission: Submission) -> str:
    if submission.score is None or submission.grader is None:
        return "–"
    return "teacher" if submission.grader is Grader.PERSON else "tool"


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return "–"
    return f"<time>{moment:%Y-%m-%d}<br>{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}</time>"


def _work(submission: Submission) -> str:
    if submission.submission_type is None:
        return "–"
    kind = _TYPES.get(submission.submission_type, submission.submission_type)
    titles = ", ".join(file.title or file.url for file in submission.attachments)
    content = submission.body or submission.url or titles
    short = content if len(content) <= 160 else f"{content[:160]}…"
    comments = "".join(f'<p class="comment">{escape(comment)}</p>' for comment in submission.comments)
    return f'<span class="kind">{escape(kind)}</span> {escape(short)}{comments}'


def _result(cell: Cell) -> str:
    line_item, result = cell.first_line_item, cell.result
    if line_item is None:
        return '<span class="quiet">no line item</span>'
    if result is None:
        return "–"
    score = read_score(cell, line_item, result)
    of = "" if result.maximum is None else f" / {shown(result.maximum)}"
    return (
        f"{'–' if score is None else shown(score)}{of}<br>"
        f"<small>{escape(result.grading_progress)}<br>{result.updated:%H:%M:%S}</small>"
    )


def _form(cell: Cell) -> str:
    value = "" if cell.submission.score is None else shown(cell.submission.score)
    name = escape(cell.user.name, quote=True)
    return (
        f'<form method="post" action="/gradebook/{cell.course.id}/grade">'
        f'<input type="hidden" name="assignment" value="{cell.assignment.id}">'
        f'<input type="hidden" name="user" value="{cell.user.id}">'
        f'<input name="score" inputmode="decimal" value="{value}" aria-label="Grade of {name}">'
        "<button>Save</button></form>"
    )
