import pytest

from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, PROFILES, Profile, RefusalKind, classify

# The messages of Canvas AGS, section 6, as Canvas words them.
CANVAS_ANSWERS = [
    (400, "timestamp is missing", RefusalKind.OTHER),
    (400, "Provided timestamp of 2026-13-01 not a valid timestamp", RefusalKind.OTHER),
    (
        400,
        "Provided timestamp of 2026-02-03T10:15:30.123Z before last updated timestamp of 2026-02-03T10:15:31.000Z",
        RefusalKind.STALE_TIMESTAMP,
    ),
    (400, "Provided submitted_at timestamp of x not a valid timestamp", RefusalKind.SUBMITTED_AT_INVALID),
    (400, "Provided submitted_at timestamp of 2036 in the future", RefusalKind.SUBMITTED_AT_IN_FUTURE),
    (401, "Missing access token", RefusalKind.TOOL_MISMATCH),
    (401, "Access token expired", RefusalKind.TOOL_MISMATCH),
    (401, "Unknown or inactive Developer Key", RefusalKind.TOOL_MISMATCH),
    (401, "Insufficient permissions", RefusalKind.SCOPE_MISSING),
    (401, "Access Token not linked to a Tool associated with this Context", RefusalKind.TOOL_MISMATCH),
    (403, "forbidden", RefusalKind.OTHER),
    (404, "The specified resource does not exist.", RefusalKind.NOT_FOUND),
    (404, "Context not found", RefusalKind.NOT_FOUND),
    (412, "Tool does not have permission to view line_item", RefusalKind.TOOL_MISMATCH),
    (412, "HTTP 412", RefusalKind.TOOL_MISMATCH),
    (
        422,
        "This course has concluded. AGS requests will no longer be accepted for this course.",
        RefusalKind.COURSE_CONCLUDED,
    ),
    (
        422,
        "This course has concluded for this student. AGS requests will no longer be accepted for this course.",
        RefusalKind.COURSE_CONCLUDED,
    ),
    (422, "User not found in course or is not a student", RefusalKind.USER_NOT_IN_COURSE),
    (422, "This assignment is still unpublished", RefusalKind.OTHER),
    (
        422,
        "grade cannot be changed at this time: This assignment is still unpublished",
        RefusalKind.UNPUBLISHED_AFTER_SUBMIT,
    ),
    (422, "ScoreMaximum must be greater than or equal to 0", RefusalKind.OTHER),
    (
        422,
        "The maximum number of allowed attempts has been reached for this submission",
        RefusalKind.NO_ATTEMPTS_LEFT,
    ),
    (400, "uploading to file service failed with 400: no", RefusalKind.FILE_ERROR),
    (500, "uploading to file service failed with 502: no", RefusalKind.FILE_ERROR),
    (500, "internal error", RefusalKind.OTHER),
    (504, "failed to communicate with file service", RefusalKind.FILE_ERROR),
    (504, "file url timed out", RefusalKind.FILE_ERROR),
]


@pytest.mark.parametrize(("status", "words", "kind"), CANVAS_ANSWERS)
@pytest.mark.parametrize("profile", [CANVAS, CANVAS_OLDER], ids=lambda profile: profile.name)
def test_canvas_answers_mean_what_its_error_table_says(
    profile: Profile, status: int, words: str, kind: RefusalKind
) -> None:
    assert classify(profile, status, words) is kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (409, "Refusing score with an earlier timestamp for item 3 and user 4", RefusalKind.STALE_TIMESTAMP),
        (400, "Incorrect score received{...}", RefusalKind.USER_NOT_IN_COURSE),
        (400, "No handler found", RefusalKind.OTHER),
        (401, "Unauthorized", RefusalKind.TOOL_MISMATCH),
        (404, "Not found", RefusalKind.NOT_FOUND),
        (500, "Internal Server Error", RefusalKind.OTHER),
    ],
)
def test_moodle_answers_mean_what_was_observed(status: int, words: str, kind: RefusalKind) -> None:
    assert classify(MOODLE, status, words) is kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (409, "", RefusalKind.STALE_TIMESTAMP),
        (400, "Refusing score with an EARLIER timestamp", RefusalKind.STALE_TIMESTAMP),
        (400, "timestamp before last updated timestamp", RefusalKind.STALE_TIMESTAMP),
        (400, "bad", RefusalKind.OTHER),
        (400, "User could not be found", RefusalKind.USER_NOT_IN_COURSE),
        (403, "User is not enrolled in the org unit", RefusalKind.USER_NOT_IN_COURSE),
        (403, "insufficient_scope", RefusalKind.SCOPE_MISSING),
        (403, "Forbidden", RefusalKind.OTHER),
        (404, "", RefusalKind.NOT_FOUND),
        (412, "", RefusalKind.TOOL_MISMATCH),
        (401, "", RefusalKind.TOOL_MISMATCH),
    ],
)
def test_other_platforms_are_read_by_status_and_well_known_texts(status: int, words: str, kind: RefusalKind) -> None:
    assert classify(GENERIC, status, words) is kind


def test_profiles_are_found_by_their_name() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        "canvas": "canvas",
        "canvas-older": "canvas-older",
        "moodle": "moodle",
        "generic": "generic",
    }


def test_older_canvas_lacks_what_its_revisions_lack_and_nothing_else() -> None:
    assert CANVAS_OLDER.submission_extension
    assert not CANVAS_OLDER.preserve_score
    assert not CANVAS_OLDER.prioritize_non_tool_grade
    assert not CANVAS_OLDER.standard_submission


def test_moodle_orders_by_whole_seconds_and_keeps_more_digits_on_a_scale_of_100() -> None:
    assert MOODLE.tick_milliseconds == 1000
    assert MOODLE.fraction_maximum == 100
