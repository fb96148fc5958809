"""The line of a cell: order, turns, what may be dropped, and what an outcome that comes late still brings."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery import line
from chalicelib.delivery.records import Cell, CellKey, Delivery, NewestDelivery, PlaceInLine
from chalicelib.lti11.messages import DataKind, DeleteResult, ReplaceResult, ResultData, ScoreScale, ToolScore, Write

AT = 1_770_113_730_123
KEY = CellKey("canvas", "line item", "user")
EMPTY = Cell(KEY)
DELETE = DeleteResult()


def score(text: str = "0.5") -> ReplaceResult:
    return ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal(text)))


def work(text: str = "essay") -> ReplaceResult:
    return ReplaceResult(None, ResultData(DataKind.TEXT, text))


def both(text: str = "0.5") -> ReplaceResult:
    return replace(score(text), data=ResultData(DataKind.TEXT, f"essay {text}"))


def a_delivery(identifier: str, write: Write = DELETE, received_at: int = AT, timestamp: int = 0) -> Delivery:
    return Delivery(
        identifier, KEY, "tool", "", "", "", write, received_at, timestamp or received_at, "", f"body {identifier}", ""
    )


def lined_up(*identifiers: str, awaited_until: int = 0) -> Cell:
    cell = EMPTY
    for moment, identifier in enumerate(identifiers):
        delivery = a_delivery(identifier, received_at=AT + moment)
        cell = line.entered(cell, delivery, awaited_until=awaited_until, due_at=AT + 1000)
    return cell


def a_newest(
    identifier: str,
    received_at: int = AT,
    score: tuple[int | None, str | None] = (None, None),
    work: tuple[int | None, str | None] = (None, None),
) -> NewestDelivery:
    """The newest, with the moments of the newest score and work, and whose they are."""
    body = f"body {identifier}"
    return NewestDelivery(identifier, "tool", body, received_at, score[0], score[1], work[0], work[1])


def names(cell: Cell) -> list[str]:
    return [place.delivery_id for place in cell.line]


class TestEntered:
    def test_whoever_comes_stands_at_the_end(self) -> None:
        assert names(lined_up("d1", "d2", "d3")) == ["d1", "d2", "d3"]

    @pytest.mark.parametrize(
        ("write", "sets_score", "sets_work"),
        [(score(), True, False), (work(), False, True), (both(), True, True), (DELETE, True, False)],
        ids=["score", "work", "both", "delete"],
    )
    def test_a_place_tells_what_its_delivery_sets(self, write: Write, sets_score: bool, sets_work: bool) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", write), awaited_until=AT + 5, due_at=AT)
        assert cell.line == (PlaceInLine("d1", AT, sets_score=sets_score, sets_work=sets_work, awaited_until=AT + 5),)

    def test_the_first_is_looked_after_when_it_is_due_and_the_others_after_it(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1"), awaited_until=0, due_at=AT + 7)
        assert cell.due_at == AT + 7
        assert line.entered(cell, a_delivery("d2"), awaited_until=0, due_at=AT + 1).due_at == AT + 7

    def test_who_tries_the_head_goes_on(self) -> None:
        held = line.claimed(lined_up("d1"), AT + 12_000)
        cell = line.entered(held, a_delivery("d2"), awaited_until=0, due_at=AT)
        assert (cell.lease_until, cell.due_at, cell.generation) == (held.lease_until, held.due_at, held.generation)

    def test_a_timestamp_that_was_given_out_is_never_given_out_again(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", timestamp=AT + 9), awaited_until=0, due_at=AT)
        assert cell.newest_timestamp == AT + 9
        assert line.entered(cell, a_delivery("d2"), awaited_until=0, due_at=AT).newest_timestamp == AT + 9

    def test_it_is_the_newest_of_its_cell(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", both()), awaited_until=0, due_at=AT)
        assert cell.newest == a_newest("d1", score=(AT, "d1"), work=(AT, "d1"))

    def test_what_only_an_earlier_one_set_is_remembered_with_its_time(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", work()), awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d2", score(), AT + 5), awaited_until=0, due_at=AT)
        assert cell.newest == a_newest("d2", AT + 5, score=(AT + 5, "d2"), work=(AT, "d1"))

    def test_one_that_comes_late_is_not_the_newest_and_adds_what_it_brings(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d2", score(), AT + 5), awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d1", work(), AT), awaited_until=0, due_at=AT)
        assert names(cell) == ["d2", "d1"]
        assert cell.newest == a_newest("d2", AT + 5, score=(AT + 5, "d2"), work=(AT, "d1"))

    def test_one_of_the_same_moment_is_newer_because_it_came_later(self) -> None:
        cell = line.entered(lined_up("d1"), a_delivery("d2"), awaited_until=0, due_at=AT)
        assert cell.newest == a_newest("d2", score=(AT, "d2"))

    def test_what_ended_is_not_touched(self) -> None:
        before = replace(EMPTY, settled=a_newest("d0", score=(AT - 5, "d0")))
        assert line.entered(before, a_delivery("d1"), awaited_until=0, due_at=AT).settled == before.settled


class TestTurns:
    def test_a_head_that_is_tried_is_looked_after_when_its_lease_ends(self) -> None:
        cell = line.claimed(lined_up("d1"), AT + 12_000)
        assert (cell.lease_until, cell.due_at) == (AT + 12_000, AT + 12_000)

    def test_the_last_leaves_nothing_to_look_after(self) -> None:
        cell = line.left(line.claimed(lined_up("d1"), AT + 12_000), "d1", due_at=AT + 5)
        assert (cell.line, cell.head, cell.lease_until, cell.due_at) == ((), None, 0, None)
        assert cell.generation == 0

    def test_the_next_is_free_and_called_for(self) -> None:
        cell = line.left(line.claimed(lined_up("d1", "d2", "d3"), AT + 12_000), "d1", due_at=AT + 5)
        assert names(cell) == ["d2", "d3"]
        assert (cell.lease_until, cell.due_at, cell.generation) == (0, AT + 5, 1)

    def test_the_next_is_left_to_the_tool_that_waits_for_it(self) -> None:
        waited_for = lined_up("d1", "d2", awaited_until=AT + 8_000)
        cell = line.left(line.claimed(waited_for, AT + 12_000), "d1", due_at=AT + 5)
        assert (cell.lease_until, cell.due_at, cell.generation) == (0, AT + 8_000, 0)

    def test_who_leaves_from_the_middle_disturbs_nobody(self) -> None:
        held = line.claimed(lined_up("d1", "d2", "d3"), AT + 12_000)
        cell = line.left(held, "d2", due_at=AT + 5)
        assert names(cell) == ["d1", "d3"]
        assert replace(cell, line=held.line) == held

    def test_who_is_not_in_line_changes_nothing(self) -> None:
        held = line.claimed(lined_up("d1", "d2"), AT + 12_000)
        assert line.left(held, "d9", due_at=AT + 5) == held

    def test_a_call_has_a_number_of_its_own(self) -> None:
        cell = line.called(line.called(lined_up("d1"), AT + 5), AT + 9)
        assert (cell.generation, cell.due_at, cell.line) == (2, AT + 9, lined_up("d1").line)

    def test_a_head_that_waits_is_free_and_no_tool_waits_for_it(self) -> None:
        cell = line.claimed(lined_up("d1", "d2", awaited_until=AT + 8_000), AT + 12_000)
        waiting = line.waits(cell, AT + 60_000)
        assert [place.awaited_until for place in waiting.line] == [0, AT + 8_000]
        assert (names(waiting), waiting.lease_until, waiting.due_at) == (["d1", "d2"], 0, AT + 60_000)
        assert waiting.generation == cell.generation

    def test_an_empty_line_waits_for_nothing(self) -> None:
        assert line.waits(EMPTY, AT) == EMPTY

    def test_only_who_is_named_is_left_to_the_queue(self) -> None:
        cell = line.unawaited(lined_up("d1", "d2", "d3", awaited_until=AT + 8_000), "d2")
        assert [place.awaited_until for place in cell.line] == [AT + 8_000, 0, AT + 8_000]
        assert names(cell) == ["d1", "d2", "d3"]

    def test_who_stands_in_line_is_known(self) -> None:
        assert [line.stands_in(lined_up("d1", "d2"), each) for each in ("d1", "d2", "d3")] == [True, True, False]
        assert line.stands_in(EMPTY, "d1") is False


class TestQueuedUp:
    """What is left to the queue makes the queue's all that comes after it."""

    @pytest.mark.parametrize(
        ("awaited", "queued_up"),
        [
            ([], False),
            ([0], True),
            ([AT + 1], False),
            ([AT + 1, 0], True),
            ([0, AT + 1], True),
            ([AT + 1, AT + 1], False),
            ([AT + 1, AT], True),
            ([AT + 1, AT - 1], True),
            ([AT], False),
        ],
        ids=str,
    )
    def test_somebody_in_line_is_left_to_the_queue(self, awaited: list[int], queued_up: bool) -> None:
        places = tuple(PlaceInLine(f"d{number}", AT, awaited_until=until) for number, until in enumerate(awaited))
        assert line.is_queued_up(replace(EMPTY, line=places), AT) is queued_up

    @pytest.mark.parametrize(
        ("lease_until", "awaited_until", "left_behind"),
        [
            pytest.param(AT + 1, AT - 5, False, id="being tried"),
            pytest.param(AT, 0, True, id="its try never ended"),
            pytest.param(AT - 1, AT + 1, True, id="its try never ended, its tool waits"),
            pytest.param(0, AT, True, id="its tool went away"),
            pytest.param(0, AT + 1, False, id="its tool waits"),
            pytest.param(0, 0, False, id="the queue's"),
        ],
    )
    def test_what_a_crash_left_behind_is_noticed(self, lease_until: int, awaited_until: int, left_behind: bool) -> None:
        place = PlaceInLine("d1", AT, awaited_until=awaited_until)
        cell = replace(EMPTY, line=(place, PlaceInLine("d2", AT)), lease_until=lease_until)
        assert line.is_left_behind(cell, AT) is left_behind

    def test_nothing_was_left_behind_in_an_empty_line(self) -> None:
        assert line.is_left_behind(replace(EMPTY, lease_until=AT - 1), AT) is False


