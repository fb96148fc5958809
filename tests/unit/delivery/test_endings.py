"""How a cell and a delivery change as an outcome is accepted, noted, ended and settled."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.delivery.endings import (
    KEPT_ENDED,
    KEPT_FAILED_PAYLOAD,
    LONGEST_STORY,
    Ending,
    accepted,
    begun,
    confirmed_submission,
    ended_cell,
    ended_delivery,
    first_submission_noted,
    settled_cell,
)
from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    SubmissionState,
)
from chalicelib.lti11.messages import (
    Answer,
    CodeMajor,
    DataKind,
    DeleteResult,
    ReplaceResult,
    ResultData,
    ScoreScale,
    ToolScore,
)

AT = 1_770_113_730_123
DAY = 86_400_000
ESSAY = ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.7")), ResultData(DataKind.TEXT, "My essay"))
EARLIER = NewestDelivery("d1", "tool", "digest of another body", AT - 500)
DELIVERY = Delivery(
    id="d2",
    cell=CellKey("canvas", "line item", "user"),
    consumer_key="tool",
    sourcedid_digest="digest of a sourcedid",
    context="course",
    operation="replaceResult",
    write=ESSAY,
    received_at=AT,
    timestamp=AT,
    reference="12345",
    body_digest="digest of a body",
    receipt_key="receipt",
    lease_until=AT + 12_000,
    previous=EARLIER,
    events=(DeliveryEvent(AT, "try 1"),),
)
BEFORE = Cell(
    DELIVERY.cell,
    version=7,
    newest_timestamp=AT - 500,
    submission=SubmissionState.NONE,
    last_posted=KnownScore(Decimal("0.5"), Decimal(1)),
    last_known=KnownScore(Decimal("0.5"), Decimal(1)),
    newest=EARLIER,
)
OWNED = accepted(BEFORE, DELIVERY)
NOTED = first_submission_noted(OWNED, "d2", AT)
OURS = KnownScore(Decimal("0.7"), Decimal(1))
PERSONS = KnownScore(Decimal("0.8"), Decimal(1))

DONE = Ending(
    DeliveryState.DELIVERED, Answer(CodeMajor.SUCCESS), applied=True, posted=OURS, made_submission=True, timestamp=AT
)
REFUSED = Ending(DeliveryState.REFUSED, Answer(CodeMajor.FAILURE, "No"), applied=False, timestamp=AT)
FAILED = Ending(DeliveryState.FAILED, Answer(CodeMajor.FAILURE, "Not now"), applied=False, timestamp=AT)
UNKNOWN = replace(FAILED, applied=None)
SUPERSEDED = Ending(DeliveryState.SUPERSEDED, Answer(CodeMajor.SUCCESS, "superseded"), applied=False, timestamp=AT)
EVERY_ENDING = pytest.mark.parametrize(
    "ending", [DONE, REFUSED, FAILED, UNKNOWN, SUPERSEDED], ids=["done", "refused", "failed", "unknown", "superseded"]
)


class TestAccepted:
    def test_the_delivery_owns_the_cell_until_its_lease_ends(self) -> None:
        assert (OWNED.under_way_id, OWNED.lease_until) == ("d2", AT + 12_000)

    def test_the_delivery_is_the_newest_of_its_cell(self) -> None:
        assert (OWNED.newest_received_at, OWNED.newest_timestamp) == (AT, AT)
        assert OWNED.newest == NewestDelivery("d2", "tool", "digest of a body", AT, sets_score=True, sets_work=True)

    def test_a_timestamp_that_was_given_out_is_never_given_out_again(self) -> None:
        ahead = replace(BEFORE, newest_timestamp=AT + 3)
        assert accepted(ahead, DELIVERY).newest_timestamp == AT + 3
        assert accepted(Cell(DELIVERY.cell), DELIVERY).newest_timestamp == AT

    def test_what_is_known_of_the_gradebook_stays(self) -> None:
        assert (OWNED.submission, OWNED.last_posted, OWNED.last_known) == (
            BEFORE.submission,
            BEFORE.last_posted,
            BEFORE.last_known,
        )

    def test_a_first_submission_is_noted_with_its_time_and_its_delivery(self) -> None:
        assert (NOTED.submission, NOTED.first_submitted_at, NOTED.first_delivery_id) == (SubmissionState.SENT, AT, "d2")


class TestEndedCell:
    @EVERY_ENDING
    def test_the_cell_is_free(self, ending: Ending) -> None:
        cell = ended_cell(NOTED, DELIVERY, ending)
        assert (cell.under_way_id, cell.lease_until) == (None, 0)

    def test_a_delivered_score_is_what_was_posted_and_what_stands(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, DONE)
        assert (cell.last_posted, cell.last_known) == (OURS, OURS)
        assert cell.newest_received_at == AT

    def test_work_alone_leaves_what_was_posted_and_tells_what_stands(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, replace(DONE, posted=None, read=PERSONS))
        assert (cell.last_posted, cell.last_known) == (BEFORE.last_posted, PERSONS)

    def test_a_score_that_was_posted_counts_more_than_the_one_read_before(self) -> None:
        assert ended_cell(NOTED, DELIVERY, replace(DONE, read=PERSONS)).last_known == OURS

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, UNKNOWN], ids=["refused", "failed", "unknown"])
    def test_a_score_that_was_not_confirmed_is_not_taken_as_posted(self, ending: Ending) -> None:
        cell = ended_cell(NOTED, DELIVERY, replace(ending, posted=OURS))
        assert (cell.last_posted, cell.last_known) == (BEFORE.last_posted, BEFORE.last_known)

    def test_a_confirmed_submission_exists(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, DONE)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.EXISTS, AT)

    def test_an_unknown_end_keeps_the_first_submission_unconfirmed(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, UNKNOWN)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.SENT, AT)

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, SUPERSEDED], ids=["refused", "failed", "superseded"])
    def test_a_first_submission_that_surely_was_not_made_is_forgotten(self, ending: Ending) -> None:
        cell = ended_cell(NOTED, DELIVERY, ending)
        assert (cell.submission, cell.first_submitted_at, cell.first_delivery_id) == (SubmissionState.NONE, None, None)

    def test_a_first_submission_that_an_earlier_try_may_have_made_is_kept(self) -> None:
        cell = ended_cell(NOTED, replace(DELIVERY, outcome_unknown=True), REFUSED)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.SENT, AT)

    def test_another_deliverys_first_submission_is_kept(self) -> None:
        cell = ended_cell(replace(NOTED, first_delivery_id="d1"), DELIVERY, REFUSED)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.SENT, AT)

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, SUPERSEDED], ids=["refused", "failed", "superseded"])
    def test_a_submission_that_exists_stays(self, ending: Ending) -> None:
        exists = replace(NOTED, submission=SubmissionState.EXISTS)
        assert ended_cell(exists, DELIVERY, ending).submission is SubmissionState.EXISTS

    def test_a_refusal_after_the_submission_was_made_makes_it_known(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, replace(REFUSED, keeps_first_submission=True))
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.EXISTS, AT)

    def test_a_refusal_after_no_submission_was_sent_makes_none_known(self) -> None:
        cell = ended_cell(OWNED, DELIVERY, replace(REFUSED, keeps_first_submission=True))
        assert cell.submission is SubmissionState.NONE

    @pytest.mark.parametrize("told", [SubmissionState.NONE, SubmissionState.EXISTS])
    def test_what_was_read_is_told_to_a_cell_that_did_not_know(self, told: SubmissionState) -> None:
        unknown = replace(OWNED, submission=SubmissionState.UNKNOWN)
        assert ended_cell(unknown, DELIVERY, replace(REFUSED, submission=told)).submission is told

    def test_what_was_read_does_not_overrule_what_the_cell_knows(self) -> None:
        cell = ended_cell(OWNED, DELIVERY, replace(REFUSED, submission=SubmissionState.EXISTS))
        assert cell.submission is SubmissionState.NONE

    @pytest.mark.parametrize("ending", [REFUSED, FAILED], ids=["refused", "failed"])
    def test_an_outcome_without_effect_does_not_supersede_the_one_before(self, ending: Ending) -> None:
        cell = ended_cell(OWNED, DELIVERY, ending)
        assert (cell.newest_received_at, cell.newest) == (AT - 500, EARLIER)

    @pytest.mark.parametrize("ending", [DONE, UNKNOWN, SUPERSEDED], ids=["done", "unknown", "superseded"])
    def test_an_outcome_that_counts_stays_the_newest(self, ending: Ending) -> None:
        cell = ended_cell(OWNED, DELIVERY, ending)
        assert (cell.newest_received_at, cell.newest) == (AT, OWNED.newest)

    def test_an_outcome_without_effect_leaves_a_newer_one_the_newest(self) -> None:
        newer = replace(OWNED, newest=NewestDelivery("d3", "tool", "digest", AT + 9))
        cell = ended_cell(newer, DELIVERY, REFUSED)
        assert (cell.newest_received_at, cell.newest) == (AT + 9, newer.newest)

    def test_an_outcome_without_effect_gives_its_timestamp_to_nobody(self) -> None:
        assert ended_cell(OWNED, DELIVERY, REFUSED).newest_timestamp == AT

    def test_a_timestamp_that_was_moved_on_is_the_newest(self) -> None:
        assert ended_cell(OWNED, DELIVERY, replace(DONE, timestamp=AT + 700)).newest_timestamp == AT + 700
        assert ended_cell(OWNED, DELIVERY, replace(DONE, timestamp=0)).newest_timestamp == AT

    def test_an_unknown_end_is_to_be_settled(self) -> None:
        assert ended_cell(OWNED, DELIVERY, UNKNOWN).unsettled_id == "d2"

    @pytest.mark.parametrize("ending", [DONE, REFUSED, SUPERSEDED], ids=["done", "refused", "superseded"])
    def test_a_known_end_settles_its_own_delivery_only(self, ending: Ending) -> None:
        assert ended_cell(replace(OWNED, unsettled_id="d2"), DELIVERY, ending).unsettled_id is None
        assert ended_cell(replace(OWNED, unsettled_id="d1"), DELIVERY, ending).unsettled_id == "d1"


class TestEndedDelivery:
    @EVERY_ENDING
    def test_the_end_is_told_with_its_time_and_words(self, ending: Ending) -> None:
        ended = ended_delivery(DELIVERY, replace(ending, platform_words="said so", warnings=("a loss",)), AT + 40)
        assert (ended.state, ended.answer, ended.ended_at) == (ending.state, ending.answer, AT + 40)
        assert (ended.platform_words, ended.warnings, ended.lease_until) == ("said so", ("a loss",), 0)

    @pytest.mark.parametrize("ending", [DONE, REFUSED, SUPERSEDED], ids=["done", "refused", "superseded"])
    def test_what_the_student_wrote_goes_and_what_happened_is_kept_180_days(self, ending: Ending) -> None:
        ended = ended_delivery(DELIVERY, ending, AT)
        assert (ended.write, ended.expires_at) == (None, AT + 180 * DAY)
        assert KEPT_ENDED == 180 * DAY

    @pytest.mark.parametrize("ending", [FAILED, UNKNOWN], ids=["failed", "unknown"])
    def test_what_the_student_wrote_is_kept_30_days_when_it_failed(self, ending: Ending) -> None:
        ended = ended_delivery(DELIVERY, ending, AT)
        assert (ended.write, ended.expires_at) == (ESSAY, AT + 30 * DAY)
        assert KEPT_FAILED_PAYLOAD == 30 * DAY

    @pytest.mark.parametrize(
        ("ending", "unknown"),
        [(DONE, False), (REFUSED, False), (FAILED, False), (UNKNOWN, True)],
        ids=["done", "refused", "failed", "unknown"],
    )
    def test_whether_it_may_have_been_applied_is_remembered(self, ending: Ending, unknown: bool) -> None:
        assert ended_delivery(replace(DELIVERY, outcome_unknown=True), ending, AT).outcome_unknown is unknown

    @pytest.mark.parametrize(
        ("ending", "line"),
        [(DONE, "delivered"), (REFUSED, "refused: No"), (SUPERSEDED, "superseded: superseded")],
        ids=["done", "refused", "superseded"],
    )
    def test_the_story_gets_a_line(self, ending: Ending, line: str) -> None:
        assert ended_delivery(DELIVERY, ending, AT + 40).events == (*DELIVERY.events, DeliveryEvent(AT + 40, line))

    def test_a_long_story_keeps_its_beginning_and_its_end(self) -> None:
        """A request that fails may come again every second: the item must not grow without end."""
        delivery = DELIVERY
        for number in range(500):
            delivery = ended_delivery(begun(delivery, AT, AT + number), UNKNOWN, AT + number)
        assert len(delivery.events) == LONGEST_STORY
        assert delivery.events[0] == DELIVERY.events[0]
        assert delivery.events[-1] == DeliveryEvent(AT + 499, "failed: Not now")
        assert delivery.events[-2] == DeliveryEvent(AT + 499, "try 500")


class TestSettledCell:
    UNSETTLED = ended_cell(NOTED, DELIVERY, UNKNOWN)

    def test_a_score_that_was_found_is_ours_and_its_submission_exists(self) -> None:
        cell = settled_cell(self.UNSETTLED, DELIVERY, ESSAY, shown=OURS, confirmed=OURS, applied=True)
        assert (cell.last_posted, cell.last_known, cell.unsettled_id) == (OURS, OURS, None)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.EXISTS, AT)
        assert cell.newest_received_at == AT

    def test_work_that_was_found_without_its_score_is_ours_but_not_the_score(self) -> None:
        cell = settled_cell(self.UNSETTLED, DELIVERY, ESSAY, shown=PERSONS, confirmed=None, applied=True)
        assert (cell.last_posted, cell.last_known) == (BEFORE.last_posted, PERSONS)
        assert cell.submission is SubmissionState.EXISTS

    def test_a_delete_that_was_found_made_no_submission(self) -> None:
        none = KnownScore(None, None)
        cell = settled_cell(self.UNSETTLED, DELIVERY, DeleteResult(), shown=none, confirmed=none, applied=True)
        assert (cell.submission, cell.last_posted) == (SubmissionState.SENT, none)

    def test_what_was_not_found_supersedes_nothing_and_may_still_have_submitted(self) -> None:
        cell = settled_cell(self.UNSETTLED, DELIVERY, ESSAY, shown=PERSONS, confirmed=None, applied=False)
        assert (cell.newest_received_at, cell.newest, cell.unsettled_id) == (AT - 500, EARLIER, None)
        assert (cell.submission, cell.first_submitted_at) == (SubmissionState.SENT, AT)
        assert (cell.last_posted, cell.last_known) == (BEFORE.last_posted, PERSONS)

    @pytest.mark.parametrize("state", [state for state in SubmissionState if state is not SubmissionState.SENT])
    def test_only_an_unconfirmed_submission_is_confirmed(self, state: SubmissionState) -> None:
        cell = replace(self.UNSETTLED, submission=state)
        assert confirmed_submission(cell, ESSAY) is False
        assert settled_cell(cell, DELIVERY, ESSAY, shown=OURS, confirmed=OURS, applied=True).submission is state

    def test_only_a_replace_result_confirms_a_submission(self) -> None:
        assert confirmed_submission(self.UNSETTLED, ESSAY) is True
        assert confirmed_submission(self.UNSETTLED, DeleteResult()) is False
