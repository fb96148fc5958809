"""What a tool is told of a platform's answer (Canvas AGS, section 10, "AGS answer to POX answer")."""

import pytest

from chalicelib.errors import HostRefused, OutcomeCode, PlatformRefused, PlatformUnavailable
from chalicelib.lti11.messages import Answer, CodeMajor, DataKind, ResultData
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, PROFILES, Profile, RefusalKind, classify
from chalicelib.translation import answers

INVALID = ("assignment_invalid", "Assignment is invalid")
MISMATCH = ("assignment_tool_mismatch", "Assignment is no longer associated with this tool")
GONE = ("user_not_in_course", "User is no longer in course")
CONCLUDED = ("course_not_available", "Course not available for student")
FUTURE = ("timestamp_in_future", "Invalid timestamp - timestamp in future")
UNPARSEABLE = ("timestamp_not_parseable", "Invalid timestamp - timestamp not parseable")

CANVAS_SAYS = [
    (422, "User not found in course or is not a student", GONE),
    (422, "This course has concluded. AGS requests will no longer be accepted for this course.", CONCLUDED),
    (
        422,
        "This course has concluded for this student. AGS requests will no longer be accepted for this course.",
        CONCLUDED,
    ),
    (404, "The specified resource does not exist.", INVALID),
    (404, "Context not found", INVALID),
    (404, "", INVALID),
    (401, "Access Token not linked to a Tool associated with this Context", MISMATCH),
    (401, "Unknown or inactive Developer Key", MISMATCH),
    (401, "Invalid Developer Key", MISMATCH),
    (401, "Insufficient permissions", MISMATCH),
    (401, "Access token expired", MISMATCH),
    (412, "Tool does not have permission to view line_item", MISMATCH),
    (412, "The specified LTI link ID is not associated with the line item.", MISMATCH),
    (400, "Provided submitted_at timestamp of 2030-01-01T00:00:00Z in the future", FUTURE),
    (400, "Provided submitted_at timestamp of x not a valid timestamp", UNPARSEABLE),
]

OTHER_WORDS_OF_CANVAS = [
    (400, "timestamp is missing"),
    (400, "Provided timestamp of x not a valid timestamp"),
    (422, "This assignment is still unpublished"),
    (422, "ScoreMaximum must be greater than or equal to 0"),
    (422, "ScoreMaximum not supplied when ScoreGiven present."),
    (422, "cannot be zero if line item's maximum is not zero"),
    (422, "ScoreGiven must be greater than or equal to 0"),
    (422, "Content items must be provided with submission type 'online_upload'"),
    (422, "The maximum number of allowed attempts has been reached for this submission"),
    (400, "uploading to file service failed with 400: no such file"),
    (403, "Forbidden"),
]

KINDS_OF_CANVAS = [
    (400, "Provided timestamp of 2026-01-01 before last updated timestamp of 2026-01-02", RefusalKind.STALE_TIMESTAMP),
    (422, "The maximum number of allowed attempts has been reached for this submission", RefusalKind.NO_ATTEMPTS_LEFT),
    (504, "failed to communicate with file service", RefusalKind.FILE_ERROR),
    (504, "file url timed out", RefusalKind.FILE_ERROR),
    (400, "uploading to file service failed with 400: gone", RefusalKind.FILE_ERROR),
    (500, "uploading to file service failed with 503: busy", RefusalKind.FILE_ERROR),
    (401, "Insufficient permissions", RefusalKind.SCOPE_MISSING),
    (422, "This assignment is still unpublished", RefusalKind.OTHER),
    (
        422,
        "grade cannot be changed at this time: This assignment is still unpublished",
        RefusalKind.UNPUBLISHED_AFTER_SUBMIT,
    ),
    (422, "Provided timestamp of x before last updated timestamp of y", RefusalKind.OTHER),
    (400, "User not found in course or is not a student", RefusalKind.OTHER),
]


def refusal(profile: Profile, status: int, words: str) -> PlatformRefused:
    return PlatformRefused(classify(profile, status, words), status, words)