PLACES = st.builds(
    PlaceInLine,
    delivery_id=st.uuids().map(str),
    received_at=st.integers(AT, AT + 9),
    sets_score=st.booleans(),
    sets_work=st.booleans(),
    awaited_until=st.sampled_from([0, 0, AT + 5]),
)
WRITES: st.SearchStrategy[Write] = st.sampled_from([score(), work(), both(), DELETE])


class TestDroppable:
    @given(st.lists(PLACES, max_size=8), WRITES)
    def test_what_is_dropped_leaves_no_trace_that_the_new_one_does_not_cover(
        self, places: list[PlaceInLine], write: Write
    ) -> None:
        place = line.droppable(replace(EMPTY, line=tuple(places)), write)
        if place is None:
            return
        assert line.sets_score(write)
        assert place in places[2:]
        assert (place.sets_work, place.awaited_until) == (False, 0)

    @given(st.lists(PLACES, max_size=8))
    def test_it_is_the_last_one_that_can_go(self, places: list[PlaceInLine]) -> None:
        place = line.droppable(replace(EMPTY, line=tuple(places)), score())
        useless = [each for each in places[2:] if not each.sets_work and not each.awaited_until]
        assert place == (useless[-1] if useless else None)

    def test_work_covers_no_score(self) -> None:
        assert line.droppable(lined_up("d1", "d2", "d3"), work()) is None
        assert line.droppable(lined_up("d1", "d2", "d3"), DELETE) == lined_up("d1", "d2", "d3").line[2]

    def test_a_full_line_fits_into_an_item(self) -> None:
        """400 KB, with ids of 40 characters: the rest of a cell is far below 100 KB."""
        assert line.LONGEST * 500 < 100_000


