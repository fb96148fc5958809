"""Every refusal that the specifications state has a remedy of its own, and nothing that went wrong is without one."""

import ast
import inspect
import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.delivery.records import CellKey, Delivery, DeliveryState
from chalicelib.errors import HostRefused, OutcomeCode, PlatformError, PlatformRefused, PlatformUnavailable
from chalicelib.lti11.messages import Answer, CodeMajor, DataKind, ResultData
from chalicelib.lti13 import ags, hosts, token_request
from chalicelib.lti13.profiles import PROFILES, RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import Reply, words_of
from chalicelib.translation import answers
from passback.remedies import CHAPTERS, Remedy, Retry, remedy_for, remedy_of
from passback.remedies.general import BY_CODE, BY_KIND, BY_STATE, GENERAL, WITHOUT_REMEDY
from passback.remedies.model import contains

SCHOOL = Platform(
    name="school",
    profile="canvas",
    issuer="https://canvas.instructure.com",
    client_id="10000000000042",
    token_url="https://sso.example/login/oauth2/token",
    audience="https://sso.example/login/oauth2/token",
    hosts=("school.example", "sso.example"),
)
ROOT = Path(__file__).parents[3]
ALL = [each for chapter in CHAPTERS.values() for each in chapter]


def reply(status: int, body: object = b"", reason: str = "") -> Reply:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, reason, {}, octets)


def from_score(profile: str, answer: Reply) -> PlatformError:
    """Make the error that a score post ends with, as the client makes it."""
    return ags._failure(PROFILES[profile], answer, words_of(answer), maybe_applied=True)


def from_token(profile: str, error: str, description: str = "", *, settled: bool = True) -> PlatformError:
    """Make the error that a token request ends with, as the client makes it."""
    body = {"error": error, "error_description": description} if description else {"error": error}
    answer: dict[str, object] = dict(body)
    return token_request._refusal(replace(SCHOOL, profile=profile), reply(400, body), answer, "", settled=settled)


def remedy_after(problem: PlatformError, profile: str, *, status_known: bool = True) -> str:
    """Name the remedy of a delivery that ended with this problem."""
    if isinstance(problem, PlatformRefused):
        words, state, told = problem.words, "refused", answers.refused(problem)
    else:
        assert isinstance(problem, PlatformUnavailable)
        words, state, told = problem.reason, "failed", answers.unavailable(problem)
    found = remedy_for(
        state=state,
        words=words,
        status=problem.status if status_known else None,
        error_code=told.error_code,
        profile=profile,
        told=(told.description,),
    )
    assert found is not None
    return found.name


def of_object(message: str) -> object:
    return {"errors": {"type": "unprocessable_entity", "message": message}}


def of_array(message: str) -> object:
    return {"errors": [{"message": message}]}


def of_model(field: str, message: str) -> object:
    return {"errors": [{"field": field, "message": message, "error_code": None}]}


