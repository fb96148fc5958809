"""The line of a cell: order, turns, what may be dropped, and what an outcome that comes late still brings."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

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
        assert cell.newest == NewestDelivery("d1", "tool", "body d1", AT, score_at=AT, work_at=AT)

    def test_what_only_an_earlier_one_set_is_remembered_with_its_time(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d1", work()), awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d2", score(), AT + 5), awaited_until=0, due_at=AT)
        assert cell.newest == NewestDelivery("d2", "tool", "body d2", AT + 5, score_at=AT + 5, work_at=AT)

    def test_one_that_comes_late_is_not_the_newest_and_adds_what_it_brings(self) -> None:
        cell = line.entered(EMPTY, a_delivery("d2", score(), AT + 5), awaited_until=0, due_at=AT)
        cell = line.entered(cell, a_delivery("d1", work(), AT), awaited_until=0, due_at=AT)
        assert names(cell) == ["d2", "d1"]
        assert cell.newest == NewestDelivery("d2", "tool", "body d2", AT + 5, score_at=AT + 5, work_at=AT)

    def test_one_of_the_same_moment_is_newer_because_it_came_later(self) -> None:
        cell = line.entered(lined_up("d1"), a_delivery("d2"), awaited_until=0, due_at=AT)
        assert cell.newest is not None
        assert cell.newest.delivery_id == "d2"


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
    def rest(self, write: Write, newest: NewestDelivery | None, *, takes_work: bool = True) -> Write | None:
        return line.remainder(write, replace(EMPTY, newest=newest), AT, takes_work=takes_work)

    def newer(self, score_at: int | None = None, work_at: int | None = None) -> NewestDelivery:
        return NewestDelivery("d9", "tool", "body", AT + 5, score_at=score_at, work_at=work_at)

    def test_the_first_and_the_newest_bring_all(self) -> None:
        assert self.rest(both(), None) == both()
        assert self.rest(both(), NewestDelivery("d0", "tool", "body", AT, score_at=AT, work_at=AT)) == both()

    def test_of_two_at_one_moment_the_later_one_counts_unless_it_is_the_one_that_comes_back(self) -> None:
        cell = replace(EMPTY, newest=NewestDelivery("d0", "tool", "body", AT, score_at=AT, work_at=None))
        assert line.remainder(score(), cell, AT, takes_work=True, loses_ties=True) is None
        assert line.remainder(both(), cell, AT, takes_work=True, loses_ties=True) == work("essay 0.5")
        assert line.remainder(score(), cell, AT + 1, takes_work=True, loses_ties=True) == score()

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


ARRIVALS = st.lists(st.tuples(st.sampled_from(["score", "work", "both", "delete"]), st.integers(0, 4)), max_size=9)
"""What comes, in the order in which it comes, with the moment at which it was received."""


def a_write(kind: str, number: int) -> Write:
    if kind == "delete":
        return DELETE
    made = both(f"0.{number + 10}")
    return replace(made, score=None) if kind == "work" else replace(made, data=None) if kind == "score" else made


class Arrived:
    """All that came, as it stands in line and is delivered: parts as (moment, number of the outcome)."""

    def __init__(self, arrivals: list[tuple[str, int]]) -> None:
        self.cell, self.scores, self.works = EMPTY, list[tuple[int, int]](), list[tuple[int, int]]()
        self.sent_scores = [(moment, n) for n, (kind, moment) in enumerate(arrivals) if kind != "work"]
        self.sent_works = [(moment, n) for n, (kind, moment) in enumerate(arrivals) if kind in ("work", "both")]
        for number, (kind, moment) in enumerate(arrivals):
            write = a_write(kind, number)
            rest = line.remainder(write, self.cell, AT + moment, takes_work=True)
            if rest is None:
                continue
            delivery = a_delivery(f"d{number}", rest, AT + moment)
            self.cell = line.entered(self.cell, delivery, awaited_until=0, due_at=AT)
            if line.sets_score(rest):
                self.scores.append((moment, number))
            if line.sets_work(rest):
                self.works.append((moment, number))


@given(ARRIVALS)
def test_the_newest_score_and_the_newest_work_always_arrive(arrivals: list[tuple[str, int]]) -> None:
    arrived = Arrived(arrivals)
    for parts, sent in ((arrived.scores, arrived.sent_scores), (arrived.works, arrived.sent_works)):
        assert parts[-1:] == sorted(sent)[-1:]


@given(ARRIVALS)
def test_no_part_steps_back_or_comes_twice(arrivals: list[tuple[str, int]]) -> None:
    arrived = Arrived(arrivals)
    for parts, sent in ((arrived.scores, arrived.sent_scores), (arrived.works, arrived.sent_works)):
        assert all(before < after for before, after in pairwise(parts))
        assert set(parts) <= set(sent)


@given(ARRIVALS)
def test_only_a_part_that_a_newer_one_covers_is_left_out(arrivals: list[tuple[str, int]]) -> None:
    arrived = Arrived(arrivals)
    for parts, sent in ((arrived.scores, arrived.sent_scores), (arrived.works, arrived.sent_works)):
        for moment, number in set(sent) - set(parts):
            assert any(other > moment and earlier < number for other, earlier in sent)


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
