"""Platform differences as data. One place, each entry with its source; no flow asks which platform it talks to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType


class RefusalKind(StrEnum):
    """What a platform's final 'no' means, as far as the rules care."""

    STALE_TIMESTAMP = "stale_timestamp"
    USER_NOT_IN_COURSE = "user_not_in_course"
    COURSE_CONCLUDED = "course_concluded"
    NOT_FOUND = "not_found"
    TOOL_MISMATCH = "tool_mismatch"
    SCOPE_MISSING = "scope_missing"
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    SUBMITTED_AT_IN_FUTURE = "submitted_at_in_future"
    SUBMITTED_AT_INVALID = "submitted_at_invalid"
    FILE_ERROR = "file_error"
    UNPUBLISHED_AFTER_SUBMIT = "unpublished_after_submit"
    """Refused, yet a submission was made (older Canvas, unpublished assignment)."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """An answer with one of these statuses, whose words contain ``words`` (any case; empty: all), means ``kind``."""

    kind: RefusalKind
    statuses: frozenset[int]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """A leaky bucket of calls whose answers tell, in ``X-Rate-Limit-Remaining``, how many units are left."""

    full: float
    """Units left when nobody calls."""
    refill: float
    """Units that come back each second."""
    reserved: float
    """Units that a call holds while it runs."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of platform differs from plain AGS 2.0."""

    name: str
    tick_milliseconds: int
    """Resolution of the timestamps that order scores."""
    fraction_maximum: Decimal
    """``scoreMaximum`` that a fraction is sent with."""
    submission_extension: bool
    """Takes Canvas's submission extension: attempts, texts, URLs, files."""
    preserve_score: bool
    prioritize_non_tool_grade: bool
    standard_submission: bool
    """Takes ``submission.submittedAt``; a platform with the extension but without this takes the extension's."""
    keeps_score_when_pending_manual: bool
    result_without_score_may_be_zero: bool
    """A results row without ``resultScore`` reads 0 when 0 was the last score posted."""
    results_hide_some_students: bool
    """No row at all for a student whose score was stored (Canvas's Test Student)."""
    post_again_with_same_timestamp: bool
    """A score with the timestamp of the one before is taken (Canvas), not refused (Moodle)."""
    refusals: tuple[RefusalRule, ...]
    """The first rule that fits decides; an answer that fits none is ``OTHER``."""
    new_token_cannot_help: tuple[str, ...] = ()
    """A 401 with one of these texts is not about the token."""
    passing_token_errors: tuple[str, ...] = ()
    """A token refused with one of these texts may be given a little later."""
    results_filter_is_exact: bool = False
    """``user_id`` gives at most that user's row, possibly under another form of the id."""
    score_unit: Decimal | None = None
    """What the platform rounds ``scoreGiven`` to."""
    may_cap_scores: bool = False
    """A score beyond the maximum may come back as the maximum."""
    final_statuses: frozenset[int] = frozenset()
    """5xx statuses that no retry can help (with an ``[]`` body)."""
    protocol_errors_are_final: bool = False
    empty_list_is_refusal: bool = False
    """200 with body ``[]`` on a score post means refused."""
    quota: Quota | None = None
    """None: the platform sends no such header, or one that means something else."""


def classify(profile: Profile, status: int, words: str) -> RefusalKind:
    """Tell what a platform's final answer means, by its HTTP status and by what it said (in any case)."""
    said = words.casefold()
    for rule in profile.refusals:
        if status in rule.statuses and rule.words.casefold() in said:
            return rule.kind
    return RefusalKind.OTHER


def _rule(kind: RefusalKind, *statuses: int, words: str = "") -> RefusalRule:
    return RefusalRule(kind, frozenset(statuses), words)


# What the statuses alone mean, after all texts. A 404 is always the line item; 401 and 412 are about the tool and its
# installation (Canvas AGS, section 10, "AGS answer to POX answer").
_BY_STATUS = (
    _rule(RefusalKind.NOT_FOUND, 404),
    _rule(RefusalKind.TOOL_MISMATCH, 401, 412),
)

# Canvas AGS, section 6, where not said otherwise.
_CANVAS_REFUSALS = (
    _rule(RefusalKind.STALE_TIMESTAMP, 400, words="before last updated timestamp"),
    _rule(RefusalKind.SUBMITTED_AT_IN_FUTURE, 400, words="in the future"),
    _rule(RefusalKind.SUBMITTED_AT_INVALID, 400, words="Provided submitted_at timestamp"),
    # Section 3.8; the 500 and 504 of the file service are told from other 5xx by these texts.
    _rule(RefusalKind.FILE_ERROR, 400, 500, words="uploading to file service failed"),
    _rule(RefusalKind.FILE_ERROR, 504, words="failed to communicate with file service"),
    _rule(RefusalKind.FILE_ERROR, 504, words="file url timed out"),
    _rule(RefusalKind.USER_NOT_IN_COURSE, 422, words="User not found in course"),
    _rule(RefusalKind.COURSE_CONCLUDED, 422, words="This course has concluded"),
    _rule(RefusalKind.NO_ATTEMPTS_LEFT, 422, words="maximum number of allowed attempts"),
    # Older Canvas only, as a model error after the submission was made; newer Canvas checks first and says only the
    # second half of it. The text tells them apart, so a platform registered as the newer one is still read right.
    _rule(
        RefusalKind.UNPUBLISHED_AFTER_SUBMIT,
        422,
        words="cannot be changed at this time: This assignment is still unpublished",
    ),
    _rule(RefusalKind.SCOPE_MISSING, 401, words="Insufficient permissions"),
    *_BY_STATUS,
)

