"""The scores endpoint: checks in Canvas's order, then the effects (Canvas AGS, sections 3.3 to 3.8)."""

from datetime import timedelta
from decimal import Decimal

from simulator.access import AgsCall, enter_course, find_line_item, find_user, is_student, read_parameters
from simulator.cell import Cell, Work
from simulator.exchange import Response, json_response
from simulator.grading import pass_fail_score
from simulator.line_items import maximum_of
from simulator.model import Generation, GradingType, LineItem, Result
from simulator.refusals import list_error, model_error, object_error
from simulator.ruby_numbers import share
from simulator.scopes import SCORE
from simulator.score_post import ACTIVITY_PROGRESS, EXTENSION, GRADING_PROGRESS, ScorePost, is_number
from simulator.times import iso_milliseconds, parse_time
from simulator.web_addresses import normalized

SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
_FILE_FAILURES = {
    "file_service_400": (400, "uploading to file service failed with 400: bad request"),
    "file_service_500": (500, "uploading to file service failed with 500: internal server error"),
    "file_service_504": (504, "failed to communicate with file service"),
}


def post_score(call: AgsCall) -> Response:
    """Take a score."""
    parameters = read_parameters(call.request, SCORE_TYPE)
    entry = enter_course(call, (SCORE,), parameters.get("userId"))
    line_item, assignment = find_line_item(entry, parameters.get("resourceLinkId"))
    user = find_user(entry.course, parameters.get("userId"))
    if user is None or not is_student(user):
        raise object_error(422, "User not found in course or is not a student")
    post = ScorePost(parameters, call.generation)
    cell = Cell(call.world, entry.course, assignment, user)
    _check(call, post, cell, line_item)
    files = _hand_over_files(call, post, line_item)
    if line_item.first:
        _hand_in(call, post, cell)
    _check_record(post, cell, line_item)
    if line_item.first:
        _grade(call, post, cell)
    result = _store_result(call, post, cell, line_item)
    return _answer(call, line_item, result, files)


def _check(call: AgsCall, post: ScorePost, cell: Cell, line_item: LineItem) -> None:
    for name in ("activityProgress", "gradingProgress", "timestamp"):
        value = post.parameters.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise list_error(400, f"{name} is missing")
    if call.generation is Generation.NEW and not cell.assignment.published:
        raise object_error(422, "This assignment is still unpublished")
    _check_timestamp(post, line_item.results.get(cell.user.id))
    if post.score_counts:
        _check_score(post, maximum_of(line_item, cell.assignment))
    _check_submitted_at(call, post)
    if post.extension.get("submission_type") == "online_upload" and not post.files:
        raise object_error(422, "Content items must be provided with submission type 'online_upload'")
    if line_item.first:
        _check_attempts(call, post, cell)


def _check_timestamp(post: ScorePost, result: Result | None) -> None:
    text = str(post.parameters["timestamp"])
    moment = parse_time(text)
    if moment is None:
        raise object_error(400, f"Provided timestamp of {text} not a valid timestamp")
    if result is not None and moment < result.updated:
        updated = iso_milliseconds(result.updated)
        raise object_error(400, f"Provided timestamp of {text} before last updated timestamp of {updated}")


def _check_score(post: ScorePost, line_item_maximum: Decimal) -> None:
    if not post.has_maximum:
        raise object_error(422, "ScoreMaximum not supplied when ScoreGiven present.")
    if post.score_maximum < 0:
        raise object_error(422, "ScoreMaximum must be greater than or equal to 0")
    if post.score_maximum == 0 and line_item_maximum != 0:
        raise object_error(422, "cannot be zero if line item's maximum is not zero")
    if post.score_given < 0:
        raise object_error(422, "ScoreGiven must be greater than or equal to 0")


def _check_submitted_at(call: AgsCall, post: ScorePost) -> None:
    text = post.submitted_at_text
    if not text.strip():
        return
    if post.submitted_at is None:
        raise object_error(400, f"Provided submitted_at timestamp of {text} not a valid timestamp")
    if post.submitted_at > call.now + timedelta(minutes=1):
        raise object_error(400, f"Provided submitted_at timestamp of {text} in the future")


