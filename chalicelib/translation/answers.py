"""What the tool is told, in Canvas's words where Canvas has them, in ours where it has not."""

from chalicelib.delivery.records import DeliveryState
from chalicelib.errors import HostRefused, OutcomeCode, PlatformRefused, PlatformUnavailable
from chalicelib.lti11.messages import Answer, CodeMajor, DataKind, ResultData
from chalicelib.lti13.profiles import RefusalKind

REFUSED = DeliveryState.REFUSED

QUEUED = "queued for delivery"
SUPERSEDED = "superseded by a newer outcome"
GRADED_MEANWHILE = "superseded: somebody graded meanwhile, and that grade stays"
NO_ATTEMPTS_LEFT = "graded, but the work was not stored: no attempts are left"
FILE_NOT_STORED = "graded, but the file was not stored: the platform could not fetch it"
REVIEW_NOT_MARKED = "the platform would clear the grade of work that needs review, so it was graded without the mark"

_NAME_OF_DATA = {
    DataKind.TEXT: "text",
    DataKind.URL: "URL",
    DataKind.FILE: "file",
    DataKind.LTI_LAUNCH_URL: "launch URL",
}

_REFUSALS: dict[RefusalKind, tuple[OutcomeCode, str]] = {
    RefusalKind.USER_NOT_IN_COURSE: (OutcomeCode.USER_NOT_IN_COURSE, "User is no longer in course"),
    RefusalKind.COURSE_CONCLUDED: (OutcomeCode.COURSE_NOT_AVAILABLE, "Course not available for student"),
    RefusalKind.NOT_FOUND: (OutcomeCode.ASSIGNMENT_INVALID, "Assignment is invalid"),
    RefusalKind.TOOL_MISMATCH: (
        OutcomeCode.ASSIGNMENT_TOOL_MISMATCH,
        "Assignment is no longer associated with this tool",
    ),
    RefusalKind.SCOPE_MISSING: (
        OutcomeCode.ASSIGNMENT_TOOL_MISMATCH,
        "Assignment is no longer associated with this tool",
    ),
    RefusalKind.SUBMITTED_AT_IN_FUTURE: (
        OutcomeCode.TIMESTAMP_IN_FUTURE,
        "Invalid timestamp - timestamp in future",
    ),
    RefusalKind.SUBMITTED_AT_INVALID: (
        OutcomeCode.TIMESTAMP_NOT_PARSEABLE,
        "Invalid timestamp - timestamp not parseable",
    ),
}
"""The answer table of Canvas AGS, section 10; every kind that is not in it gets the platform's own words."""


def success(description: str = "") -> Answer:
    """Tell the tool that its outcome is in the gradebook; the description is empty, or names a loss."""
    return Answer(CodeMajor.SUCCESS, description)


def queued() -> Answer:
    """Tell the tool that its outcome is stored, and will be delivered as soon as the platform takes it."""
    return success(QUEUED)


def superseded() -> Answer:
    """Tell the tool that a newer outcome of the same cell was accepted before this one."""
    return success(SUPERSEDED)


def graded_meanwhile() -> Answer:
    """Tell the tool that a person's grade, given after the outcome, stays."""
    return success(GRADED_MEANWHILE)


def failure(code: OutcomeCode, description: str) -> Answer:
    """Tell the tool that its outcome is not in the gradebook, and why."""
    return Answer(CodeMajor.FAILURE, description, code.value)


def no_score() -> Answer:
    """Neither a score nor work that this platform takes."""
    return failure(OutcomeCode.NO_SCORE, "No score given")


def no_submission_created() -> Answer:
    """A person's grade is kept, and there is nothing else to store (Canvas LTI 1.1 outcomes, section 4.5)."""
    return failure(
        OutcomeCode.NO_SUBMISSION_CREATED, "This outcome request failed to create a new homework submission."
    )


def grade_not_kept() -> Answer:
    """Work that would clear a grade, for a platform that can neither preserve the grade nor be given it again."""
    return failure(
        OutcomeCode.PLATFORM_REFUSED,
        "The work was not stored: this platform would clear the grade with it, and the grade cannot be read.",
    )


def work_not_taken(data: ResultData) -> str:
    """Name the work that a platform without Canvas's extension does not take."""
    return f"graded, but the {_NAME_OF_DATA[data.kind]} was not stored: this platform takes none"


