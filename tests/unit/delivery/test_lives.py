"""Whole lives of a cell's line: whatever ends how, in whatever order, no part is lost, and none steps back."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.delivery import line
from chalicelib.delivery.endings import Ending, ended_cell, settled_cell
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, KnownScore, NewestDelivery
from chalicelib.delivery.resumption import back_in_line
from chalicelib.lti11.messages import (
    Answer,
    CodeMajor,
    DataKind,
    DeleteResult,
    ReplaceResult,
    ResultData,
    ScoreScale,
    ToolScore,
    Write,
)
from chalicelib.lti13.registrations import Platform

AT = 1_770_113_730_123
KEY = CellKey("canvas", "line item", "user")
SCORE = ToolScore(ScoreScale.FRACTION, Decimal("0.5"))
WORK = ResultData(DataKind.TEXT, "essay")
WRITES: dict[str, Write] = {
    "score": ReplaceResult(SCORE),
    "work": ReplaceResult(None, WORK),
    "both": ReplaceResult(SCORE, WORK),
    "delete": DeleteResult(),
}
SUCCESS = Answer(CodeMajor.SUCCESS)
NONE = KnownScore(None, None)
PLATFORM = Platform("canvas", "canvas", "issuer", "client", "token", "audience", ("canvas.example",))


class Part(NamedTuple):
    """A score or work: that one is newer which was received later, or, at one moment, accepted later."""

    received_at: int
    number: int


class Step(NamedTuple):
    """One thing that happens.

    ``come``: with what, and received when. ``turn``: how the head's ends. ``leave``: which one behind the head.
    ``again``: which one of those that failed is put back in line.
    """

    what: str
    how: str = ""
    number: int = 0


class Life:
    """A cell, and beside it what was really applied."""

    def __init__(self) -> None:
        self.cell = Cell(KEY)
        self.deliveries: dict[str, Delivery] = {}
        self.numbers: dict[str, int] = {}
        self.scores: list[Part] = []
        self.works: list[Part] = []
        self.effective: set[str] = set()
        self.failed: list[str] = []
        self.lost: list[str] = []
        self._unknown: tuple[Delivery, str, Write] | None = None

    def go(self, steps: list[Step]) -> "Life":
        for step in steps:
            if step.what == "come":
                self._come(WRITES[step.how], AT + step.number)
            elif step.what == "turn" and self.cell.line:
                self._turn(step.how)
            elif step.what == "leave" and len(self.cell.line) > 1:
                behind = self.cell.line[1:]
                self._end(behind[step.number % len(behind)].delivery_id, DeliveryState.FAILED, applied=False)
            elif step.what == "again" and self.failed:
                self._again(self.deliveries[self.failed.pop(step.number % len(self.failed))])
        self._settle()
        return self

    def part(self, delivery: Delivery) -> Part:
        return Part(delivery.received_at, self.numbers[delivery.id])

    def _come(self, write: Write, received_at: int) -> None:
        number = len(self.numbers)
        name = f"d{number}"
        delivery = Delivery(
            name,
            KEY,
            "tool",
            "",
            "",
            "",
            write,
            received_at,
            received_at,
            "",
            f"body of {name}",
            "",
            number=self.cell.accepted + 1,
        )
        self.numbers[name] = number
        rest = line.remainder(write, self.cell, delivery.rank, takes_work=True)
        self._check_rest(delivery, rest)
        if rest is not None:
            self.deliveries[name] = delivery
            self.cell = line.entered(self.cell, delivery, awaited_until=0, due_at=AT)

    def _again(self, delivery: Delivery) -> None:
        assert delivery.write is not None
        again = back_in_line(delivery, delivery.write, self.cell, PLATFORM)
        self._check_rest(delivery, None if again is None else delivery.write)
        if again is not None:
            self.deliveries[delivery.id] = again
            self.cell = line.entered(self.cell, again, awaited_until=0, due_at=AT)

    def _turn(self, how: str) -> None:
        self._settle()
        assert self.cell.head is not None
        delivery = self.deliveries[self.cell.head.delivery_id]
        assert delivery.write is not None
        rest = line.remainder(delivery.write, self.cell, delivery.rank, takes_work=True)
        self._check_rest(delivery, rest)
        if rest is None:
            self._end(delivery.id, DeliveryState.SUPERSEDED, applied=False)
        elif how in ("delivered", "held"):
            self._applied(delivery, rest)
            self._end(delivery.id, DeliveryState(how), applied=how == "delivered")
        elif how in ("refused", "failed"):
            self._end(delivery.id, DeliveryState(how), applied=False)
        else:
            self._end(delivery.id, DeliveryState.FAILED, applied=None)
            self._unknown = (delivery, how, rest)

    def _settle(self) -> None:
        """What nobody knows is found out before the next one has its turn."""
        if self._unknown is None:
            return
        delivery, how, rest = self._unknown
        self._unknown = None
        if how == "found":
            self._applied(delivery, rest)
        else:
            self.failed.append(delivery.id)
        self.cell = settled_cell(self.cell, delivery, rest, shown=NONE, confirmed=None, applied=how == "found")

    def _end(self, name: str, state: DeliveryState, *, applied: bool | None) -> None:
        delivery = self.deliveries[name]
        ending = Ending(state, SUCCESS, applied, timestamp=delivery.timestamp)
        self.cell = ended_cell(self.cell, delivery, ending, due_at=AT, now=AT + 99)
        if state is DeliveryState.FAILED and applied is False:
            self.failed.append(name)

    def _applied(self, delivery: Delivery, rest: Write) -> None:
        self.effective.add(delivery.id)
        if line.sets_score(rest):
            self.scores.append(self.part(delivery))
        if line.sets_work(rest):
            self.works.append(self.part(delivery))

    def _check_rest(self, delivery: Delivery, rest: Write | None) -> None:
        """A part that is left out must be covered by a newer one that was really applied."""
        part, write = self.part(delivery), delivery.write
        for what, sets, applied in (("score", line.sets_score, self.scores), ("work", line.sets_work, self.works)):
            left_out = sets(write) and (rest is None or not sets(rest))
            if left_out and not any(other > part for other in applied):
                self.lost.append(f"{what} of {delivery.id}")

    def _remaining(self) -> list[Delivery]:
        """Those that had an effect or stand in line, in the order in which they were accepted."""
        standing = {place.delivery_id for place in self.cell.line} | self.effective
        return sorted((self.deliveries[name] for name in standing), key=self.part)

    def newest_score_and_work(self) -> tuple[str | None, str | None]:
        scores = [each.id for each in self._remaining() if line.sets_score(each.write)]
        works = [each.id for each in self._remaining() if line.sets_work(each.write)]
        return (scores[-1] if scores else None), (works[-1] if works else None)

    def newest(self) -> str | None:
        remaining = self._remaining()
        return remaining[-1].id if remaining else None

    def marks(self, found: NewestDelivery | None) -> tuple[str | None, str | None]:
        """Whose score and whose work are marked as the newest: a rank is one delivery's alone."""
        names = {each.rank: each.id for each in self.deliveries.values()}
        assert len(names) == len(self.deliveries)
        score, work = (None, None) if found is None else (found.score, found.work)
        return (names[score] if score else None), (names[work] if work else None)

    def newest_applied(self) -> tuple[str | None, str | None]:
        score, work = (f"d{max(parts).number}" if parts else None for parts in (self.scores, self.works))
        return score, work