T = "2026-02-03T10:15:30.123Z"
NO_LONGER = "AGS requests will no longer be accepted for this course."
ATTEMPTS = "The maximum number of allowed attempts has been reached for this submission"
CANVAS_ROWS: list[tuple[int, object, str]] = [
    # Canvas AGS, section 6, row by row
    (400, of_array("activityProgress is missing"), "canvas-parameter-missing"),
    (400, of_array("gradingProgress is missing"), "canvas-parameter-missing"),
    (400, of_array("timestamp is missing"), "canvas-parameter-missing"),
    (400, of_object(f"Provided timestamp of {T} not a valid timestamp"), "canvas-timestamp-invalid"),
    (400, of_object(f"Provided timestamp of {T} before last updated timestamp of {T}"), "canvas-timestamp-older"),
    (400, of_object(f"Provided submitted_at timestamp of {T} not a valid timestamp"), "canvas-submitted-at-invalid"),
    (400, of_object(f"Provided submitted_at timestamp of {T} in the future"), "canvas-submitted-at-future"),
    (400, {"error": "Invalid submission_type for new assignment: quiz"}, "canvas-line-item-type"),
    (400, b"", "canvas-body-unreadable"),
    (401, of_object("Missing access token"), "canvas-token-not-sent"),
    (401, of_object("Invalid access token format"), "canvas-token-unreadable"),
    (401, of_object("Access token invalid - signature likely incorrect"), "canvas-token-signature"),
    (401, of_object("Invalid access token signature"), "canvas-token-signature"),
    (401, of_object("Access token signature algorithm not allowed"), "canvas-token-signature"),
    (401, of_object("Access token expired"), "canvas-token-expired"),
    (401, of_object("Invalid access token field/s: the 'aud' is invalid"), "canvas-token-claims"),
    (401, of_object("Unknown or inactive Developer Key"), "canvas-key-inactive"),
    (401, of_object("Insufficient permissions"), "canvas-scope-missing"),
    (401, of_object("Invalid Developer Key"), "canvas-key-off"),
    (401, of_object("Access Token not linked to a Tool associated with this Context"), "canvas-tool-not-installed"),
    (401, b"", "canvas-line-item-coupled"),
    (403, b"403 Forbidden (Rate Limit Exceeded)\n", "throttled"),
    (429, b"403 Forbidden (Rate Limit Exceeded)\n", "throttled"),
    (429, b"429 Too Many Requests (Rate Limit Exceeded)\n", "throttled"),
    (404, of_array("The specified resource does not exist."), "canvas-not-found"),
    (404, of_object("Context not found"), "canvas-context-not-found"),
    (412, of_object("Tool does not have permission to view line_item"), "canvas-line-item-of-other-key"),
    (
        412,
        of_object("The specified LTI link ID is not associated with the line item."),
        "canvas-link-not-of-line-item",
    ),
    (412, b"", "canvas-bad-resource-link"),
    (
        422,
        of_object(f"This course has concluded. {NO_LONGER}"),
        "canvas-course-concluded",
    ),
    (
        422,
        of_object(
            "This course has concluded for this student. AGS requests will no longer be accepted for this course."
        ),
        "canvas-course-concluded-for-student",
    ),
    (422, of_object("User not found in course or is not a student"), "canvas-user-not-student"),
    (422, of_object("This assignment is still unpublished"), "canvas-unpublished"),
    (
        422,
        of_model("grade", "cannot be changed at this time: This assignment is still unpublished"),
        "canvas-unpublished-older",
    ),
    (422, of_object("ScoreMaximum must be greater than or equal to 0"), "canvas-maximum-negative"),
    (422, of_object("ScoreMaximum not supplied when ScoreGiven present."), "canvas-maximum-missing"),
    (422, of_object("cannot be zero if line item's maximum is not zero"), "canvas-maximum-zero"),
    (422, of_object("ScoreGiven must be greater than or equal to 0"), "canvas-score-negative"),
    (422, of_object("Content items must be provided with submission type 'online_upload'"), "canvas-files-missing"),
    (422, of_object(ATTEMPTS), "canvas-no-attempts-left"),
    (
        422,
        of_object("Resource link id points to Tool not associated with this Context"),
        "canvas-link-of-other-tool",
    ),
    (422, of_object("Whatever the grading says"), "canvas-grading-refused"),
    (422, of_model("gradingProgress", "is not included in the list"), "canvas-field-invalid"),
    (422, of_model("resultScore", "is not a number"), "canvas-field-invalid"),
    (422, of_model("url", "is not a valid URL"), "canvas-field-invalid"),
    (422, of_model("base", "The submission is in a closed grading period"), "canvas-closed-grading-period"),
    # Canvas AGS, section 3.8
    (504, of_object("failed to communicate with file service"), "canvas-file-service-away"),
    (504, of_object("file url timed out"), "canvas-file-timed-out"),
    (400, of_object("uploading to file service failed with 400: bad url"), "canvas-file-refused"),
    (500, of_object("uploading to file service failed with 403: forbidden"), "canvas-file-failed"),
]
NEEDS_THE_STATUS = {"canvas-grading-refused"}
"""Any words with this status: without it nothing tells them from others."""

USERS_LIST: list[tuple[int, str, str]] = [
    # As users quote them, in words of their own
    (400, "parameter missing", "canvas-parameter-missing"),
    (422, "LTI link id not associated with the line item", "canvas-link-not-of-line-item"),
    (422, "This course has concluded", "canvas-course-concluded"),
    (422, "scoreMaximum must be >= 0", "canvas-maximum-negative"),
    (422, "scoreMaximum not supplied when scoreGiven present", "canvas-maximum-missing"),
    (422, "content items must be provided with online_upload", "canvas-files-missing"),
    (422, "maximum number of allowed attempts reached", "canvas-no-attempts-left"),
    (401, "invalid developer key", "canvas-key-off"),
    (401, "access token not linked to a tool associated with this context", "canvas-tool-not-installed"),
]

