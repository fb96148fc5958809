"""T13: what a results answer reads as in LTI 1.1 (Canvas LTI 1.1 outcomes, section 5)."""

from decimal import ROUND_HALF_UP, Decimal

from chalicelib.delivery.records import Cell
from chalicelib.lti11.messages import Answer, CodeMajor, DeleteResult, ScoreScale, Write
from chalicelib.lti13.profiles import Profile
from chalicelib.lti13.scores import Result
from chalicelib.translation import answers
from chalicelib.translation.comparison import EXACT, ROUNDED, fraction, is_plain, read_score

_LAST_DECIMAL_OF_A_SHARE = Decimal("0.0001")
"""A percentage of two decimals (Canvas LTI 1.1 outcomes, section 5)."""
_LAST_DECIMAL = Decimal("1e-20")


def read_answer(result: Result | None, cell: Cell, profile: Profile) -> Answer:
    """Answer a readResult from the platform's row; an empty text when there is no score.

    A student whom the platform keeps out of results although it stored the score (Canvas's Test Student) gets the
    last score that was posted.
    """
    if result is None and profile.results_hide_some_students and cell.last_posted is not None:
        score = cell.last_posted
    else:
        score = read_score(result, cell.last_posted, profile)
    share = fraction(score)
    if share is None:
        return Answer(CodeMajor.SUCCESS, score_text="")
    if not is_plain(share):
        return answers.score_out_of_range()
    if score.maximum == 0:
        # Not a share of anything: Canvas gives a hundredth, unrounded but for what a float can hold.
        return _success(ROUNDED.divide(share, Decimal(100)), _LAST_DECIMAL)
    return _success(share, _LAST_DECIMAL_OF_A_SHARE)


def undelivered_answer(write: Write) -> Answer | None:
    """Answer a readResult from a write that is stored and not delivered yet; None when it does not tell the score.

    Points need the line item's maximum, and whether a score goes over a person's grade only the platform knows.
    """
    if isinstance(write, DeleteResult):
        return Answer(CodeMajor.SUCCESS, score_text="")
    if write.score is None or write.score.scale is not ScoreScale.FRACTION or write.prioritize_non_tool_grade:
        return None
    return _success(write.score.value, _LAST_DECIMAL_OF_A_SHARE)


def _success(number: Decimal, last_decimal: Decimal) -> Answer:
    rounded = number.quantize(last_decimal, rounding=ROUND_HALF_UP, context=EXACT)
    return Answer(CodeMajor.SUCCESS, score_text=float_text(rounded))


def float_text(number: Decimal) -> str:
    """Write a number as a plain float: at least one decimal, no exponent, no trailing zeros: ``0.4``, ``1.0``."""
    text = format(number, "f")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"