def _check_attempts(call: AgsCall, post: ScorePost, cell: Cell) -> None:
    allowed = cell.assignment.allowed_attempts
    if not post.new_submission or allowed is None:
        return
    # Canvas AGS, section 3.7: recent Canvas lets a repeat of the same submission time through.
    repeats = post.submitted_at is not None and post.submitted_at == cell.submission.submitted_at
    if call.generation is Generation.NEW and repeats:
        return
    if cell.submission.attempt >= allowed + cell.assignment.extra_attempts:
        raise object_error(422, "The maximum number of allowed attempts has been reached for this submission")


def _hand_over_files(call: AgsCall, post: ScorePost, line_item: LineItem) -> list[dict[str, object]]:
    if not post.files or not post.makes_submission or not line_item.first:
        return []
    fault = call.take_file_fault()
    if fault is not None:
        raise object_error(*_FILE_FAILURES[fault.kind])
    items: list[dict[str, object]] = []
    for file in post.files:
        progress = call.world.next_id()
        call.world.file_progress.append(progress)
        items.append(
            {
                "type": "file",
                "url": file.url,
                "title": file.title,
                "progress": f"{call.course_url}/progress/{progress}",
            }
        )
    return items


def _hand_in(call: AgsCall, post: ScorePost, cell: Cell) -> None:
    if not post.makes_submission:
        return
    kind = post.submission_type
    cell.submit(
        Work(
            kind,
            post.submitted_at or call.now,
            body=post.submission_data if kind == "online_text_entry" else None,
            url=normalized(post.submission_data) if kind in ("online_url", "basic_lti_launch") else None,
            attachments=post.files,
        )
    )


def _check_record(post: ScorePost, cell: Cell, line_item: LineItem) -> None:
    """Refuse what the records would not validate: after the work was handed in, before the score is kept."""
    if not cell.assignment.published and line_item.first:
        # Only older Canvas comes this far with an unpublished assignment (Canvas AGS, section 6).
        raise model_error("grade", "cannot be changed at this time: This assignment is still unpublished")
    for value, known, name in (
        (post.activity_progress, ACTIVITY_PROGRESS, "activity_progress"),
        (post.grading_progress, GRADING_PROGRESS, "grading_progress"),
    ):
        if value not in known:
            raise model_error(name, "is not included in the list")
    for sent, name in (("scoreGiven", "result_score"), ("scoreMaximum", "result_maximum")):
        if not is_number(post.parameters.get(sent)):
            raise model_error(name, "is not a number")


def _grade(call: AgsCall, post: ScorePost, cell: Cell) -> None:
    """Touch the gradebook's score as the table of Canvas AGS, section 3.4 step 3 says."""
    if not post.preserve_score:
        if not post.score_counts:
            cell.clear_over_ags(call.now)
        elif not (post.prioritize_non_tool_grade and cell.submission.score is not None):
            _set_score(call, post, cell)
    if post.comment:
        cell.submission.comments.append(post.comment)


def _set_score(call: AgsCall, post: ScorePost, cell: Cell) -> None:
    if cell.assignment.grading_type is GradingType.PASS_FAIL:
        passed = post.score_given > 0
        cell.grade_by_tool(pass_fail_score(cell.assignment, passed=passed), call.now, passed)
    elif post.score_maximum == 0:
        cell.grade_by_tool(post.score_given, call.now)
    else:
        cell.grade_by_tool(share(post.score_given, post.score_maximum, cell.points_or_zero), call.now)


def _store_result(call: AgsCall, post: ScorePost, cell: Cell, line_item: LineItem) -> Result:
    moment = parse_time(str(post.parameters["timestamp"])) or call.now
    result = line_item.results.get(cell.user.id)
    if result is None:
        result = Result(call.world.next_id(), cell.user.id, moment)
        line_item.results[cell.user.id] = result
    result.updated = moment
    result.score = post.score_given if post.has_score else None
    result.maximum = post.score_maximum if post.has_maximum else None
    result.comment = post.comment
    result.activity_progress = str(post.activity_progress)
    result.grading_progress = str(post.grading_progress)
    result.extension = dict(post.extension) if EXTENSION in post.parameters else None
    return result


def _answer(call: AgsCall, line_item: LineItem, result: Result, files: list[dict[str, object]]) -> Response:
    body: dict[str, object] = {}
    if files or call.generation is Generation.NEW:
        body[EXTENSION] = {"content_items": files}
    body["resultUrl"] = f"{call.course_url}/line_items/{line_item.id}/results/{result.id}"
    return json_response(200, body, SCORE_TYPE)