SCOPE = (
    "A requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner. "
    "The following scopes were requested, but not granted: "
    "https://purl.imsglobal.org/spec/lti-ags/scope/score"
)
CANVAS_TOKEN_ROWS = [
    # Canvas AGS, section 1, row by row
    ("invalid_request", "JWS signature invalid.", "token-signature-invalid"),
    ("invalid_request", "Signature verification failed in words of a library", "token-assertion-refused"),
    ("invalid_request", "JWK Error: Invalid JSON", "token-key-set-invalid"),
    ("invalid_request", "JWK Error: Failed to fetch public key", "token-key-set-unread"),
    ("invalid_request", "the following assertions are missing: jti", "token-claims-missing"),
    ("invalid_request", "the 'aud' is invalid", "token-audience-invalid"),
    ("invalid_request", "the JWT has expired", "token-times-refused"),
    ("invalid_request", "the 'iat' must be less than 300 seconds old", "token-times-refused"),
    ("invalid_request", "the 'iat' must not be in the future", "token-times-refused"),
    ("invalid_request", "the 'exp' must be a number", "token-times-refused"),
    ("invalid_request", "the JWT has expired | the 'iat' must be less than 300 seconds old", "token-times-refused"),
    ("invalid_scope", SCOPE, "token-scope-not-granted"),
    ("unsupported_grant_type", "The grant_type you requested is not currently supported", "token-grant-unknown"),
]
MOODLE_TOKEN_ROWS = [
    # Moodle 4.5, Token endpoint
    ("Expired token", "moodle-token-expired-assertion"),
    ("Cannot handle token with iat prior to 2026-02-03T10:15:30+0000", "moodle-token-expired-assertion"),
    ("Signature verification failed", "moodle-token-signature"),
    ("invalid_client", "moodle-token-client"),
    ("invalid_scope", "moodle-token-scope"),
    ("invalid_request", "token-assertion-refused"),
    ("unsupported_grant_type", "token-assertion-refused"),
]
MOODLE_ROWS = [
    # Moodle 4.5: the message is only in the reason phrase
    (400, "No handler found for /2/lineitems/32/lineitem/scores application/json", "moodle-no-handler"),
    (400, "Incorrect score received", "moodle-user-not-gradable"),
    (400, "Bad Request", "moodle-refused-without-reason"),
    (409, "Refusing score with an earlier timestamp for item 7 and user 12", "moodle-newer-grade"),
    (409, "Conflict", "moodle-newer-grade"),
    (500, "Internal Server Error", "moodle-grade-locked"),
    (500, "Whatever Moodle says of a lock", "moodle-grade-locked"),
    (401, "Unauthorized", "moodle-not-authorized"),
    (401, "This resource does not support POST requests.", "moodle-not-authorized"),
    (403, "Line item does not exist.", "moodle-line-item-of-other-tool"),
    (403, "Invalid LTI id supplied.", "moodle-line-item-of-other-tool"),
    (404, "Not Found: Course 42 doesn't exist.", "moodle-course-gone"),
    (404, "Not Found: Grade item 7 doesn't exist.", "moodle-column-gone"),
]


@pytest.mark.parametrize(("status", "body", "name"), CANVAS_ROWS)
@pytest.mark.parametrize("profile", ["canvas", "canvas-older"])
def test_canvas_refusals_have_a_remedy_of_their_own(profile: str, status: int, body: object, name: str) -> None:
    problem = from_score(profile, reply(status, body))
    assert remedy_after(problem, profile) == name
    if name not in NEEDS_THE_STATUS:
        assert remedy_after(problem, profile, status_known=False) == name


@pytest.mark.parametrize(("status", "words", "name"), USERS_LIST)
def test_canvas_refusals_are_known_as_users_quote_them(status: int, words: str, name: str) -> None:
    found = remedy_for(state="refused", words=words, error_code="platform_refused", profile="canvas")
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(("error", "description", "name"), CANVAS_TOKEN_ROWS)
def test_canvas_token_errors_have_a_remedy_of_their_own(error: str, description: str, name: str) -> None:
    problem = from_token("canvas", error, description)
    assert remedy_after(problem, "canvas") == name
    assert remedy_after(problem, "canvas", status_known=False) == name


