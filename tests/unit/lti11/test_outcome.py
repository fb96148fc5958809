from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import OutcomeCode, OutcomeFailure, OutcomeUnsupported
from chalicelib.lti11.messages import (
    DataKind,
    DeleteResult,
    Envelope,
    ReadResult,
    ReplaceResult,
    ResultData,
    ScoreScale,
    ToolScore,
)
from chalicelib.lti11.outcome import read_outcome, read_sourcedid

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = ResultData(DataKind.TEXT, "Essay")
FUTURE = (NOW + timedelta(minutes=2)).isoformat()


def replacing(
    result_score: str | None = None,
    total_score: str | None = None,
    data: ResultData | None = None,
    submitted_at: str | None = None,
    *,
    prioritize: bool = False,
    review: bool = False,
) -> Envelope:
    return Envelope(
        message_identifier="m-1",
        operation_name="replaceResult",
        sourcedid="s-1",
        result_score=result_score,
        total_score=total_score,
        data=data,
        submitted_at=submitted_at,
        prioritize_non_tool_grade=prioritize,
        needs_additional_review=review,
    )


def failure(envelope: Envelope) -> tuple[OutcomeCode, str]:
    with pytest.raises(OutcomeFailure) as caught:
        read_outcome(envelope, NOW)
    return caught.value.code, caught.value.description


def scored(envelope: Envelope) -> ToolScore | None:
    outcome = read_outcome(envelope, NOW)
    assert isinstance(outcome, ReplaceResult)
    return outcome.score


class TestOperations:
    def test_read_and_delete(self) -> None:
        assert read_outcome(Envelope("m", "readResult", "s"), NOW) == ReadResult()
        assert read_outcome(Envelope("m", "deleteResult", "s"), NOW) == DeleteResult()

    def test_replace_with_everything(self) -> None:
        envelope = replacing("0.5", "12.50", TEXT, "2026-03-01T11:00:00+01:00", prioritize=True, review=True)
        assert read_outcome(envelope, NOW) == ReplaceResult(
            score=ToolScore(ScoreScale.POINTS, Decimal("12.50")),
            data=TEXT,
            submitted_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
            prioritize_non_tool_grade=True,
            needs_additional_review=True,
        )

    @pytest.mark.parametrize("name", ["", "readPerson", "replaceresult", "RESULT", "success"])
    def test_anything_else_is_unsupported(self, name: str) -> None:
        with pytest.raises(OutcomeUnsupported):
            read_outcome(Envelope("m", name, "s"), NOW)


class TestSourcedid:
    def test_it_is_returned_as_sent(self) -> None:
        assert read_sourcedid(Envelope("m", "x", " s-1\n")) == " s-1\n"

    @pytest.mark.parametrize("sourcedid", [None, "", " \n"])
    @pytest.mark.parametrize("name", ["replaceResult", "readResult", "readPerson"])
    def test_absent_or_blank_fails_before_the_operation_is_judged(self, sourcedid: str | None, name: str) -> None:
        assert failure(Envelope("m", name, sourcedid)) == (OutcomeCode.SOURCEDID_INVALID, "Invalid sourcedid")

    def test_no_operation_comes_before_the_sourcedid(self) -> None:
        with pytest.raises(OutcomeUnsupported):
            read_sourcedid(Envelope("m", "", None))


class TestFraction:
    @pytest.mark.parametrize("text", ["0", "0.0", "1", "1.0", "0.92", " .5\n", "1e-5", "0x1", "1."])
    def test_the_range_is_inclusive(self, text: str) -> None:
        score = scored(replacing(text))
        assert score is not None
        assert score.scale is ScoreScale.FRACTION

    def test_zero_is_a_score_and_has_no_sign(self) -> None:
        score = scored(replacing("-0.0"))
        assert score == ToolScore(ScoreScale.FRACTION, Decimal(0))
        assert score is not None
        assert not score.value.is_signed()

    @pytest.mark.parametrize(
        "text", ["1.0000000000000000000000001", "-0.1", "2", "1_000", "0x1A", "1e400", "-1e400", "1" * 65]
    )
    @pytest.mark.parametrize("prioritize", [True, False])
    def test_out_of_range(self, text: str, prioritize: bool) -> None:
        expected = (OutcomeCode.BAD_SCORE, "Score is not between 0 and 1")
        assert failure(replacing(text, data=TEXT, prioritize=prioritize)) == expected

    @pytest.mark.parametrize("text", ["", " ", "0,92", "92%", "A", "NaN", "inf"])
    def test_not_a_number(self, text: str) -> None:
        expected = (OutcomeCode.NO_PARSEABLE_RESULT_SCORE, f"Unable to parse resultScore: {text}\n")
        assert failure(replacing(text)) == expected


