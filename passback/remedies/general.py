"""The last resort: a remedy for every kind of refusal, every code and every state, when nothing more is known."""

from collections.abc import Mapping
from types import MappingProxyType

from chalicelib.delivery.records import DeliveryState
from chalicelib.errors import OutcomeCode
from chalicelib.lti13.profiles import RefusalKind
from passback.remedies.model import Remedy, Retry, Sign

_SOURCE = "`docs/answers.md`"
_WORDS = "Read the platform's words in `passback delivery show ID`. "
_IMPORT = "Give the mappings the present line item (`passback mapping import`, or `passback mapping add` for one)."


def _general(name: str, cause: str, remedy: str, retry: Retry) -> Remedy:
    return Remedy(name, Sign(), cause, remedy, retry, _SOURCE)


_NEWER = _general(
    "general-newer-grade",
    "The platform has a later time for this student's grade: somebody graded after the outcome was received.",
    "Compare the grade in the gradebook with the tool's. If the later grade is a person's, it stays, and rightly.",
    Retry.FORCE,
)
_USER = _general(
    "general-user-not-in-course",
    "The platform does not know the user id as a student of the course: gone, inactive, a teacher, or the mapping has "
    "the wrong kind of id.",
    "Compare the user id in `passback delivery show ID` with the course's list of people. For a wrong id: `passback "
    "mapping add`, and let the tool send again.",
    Retry.RETRY,
)
_COURSE = _general(
    "general-course-over",
    "The course has ended, at all or for this student.",
    "Open the course again for the time, or enter the grade by hand.",
    Retry.RETRY,
)
_NOT_FOUND = _general(
    "general-not-found",
    "The line item or its course is gone from the platform.",
    "Was the assignment deleted, copied or moved? " + _IMPORT,
    Retry.RESEND,
)
_MISMATCH = _general(
    "general-tool-mismatch",
    "Passback may not write there: its key or registration is off, not installed in the course, lacks a scope, or the "
    "line item is another tool's; or no access token is given.",
    _WORDS + "Run `passback doctor`, and compare `passback platform show NAME` with the registration at the platform.",
    Retry.RETRY,
)
_SCOPE = _general(
    "general-scope-missing",
    "Our registration at the platform lacks a scope.",
    "Let it have the AGS scopes `score`, `result.readonly` and `lineitem.readonly`. `passback doctor` names them.",
    Retry.RETRY,
)
_ATTEMPTS = _general(
    "general-no-attempts-left",
    "The student's attempts are used up, so the work was not stored.",
    "Allow more attempts in the assignment, or one more for this student.",
    Retry.RETRY,
)
_FUTURE = _general(
    "general-submitted-at-in-future",
    "The time of submission is ahead of the platform's clock, or of ours.",
    "Set the tool's clock, and look at the zone in its `submittedAt`.",
    Retry.RETRY,
)
_UNREADABLE_TIME = _general(
    "general-submitted-at-invalid",
    "The time of submission cannot be read.",
    "Let the tool send `submittedAt` in ISO 8601 with a zone, or none.",
    Retry.RESEND,
)
_FILE = _general(
    "general-file-error",
    "The platform could not fetch or keep the tool's file.",
    "Open the file's address from outside the tool's network: it must answer within seconds, without signing in.",
    Retry.RETRY,
)
_UNPUBLISHED = _general(
    "general-unpublished",
    "The assignment is not published; the work is handed in, the grade is not stored.",
    "Publish the assignment.",
    Retry.RETRY,
)
_REFUSED = _general(
    "general-refused",
    "The platform refused the outcome for good, for a reason of its own.",
    _WORDS + "Try to grade the same student by hand: platforms mostly say the same there, and where it is set.",
    Retry.RETRY,
)
_UNAVAILABLE = _general(
    "general-unavailable",
    "The platform, or Passback's own table, could not be used then.",
    "See that the platform answers: `passback doctor`. The reason is in `passback delivery show ID`.",
    Retry.WAIT,
)
_TOOL_WRONG = _general(
    "general-message-wrong",
    "The tool's message is wrong: its score cannot be read, is out of range, or is missing.",
    "Put the tool right; what it was told says what is wrong.",
    Retry.NONE,
)
_NO_MAPPING = _general(
    "general-no-mapping",
    "The sourcedid has no mapping for this tool.",
    "`passback mapping missing` lists what tools send that nobody has mapped. Bring the mapping in: `passback mapping "
    "import`, or `passback mapping add` for one. Look also whether the tool changed its sourcedids.",
    Retry.RESEND,
)
_NOTHING_TO_DO = _general(
    "general-person-graded",
    "The tool asked not to touch a person's grade (`prioritizeNonToolGrade`), a person graded, and there was no work.",
    "Nothing; it is what the tool asked for.",
    Retry.NONE,
)

