"""From an envelope to an outcome: every check that needs no platform, with Canvas's codes and texts."""

from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from chalicelib.errors import OutcomeCode, OutcomeFailure, OutcomeUnsupported
from chalicelib.lti11.messages import (
    LONGEST_ECHO,
    DeleteResult,
    Envelope,
    Operation,
    Outcome,
    ReadResult,
    ReplaceResult,
    ScoreScale,
    ToolScore,
)
from chalicelib.lti11.numbers import NumberFault, parse_score
from chalicelib.lti11.times import check_not_ahead, parse_submitted_at

INVALID_SOURCEDID = "Invalid sourcedid"
NOT_BETWEEN = "Score is not between 0 and 1"
NEGATIVE_TOTAL = "Total score must not be negative"
NO_SCORE = "No score given"

_SCORE_ELEMENTS = {
    ScoreScale.FRACTION: ("resultScore", OutcomeCode.NO_PARSEABLE_RESULT_SCORE),
    ScoreScale.POINTS: ("resultTotalScore", OutcomeCode.NO_PARSEABLE_RESULT_TOTAL_SCORE),
}


def read_sourcedid(envelope: Envelope) -> str:
    """Return the sourcedid as sent; it is looked up before the operation is judged.

    Raises
    ------
    OutcomeUnsupported
        When there is no operation at all, which Canvas sees first (Canvas LTI 1.1 outcomes, section 2, step 7).
    OutcomeFailure
        ``sourcedid_invalid`` when it is absent or blank (section 7.2).
    """
    if not envelope.operation_name:
        raise OutcomeUnsupported
    if envelope.sourcedid is None or not envelope.sourcedid.strip():
        raise OutcomeFailure(OutcomeCode.SOURCEDID_INVALID, INVALID_SOURCEDID)
    return envelope.sourcedid


def read_outcome(envelope: Envelope, now: datetime) -> Outcome:
    """Check an envelope and return what it asks for (Canvas LTI 1.1 outcomes, sections 2 and 4).

    ``now`` is the time the request came; a submittedAt may be one minute ahead of it.

    Raises
    ------
    OutcomeUnsupported
        For no operation, or one that the service has not.
    OutcomeFailure
        With the code and text of the last failure that applies.
    """
    read_sourcedid(envelope)
    if envelope.operation_name == Operation.REPLACE_RESULT:
        return _read_replace_result(envelope, now)
    if envelope.operation_name == Operation.READ_RESULT:
        return ReadResult()
    if envelope.operation_name == Operation.DELETE_RESULT:
        return DeleteResult()
    raise OutcomeUnsupported


def _read_replace_result(envelope: Envelope, now: datetime) -> ReplaceResult:
    # The time first: of several failures Canvas tells the last one it meets, and it comes to the time after the
    # score (Canvas LTI 1.1 outcomes, section 7.2).
    submitted_at = parse_submitted_at(envelope.submitted_at or "")
    if submitted_at is not None:
        check_not_ahead(submitted_at, now)
    score = _read_score(envelope)
    if score is None and envelope.data is None:
        # Whatever flags came along: Canvas lets prioritizeNonToolGrade skip this check and the range check, but only
        # once it knows that a person graded. Here numbers are judged before any platform is asked.
        raise OutcomeFailure(OutcomeCode.NO_SCORE, NO_SCORE)
    return ReplaceResult(
        score=score,
        data=envelope.data,
        submitted_at=submitted_at,
        prioritize_non_tool_grade=envelope.prioritize_non_tool_grade,
        needs_additional_review=envelope.needs_additional_review,
    )


def _read_score(envelope: Envelope) -> ToolScore | None:
    """Read both numbers before either is judged: a broken one fails the request even when the other would do."""
    fraction = None if envelope.result_score is None else parse_score(envelope.result_score)
    total = None if envelope.total_score is None else parse_score(envelope.total_score)
    if fraction is NumberFault.NOT_A_NUMBER:
        _refuse_text(ScoreScale.FRACTION, envelope.result_score)
    if isinstance(total, NumberFault):
        _refuse_text(ScoreScale.POINTS, envelope.total_score)
    if total is not None:
        return _points(total)
    return None if fraction is None else _fraction(fraction)


def _points(total: Decimal) -> ToolScore:
    if total < 0:
        # Canvas's gradebook takes a negative total; no AGS platform does (AGS 2.0, scoreGiven).
        raise OutcomeFailure(OutcomeCode.BAD_SCORE, NEGATIVE_TOTAL)
    return ToolScore(ScoreScale.POINTS, total)


def _fraction(fraction: Decimal | NumberFault) -> ToolScore:
    # A number too large to be kept is above 1 for Canvas too: it parses to infinity and fails the range check.
    if isinstance(fraction, NumberFault) or not 0 <= fraction <= 1:
        raise OutcomeFailure(OutcomeCode.BAD_SCORE, NOT_BETWEEN)
    return ToolScore(ScoreScale.FRACTION, fraction)


def _refuse_text(scale: ScoreScale, text: str | None) -> NoReturn:
    element, code = _SCORE_ELEMENTS[scale]
    # The newline at the end is Canvas's (Canvas LTI 1.1 outcomes, section 7.1).
    raise OutcomeFailure(code, f"Unable to parse {element}: {(text or '')[:LONGEST_ECHO]}\n")