LIVES = st.lists(
    st.one_of(
        st.builds(Step, st.just("come"), st.sampled_from(sorted(WRITES)), st.integers(0, 5)),
        st.builds(Step, st.just("come"), st.sampled_from(sorted(WRITES)), st.integers(0, 5)),
        st.builds(
            Step, st.just("turn"), st.sampled_from(["delivered", "held", "found", "refused", "failed", "missing"])
        ),
        st.builds(Step, st.just("leave"), st.just(""), st.integers(0, 3)),
        st.builds(Step, st.just("again"), st.just(""), st.integers(0, 3)),
    ),
    max_size=16,
)
"""Moments come in any order, and more than once."""
THREE_OF_ONE_MOMENT = [Step("come", "both")] * 3
LATE_ONE_STANDS = [Step("come", "both", 3), Step("come", "both", 2), Step("turn", "refused")]
"""The newest of the two is refused, the late one has its turn next."""


@given(LIVES)
@example([*THREE_OF_ONE_MOMENT, Step("leave"), Step("turn", "delivered"), Step("turn", "delivered")])
def test_no_part_is_lost(life: list[Step]) -> None:
    assert Life().go(life).lost == []


@given(LIVES)
@example(
    [
        *LATE_ONE_STANDS,
        Step("come", "both", 3),
        Step("turn", "delivered"),
        Step("turn", "missing"),
        Step("come", "both", 4),
        Step("turn", "refused"),
        Step("come", "both", 1),
        Step("turn", "delivered"),
    ]
)
@example([*THREE_OF_ONE_MOMENT, Step("turn", "failed"), Step("turn", "delivered"), Step("again"), Step("turn", "held")])
def test_no_part_steps_back_or_comes_twice(life: list[Step]) -> None:
    lived = Life().go(life)
    for parts in (lived.scores, lived.works):
        assert parts == sorted(set(parts))


@given(LIVES)
def test_what_is_settled_is_the_newest_score_and_work_that_had_an_effect(life: list[Step]) -> None:
    lived = Life().go(life)
    assert lived.marks(lived.cell.settled) == lived.newest_applied()


@given(LIVES)
@example(LATE_ONE_STANDS)
@example([*THREE_OF_ONE_MOMENT, Step("leave"), Step("leave")])
@example([Step("come", "both"), Step("come", "both", 1), Step("turn", "refused"), Step("turn", "missing")])
def test_the_newest_is_of_those_that_had_an_effect_or_stand_in_line(life: list[Step]) -> None:
    lived = Life().go(life)
    found = line.newest(lived.cell)
    assert (None if found is None else found.delivery_id) == lived.newest()
    assert lived.marks(found) == lived.newest_score_and_work()


@given(LIVES)
def test_the_newest_is_recognised_when_its_tool_signs_it_again(life: list[Step]) -> None:
    lived = Life().go(life)
    found = line.newest(lived.cell)
    if found is not None:
        assert (found.consumer_key, found.body_digest) == ("tool", f"body of {lived.newest()}")