class TestTotal:
    @pytest.mark.parametrize(
        ("text", "value"), [("37.5", "37.5"), ("0", "0"), ("-0.0", "0"), ("1e3", "1000"), ("0x1A", "26")]
    )
    def test_points_have_no_upper_bound(self, text: str, value: str) -> None:
        assert scored(replacing(total_score=text)) == ToolScore(ScoreScale.POINTS, Decimal(value))

    def test_negative_points_are_refused_with_their_own_text(self) -> None:
        expected = (OutcomeCode.BAD_SCORE, "Total score must not be negative")
        assert failure(replacing(total_score="-7")) == expected

    @pytest.mark.parametrize("text", ["", "12,5", "1e400", "-1e999999999", "1" * 65])
    def test_not_a_number_or_one_too_large(self, text: str) -> None:
        expected = (OutcomeCode.NO_PARSEABLE_RESULT_TOTAL_SCORE, f"Unable to parse resultTotalScore: {text}\n")
        assert failure(replacing(total_score=text)) == expected


class TestBothScores:
    def test_the_total_wins(self) -> None:
        assert scored(replacing("0.5", "7")) == ToolScore(ScoreScale.POINTS, Decimal(7))

    @pytest.mark.parametrize("fraction", ["7", "-1", "1e400"])
    def test_the_range_of_the_fraction_does_not_matter_then(self, fraction: str) -> None:
        assert scored(replacing(fraction, "7")) == ToolScore(ScoreScale.POINTS, Decimal(7))

    def test_a_broken_fraction_fails_the_request(self) -> None:
        assert failure(replacing("x", "7"))[0] is OutcomeCode.NO_PARSEABLE_RESULT_SCORE

    @pytest.mark.parametrize("fraction", ["0.5", "7"])
    def test_a_broken_total_fails_the_request(self, fraction: str) -> None:
        assert failure(replacing(fraction, "x"))[0] is OutcomeCode.NO_PARSEABLE_RESULT_TOTAL_SCORE

    def test_the_fraction_is_named_when_both_are_broken(self) -> None:
        assert failure(replacing("x", "y"))[1] == "Unable to parse resultScore: x\n"

    def test_a_broken_fraction_is_told_before_a_negative_total(self) -> None:
        assert failure(replacing("x", "-1"))[0] is OutcomeCode.NO_PARSEABLE_RESULT_SCORE


class TestNoScore:
    @pytest.mark.parametrize("submitted_at", [None, "", "2026-03-01"])
    @pytest.mark.parametrize("prioritize", [True, False])
    @pytest.mark.parametrize("review", [True, False])
    def test_neither_score_nor_data(self, submitted_at: str | None, prioritize: bool, review: bool) -> None:
        envelope = replacing(submitted_at=submitted_at, prioritize=prioritize, review=review)
        assert failure(envelope) == (OutcomeCode.NO_SCORE, "No score given")

    @pytest.mark.parametrize("kind", list(DataKind))
    def test_data_alone_is_enough_even_when_empty(self, kind: DataKind) -> None:
        data = ResultData(kind, "")
        assert read_outcome(replacing(data=data), NOW) == ReplaceResult(score=None, data=data)


class TestTimes:
    @pytest.mark.parametrize("text", ["", "\n "])
    def test_blanks_are_no_time(self, text: str) -> None:
        outcome = read_outcome(replacing("1", submitted_at=text), NOW)
        assert outcome == ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal(1)))

    def test_a_minute_ahead_is_fine(self) -> None:
        ahead = NOW + timedelta(minutes=1)
        outcome = read_outcome(replacing("1", submitted_at=ahead.isoformat()), NOW)
        assert isinstance(outcome, ReplaceResult)
        assert outcome.submitted_at == ahead

    @pytest.mark.parametrize(
        ("submitted_at", "code"),
        [("garbage", OutcomeCode.TIMESTAMP_NOT_PARSEABLE), (FUTURE, OutcomeCode.TIMESTAMP_IN_FUTURE)],
    )
    @pytest.mark.parametrize(
        ("result_score", "total_score"), [("1", None), ("x", "y"), ("7", None), (None, "-1"), (None, None)]
    )
    def test_a_bad_time_is_told_whatever_else_is_wrong(
        self, submitted_at: str, code: OutcomeCode, result_score: str | None, total_score: str | None
    ) -> None:
        assert failure(replacing(result_score, total_score, submitted_at=submitted_at))[0] is code


@pytest.mark.parametrize("field", ["resultScore", "resultTotalScore"])
def test_an_echoed_text_is_cut(field: str) -> None:
    text = "y" * 5000
    _, description = failure(replacing(text) if field == "resultScore" else replacing(total_score=text))
    assert description == f"Unable to parse {field}: {'y' * 255}\n"


_maybe = st.none() | st.text(max_size=30) | st.sampled_from(["0.5", "1", "7", "-1", "1e999", "", "2017-04-16", "0x1"])


@given(st.sampled_from(["replaceResult", "readResult", "deleteResult", "other", ""]), *[_maybe] * 4, st.booleans())
def test_any_envelope_is_an_outcome_or_a_named_refusal(
    name: str, sourcedid: str | None, fraction: str | None, total: str | None, time: str | None, flag: bool
) -> None:
    envelope = Envelope("m", name, sourcedid, fraction, total, None, time, prioritize_non_tool_grade=flag)
    try:
        outcome = read_outcome(envelope, NOW)
    except (OutcomeFailure, OutcomeUnsupported):
        return
    if isinstance(outcome, ReplaceResult):
        assert outcome.score is not None
        assert outcome.score.value >= 0
        assert outcome.score.scale is ScoreScale.POINTS or outcome.score.value <= 1
