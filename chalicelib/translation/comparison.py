"""Comparing scores: is what the gradebook holds what we put there?"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal

from chalicelib.delivery.records import KnownScore
from chalicelib.lti11.messages import DeleteResult, ScoreScale, ToolScore, Write
from chalicelib.lti13.profiles import Profile
from chalicelib.lti13.scores import Result

SAME_FRACTION = Decimal("1e-6")
"""Fractions closer than this are one score: platforms keep binary floats, some round to 5 decimals."""

EXACT = Context(prec=1300)
"""Wide enough for a tool's longest number, written in hexadecimal (1168 digits), times the maximum of a fraction."""

ROUNDED = Context(prec=28, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
"""For what is worked out from a platform's numbers. They may be of any size, and must not stop a delivery."""

_LARGEST_POWER_OF_TEN = 308
"""Of a double: platforms and tools keep scores as such."""


def known(result: Result | None) -> KnownScore:
    """Return what a results answer says of the score; no row is no score."""
    return KnownScore(None, None) if result is None else KnownScore(result.score, result.maximum)


def fraction(score: KnownScore) -> Decimal | None:
    """Return the score as a fraction of its maximum; its points when the maximum is 0; None without a score.

    A missing maximum is 1 (AGS 2.0, section 3.5).
    """
    if score.score is None:
        return None
    maximum = Decimal(1) if score.maximum is None else score.maximum
    return score.score if maximum == 0 else ROUNDED.divide(score.score, maximum)


def is_plain(number: Decimal) -> bool:
    """Tell whether a number is finite and not larger than any score can be."""
    return number.is_finite() and (not number or number.adjusted() <= _LARGEST_POWER_OF_TEN)


def is_ours(found: KnownScore, ours: KnownScore, profile: Profile) -> bool:
    """Tell whether a score that was read is the same fraction as ours, or what the platform made of it, or both none.

    Moodle rounds the score itself: in a column of 1 point that changes the fraction more than platforms do otherwise.
    A score beyond the maximum may have been cut.
    """
    first, second = fraction(found), fraction(ours)
    if first is None or second is None:
        return first is second
    if profile.may_cap_scores and ours.maximum != 0 and second > 1 >= first:
        second = Decimal(1)
    if _close(first, second):
        return True
    rounded = None if profile.score_unit is None else fraction(_rounded(ours, profile.score_unit))
    return rounded is not None and _close(first, rounded)


def _close(one: Decimal, other: Decimal) -> bool:
    apart = ROUNDED.subtract(one, other)
    return apart.is_finite() and apart.copy_abs() <= SAME_FRACTION


def _rounded(score: KnownScore, unit: Decimal) -> KnownScore:
    rounded = None if score.score is None else score.score.quantize(unit, rounding=ROUND_HALF_UP, context=ROUNDED)
    return KnownScore(rounded, score.maximum)


def read_score(result: Result | None, last_posted: KnownScore | None, profile: Profile) -> KnownScore:
    """Return the score that a results answer stands for.

    A row without a score after we posted 0 is that 0 where the platform leaves zeros out (Moodle 4.5, Line items,
    results: "A grade of 0 comes back without resultScore").
    """
    score = known(result)
    if (
        profile.result_without_score_may_be_zero
        and result is not None
        and score.score is None
        and last_posted is not None
        and last_posted.score == 0
    ):
        return KnownScore(Decimal(0), score.maximum)
    return score


def is_hidden(result: Result | None, last_posted: KnownScore | None, profile: Profile) -> bool:
    """Tell whether a score that was posted is missing from the results (Canvas AGS, section 5: the Test Student)."""
    posted = last_posted is not None and last_posted.score is not None
    return posted and result is None and profile.results_hide_some_students


def score_of(score: ToolScore, line_item_maximum: Decimal | None) -> KnownScore:
    """Return a tool's score as points out of a maximum: 1 for a fraction, the line item's for points."""
    if score.scale is ScoreScale.FRACTION:
        return KnownScore(score.value, Decimal(1))
    return KnownScore(score.value, Decimal(0) if line_item_maximum is None else line_item_maximum)


def intended(write: Write, line_item_maximum: Decimal | None) -> KnownScore | None:
    """Return what the gradebook holds once the write is applied; None when the write leaves the grade alone."""
    if isinstance(write, DeleteResult):
        return KnownScore(None, None)
    return None if write.score is None else score_of(write.score, line_item_maximum)


def needs_line_item(write: Write) -> bool:
    """Tell whether the line item's maximum must be known to compare or post the write's score."""
    return not isinstance(write, DeleteResult) and write.score is not None and write.score.scale is ScoreScale.POINTS
