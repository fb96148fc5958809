"""How a cell and a delivery change as an outcome is begun, noted, put off, ended and settled."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.delivery import line
from chalicelib.delivery.endings import (
    KEPT_STORY,
    LONGEST_STORY,
    Ending,
    begun,
    confirmed_submission,
    ended_delivery,
    first_submission_noted,
    may_be_applied,
    queued,
    settled_cell,
    waiting,
    waiting_cell,
)
from chalicelib.delivery.endings import ended_cell as ended_cell_then
from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    PlaceInLine,
    Rank,
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
EARLIER = NewestDelivery("d1", "tool", "digest of another body", AT - 500, 1, score=Rank(AT - 500, 1))
OF_THIS = NewestDelivery("d2", "tool", "digest of a body", AT, 2, Rank(AT, 2), Rank(AT, 2))
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
    number=2,
    events=(DeliveryEvent(AT, "try 1"),),
)
BEFORE = Cell(
    DELIVERY.cell,
    version=7,
    accepted=1,
    newest_timestamp=AT - 500,
    submission=SubmissionState.NONE,
    last_posted=KnownScore(Decimal("0.5"), Decimal(1)),
    last_known=KnownScore(Decimal("0.5"), Decimal(1)),
    settled=EARLIER,
    posted_timestamp=AT - 500,
    posted_by="d1",
)
OWNED = line.claimed(
    line.entered(BEFORE, DELIVERY, awaited_until=AT + 12_000, due_at=AT + 12_000), DELIVERY.lease_until
)
NOTED = first_submission_noted(OWNED, "d2", AT)
OURS = KnownScore(Decimal("0.7"), Decimal(1))
PERSONS = KnownScore(Decimal("0.8"), Decimal(1))

DONE = Ending(
    DeliveryState.DELIVERED, Answer(CodeMajor.SUCCESS), applied=True, posted=OURS, made_submission=True, timestamp=AT
)
REFUSED = Ending(DeliveryState.REFUSED, Answer(CodeMajor.FAILURE, "No"), applied=False, timestamp=AT)
FAILED = Ending(DeliveryState.FAILED, Answer(CodeMajor.FAILURE, "Not now"), applied=False, timestamp=AT)
UNKNOWN = replace(FAILED, applied=None)
HELD = Ending(DeliveryState.HELD, Answer(CodeMajor.SUCCESS, "somebody graded"), applied=False, timestamp=AT)
HELD_WITH_WORK = replace(HELD, applied=True, made_submission=True)
SUPERSEDED = Ending(DeliveryState.SUPERSEDED, Answer(CodeMajor.SUCCESS, "superseded"), applied=False, timestamp=AT)
WAITING = Ending(DeliveryState.WAITING, Answer(CodeMajor.SUCCESS, "queued"), applied=None, timestamp=AT)
EVERY_ENDING = pytest.mark.parametrize(
    "ending",
    [DONE, REFUSED, FAILED, UNKNOWN, SUPERSEDED, HELD, HELD_WITH_WORK],
    ids=["done", "refused", "failed", "unknown", "superseded", "held", "held with work"],
)


def newest(cell: Cell) -> NewestDelivery | None:
    return line.newest(cell)


def newest_at(cell: Cell) -> int | None:
    found = newest(cell)
    return None if found is None else found.received_at


def ended_cell(cell: Cell, delivery: Delivery, ending: Ending) -> Cell:
    return ended_cell_then(cell, delivery, ending, due_at=AT + 600_000, now=AT + 300)


class TestBegun:
    def test_a_try_is_counted_told_and_has_its_lease(self) -> None:
        again = begun(replace(DELIVERY, tries=3), AT + 70_000, AT + 50_000)
        assert (again.state, again.tries, again.lease_until) == (DeliveryState.ACCEPTED, 4, AT + 70_000)
        assert again.events[-1] == DeliveryEvent(AT + 50_000, "try 4")

    def test_what_was_put_off_or_ended_is_so_no_more(self) -> None:
        ended = replace(DELIVERY, due_at=AT + 1, answer=Answer(CodeMajor.FAILURE, "No"), ended_at=AT)
        again = begun(ended, AT + 70_000, AT)
        assert (again.due_at, again.answer, again.ended_at) == (None, None, None)

    def test_a_crash_leaves_no_item_for_ever(self) -> None:
        assert begun(DELIVERY, AT, AT + 5).expires_at == AT + 5 + KEPT_STORY

    def test_it_knows_what_it_is_and_what_its_tool_was_told(self) -> None:
        told = replace(DELIVERY, acknowledged=True, file_tries=2, forced=True, outcome_unknown=True)
        again = begun(told, AT, AT)
        assert (again.acknowledged, again.file_tries, again.forced, again.outcome_unknown) == (True, 2, True, True)
        assert (again.write, again.timestamp) == (ESSAY, AT)


class TestQueued:
    def test_the_queue_brings_it_on_and_no_try_is_running(self) -> None:
        left = queued(replace(DELIVERY, due_at=AT + 1), "behind another", AT + 7)
        assert (left.state, left.lease_until, left.due_at) == (DeliveryState.QUEUED, 0, None)
        assert left.events[-1] == DeliveryEvent(AT + 7, "queued: behind another")
        assert left.write == ESSAY

    @pytest.mark.parametrize(("queueable", "told"), [(True, True), (False, False)])
    def test_only_a_tool_that_wants_the_queue_is_told_success(self, queueable: bool, told: bool) -> None:
        assert queued(replace(DELIVERY, queueable=queueable), "", AT).acknowledged is told

    def test_what_a_tool_was_told_stays_told(self) -> None:
        assert queued(replace(DELIVERY, queueable=False, acknowledged=True), "", AT).acknowledged is True

    @pytest.mark.parametrize(
        ("lease_until", "unknown", "may_be"), [(0, False, False), (0, True, True), (AT, False, True), (AT, True, True)]
    )
    def test_a_try_that_never_ended_may_have_reached_the_gradebook(
        self, lease_until: int, unknown: bool, may_be: bool
    ) -> None:
        delivery = replace(DELIVERY, lease_until=lease_until, outcome_unknown=unknown)
        assert may_be_applied(delivery) is may_be
        assert queued(delivery, "", AT).outcome_unknown is may_be


class TestWaiting:
    def test_it_goes_on_when_it_is_due_and_its_tool_is_told_success(self) -> None:
        left = waiting(replace(DELIVERY, tries=2), "status 503", AT + 60_000, AT + 7)
        assert (left.state, left.lease_until, left.due_at) == (DeliveryState.WAITING, 0, AT + 60_000)
        assert (left.acknowledged, left.platform_words, left.tries) == (True, "status 503", 2)
        assert left.events[-1] == DeliveryEvent(AT + 7, "waiting: status 503")

    def test_what_the_student_wrote_and_what_is_not_known_stay(self) -> None:
        left = waiting(replace(DELIVERY, outcome_unknown=True), "", AT, AT)
        assert (left.write, left.outcome_unknown, left.answer, left.ended_at) == (ESSAY, True, None, None)


class TestWaitingCell:
    def waits(self, ending: Ending, cell: Cell = NOTED, *, retry: bool = False) -> Cell:
        return waiting_cell(cell, ending, retry=retry, due_at=AT + 60_000)

    def test_the_head_keeps_its_place_free_and_due(self) -> None:
        cell = self.waits(WAITING)
        assert cell.line == (replace(NOTED.line[0], awaited_until=0),)
        assert (cell.lease_until, cell.due_at, cell.generation) == (0, AT + 60_000, NOTED.generation)

    def test_nothing_is_to_be_settled_because_it_is_not_over(self) -> None:
        assert self.waits(WAITING).unsettled_id is None

    def test_it_stays_the_newest_and_its_submission_stays_unconfirmed(self) -> None:
        cell = self.waits(replace(WAITING, timestamp=AT + 9))
        assert (newest(cell), cell.newest_timestamp) == (newest(NOTED), AT + 9)
        assert (cell.submission, cell.first_submitted_at, cell.first_delivery_id) == (SubmissionState.SENT, AT, "d2")
        assert cell.last_posted == BEFORE.last_posted

    def test_what_the_first_try_read_is_what_the_cell_knows(self) -> None:
        assert self.waits(replace(WAITING, read=PERSONS)).last_known == PERSONS
        assert self.waits(WAITING).last_known == BEFORE.last_known

    def test_what_a_retry_read_is_not_what_the_cell_knows(self) -> None:
        """A person's grade would be taken for what stood there all along, and be gone over by the next try."""
        assert self.waits(replace(WAITING, read=PERSONS), retry=True).last_known == BEFORE.last_known

    def test_a_cell_that_knew_nothing_knows_what_a_retry_read(self) -> None:
        assert self.waits(replace(WAITING, read=PERSONS), replace(NOTED, last_known=None), retry=True).last_known == (
            PERSONS
        )

    def test_what_was_read_of_a_submission_is_known(self) -> None:
        unknown = replace(OWNED, submission=SubmissionState.UNKNOWN)
        told = replace(WAITING, submission=SubmissionState.EXISTS)
        assert self.waits(told, unknown).submission is SubmissionState.EXISTS
        assert self.waits(told, OWNED).submission is SubmissionState.NONE


