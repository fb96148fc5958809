"""What became of a try that ended without an answer, as far as the platform's results tell. Pure."""

from decimal import Decimal
from enum import Enum

from chalicelib.delivery.records import Cell, SubmissionState
from chalicelib.lti11.messages import ReplaceResult, Write
from chalicelib.lti13.profiles import Profile
from chalicelib.lti13.scores import Result
from chalicelib.translation.comparison import intended, is_ours, known, read_score
from chalicelib.translation.posts import TYPE_OF_DATA


class Verdict(Enum):
    """What the results say of a write."""

    APPLIED = "applied"
    MISSING = "missing"
    GRADED_MEANWHILE = "graded meanwhile"
    """Neither ours nor what stood before it: a person graded since."""
    UNDECIDED = "undecided"
    """Work on top of earlier work: a results answer shows neither which text nor how many attempts there are."""


def verdict(
    cell: Cell, write: Write, result: Result | None, line_item_maximum: Decimal | None, profile: Profile
) -> Verdict:
    """Judge the cell's unsettled write by what was read (the design's rules "New attempt" and "Retry")."""
    if shows_score(write, result, line_item_maximum, profile):
        first_or_alone = cell.submission is SubmissionState.SENT or not carries_work(write, profile)
        is_new = cell.last_known is not None and not shows_score(write, _as_read(cell), line_item_maximum, profile)
        return Verdict.APPLIED if first_or_alone or is_new else Verdict.UNDECIDED
    if carries_work(write, profile):
        if cell.submission is not SubmissionState.SENT:
            return Verdict.UNDECIDED
        return Verdict.APPLIED if _shows_type(write, result) else Verdict.MISSING
    return Verdict.GRADED_MEANWHILE if shows_another(cell, result, profile) else Verdict.MISSING


def shows_score(write: Write, result: Result | None, line_item_maximum: Decimal | None, profile: Profile) -> bool:
    """Tell whether the write's own score is what was read."""
    ours = intended(write, line_item_maximum)
    return ours is not None and result is not None and is_ours(known(result), ours, profile)


def carries_work(write: Write, profile: Profile) -> bool:
    """Tell whether the write brings work that the platform takes."""
    return isinstance(write, ReplaceResult) and write.data is not None and profile.submission_extension


def _as_read(cell: Cell) -> Result | None:
    """Return what the cell last knew in the form in which it is read."""
    return None if cell.last_known is None else Result(cell.last_known.score, cell.last_known.maximum)


def _shows_type(write: Write, result: Result | None) -> bool:
    """Tell whether the type of the write's work is shown; before the first submission there was none."""
    if result is None or not isinstance(write, ReplaceResult) or write.data is None:
        return False
    return result.submission_type == TYPE_OF_DATA[write.data.kind]


def shows_another(cell: Cell, result: Result | None, profile: Profile) -> bool:
    """Tell whether a score is shown that the cell did not know; no row, or an empty one, tells nothing."""
    if result is None or result.score is None or cell.last_known is None:
        return False
    return not is_ours(read_score(result, cell.last_known, profile), cell.last_known, profile)