CANVAS = Profile(
    name="canvas",
    tick_milliseconds=1,  # Canvas AGS, section 3.6: compared in full; milliseconds are safe
    fraction_maximum=Decimal(1),  # section 10, "T1 scoreMaximum 1, not 100"
    submission_extension=True,  # section 3.2
    preserve_score=True,  # section 3.2
    prioritize_non_tool_grade=True,  # section 3.2
    standard_submission=True,  # section 3.2: preferred over the extension's submitted_at
    keeps_score_when_pending_manual=True,  # section 3.5
    result_without_score_may_be_zero=False,  # section 5: null fields are left out, a zero is not
    results_hide_some_students=True,  # section 5: the Test Student
    post_again_with_same_timestamp=True,  # section 3.6: equal is accepted
    refusals=_CANVAS_REFUSALS,
    new_token_cannot_help=(  # section 6, the rows of 401
        "not linked",
        "Unknown or inactive Developer Key",
        "Invalid Developer Key",
        "Insufficient permissions",
    ),
    passing_token_errors=("Failed to fetch public key",),  # section 1: our key set could not be read just then
    results_filter_is_exact=True,  # section 5: at most one element, its userId always the lti_id
    quota=Quota(full=600, refill=10, reserved=50),  # section 9, the defaults
)

CANVAS_OLDER = replace(
    CANVAS,
    name="canvas-older",
    # Section 3.2: preserve_score, prioritize_non_tool_grade and submission are absent in the revisions of 2021-22.
    preserve_score=False,
    prioritize_non_tool_grade=False,
    standard_submission=False,
)

# All of it observed: Moodle 4.5 as an AGS platform.
MOODLE = Profile(
    name="moodle",
    tick_milliseconds=1000,  # Scores: timestamps are compared in whole seconds
    fraction_maximum=Decimal(100),  # Scores: scoreGiven is rounded to 5 decimals before it is rescaled
    submission_extension=False,
    preserve_score=False,
    prioritize_non_tool_grade=False,
    standard_submission=False,
    keeps_score_when_pending_manual=False,  # Scores: anything but FullyGraded clears the grade
    result_without_score_may_be_zero=True,  # Results: a grade of 0 comes back without resultScore
    results_hide_some_students=False,
    post_again_with_same_timestamp=False,  # Scores: the same second is refused with 409
    refusals=(
        _rule(RefusalKind.STALE_TIMESTAMP, 409),  # Scores
        # Scores: unknown, not enrolled or a teacher. Moodle uses the same text for a malformed score, which ours is not
        # (Cvmcosta/ltijs#65).
        _rule(RefusalKind.USER_NOT_IN_COURSE, 400, words="Incorrect score received"),
        *_BY_STATUS,
    ),
    score_unit=Decimal("0.00001"),  # Scores: rounded to 5 decimals, before it is rescaled
    may_cap_scores=True,  # Scores: 120 of 100 is stored, and final 100
    final_statuses=frozenset({500}),  # Scores: a locked grade or column is 500 with the body []
    protocol_errors_are_final=True,  # Scores: a userId it cannot read makes a malformed status line
    empty_list_is_refusal=True,  # Scores: 200 with [] where a score was refused; a stored one has an empty body
)

GENERIC = Profile(
    name="generic",
    tick_milliseconds=1,  # AGS 2.0, section 3.4: timestamps have sub-second precision
    fraction_maximum=Decimal(1),  # AGS 2.0, section 4.5: replaceResult is scoreGiven of scoreMaximum 1
    submission_extension=False,
    preserve_score=False,
    prioritize_non_tool_grade=False,
    standard_submission=True,  # AGS 2.0, section 3.4: submission.submittedAt
    keeps_score_when_pending_manual=False,  # AGS 2.0, section 4.7: only FullyGraded surely counts
    result_without_score_may_be_zero=False,
    results_hide_some_students=False,
    post_again_with_same_timestamp=False,  # AGS 2.0, section 3.4.9: a timestamp must not be reused
    refusals=(
        # AGS 2.0, section 3.4.9 names no status for an older timestamp: 409 and 400 are what platforms send.
        _rule(RefusalKind.STALE_TIMESTAMP, 409),
        _rule(RefusalKind.STALE_TIMESTAMP, 400, words="before last updated timestamp"),
        _rule(RefusalKind.STALE_TIMESTAMP, 400, words="earlier timestamp"),
        _rule(RefusalKind.USER_NOT_IN_COURSE, 400, words="User could not be found"),  # Blackboard Learn
        _rule(RefusalKind.USER_NOT_IN_COURSE, 403, words="not enrolled"),  # D2L Brightspace
        _rule(RefusalKind.SCOPE_MISSING, 401, 403, words="insufficient_scope"),  # RFC 6750, section 3.1
        _rule(RefusalKind.SCOPE_MISSING, 401, 403, words="Insufficient permissions"),
        *_BY_STATUS,
    ),
    new_token_cannot_help=("insufficient_scope",),  # RFC 6750, section 3.1
    may_cap_scores=True,  # D2L Brightspace and Open edX cap at the maximum, others do not
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (CANVAS, CANVAS_OLDER, MOODLE, GENERIC)}
)