class TestNoted:
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
        assert (cell.line, cell.lease_until, cell.due_at) == ((), 0, None)

    @EVERY_ENDING
    def test_the_next_in_line_is_free_and_called_for(self, ending: Ending) -> None:
        after = replace(DELIVERY, id="d3", received_at=AT + 9, timestamp=AT + 9)
        cell = ended_cell(line.entered(NOTED, after, awaited_until=0, due_at=AT), DELIVERY, ending)
        assert cell.head is not None
        assert (cell.head.delivery_id, cell.lease_until) == ("d3", 0)
        assert (cell.due_at, cell.generation) == (AT + 600_000, NOTED.generation + 1)
        assert newest_at(cell) == AT + 9

    @pytest.mark.parametrize("ending", [HELD, HELD_WITH_WORK], ids=["score", "work"])
    def test_a_persons_grade_is_remembered_with_the_time_it_was_noticed(self, ending: Ending) -> None:
        assert ended_cell(NOTED, DELIVERY, ending).graded_at == AT + 300

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, UNKNOWN, SUPERSEDED, replace(DONE, posted=None)])
    def test_no_other_end_tells_of_a_persons_grade_or_forgets_it(self, ending: Ending) -> None:
        assert ended_cell(NOTED, DELIVERY, ending).graded_at is None
        assert ended_cell(replace(NOTED, graded_at=AT - 7), DELIVERY, ending).graded_at == AT - 7

    def test_a_persons_grade_that_our_score_went_over_is_forgotten(self) -> None:
        assert ended_cell(replace(NOTED, graded_at=AT - 7), DELIVERY, DONE).graded_at is None
        assert ended_cell(NOTED, DELIVERY, replace(DONE, graded=True)).graded_at is None

    @pytest.mark.parametrize("ending", [UNKNOWN, REFUSED, FAILED], ids=["unknown", "refused", "failed"])
    def test_a_score_that_was_not_confirmed_went_over_nobodys_grade(self, ending: Ending) -> None:
        cell = ended_cell(replace(NOTED, graded_at=AT - 7), DELIVERY, replace(ending, posted=OURS))
        assert cell.graded_at == AT - 7

    @EVERY_ENDING
    def test_a_grade_that_was_read_is_noticed_however_it_ends(self, ending: Ending) -> None:
        read = replace(ending, graded=True, posted=None)
        assert ended_cell(replace(NOTED, graded_at=AT - 7), DELIVERY, read).graded_at == AT + 300

    def test_one_held_for_a_grade_that_was_noticed_after_it_came_moves_that_grade_no_further(self) -> None:
        """What was received since then, and before this one ended, was meant to go over the grade."""
        assert ended_cell(replace(NOTED, graded_at=AT), DELIVERY, HELD).graded_at == AT
        assert ended_cell(replace(NOTED, graded_at=AT - 1), DELIVERY, HELD).graded_at == AT + 300

    def test_a_delivered_score_is_what_was_posted_and_what_stands(self) -> None:
        cell = ended_cell(NOTED, DELIVERY, DONE)
        assert (cell.last_posted, cell.last_known) == (OURS, OURS)
        assert newest_at(cell) == AT

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
        assert (newest_at(cell), newest(cell)) == (AT - 500, EARLIER)

    @pytest.mark.parametrize("ending", [DONE, HELD, HELD_WITH_WORK], ids=["done", "held", "held with work"])
    def test_what_surely_had_an_effect_or_gave_way_to_a_person_covers_what_is_older(self, ending: Ending) -> None:
        assert ended_cell(OWNED, DELIVERY, ending).settled == OF_THIS
        assert ended_cell(replace(OWNED, settled=None), DELIVERY, ending).settled == OF_THIS

    def test_what_only_gave_way_covers_nothing(self) -> None:
        after = replace(OF_THIS, score=EARLIER.score, work=None)
        assert ended_cell(OWNED, DELIVERY, SUPERSEDED).settled == after
        assert ended_cell(replace(OWNED, settled=None), DELIVERY, SUPERSEDED).settled == replace(after, score=None)

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, UNKNOWN], ids=["refused", "failed", "unknown"])
    def test_what_had_no_effect_leaves_what_is_settled(self, ending: Ending) -> None:
        assert ended_cell(OWNED, DELIVERY, ending).settled == EARLIER
        assert ended_cell(replace(OWNED, settled=None), DELIVERY, ending).settled is None

    @pytest.mark.parametrize("ending", [DONE, UNKNOWN, HELD, HELD_WITH_WORK])
    def test_the_time_it_was_sent_with_is_remembered_for_the_next(self, ending: Ending) -> None:
        cell = ended_cell(OWNED, DELIVERY, replace(ending, timestamp=AT + 700))
        assert (cell.posted_timestamp, cell.posted_by) == (AT + 700, "d2")
        first = ended_cell(replace(OWNED, posted_timestamp=None, posted_by=None), DELIVERY, ending)
        assert (first.posted_timestamp, first.posted_by) == (AT, "d2")

    @EVERY_ENDING
    def test_a_later_time_that_was_sent_stays_the_last(self, ending: Ending) -> None:
        cell = ended_cell(replace(OWNED, posted_timestamp=AT + 1, posted_by="d9"), DELIVERY, ending)
        assert (cell.posted_timestamp, cell.posted_by) == (AT + 1, "d9")

    @pytest.mark.parametrize("ending", [REFUSED, FAILED, replace(UNKNOWN, timestamp=0)])
    def test_a_time_that_surely_was_not_stored_is_nobodys(self, ending: Ending) -> None:
        cell = ended_cell(OWNED, DELIVERY, ending)
        assert (cell.posted_timestamp, cell.posted_by) == (AT - 500, "d1")
        assert ended_cell(replace(OWNED, posted_timestamp=None), DELIVERY, ending).posted_timestamp is None

    @pytest.mark.parametrize("ending", [DONE, UNKNOWN, HELD, HELD_WITH_WORK])
    def test_an_outcome_that_counts_stays_the_newest(self, ending: Ending) -> None:
        cell = ended_cell(OWNED, DELIVERY, ending)
        assert newest(cell) == newest(OWNED) == OF_THIS

    def test_one_that_gave_way_is_the_newest_and_brought_nothing(self) -> None:
        assert newest(ended_cell(OWNED, DELIVERY, SUPERSEDED)) == replace(OF_THIS, score=EARLIER.score, work=None)

    def test_an_outcome_without_effect_leaves_a_newer_one_the_newest(self) -> None:
        after = replace(DELIVERY, id="d3", received_at=AT + 9, write=DeleteResult())
        newer = line.entered(OWNED, after, awaited_until=0, due_at=AT)
        cell = ended_cell(newer, DELIVERY, REFUSED)
        of_newer = newest(newer)
        assert of_newer is not None
        assert newest(cell) == replace(of_newer, work=None)
        assert newest_at(cell) == AT + 9

    def test_an_outcome_without_effect_gives_its_timestamp_to_nobody(self) -> None:
        assert ended_cell(OWNED, DELIVERY, REFUSED).newest_timestamp == AT

    def test_a_timestamp_that_was_moved_on_is_the_newest(self) -> None:
        assert ended_cell(OWNED, DELIVERY, replace(DONE, timestamp=AT + 700)).newest_timestamp == AT + 700
        assert ended_cell(OWNED, DELIVERY, replace(DONE, timestamp=0)).newest_timestamp == AT

    def test_an_unknown_end_is_to_be_settled(self) -> None:
        assert ended_cell(OWNED, DELIVERY, UNKNOWN).unsettled == line.place_of(DELIVERY)

    def test_what_is_to_be_settled_stays_so_when_another_end_is_unknown(self) -> None:
        """Nothing is posted before it is settled, so the other one did not get that far: it covers nothing."""
        first = line.place_of(replace(DELIVERY, id="d3", number=0, received_at=AT - 1))
        cell = ended_cell(replace(OWNED, unsettled=first), DELIVERY, UNKNOWN)
        assert cell.unsettled == first
        assert cell.settled == line.named(EARLIER, line.place_of(DELIVERY))
        assert (cell.settled.delivery_id, cell.settled.score, cell.settled.work) == (DELIVERY.id, EARLIER.score, None)

    @pytest.mark.parametrize("ending", [DONE, REFUSED, SUPERSEDED], ids=["done", "refused", "superseded"])
    def test_a_known_end_settles_its_own_delivery_only(self, ending: Ending) -> None:
        own, other = line.place_of(DELIVERY), PlaceInLine("d1", AT - 500, 1)
        assert ended_cell(replace(OWNED, unsettled=own), DELIVERY, ending).unsettled is None
        assert ended_cell(replace(OWNED, unsettled=other), DELIVERY, ending).unsettled == other