class TestRemainder:
    """An outcome of the moment ``AT``, after others that had an effect."""

    def rest(
        self, write: Write, settled: NewestDelivery | None, *, takes_work: bool = True, **turn: Any
    ) -> Write | None:
        return line.remainder(write, replace(EMPTY, settled=settled), AT, takes_work=takes_work, **turn)

    def newer(self, score_at: int | None = None, work_at: int | None = None) -> NewestDelivery:
        return a_newest("d9", AT + 5, (score_at, "d9" if score_at else None), (work_at, "d9" if work_at else None))

    def test_the_first_and_the_newest_bring_all(self) -> None:
        assert self.rest(both(), None) == both()
        assert self.rest(both(), a_newest("d0", AT - 1, (AT - 1, "d0"), (AT - 1, "d0"))) == both()

    @pytest.mark.parametrize("write", [score(), work(), both(), DELETE], ids=["score", "work", "both", "delete"])
    def test_what_stands_in_line_or_is_only_accepted_covers_nothing(self, write: Write) -> None:
        """It may be refused, or be too old when it has its turn."""
        newer = line.entered(EMPTY, a_delivery("d9", both(), AT + 5), awaited_until=0, due_at=AT)
        assert line.remainder(write, newer, AT, takes_work=True) == write
        assert line.remainder(write, newer, AT, takes_work=True, own="d1") == write

    @pytest.mark.parametrize("turn", [{}, {"own": "d1"}], ids=["as it comes", "at its turn"])
    @pytest.mark.parametrize("write", [score(), work(), both(), DELETE], ids=["score", "work", "both", "delete"])
    def test_an_end_of_which_nobody_knows_the_effect_covers_nothing(self, write: Write, turn: dict[str, Any]) -> None:
        assert self.rest(write, line.last_ended(None, a_delivery("d9", both(), AT + 5)), **turn) == write

    @pytest.mark.parametrize("write", [score(), DELETE], ids=["score", "delete"])
    @pytest.mark.parametrize("turn", [{}, {"own": "d1"}], ids=["as it comes", "at its turn"])
    def test_a_newer_score_covers_a_score_and_a_delete(self, write: Write, turn: dict[str, Any]) -> None:
        assert self.rest(write, self.newer(score_at=AT + 5), **turn) is None
        assert self.rest(write, self.newer(score_at=AT + 1, work_at=AT + 5), **turn) is None

    @pytest.mark.parametrize("write", [score(), DELETE], ids=["score", "delete"])
    @pytest.mark.parametrize("turn", [{}, {"own": "d1"}], ids=["as it comes", "at its turn"])
    def test_newer_work_leaves_a_score_and_a_delete_to_be_stored(self, write: Write, turn: dict[str, Any]) -> None:
        assert self.rest(write, self.newer(score_at=AT - 5, work_at=AT + 5), **turn) == write
        assert self.rest(write, self.newer(work_at=AT + 5), **turn) == write

    def test_of_score_and_work_the_part_that_nothing_newer_covers_is_left(self) -> None:
        submitted = replace(both(), submitted_at=None)
        assert self.rest(submitted, self.newer(score_at=AT + 5)) == replace(submitted, score=None)
        assert self.rest(submitted, self.newer(work_at=AT + 5)) == replace(submitted, data=None)
        assert self.rest(submitted, self.newer(score_at=AT + 5, work_at=AT + 1)) is None

    def test_the_time_of_a_submission_goes_with_its_work(self) -> None:
        dated = replace(both(), submitted_at=datetime(2026, 2, 3, tzinfo=UTC))
        stays = self.rest(dated, self.newer(score_at=AT + 5))
        gone = self.rest(dated, self.newer(work_at=AT + 5))
        assert isinstance(stays, ReplaceResult)
        assert isinstance(gone, ReplaceResult)
        assert (stays.submitted_at, gone.submitted_at) == (dated.submitted_at, None)

    def test_work_brings_nothing_late_where_none_is_taken(self) -> None:
        assert self.rest(both(), self.newer(work_at=AT + 5), takes_work=False) == score()
        assert self.rest(work(), self.newer(score_at=AT + 5), takes_work=False) is None
        assert self.rest(both(), self.newer(score_at=AT + 5), takes_work=False) is None

    def test_work_in_time_stays_where_none_is_taken(self) -> None:
        """The loss is told by name when the score is posted."""
        assert self.rest(both(), a_newest("d0", AT - 1, (AT - 1, "d0")), takes_work=False) == both()


