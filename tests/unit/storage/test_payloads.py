import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import StorageUnreadable
from chalicelib.lti11.messages import DataKind, DeleteResult, ReplaceResult, ResultData, ScoreScale, ToolScore
from chalicelib.storage.payloads import from_payload, to_payload

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCORES = st.builds(ToolScore, st.sampled_from(ScoreScale), st.decimals(allow_nan=False, allow_infinity=False))
DATA = st.builds(ResultData, st.sampled_from(DataKind), TEXT, TEXT)
WRITES = st.builds(
    ReplaceResult,
    st.none() | SCORES,
    st.none() | DATA,
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.booleans(),
    st.booleans(),
)


def exactly(write: ReplaceResult) -> tuple[object, ...]:
    """A score digit by digit: ``Decimal("0.10") == Decimal("0.1")`` would hide a lost zero."""
    return write, write.score and write.score.value.as_tuple()


@given(WRITES)
def test_what_a_tool_wrote_comes_back_to_the_last_digit(write: ReplaceResult) -> None:
    restored = from_payload(to_payload(write))
    assert isinstance(restored, ReplaceResult)
    assert exactly(restored) == exactly(write)


def test_a_delete_comes_back() -> None:
    assert from_payload(to_payload(DeleteResult())) == DeleteResult()


def test_a_zero_is_a_score_and_an_empty_text_is_data() -> None:
    write = ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal(0)), ResultData(DataKind.TEXT, ""))
    assert from_payload(to_payload(write)) == write


def test_a_short_payload_can_be_read_in_the_table() -> None:
    write = ReplaceResult(
        ToolScore(ScoreScale.FRACTION, Decimal("0.10")), None, datetime(2026, 1, 1, tzinfo=UTC), True, False
    )
    payload = to_payload(write)
    assert isinstance(payload, str)
    assert json.loads(payload) == {
        "operation": "replaceResult",
        "score": {"scale": "fraction", "value": "0.10"},
        "data": None,
        "submitted_at": "2026-01-01T00:00:00+00:00",
        "prioritize_non_tool_grade": True,
        "needs_additional_review": False,
    }


def test_text_that_grows_in_json_and_utf8_still_fits_an_item() -> None:
    text = '"\\é\n' * (256 * 1024 // 4)
    write = ReplaceResult(None, ResultData(DataKind.TEXT, text))
    payload = to_payload(write)
    assert isinstance(payload, bytes)
    assert len(payload) < 300 * 1024
    assert from_payload(payload) == write


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[]",
        "{}",
        '{"operation": "readResult"}',
        '{"operation": "replaceResult"}',
        '{"operation": "replaceResult", "score": {"scale": "points", "value": "x"}, "data": 0, "submitted_at": ""}',
        b"not compressed",
        "my secret essay",
    ],
)
def test_anything_else_is_unreadable_and_not_shown(payload: str | bytes) -> None:
    with pytest.raises(StorageUnreadable) as unreadable:
        from_payload(payload)
    assert "essay" not in str(unreadable.value)
    assert unreadable.value.__suppress_context__