class TestEndedDelivery:
    @EVERY_ENDING
    def test_the_end_is_told_with_its_time_and_words(self, ending: Ending) -> None:
        ended = ended_delivery(DELIVERY, replace(ending, platform_words="said so", warnings=("a loss",)), AT + 40)
        assert (ended.state, ended.answer, ended.ended_at) == (ending.state, ending.answer, AT + 40)
        assert (ended.platform_words, ended.warnings, ended.lease_until) == ("said so", ("a loss",), 0)

    @EVERY_ENDING
    def test_what_happened_is_kept_180_days(self, ending: Ending) -> None:
        assert ended_delivery(DELIVERY, ending, AT).expires_at == AT + 180 * DAY
        assert KEPT_STORY == 180 * DAY

    @pytest.mark.parametrize("ending", [DONE, REFUSED, SUPERSEDED], ids=["done", "refused", "superseded"])
    def test_what_the_student_wrote_goes(self, ending: Ending) -> None:
        assert ended_delivery(DELIVERY, ending, AT).write is None

    @pytest.mark.parametrize("ending", [FAILED, UNKNOWN, HELD, HELD_WITH_WORK])
    def test_what_may_be_wanted_after_all_is_kept(self, ending: Ending) -> None:
        assert ended_delivery(DELIVERY, ending, AT).write == ESSAY

    def test_what_was_refused_is_kept_when_its_tool_had_been_told_success(self) -> None:
        told = replace(DELIVERY, acknowledged=True)
        assert ended_delivery(told, REFUSED, AT).write == ESSAY
        assert ended_delivery(told, DONE, AT).write is None
        assert ended_delivery(told, SUPERSEDED, AT).write is None

    @EVERY_ENDING
    def test_it_is_not_due_any_more(self, ending: Ending) -> None:
        assert ended_delivery(replace(DELIVERY, due_at=AT + 1), ending, AT).due_at is None

    @pytest.mark.parametrize(
        ("ending", "unknown"),
        [(DONE, False), (REFUSED, False), (FAILED, False), (UNKNOWN, True)],
        ids=["done", "refused", "failed", "unknown"],
    )
    def test_whether_it_may_have_been_applied_is_remembered(self, ending: Ending, unknown: bool) -> None:
        assert ended_delivery(replace(DELIVERY, outcome_unknown=True), ending, AT).outcome_unknown is unknown

    @pytest.mark.parametrize(
        ("ending", "line"),
        [
            (DONE, "delivered"),
            (REFUSED, "refused: No"),
            (SUPERSEDED, "superseded: superseded"),
            (HELD, "held: somebody graded"),
        ],
        ids=["done", "refused", "superseded", "held"],
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
        assert newest_at(cell) == AT
        assert cell.settled == OF_THIS

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
        assert (newest_at(cell), newest(cell), cell.unsettled_id) == (AT - 500, EARLIER, None)
        assert cell.settled == EARLIER
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
