"""The line of a cell: order, turns, what may be dropped, and what an outcome that comes late still brings."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery import line
from chalicelib.delivery.records import Cell, CellKey, Delivery, NewestDelivery, PlaceInLine, Rank
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


def a_delivery(
    identifier: str, write: Write = DELETE, received_at: int = AT, timestamp: int = 0, number: int = 0
) -> Delivery:
    body = f"body {identifier}"
    times = received_at, timestamp or received_at
    return Delivery(identifier, KEY, "tool", "", "", "", write, *times, "", body, "", number=number)


def lined_up(*identifiers: str, awaited_until: int = 0) -> Cell:
    cell = EMPTY
    for moment, identifier in enumerate(identifiers):
        delivery = a_delivery(identifier, received_at=AT + moment, number=moment + 1)
        cell = line.entered(cell, delivery, awaited_until=awaited_until, due_at=AT + 1000)
    return cell


def a_newest(
    identifier: str,
    received_at: int = AT,
    number: int = 0,
    score: Rank | None = None,
    work: Rank | None = None,
) -> NewestDelivery:
    """The newest, with the ranks of the newest score and work."""
    return NewestDelivery(identifier, "tool", f"body {identifier}", received_at, number, score, work)


def ranked(before: NewestDelivery | None, delivery: Delivery) -> NewestDelivery:
    return line.ranked(before, line.place_of(delivery))


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
        cell = line.entered(EMPTY, a_delivery("d1", write, number=1), awaited_until=AT + 5, due_at=AT)
        assert cell.line == (PlaceInLine("d1", AT, 1, "tool", "body d1", sets_score, sets_work, AT + 5),)

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

    def test_it_is_counted(self) -> None:
        assert [line.entered(EMPTY, a_delivery("d1", number=1), awaited_until=0, due_at=AT).accepted] == [1]
        assert lined_up("d1", "d2", "d3").accepted == 3

    def test_one_that_is_put_back_keeps_its_number_and_the_count(self) -> None:
        cell = line.left(lined_up("d1", "d2"), "d1", due_at=AT)
        back = line.entered(cell, a_delivery("d1", number=1), awaited_until=0, due_at=AT)
        assert ([place.number for place in back.line], back.accepted) == ([2, 1], 2)

    def test_it_is_the_newest_of_its_cell(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", both(), number=1), awaited_until=0, due_at=AT)
        assert line.newest(cell) == a_newest("d1", AT, 1, score=Rank(AT, 1), work=Rank(AT, 1))

    def test_one_that_comes_late_is_not_the_newest_and_adds_what_it_brings(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d2", score(), AT + 5, number=1), awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d1", work(), AT, number=2), awaited_until=0, due_at=AT)
        assert names(cell) == ["d2", "d1"]
        assert line.newest(cell) == a_newest("d2", AT + 5, 1, score=Rank(AT + 5, 1), work=Rank(AT, 2))

    def test_what_ended_is_not_touched(self) -> None:
        before = replace(EMPTY, settled=a_newest("d0", score=Rank(AT - 5)))
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


class TestRemainder:
    """An outcome of the moment ``AT``, after others that had an effect."""

    def rest(self, write: Write, settled: NewestDelivery | None, *, takes_work: bool = True) -> Write | None:
        return line.remainder(write, replace(EMPTY, settled=settled), Rank(AT, 5), takes_work=takes_work)

    def newer(self, score_at: int | None = None, work_at: int | None = None) -> NewestDelivery:
        return a_newest("d9", AT + 5, 4, *(None if at is None else Rank(at, 4) for at in (score_at, work_at)))

    def test_the_first_and_the_newest_bring_all(self) -> None:
        assert self.rest(both(), None) == both()
        assert self.rest(both(), a_newest("d0", AT - 1, 9, Rank(AT - 1, 9), Rank(AT - 1, 9))) == both()

    @pytest.mark.parametrize("write", [score(), work(), both(), DELETE], ids=["score", "work", "both", "delete"])
    def test_what_stands_in_line_or_is_only_accepted_covers_nothing(self, write: Write) -> None:
        """It may be refused, or be too old when it has its turn."""
        newer = a_delivery("d9", both(), AT + 5, number=9)
        entered = line.entered(EMPTY, newer, awaited_until=0, due_at=AT)
        for cell in (entered, line.unknown(EMPTY, newer)):
            assert line.remainder(write, cell, Rank(AT, 5), takes_work=True) == write

    @pytest.mark.parametrize("write", [score(), work(), both(), DELETE], ids=["score", "work", "both", "delete"])
    def test_an_end_of_which_nobody_will_know_the_effect_covers_nothing(self, write: Write) -> None:
        newer = a_delivery("d9", both(), AT + 5, number=9)
        assert self.rest(write, line.named(None, line.place_of(newer))) == write

    @pytest.mark.parametrize("write", [score(), DELETE], ids=["score", "delete"])
    def test_a_newer_score_covers_a_score_and_a_delete(self, write: Write) -> None:
        assert self.rest(write, self.newer(score_at=AT + 5)) is None
        assert self.rest(write, self.newer(score_at=AT + 1, work_at=AT + 5)) is None

    @pytest.mark.parametrize("write", [score(), DELETE], ids=["score", "delete"])
    def test_newer_work_leaves_a_score_and_a_delete_to_be_stored(self, write: Write) -> None:
        assert self.rest(write, self.newer(score_at=AT - 5, work_at=AT + 5)) == write
        assert self.rest(write, self.newer(work_at=AT + 5)) == write

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
        assert self.rest(both(), a_newest("d0", AT - 1, 4, Rank(AT - 1, 4)), takes_work=False) == both()


class TestTies:
    """Of two that were received in one millisecond that one is newer which was accepted later."""

    AFTER = replace(EMPTY, settled=a_newest("d2", AT, 2, score=Rank(AT, 2), work=Rank(AT, 2)))

    def rest(self, write: Write, cell: Cell, number: int) -> Write | None:
        return line.remainder(write, cell, Rank(AT, number), takes_work=True)

    @pytest.mark.parametrize("write", [score(), work(), both(), DELETE], ids=["score", "work", "both", "delete"])
    def test_one_accepted_later_is_newer_and_one_accepted_earlier_is_older(self, write: Write) -> None:
        assert [self.rest(write, self.AFTER, number) for number in (1, 3)] == [None, write]

    def test_of_one_accepted_earlier_the_part_that_nothing_newer_covers_is_left(self) -> None:
        only_score = replace(EMPTY, settled=a_newest("d2", AT, 2, score=Rank(AT, 2), work=Rank(AT - 1, 9)))
        assert self.rest(both(), only_score, 1) == replace(both(), score=None)
        only_work = replace(EMPTY, settled=a_newest("d2", AT, 2, score=Rank(AT - 1, 9), work=Rank(AT, 2)))
        assert self.rest(both(), only_work, 1) == replace(both(), data=None)

    def test_what_it_brought_itself_does_not_stand_against_it(self) -> None:
        """It is tried again: its first try was found to be applied in part, or nobody knows."""
        assert self.rest(both(), self.AFTER, 2) == both()

    def test_the_moment_counts_more_than_the_order_of_acceptance(self) -> None:
        assert line.remainder(both(), self.AFTER, Rank(AT - 1, 3), takes_work=True) is None
        assert line.remainder(both(), self.AFTER, Rank(AT + 1, 1), takes_work=True) == both()


class TestRanks:
    """What is newest, and the ranks of the newest score and work."""

    FIRST = a_delivery("d1", both(), number=1)

    def test_the_newest_brings_what_it_sets_and_leaves_the_rest_to_those_before(self) -> None:
        first = ranked(None, self.FIRST)
        assert first == a_newest("d1", AT, 1, score=Rank(AT, 1), work=Rank(AT, 1))
        assert ranked(first, a_delivery("d2", score(), AT + 1, number=2)) == a_newest(
            "d2", AT + 1, 2, score=Rank(AT + 1, 2), work=Rank(AT, 1)
        )

    def test_an_older_one_adds_only_what_it_brings(self) -> None:
        newest = ranked(None, a_delivery("d2", score(), AT + 5, number=1))
        assert ranked(newest, a_delivery("d1", both(), AT, number=2)) == a_newest(
            "d2", AT + 5, 1, score=Rank(AT + 5, 1), work=Rank(AT, 2)
        )

    def test_of_one_moment_the_one_accepted_later_counts_whichever_ends_first(self) -> None:
        second = a_delivery("d2", both(), number=2)
        later = a_newest("d2", AT, 2, score=Rank(AT, 2), work=Rank(AT, 2))
        assert ranked(ranked(None, self.FIRST), second) == ranked(ranked(None, second), self.FIRST) == later

    def test_of_what_may_have_brought_something_only_the_rank_is_known(self) -> None:
        assert line.named(None, line.place_of(self.FIRST)) == a_newest("d1", AT, 1)
        known = ranked(None, self.FIRST)
        after, before = a_delivery("d2", both(), AT + 1, number=2), a_delivery("d0", both(), AT - 1, number=2)
        assert line.named(known, line.place_of(after)) == a_newest("d2", AT + 1, 2, Rank(AT, 1), Rank(AT, 1))
        assert line.named(known, line.place_of(before)) == known


class TestNewest:
    """Of those that had an effect, stand in line, or may have had an effect."""

    SETTLED = a_newest("d0", AT - 9, 1, score=Rank(AT - 9, 1), work=Rank(AT - 9, 1))

    def test_a_new_cell_has_none(self) -> None:
        assert line.newest(EMPTY) is None

    def test_whoever_leaves_without_effect_was_never_there(self) -> None:
        one = line.entered(replace(EMPTY, settled=self.SETTLED), a_delivery("d1", number=2), awaited_until=0, due_at=AT)
        two = line.entered(one, a_delivery("d2", work(), number=3), awaited_until=0, due_at=AT)
        three = line.entered(two, a_delivery("d3", number=4), awaited_until=0, due_at=AT)
        assert line.newest(line.left(three, "d3", due_at=AT)) == line.newest(two)
        assert line.newest(line.left(line.left(three, "d3", due_at=AT), "d2", due_at=AT)) == line.newest(one)
        assert line.newest(replace(three, line=())) == self.SETTLED

    def test_what_is_unsettled_counts_until_it_is_known(self) -> None:
        unsure = line.unknown(replace(EMPTY, settled=self.SETTLED), a_delivery("d1", number=2))
        assert line.newest(unsure) == a_newest("d1", AT, 2, score=Rank(AT, 2), work=Rank(AT - 9, 1))
        assert line.newest(line.known(unsure, "d1")) == self.SETTLED
        assert line.known(unsure, "d2") == unsure

    def test_what_nobody_will_know_covers_nothing_and_stays_the_newest(self) -> None:
        unsure = line.unknown(replace(EMPTY, settled=self.SETTLED), a_delivery("d1", number=2))
        never = line.never_known(unsure)
        assert never.unsettled is None
        assert line.newest(never) == replace(a_newest("d1", AT, 2), score=Rank(AT - 9, 1), work=Rank(AT - 9, 1))
        assert line.never_known(never) == never

    def test_what_is_put_back_in_line_is_not_to_be_settled(self) -> None:
        delivery = a_delivery("d1", number=2)
        unsure = line.unknown(replace(EMPTY, settled=self.SETTLED), delivery)
        back = line.entered(unsure, delivery, awaited_until=0, due_at=AT)
        assert (back.unsettled, names(back), back.settled) == (None, ["d1"], self.SETTLED)


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