@pytest.mark.parametrize(("error", "name"), MOODLE_TOKEN_ROWS)
def test_moodle_token_errors_have_a_remedy_of_their_own(error: str, name: str) -> None:
    problem = from_token("moodle", error)
    assert remedy_after(problem, "moodle") == name
    assert remedy_after(problem, "moodle", status_known=False) == name


@pytest.mark.parametrize("profile", ["canvas", "canvas-older", "moodle", "generic"])
def test_a_signature_refused_while_our_key_changes_has_a_remedy_of_its_own(profile: str) -> None:
    problem = from_token(profile, "invalid_request", "JWS signature invalid.", settled=False)
    assert remedy_after(problem, profile) == "token-key-changing"


@pytest.mark.parametrize(("status", "reason", "name"), MOODLE_ROWS)
def test_moodle_refusals_have_a_remedy_of_their_own(status: int, reason: str, name: str) -> None:
    assert remedy_after(from_score("moodle", reply(status, b"[]", reason)), "moodle") == name


def test_moodle_sends_callers_of_another_name_away() -> None:
    away = Reply(303, "See Other", {"location": "https://moodle.example/services"}, b"")
    assert remedy_after(from_score("moodle", away), "moodle") == "redirected"


@pytest.mark.parametrize(
    ("profile", "status", "words", "name"),
    [
        ("generic", 409, "earlier timestamp", "newer-grade"),
        ("generic", 400, "User could not be found", "blackboard-user-unknown"),
        ("generic", 403, "User is not enrolled in the org unit", "brightspace-user-not-enrolled"),
        ("generic", 403, "insufficient_scope", "scope-insufficient"),
        ("generic", 401, "Insufficient permissions", "scope-insufficient"),
        ("generic", 400, "invalid_scope", "token-scope-refused"),
        ("generic", 503, "down for maintenance", "platform-fails"),
    ],
)
def test_other_platforms_refusals_have_a_remedy(profile: str, status: int, words: str, name: str) -> None:
    assert remedy_after(from_score(profile, reply(status, {"error": words})), profile) == name


def reasons() -> set[str]:
    """Return every literal reason for a platform that is not available, or that refuses without words."""
    found = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REASONED:
                found |= {_literal(argument) for argument in node.args}
    return found - {""}


_REASONED = {"PlatformUnavailable", "PlatformRefused", "kind"}


def _literal(node: ast.expr) -> str:
    """Return a text, with ``REASON`` for what is put in; empty for anything else and for what is only put in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(_literal(part) or "REASON" for part in node.values)


NOT_AVAILABLE = sorted({*reasons(), "no answer in time"})  # which is chosen where it is raised


def test_the_reasons_are_found() -> None:
    assert {"no connection: REASON", "broken or no HTTP answer", "no time was left"} <= set(NOT_AVAILABLE)
    assert len(NOT_AVAILABLE) >= 12


@pytest.mark.parametrize("reason", NOT_AVAILABLE)
@pytest.mark.parametrize("profile", list(PROFILES))
def test_every_reason_for_not_now_has_a_remedy_of_its_own(profile: str, reason: str) -> None:
    problem = PlatformUnavailable(reason, maybe_applied=False)
    assert remedy_after(problem, profile) not in {each.name for each in GENERAL}


@pytest.mark.parametrize("state", list(DeliveryState))
@pytest.mark.parametrize("code", [None, "", "unheard_of", *OutcomeCode])
def test_nothing_that_needs_a_remedy_is_without_one(state: DeliveryState, code: str | None) -> None:
    found = remedy_for(state=state.value, words="unheard of", error_code=code)
    assert (found is None) == (state.value in WITHOUT_REMEDY)


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_state_has_a_remedy_or_needs_none(state: DeliveryState) -> None:
    assert (state.value in BY_STATE) != (state.value in WITHOUT_REMEDY)


def test_every_kind_of_refusal_has_a_general_remedy() -> None:
    assert set(BY_KIND) == set(RefusalKind)
    for profile in PROFILES.values():
        for rule in profile.refusals:
            found = remedy_for(state="refused", words=rule.words, status=min(rule.statuses), profile=profile.name)
            assert found is not None


def test_every_code_has_a_general_remedy() -> None:
    assert set(BY_CODE) == set(OutcomeCode)
    for code in OutcomeCode:
        assert remedy_for(state="refused", error_code=code.value) is BY_CODE[code]


def test_a_kind_decides_where_the_words_are_not_known() -> None:
    found = remedy_for(state="refused", words="Nope", status=404, error_code="assignment_invalid", profile="generic")
    assert found is BY_KIND[RefusalKind.NOT_FOUND]


PLATFORMS_OWN = {"success", "failure", "refused", "unavailable", "unreadable", "gave_up"}
"""Their words are the platform's, or the reason why it said nothing."""
NOTHING_WENT_WRONG = {"queued"}
BY_THEIR_CODE = {"no_score", "no_submission_created", "sourcedid_invalid"}
"""The code says all."""