def refused(refusal: PlatformRefused) -> Answer:
    """Translate a platform's final no."""
    if refusal.kind in _REFUSALS:
        return failure(*_REFUSALS[refusal.kind])
    words = refusal.words or f"status {refusal.status}"
    return failure(OutcomeCode.PLATFORM_REFUSED, f"The platform refused the outcome: {words}")


def unavailable(problem: PlatformUnavailable) -> Answer:
    """Tell the tool that the platform cannot be reached now, and that the grade did not arrive as far as is known."""
    if problem.maybe_applied:
        text = f"The grade was not stored, as far as is known: {problem.reason}. Please send it again."
    else:
        text = f"The grade was not stored: {problem.reason}. Please send it again."
    return failure(OutcomeCode.PLATFORM_UNAVAILABLE, text)


def in_progress() -> Answer:
    """An equal request is still being worked on, and it is not known yet how it ends."""
    return failure(
        OutcomeCode.PLATFORM_UNAVAILABLE,
        "The grade was not stored yet: the same outcome is still being delivered. Please send it again.",
    )


def host_refused(refusal: HostRefused) -> Answer:
    """The line item lies at a host that the platform's registration does not allow."""
    return failure(OutcomeCode.PLATFORM_REFUSED, f"The outcome was not sent: {refusal}")


def cell_busy() -> Answer:
    """Other outcomes for the same student and line item kept the tool waiting too long."""
    return failure(
        OutcomeCode.PLATFORM_UNAVAILABLE,
        "The grade was not stored: another outcome for the same student is still being delivered. "
        "Please send it again.",
    )


def unreadable(problem: PlatformUnavailable) -> Answer:
    """Tell the tool that the score cannot be read now."""
    return failure(OutcomeCode.PLATFORM_UNAVAILABLE, f"The score cannot be read now: {problem.reason}.")


def score_out_of_range() -> Answer:
    """Tell the tool that the platform's score is no number that a float holds."""
    return failure(OutcomeCode.PLATFORM_REFUSED, "The score cannot be read: the platform sent a number out of range.")


def storage_unavailable(*, reads: bool) -> Answer:
    """Tell the tool that the table cannot be reached: nothing is promised, and nothing can be read."""
    if reads:
        return failure(
            OutcomeCode.PLATFORM_UNAVAILABLE, "The score cannot be read now: Passback cannot reach its own table."
        )
    return failure(
        OutcomeCode.PLATFORM_UNAVAILABLE,
        "The grade was not stored, as far as is known: Passback cannot reach its own table. Please send it again.",
    )


def sourcedid_invalid() -> Answer:
    """No mapping is known for the tool and sourcedid."""
    return failure(OutcomeCode.SOURCEDID_INVALID, "Invalid sourcedid")


def too_many_parked_for_sourcedid() -> Answer:
    """A sourcedid without a mapping, for which as many outcomes wait as may."""
    return failure(
        OutcomeCode.SOURCEDID_INVALID,
        "The grade was not stored: nobody has mapped its sourcedid yet, and too many outcomes wait for that already.",
    )


def too_many_parked_for_tool() -> Answer:
    """A sourcedid without a mapping, of a tool for which as many outcomes wait as may."""
    return failure(
        OutcomeCode.SOURCEDID_INVALID,
        "The grade was not stored: nobody has mapped its sourcedid yet, and too many outcomes of its tool wait for "
        "mappings already.",
    )


def never_mapped() -> Answer:
    """An outcome that was parked for as long as they are kept."""
    return failure(
        OutcomeCode.SOURCEDID_INVALID, "The grade was not stored: no mapping appeared for its sourcedid within 90 days."
    )


def gave_up(reason: str, time: str) -> Answer:
    """An acknowledged outcome that the platform did not take for so long, such as ``7 days``."""
    return failure(
        OutcomeCode.PLATFORM_UNAVAILABLE, f"The grade was not stored: for {time} the platform took nothing: {reason}."
    )


def tool_missing() -> Answer:
    """The tool that sent the outcome was removed before it was delivered."""
    return failure(OutcomeCode.PLATFORM_REFUSED, "The outcome was not sent: its tool is not registered any more")


def platform_missing() -> Answer:
    """The mapping names a platform that is no longer registered."""
    return failure(
        OutcomeCode.PLATFORM_REFUSED, "The outcome was not sent: the platform of this assignment is not registered"
    )
