"""Writes a score as the JSON that goes over the wire: compact, and every number digit for digit."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from chalicelib.clock import to_iso
from chalicelib.lti13.scores import CanvasSubmission, Score

CANVAS_SUBMISSION = "https://canvas.instructure.com/lti/submission"
"""The key of Canvas's extension object (Canvas AGS, section 3.2)."""

Json = str | bool | Decimal | Mapping[str, "Json | None"] | Sequence["Json"]

_WRITTEN_OUT = 40
"""Digits before or after the point up to which a number is written without an exponent."""


def write_score(score: Score) -> bytes:
    """Write a score post's body (AGS 2.0, section 3.4; Canvas AGS, section 3.1). What is None is left out.

    On one line: a refused score whose JSON has line breaks is answered by Moodle as if it were stored (Moodle 4.5,
    Scores). In ASCII, because the media type must come without a charset.
    """
    submission = None if score.submitted_at is None else {"submittedAt": to_iso(score.submitted_at)}
    return _write(
        {
            "userId": score.user_id,
            "timestamp": to_iso(score.timestamp),
            "activityProgress": score.activity_progress.value,
            "gradingProgress": score.grading_progress.value,
            "scoreGiven": score.score_given,
            "scoreMaximum": score.score_maximum,
            "submission": submission,
            CANVAS_SUBMISSION: None if score.extension is None else _extension(score.extension),
        }
    ).encode("ascii")


def write_number(number: Decimal) -> str:
    """Write a number as JSON, exactly.

    Raises
    ------
    ValueError
        If it is not finite: there is no JSON for it.
    """
    if not number.is_finite():
        raise ValueError("not a finite number")
    # An exponent is written out only while that stays short: 1e-999999999 would not fit into memory.
    short = -_WRITTEN_OUT <= number.adjusted() <= _WRITTEN_OUT
    return format(number, "f") if short else str(number)


def _extension(extension: CanvasSubmission) -> dict[str, Json | None]:
    files: list[Json] = [{"type": "file", "url": item.url, "title": item.title} for item in extension.content_items]
    submission_type = None if files else extension.submission_type  # files make it online_upload
    return {
        "new_submission": extension.new_submission,
        "submission_type": None if submission_type is None else submission_type.value,
        "submission_data": extension.submission_data,
        "submitted_at": None if extension.submitted_at is None else to_iso(extension.submitted_at),
        "preserve_score": extension.preserve_score,
        "prioritize_non_tool_grade": extension.prioritize_non_tool_grade,
        "content_items": files or None,
    }


def _write(value: Json) -> str:
    """Write JSON by hand where numbers are concerned: the standard encoder knows no Decimal but by way of a float."""
    if isinstance(value, Decimal):
        return write_number(value)
    if isinstance(value, str | bool):
        return json.dumps(value)
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)}:{_write(member)}" for name, member in value.items() if member is not None)
        return "{" + ",".join(members) + "}"
    return "[" + ",".join(_write(item) for item in value) + "]"