def our_answers() -> list[tuple[str, Answer]]:
    """Return what every function of the answers says, with made-up arguments."""
    given: dict[str, object] = {"reads": False, "refusal": HostRefused("The URL is not an https URL.")}
    found = []
    for name, function in inspect.getmembers(answers, inspect.isfunction):
        if function.__module__ != answers.__name__ or name in PLATFORMS_OWN or name.startswith("_"):
            continue
        parameters = inspect.signature(function).parameters
        if "data" in parameters:
            continue
        said = function(**{each: given[each] for each in parameters})
        assert isinstance(said, Answer)
        found.append((name, said))
    return found


OUR_ANSWERS = our_answers()


@pytest.mark.parametrize(("name", "answer"), OUR_ANSWERS, ids=[name for name, _ in OUR_ANSWERS])
def test_each_of_our_answers_has_a_remedy(name: str, answer: Answer) -> None:
    state = "delivered" if answer.code is CodeMajor.SUCCESS else "failed"
    found = remedy_for(state=state, error_code=answer.error_code, told=(answer.description,))
    if name in NOTHING_WENT_WRONG:
        assert found is None
    elif name in BY_THEIR_CODE:
        assert found is BY_CODE[OutcomeCode(str(answer.error_code))]
    else:
        assert found is not None
        assert found not in GENERAL


def texts_of_answers() -> list[str]:
    """Return the constants of the answers: losses, warnings, what became of an outcome."""
    constants = {name: value for name, value in vars(answers).items() if name.isupper() and isinstance(value, str)}
    left_out = {"QUEUED", "REFUSED"}
    return [value for name, value in constants.items() if name not in left_out]


@pytest.mark.parametrize(
    "text", [*texts_of_answers(), *(answers.work_not_taken(ResultData(kind, "")) for kind in DataKind)]
)
def test_each_loss_has_a_remedy_of_its_own_though_the_grade_is_delivered(text: str) -> None:
    found = remedy_for(state="delivered", told=("", text))
    assert found is not None
    assert found not in GENERAL


def host_refusals() -> list[str]:
    """Return the texts with which a URL is refused."""
    tree = ast.parse(inspect.getsource(hosts))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return [_literal(call.args[0]) for call in calls if call.func.id == "HostRefused"]  # type: ignore[attr-defined]  # a Name, by the line above


@pytest.mark.parametrize("text", host_refusals())
def test_each_refused_host_has_a_remedy_of_its_own(text: str) -> None:
    answer = answers.host_refused(HostRefused(text))
    found = remedy_for(state="refused", error_code=answer.error_code, told=(answer.description,))
    assert found is not None
    assert found not in GENERAL


def test_a_registered_host_and_a_private_address_are_told_apart() -> None:
    assert len(host_refusals()) >= 6
    names = {
        remedy_for(state="refused", told=(answers.host_refused(HostRefused(text)).description,))
        for text in host_refusals()
    }
    assert len(names) == 3


def a_delivery(state: DeliveryState, answer: Answer | None, words: str = "", *warnings: str) -> Delivery:
    return Delivery(
        id="d1",
        cell=CellKey("school", "https://school.example/api/lti/courses/42/line_items/7", "u"),
        consumer_key="key",
        sourcedid_digest="",
        context="",
        operation="replaceResult",
        write=None,
        received_at=1,
        timestamp=1,
        reference="1",
        body_digest="",
        receipt_key="",
        state=state,
        answer=answer,
        platform_words=words,
        warnings=warnings,
    )


