"""Platform differences as data. One place, each entry with its source; no flow asks which platform it talks to."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


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
    final_statuses: frozenset[int] = frozenset()
    """5xx statuses that no retry can help (with an ``[]`` body)."""
    protocol_errors_are_final: bool = False
    empty_list_is_refusal: bool = False
    """200 with body ``[]`` on a score post means refused."""