class TestTies:
    """Of two that were received in one millisecond that one is newer which was accepted later."""

    BEFORE = replace(EMPTY, settled=a_newest("d0", score=(AT, "d0"), work=(AT, "d0")))

    def test_who_comes_is_newer_than_all_that_ended(self) -> None:
        assert line.remainder(both(), self.BEFORE, AT, takes_work=True) == both()

    def test_at_its_turn_it_is_newer_than_those_it_was_accepted_after(self) -> None:
        assert line.remainder(both(), self.BEFORE, AT, takes_work=True, own="d1", previous=self.BEFORE.settled) == (
            both()
        )
        settled = a_newest("d3", score=(AT, "d2"), work=(AT, "d3"))
        parts = replace(settled, delivery_id="d4")
        cell = replace(EMPTY, settled=settled)
        assert line.remainder(both(), cell, AT, takes_work=True, own="d1", previous=parts) == both()

    @pytest.mark.parametrize("previous", [None, a_newest("d4", score=(AT, "d5"), work=(AT, "d6"))], ids=["no", "some"])
    def test_at_its_turn_it_is_older_than_those_that_were_accepted_after_it(
        self, previous: NewestDelivery | None
    ) -> None:
        def rest(write: Write, cell: Cell) -> Write | None:
            return line.remainder(write, cell, AT, takes_work=True, own="d1", previous=previous)

        assert [rest(write, self.BEFORE) for write in (score(), work(), both(), DELETE)] == [None] * 4
        only_score = replace(EMPTY, settled=a_newest("d0", score=(AT, "d0"), work=(AT - 1, "d0")))
        assert rest(both(), only_score) == replace(both(), score=None)
        only_work = replace(EMPTY, settled=a_newest("d0", score=(AT - 1, "d0"), work=(AT, "d0")))
        assert rest(both(), only_work) == replace(both(), data=None)

    def test_what_it_brought_itself_does_not_stand_against_it(self) -> None:
        """It is tried again: its first try was found to be applied in part, or nobody knows."""
        own = replace(EMPTY, settled=a_newest("d1", AT + 9, score=(AT + 9, "d1"), work=(AT + 9, "d1")))
        assert line.remainder(both(), own, AT, takes_work=True, own="d1") == both()


