"""Of a remedy's general advice, a delivery is told what can be done with it as it stands."""

import pytest

from chalicelib.delivery.records import UNMAPPED, CellKey, Delivery, DeliveryState
from chalicelib.delivery.requeue import NotAgain, _final
from chalicelib.lti11.messages import DeleteResult
from passback.remedies import Advice, Remedy, Retry, Sign, advice_for

CELL = CellKey("campus", "https://canvas.example.edu/1", "u1")


def delivery(state: DeliveryState, *, kept: bool = True, mapped: bool = True) -> Delivery:
    return Delivery(
        id="d1",
        cell=CELL if mapped else UNMAPPED,
        consumer_key="quiz-tool",
        sourcedid_digest="0123",
        context="",
        operation="deleteResult",
        write=DeleteResult() if kept else None,
        received_at=1,
        timestamp=1,
        reference="7",
        body_digest="",
        receipt_key="r",
        state=state,
    )


def advised(state: DeliveryState, retry: Retry = Retry.RETRY, *, kept: bool = True, mapped: bool = True) -> Advice:
    remedy = Remedy("name", Sign(), "cause", "remedy", retry, "source")
    return advice_for(delivery(state, kept=kept, mapped=mapped), remedy)


ENDED = [state for state in DeliveryState if state.ended]


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("retry", list(Retry))
@pytest.mark.parametrize("kept", [True, False])
def test_no_retry_is_advised_that_would_be_refused(state: DeliveryState, retry: Retry, kept: bool) -> None:
    advice = advised(state, retry, kept=kept)
    refused = _final(delivery(state, kept=kept), force=advice.kind is Retry.FORCE)
    assert (advice.kind in (Retry.RETRY, Retry.FORCE)) == ("delivery retry" in advice.sentence)
    assert "delivery retry" not in advice.sentence or refused is None
    assert advice.kind is not Retry.WAIT
    assert "ID`" not in advice.sentence


@pytest.mark.parametrize("retry", list(Retry))
def test_what_is_on_its_way_needs_nothing(retry: Retry) -> None:
    assert advised(DeliveryState.QUEUED, retry).sentence == "Nothing more: Passback brings it by itself, in its turn."
    assert advised(DeliveryState.WAITING, retry).kind is Retry.WAIT
    assert "once its sourcedid is mapped" in advised(DeliveryState.PARKED, retry).sentence


def test_one_that_waits_can_be_tried_at_once() -> None:
    assert "`passback delivery retry d1`" in advised(DeliveryState.WAITING).sentence


def test_all_that_failed_are_named_only_where_it_is_one_of_them() -> None:
    assert "--all-failed" in advised(DeliveryState.FAILED).sentence
    assert "--all-failed" not in advised(DeliveryState.REFUSED).sentence


def test_one_that_was_never_mapped_needs_its_mapping_first() -> None:
    assert advised(DeliveryState.FAILED, mapped=False).sentence.startswith("Bring the mapping of its sourcedid in.")


def test_what_is_not_kept_has_to_be_sent_again() -> None:
    advice = advised(DeliveryState.REFUSED, kept=False)
    assert (advice.kind, "not kept" in advice.sentence) == (Retry.RESEND, True)
    assert "not kept" not in advised(DeliveryState.DELIVERED, Retry.RESEND, kept=False).sentence


def test_a_persons_grade_is_never_gone_over_without_a_thought() -> None:
    for kept in (True, False):
        assert advised(DeliveryState.HELD, Retry.FORCE, kept=kept).sentence.startswith("Only if the tool's grade")
    assert advised(DeliveryState.HELD, Retry.RETRY).kind is Retry.FORCE
    assert _final(delivery(DeliveryState.HELD), force=False) is NotAgain.HELD