def test_a_delivery_shows_its_remedy() -> None:
    refusal = PlatformRefused(RefusalKind.USER_NOT_IN_COURSE, 422, "User not found in course or is not a student")
    found = remedy_of(a_delivery(DeliveryState.REFUSED, answers.refused(refusal), refusal.words), "canvas")
    assert found is not None
    assert found.name == "canvas-user-not-student"


def test_a_plain_success_needs_no_remedy() -> None:
    assert remedy_of(a_delivery(DeliveryState.DELIVERED, answers.success()), "canvas") is None
    assert remedy_of(a_delivery(DeliveryState.ACCEPTED, None), "canvas") is None


def test_a_delivered_grade_needs_none_for_a_refusal_on_the_way() -> None:
    delivered = a_delivery(DeliveryState.DELIVERED, answers.success(), "Conflict")
    assert remedy_of(delivered, "moodle") is None


def test_a_warning_that_the_tool_was_not_told_has_its_remedy() -> None:
    delivered = a_delivery(DeliveryState.DELIVERED, answers.success(), "", answers.REVIEW_NOT_MARKED)
    found = remedy_of(delivered, "moodle")
    assert found is not None
    assert found.name == "review-not-marked"


def test_what_was_given_up_after_days_says_its_reason_where_it_is_known() -> None:
    told = "The grade was not stored: for 3 days the platform took nothing: no answer in time."
    known = remedy_for(state="failed", words="no answer in time", error_code="platform_unavailable", told=(told,))
    unknown = remedy_for(state="failed", error_code="platform_unavailable", told=(told,))
    assert known is not None
    assert known.name == "no-answer-in-time"
    assert unknown is not None
    assert unknown.name == "queue-time-over"


def test_platforms_are_told_apart() -> None:
    canvas = remedy_for(state="refused", status=401, error_code="assignment_tool_mismatch", profile="canvas")
    moodle = remedy_for(state="refused", status=401, error_code="assignment_tool_mismatch", profile="moodle")
    assert canvas is not None
    assert moodle is not None
    assert (canvas.name, moodle.name) == ("canvas-line-item-coupled", "moodle-not-authorized")


def test_a_platform_that_was_removed_still_has_its_words() -> None:
    found = remedy_for(state="refused", words="This assignment is still unpublished", profile="")
    assert found is not None
    assert found.name == "canvas-unpublished"


def test_a_moodle_that_fails_is_not_taken_for_a_lock() -> None:
    failing = from_score("moodle", reply(500, b"<html><title>Error</title></html>"))
    assert remedy_after(failing, "moodle") == "platform-fails"


def test_a_forbidden_call_is_not_taken_for_throttling() -> None:
    assert remedy_after(from_score("generic", reply(403, b"", "Forbidden")), "generic") == "general-refused"


@pytest.mark.parametrize(
    ("text", "pattern", "at_start", "expected"),
    [
        ("one two three", "two", False, True),
        ("one two three", "two", True, False),
        ("ONE two three", "one ... three", True, True),
        ("one three", "three ... one", False, False),
        ("JWK Error: failed", "JWK Error: ...failed", False, True),
    ],
)
def test_patterns(text: str, pattern: str, at_start: bool, expected: bool) -> None:
    assert contains(text, pattern, at_start=at_start) is expected


@pytest.mark.parametrize("each", ALL, ids=[each.name for each in ALL])
def test_every_remedy_is_whole(each: Remedy) -> None:
    assert each.cause.endswith(".")
    assert each.remedy[-1] in ".?"
    assert each.source
    assert "  " not in each.cause + each.remedy
    assert each.remedy.count("`") % 2 == 0
    assert each.cause.count("`") % 2 == 0
    assert "success" not in (each.cause + each.remedy).lower()
    assert all(name not in each.remedy for name in ("XXX", "TODO"))


def test_names_are_used_once() -> None:
    names = [each.name for each in ALL]
    assert len(names) == len(set(names))


def test_only_the_last_resort_has_no_sign() -> None:
    for each in ALL:
        has_sign = any([each.sign.says, each.sign.told, each.sign.wordless, each.sign.any_words])
        assert has_sign == (each not in GENERAL)


def test_every_sentence_for_the_delivery_is_used() -> None:
    assert {each.retry for each in ALL} == set(Retry)