BY_KIND: Mapping[RefusalKind, Remedy] = MappingProxyType(
    {
        RefusalKind.STALE_TIMESTAMP: _NEWER,
        RefusalKind.USER_NOT_IN_COURSE: _USER,
        RefusalKind.COURSE_CONCLUDED: _COURSE,
        RefusalKind.NOT_FOUND: _NOT_FOUND,
        RefusalKind.TOOL_MISMATCH: _MISMATCH,
        RefusalKind.SCOPE_MISSING: _SCOPE,
        RefusalKind.NO_ATTEMPTS_LEFT: _ATTEMPTS,
        RefusalKind.SUBMITTED_AT_IN_FUTURE: _FUTURE,
        RefusalKind.SUBMITTED_AT_INVALID: _UNREADABLE_TIME,
        RefusalKind.FILE_ERROR: _FILE,
        RefusalKind.UNPUBLISHED_AFTER_SUBMIT: _UNPUBLISHED,
        RefusalKind.OTHER: _REFUSED,
    }
)

BY_CODE: Mapping[OutcomeCode, Remedy] = MappingProxyType(
    {
        OutcomeCode.SOURCEDID_INVALID: _NO_MAPPING,
        OutcomeCode.USER_NOT_IN_COURSE: _USER,
        OutcomeCode.ASSIGNMENT_INVALID: _NOT_FOUND,
        OutcomeCode.ASSIGNMENT_TOOL_MISMATCH: _MISMATCH,
        OutcomeCode.COURSE_NOT_AVAILABLE: _COURSE,
        OutcomeCode.NO_PARSEABLE_RESULT_SCORE: _TOOL_WRONG,
        OutcomeCode.NO_PARSEABLE_RESULT_TOTAL_SCORE: _TOOL_WRONG,
        OutcomeCode.BAD_SCORE: _TOOL_WRONG,
        OutcomeCode.NO_SCORE: _TOOL_WRONG,
        OutcomeCode.TIMESTAMP_NOT_PARSEABLE: _UNREADABLE_TIME,
        OutcomeCode.TIMESTAMP_IN_FUTURE: _FUTURE,
        OutcomeCode.NO_SUBMISSION_CREATED: _NOTHING_TO_DO,
        OutcomeCode.PLATFORM_UNAVAILABLE: _UNAVAILABLE,
        OutcomeCode.PLATFORM_REFUSED: _REFUSED,
    }
)

BY_STATE: Mapping[str, Remedy] = MappingProxyType(
    {
        "queued": _general(
            "state-queued",
            "The outcome is stored and on its way; another of the same student may go first.",
            "Nothing. `passback delivery watch` shows how it goes.",
            Retry.WAIT,
        ),
        "waiting": _general(
            "state-waiting",
            "A try failed for now, and the next one has its time.",
            "Nothing, when it passes. Otherwise see that the platform answers: `passback doctor`.",
            Retry.WAIT,
        ),
        "parked": _general(
            "state-parked",
            "The sourcedid has no mapping yet. The outcome is kept for 90 days and delivered when the mapping appears.",
            "`passback mapping missing` lists what is wanted. Bring the mapping in: `passback mapping import`, or "
            "`passback mapping add` for one; what is parked goes by itself then.",
            Retry.NONE,
        ),
        "held": _general(
            "state-held",
            "A person graded after this outcome was received, and their grade stays.",
            "Compare the grade in the gradebook with the tool's, and ask the teacher which one counts.",
            Retry.FORCE,
        ),
        "superseded": _general(
            "state-superseded",
            "An outcome that was received later brings all that this one would.",
            "Nothing. `passback delivery list` shows the newer one.",
            Retry.NONE,
        ),
        "refused": _REFUSED,
        "failed": _UNAVAILABLE,
    }
)
"""By the state's word. ``accepted`` is being worked on, and ``delivered`` without a loss needs nothing."""

WITHOUT_REMEDY = frozenset({DeliveryState.ACCEPTED.value, DeliveryState.DELIVERED.value})

GENERAL: tuple[Remedy, ...] = tuple(
    {each.name: each for each in (*BY_KIND.values(), *BY_CODE.values(), *BY_STATE.values())}.values()
)
