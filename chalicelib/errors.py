"""Every failure Passback knows, in one tree, and every code a tool can be answered with.

PassbackError
├── OutcomeFailure        the tool is told ``failure`` with a code of :class:`OutcomeCode`
├── OutcomeUnsupported    the tool is told ``unsupported``
├── RequestRefused        refused before it is an outcome: 401, 404, 405, 413, 415
├── PlatformError         a call to a platform did not do what was asked
│   ├── PlatformUnavailable   not now; a retry can help
│   └── PlatformRefused       a final no, with the platform's words
├── HostRefused           a URL that the registration does not allow
├── StorageConflict       somebody else changed a record first; read again
├── StorageUnavailable    the table, or the key service, cannot be used now
├── StorageUnreadable     a stored value is damaged, sealed for another owner, or of an unknown form
├── QueueUnavailable      the queue cannot be used now; what was to be sent is in the table
├── PoisonMessage         a message of the queue that Passback cannot have written, or not this version
├── WorkFailed            an error of ours stopped the work on a message; the queue brings it again
└── SetupError            something the operator has to put right
"""

from enum import StrEnum

from chalicelib.lti13.profiles import RefusalKind


class OutcomeCode(StrEnum):
    """The ``ext_canvas_error_code`` of a failure: Canvas's (LTI 1.1 outcomes, section 7.2), then ours."""

    SOURCEDID_INVALID = "sourcedid_invalid"
    USER_NOT_IN_COURSE = "user_not_in_course"
    ASSIGNMENT_INVALID = "assignment_invalid"
    ASSIGNMENT_TOOL_MISMATCH = "assignment_tool_mismatch"
    COURSE_NOT_AVAILABLE = "course_not_available"
    NO_PARSEABLE_RESULT_SCORE = "no_parseable_result_score"
    NO_PARSEABLE_RESULT_TOTAL_SCORE = "no_parseable_result_total_score"
    BAD_SCORE = "bad_score"
    NO_SCORE = "no_score"
    TIMESTAMP_NOT_PARSEABLE = "timestamp_not_parseable"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    NO_SUBMISSION_CREATED = "no_submission_created"
    PLATFORM_UNAVAILABLE = "platform_unavailable"
    PLATFORM_REFUSED = "platform_refused"


class PassbackError(Exception):
    """Anything that Passback itself raises. ``retryable`` tells whether the same thing can work later."""

    retryable = False


class OutcomeFailure(PassbackError):
    """The tool is told ``failure``, with Canvas's code and text or one of ours."""

    def __init__(self, code: OutcomeCode, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class OutcomeUnsupported(PassbackError):
    """The tool is told ``unsupported``: no recognisable body, or an operation that the service has not."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "unsupported")
        self.detail = detail


class RequestRefused(PassbackError):
    """Refused before it is an outcome: HTTP ``status`` with one of Canvas's transport texts.

    ``reason`` is for the log and for ``doctor``; it never reaches the tool, never holds a secret or signature.
    """

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(f"{status}: {message} ({reason})")
        self.status = status
        self.message = message
        self.reason = reason


class PlatformError(PassbackError):
    """A call to a platform did not do what was asked."""


class Trouble(StrEnum):
    """What kept a platform from doing its part, as far as it tells how the platform is."""

    UNREACHABLE = "unreachable"
    """No connection, no answer in time, a broken one, or a gateway's 502 or 503."""
    TOKEN = "token"  # noqa: S105  # not one
    """No token could be had, other than by throttling."""
    THROTTLED = "throttled"
    ERROR = "error"
    """It answered, with an error of its own or something unreadable: it is there."""
    OURS = "ours"
    """We had no time left, or too much at once: it says nothing about the platform."""


class PlatformUnavailable(PlatformError):
    """The platform is down, slow or throttling: a retry can help.

    ``maybe_applied`` is False only when the request surely had no effect (never sent, or refused as too many).
    """

    retryable = True

    def __init__(
        self, reason: str, *, maybe_applied: bool, status: int | None = None, cause: Trouble = Trouble.ERROR
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.maybe_applied = maybe_applied
        self.status = status
        self.cause = cause


class PlatformRefused(PlatformError):
    """The platform's final no: HTTP ``status``, its ``words``, and what they mean by the profile's rules."""

    def __init__(self, kind: RefusalKind, status: int, words: str) -> None:
        super().__init__(f"{kind} ({status}): {words}")
        self.kind = kind
        self.status = status
        self.words = words


class HostRefused(PassbackError):
    """A URL that may not be called: not https, a host that is not registered, or a private address."""


class StorageConflict(PassbackError):
    """A record was changed by somebody else since it was read. ``kinds`` names which: receipt, cell, delivery."""

    retryable = True

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__(f"changed meanwhile: {', '.join(sorted(kinds))}")
        self.kinds = kinds


class StorageUnavailable(PassbackError):
    """The table or the key service cannot be reached, is throttling, or refused a call.

    A write that raised this may have been applied or not. ``reason`` names operation and code, never what was sent.
    """

    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(f"Storage cannot be used now: {reason}.")
        self.reason = reason


class StorageUnreadable(PassbackError):
    """A stored value cannot be read: damaged, sealed for another owner or by another key, or of an unknown form."""


class QueueUnavailable(PassbackError):
    """The queue cannot be reached, is throttling, or refused a call.

    A message that raised this may have been sent or not. ``reason`` names operation and code, never what was sent.
    """

    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(f"The queue cannot be used now: {reason}.")
        self.reason = reason


class PoisonMessage(PassbackError):
    """A message that no try can help: not ours, damaged, or of another version. ``reason`` never repeats its text."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A message cannot be read: {reason}.")
        self.reason = reason


class WorkFailed(PassbackError):
    """An unexpected error stopped the work on a message; ``kind`` is its type, and its own text stays out of logs."""

    retryable = True

    def __init__(self, kind: str) -> None:
        super().__init__(f"Unexpected {kind}.")
        self.kind = kind


class SetupError(PassbackError):
    """Something is missing or wrong in the set-up; the message says what to do."""