class TestRanks:
    """What is newest, and whose score and work are."""

    def test_the_newest_brings_what_it_sets_and_leaves_the_rest_to_those_before(self) -> None:
        first = line.ranked(None, a_delivery("d1", both()))
        assert first == a_newest("d1", score=(AT, "d1"), work=(AT, "d1"))
        assert line.ranked(first, a_delivery("d2", score(), AT + 1)) == a_newest(
            "d2", AT + 1, score=(AT + 1, "d2"), work=(AT, "d1")
        )

    def test_an_older_one_adds_only_what_it_brings(self) -> None:
        newest = line.ranked(None, a_delivery("d2", score(), AT + 5))
        assert line.ranked(newest, a_delivery("d1", both(), AT)) == a_newest(
            "d2", AT + 5, score=(AT + 5, "d2"), work=(AT, "d1")
        )

    def test_of_one_moment_the_later_one_counts(self) -> None:
        newest = line.ranked(None, a_delivery("d1", both()))
        assert line.ranked(newest, a_delivery("d2", both())) == a_newest("d2", score=(AT, "d2"), work=(AT, "d2"))

    def test_of_what_ended_without_anybody_knowing_only_the_time_is_known(self) -> None:
        assert line.last_ended(None, a_delivery("d1", both())) == a_newest("d1")
        known = line.ranked(None, a_delivery("d1", both()))
        assert line.last_ended(known, a_delivery("d2", both(), AT + 1)) == a_newest(
            "d2", AT + 1, score=(AT, "d1"), work=(AT, "d1")
        )
        assert line.last_ended(known, a_delivery("d0", both(), AT - 1)) == known

    def test_without_a_rank_nothing_is_forgotten(self) -> None:
        held = lined_up("d1", "d2")
        assert line.without_rank(held, replace(a_delivery("d9"), previous=held.newest)) == held
        assert line.without_rank(EMPTY, a_delivery("d9")) == EMPTY

    def test_the_newest_is_then_the_one_before_while_that_stands_in_line(self) -> None:
        one = line.entered(EMPTY, a_delivery("d1", work()), awaited_until=0, due_at=AT)
        second = replace(a_delivery("d2", score(), AT + 1), previous=one.newest)
        two = line.entered(one, second, awaited_until=0, due_at=AT)
        left = line.without_rank(line.left(two, "d2", due_at=AT), second)
        assert left.newest == one.newest == a_newest("d1", work=(AT, "d1"))

    def test_the_newest_is_then_the_newest_that_had_an_effect(self) -> None:
        settled = a_newest("d0", AT - 9, score=(AT - 9, "d0"))
        first = replace(a_delivery("d1", both(), AT), previous=a_newest("gone", AT - 1, score=(AT - 1, "gone")))
        cell = line.entered(replace(EMPTY, settled=settled), first, awaited_until=0, due_at=AT)
        assert line.without_rank(line.left(cell, "d1", due_at=AT), first).newest == settled

    def test_a_newer_one_loses_only_the_marks_that_were_not_its_own(self) -> None:
        first = a_delivery("d1", work())
        cell = line.entered(EMPTY, first, awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d2", score(), AT + 1), awaited_until=0, due_at=AT)
        left = line.without_rank(line.left(cell, "d1", due_at=AT), first)
        assert left.newest == a_newest("d2", AT + 1, score=(AT + 1, "d2"))

    def test_what_turns_out_to_have_had_no_effect_is_not_among_those_that_had_one(self) -> None:
        settled = line.ranked(None, a_delivery("d0", both(), AT - 9))
        unknown = replace(a_delivery("d1", score(), AT), previous=settled)
        cell = replace(EMPTY, newest=line.ranked(settled, unknown), settled=line.last_ended(settled, unknown))
        left = line.without_rank(cell, unknown)
        assert (left.newest, left.settled) == (settled, settled)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from([0, AT + 5])),
        st.tuples(st.just("claim"), st.just(0)),
        st.tuples(st.just("wait"), st.just(0)),
        st.tuples(st.just("call"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("unawait"), st.integers(0, 5)),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_the_line_keeps_its_order_and_somebody_looks_after_its_head(
    steps: list[tuple[str, int]],
) -> None:
    cell, expected, entered, generation = EMPTY, list[str](), 0, 0
    for what, value in steps:
        if what == "enter":
            entered += 1
            expected.append(f"d{entered}")
            cell = line.entered(cell, a_delivery(f"d{entered}"), awaited_until=value, due_at=AT + entered)
        elif not expected:
            continue
        elif what == "claim":
            cell = line.claimed(cell, AT + 12_000)
        elif what == "wait":
            cell = line.waits(cell, AT + 60_000)
        elif what == "call":
            cell = line.called(cell, AT + 600_000)
        elif what == "unawait":
            cell = line.unawaited(cell, expected[value % len(expected)])
        else:
            leaving = expected.pop(0 if what == "end" else value % len(expected))
            cell = line.left(cell, leaving, due_at=AT + 600_000)
        assert names(cell) == expected
        assert (cell.head is None) == (not expected)
        assert (cell.due_at is None) == (not expected)
        assert not cell.lease_until or expected
        assert cell.generation >= generation
        generation = cell.generation