@pytest.mark.parametrize("profile", [CANVAS, CANVAS_OLDER], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize(("status", "words", "told"), CANVAS_SAYS)
def test_canvass_words_become_the_words_of_lti_1_1(
    profile: Profile, status: int, words: str, told: tuple[str, str]
) -> None:
    code, description = told
    assert answers.refused(refusal(profile, status, words)) == Answer(CodeMajor.FAILURE, description, code)


@pytest.mark.parametrize(("status", "words"), OTHER_WORDS_OF_CANVAS)
def test_other_words_are_passed_on(status: int, words: str) -> None:
    answer = answers.refused(refusal(CANVAS, status, words))
    assert (answer.code, answer.error_code) == (CodeMajor.FAILURE, "platform_refused")
    assert answer.description == f"The platform refused the outcome: {words}"


def test_a_refusal_without_words_names_its_status() -> None:
    answer = answers.refused(PlatformRefused(RefusalKind.OTHER, 418, ""))
    assert answer.description == "The platform refused the outcome: status 418"


@pytest.mark.parametrize(("status", "words", "kind"), KINDS_OF_CANVAS)
def test_canvass_words_are_told_apart(status: int, words: str, kind: RefusalKind) -> None:
    assert classify(CANVAS, status, words) is kind
    assert classify(CANVAS, status, words.upper()) is kind


@pytest.mark.parametrize(
    ("profile", "status", "words", "kind"),
    [
        (MOODLE, 409, "Conflict", RefusalKind.STALE_TIMESTAMP),
        (MOODLE, 400, "Incorrect score received", RefusalKind.USER_NOT_IN_COURSE),
        (MOODLE, 400, "Bad Request", RefusalKind.OTHER),
        (MOODLE, 500, "", RefusalKind.OTHER),
        (MOODLE, 404, "", RefusalKind.NOT_FOUND),
        (MOODLE, 401, "", RefusalKind.TOOL_MISMATCH),
        (GENERIC, 409, "", RefusalKind.STALE_TIMESTAMP),
        (GENERIC, 403, "insufficient_scope", RefusalKind.SCOPE_MISSING),
        (GENERIC, 404, "", RefusalKind.NOT_FOUND),
        (GENERIC, 403, "no", RefusalKind.OTHER),
    ],
)
def test_other_platforms_words_are_told_apart(profile: Profile, status: int, words: str, kind: RefusalKind) -> None:
    assert classify(profile, status, words) is kind


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_kind_of_refusal_is_a_failure_with_a_code_and_words(kind: RefusalKind) -> None:
    answer = answers.refused(PlatformRefused(kind, 422, "said so"))
    assert answer.code is CodeMajor.FAILURE
    assert answer.error_code in set(OutcomeCode)
    assert answer.description


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 451])
def test_no_platform_is_reported_as_something_else_for_a_404(profile: Profile, status: int) -> None:
    assert (classify(profile, status, "") is RefusalKind.NOT_FOUND) is (status == 404)


def test_success_has_an_empty_description() -> None:
    assert answers.success() == Answer(CodeMajor.SUCCESS, "")


@pytest.mark.parametrize(
    ("answer", "description"),
    [
        (answers.queued(), "queued for delivery"),
        (answers.superseded(), "superseded by a newer outcome"),
        (answers.graded_meanwhile(), "superseded: somebody graded meanwhile, and that grade stays"),
    ],
)
def test_what_is_not_in_the_gradebook_is_a_success_that_says_so(answer: Answer, description: str) -> None:
    assert answer == Answer(CodeMajor.SUCCESS, description)


def test_a_failure_that_may_have_been_applied_does_not_say_that_it_was_not() -> None:
    maybe = answers.unavailable(PlatformUnavailable("time-out", maybe_applied=True))
    surely = answers.unavailable(PlatformUnavailable("refused connection", maybe_applied=False))
    assert maybe.error_code == surely.error_code == "platform_unavailable"
    assert maybe.description.startswith("The grade was not stored, as far as is known: time-out.")
    assert surely.description.startswith("The grade was not stored: refused connection.")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answers.no_score(), "no_score"),
        (answers.no_submission_created(), "no_submission_created"),
        (answers.in_progress(), "platform_unavailable"),
        (answers.cell_busy(), "platform_unavailable"),
        (answers.storage_unavailable(reads=False), "platform_unavailable"),
        (answers.unreadable(PlatformUnavailable("down", maybe_applied=False)), "platform_unavailable"),
        (answers.host_refused(HostRefused("the host is not registered")), "platform_refused"),
        (answers.platform_missing(), "platform_refused"),
        (answers.tool_missing(), "platform_refused"),
        (answers.gave_up("status 503", "7 days"), "platform_unavailable"),
        (answers.grade_not_kept(), "platform_refused"),
        (answers.score_out_of_range(), "platform_refused"),
        (answers.sourcedid_invalid(), "sourcedid_invalid"),
    ],
)
def test_a_failure_has_its_code_and_never_the_word_that_tools_search_for(answer: Answer, code: str) -> None:
    assert (answer.code, answer.error_code) == (CodeMajor.FAILURE, code)
    assert answer.description
    assert "success" not in answer.description.lower()


def test_what_was_given_up_says_why_and_after_how_long() -> None:
    description = answers.gave_up("status 503", "7 days").description
    assert "for 7 days" in description
    assert "status 503" in description


@pytest.mark.parametrize("kind", DataKind)
def test_work_that_is_not_taken_is_named(kind: DataKind) -> None:
    assert "was not stored" in answers.work_not_taken(ResultData(kind, "x"))
