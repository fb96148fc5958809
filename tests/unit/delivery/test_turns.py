"""Taking a turn: what is read first, with what time it goes, and what of it still goes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.clock import Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.breaker import PlatformHealth
from chalicelib.delivery.claimed import Claimed, Run
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, PlaceInLine, Rank, Receipt
from chalicelib.delivery.turns import READ_FIRST_AFTER, Turns, is_late
from chalicelib.errors import PlatformRefused, PlatformUnavailable, StorageConflict
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
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Surroundings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT = to_milliseconds(NOW)
LEASE = 12.0
KEY = CellKey("school", "line item", "user")
SCORE = ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.5")))
BOTH = replace(SCORE, data=ResultData(DataKind.TEXT, "essay"))
DONE = Answer(CodeMajor.SUCCESS)
REFUSAL = PlatformRefused(RefusalKind.OTHER, 422, "User not found")
UNAVAILABLE = PlatformUnavailable("status 503", maybe_applied=False)


class FakeClock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 50.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


def a_delivery(write: Write = SCORE, name: str = "d1", **changes: Any) -> Delivery:
    delivery = Delivery(name, KEY, "tool", "", "", "", write, AT, AT, "", "", "receipt", state=DeliveryState.QUEUED)
    return replace(delivery, **changes)


def in_line(*deliveries: Delivery, before: Cell | None = None) -> Cell:
    cell = before or Cell(KEY)
    for delivery in deliveries:
        cell = line.entered(cell, delivery, awaited_until=0, due_at=AT)
    return cell


class Scene:
    """Turns, and what they ask of whom."""

    def __init__(self, profile: str = "canvas", settles: Callable[[Cell], Cell] = lambda cell: cell) -> None:
        self.platform = Platform("school", profile, "issuer", "client", "token", "audience", ("school.example",))
        self.receipt: Receipt | None = None
        self.conflict: StorageConflict | None = None
        self.written: dict[str, Any] = {}
        self.asked: list[tuple[str, Claimed]] = []
        self.problems: list[Exception] = []
        self.settles = settles
        asked = _Asked(self)
        fakes: tuple[Any, Any, Any, Any] = (self, asked, self, asked)
        self.turns = Turns(*fakes, FakeClock())
        self.deadline = Deadline.after(FakeClock(), 8.0)

    def take(self, delivery: Delivery, cell: Cell | None = None, platform: bool = True) -> Answer | None:
        around = Surroundings(
            cell or in_line(delivery), self.platform if platform else None, PlatformHealth("school"), True, self.receipt
        )
        return self.turns.take(delivery, around, self.deadline, LEASE)

    @property
    def tried(self) -> Claimed:
        [(what, claimed)] = self.asked
        assert what == "run"
        return claimed

    # the ledger, and settling

    def commit(self, now: datetime, **changes: Change[Any] | None) -> Cell:
        if self.conflict is not None:
            raise self.conflict
        self.written = {name: change.after for name, change in changes.items() if change is not None}
        stored: Cell = replace(self.written["cell"], version=self.written["cell"].version + 1)
        return stored

    def settle(self, cell: Cell, platform: Platform, turn: Rank, deadline: Deadline) -> Cell:
        return self.settles(cell)


class _Asked:
    """Attempt and closing: remembers what they are asked."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def run(self, claimed: Claimed, deadline: Deadline) -> Answer:
        return self._remembered("run", claimed)

    def superseded(self, run: Run) -> Answer:
        return self._remembered("superseded", run.claimed)

    def unavailable(self, run: Run, problem: Exception, *, posted: bool) -> Answer:
        assert not posted, "nothing was sent"
        self._scene.problems.append(problem)
        return self._remembered("unavailable", run.claimed)

    def refused(self, run: Run, refusal: Exception) -> Answer:
        self._scene.problems.append(refusal)
        return self._remembered("refused", run.claimed)

    def _remembered(self, what: str, claimed: Claimed) -> Answer:
        self._scene.asked.append((what, claimed))
        return DONE


class TestClaim:
    def test_the_head_is_claimed_for_as_long_as_the_lease(self) -> None:
        scene, delivery = Scene(), a_delivery(tries=2)
        assert scene.take(delivery) == DONE
        until = AT + 12_000
        assert (scene.written["cell"].lease_until, scene.written["delivery"].lease_until) == (until, until)
        assert (scene.tried.delivery.tries, scene.tried.cell.version) == (3, 1)
        assert scene.tried.delivery == scene.written["delivery"]

    def test_its_receipt_is_held_as_long(self) -> None:
        scene = Scene()
        scene.receipt = Receipt("receipt", "digest", "d1", AT, 0, "", AT + 99_000)
        scene.take(a_delivery())
        assert scene.tried.receipt == scene.written["receipt"] == replace(scene.receipt, deadline=AT + 12_000)

    @pytest.mark.parametrize(
        "cell",
        [
            pytest.param(Cell(KEY), id="in no line"),
            pytest.param(in_line(a_delivery(name="d0"), a_delivery()), id="not the head"),
            pytest.param(line.claimed(in_line(a_delivery()), AT + 1), id="being tried"),
        ],
    )
    def test_who_has_no_turn_does_nothing(self, cell: Cell) -> None:
        scene = Scene()
        assert scene.take(a_delivery(), cell) is None
        assert (scene.written, scene.asked) == ({}, [])

    def test_without_its_payload_or_its_platform_nothing_is_tried(self) -> None:
        scene = Scene()
        assert scene.take(a_delivery(), platform=False) is None
        assert scene.take(replace(a_delivery(), write=None), in_line(a_delivery())) is None
        assert (scene.written, scene.asked) == ({}, [])

    def test_a_lease_that_ran_out_is_taken_over(self) -> None:
        assert Scene().take(a_delivery(), line.claimed(in_line(a_delivery()), AT)) == DONE

    def test_somebody_who_was_faster_has_it(self) -> None:
        scene = Scene()
        scene.conflict = StorageConflict(frozenset({"cell"}))
        assert scene.take(a_delivery()) is None
        assert scene.asked == []


class TestReadsFirst:
    """The design's row "Retry of an unknown try, or any delivery older than 60 s"."""

    @pytest.mark.parametrize(
        ("changes", "retry", "unknown"),
        [
            pytest.param({}, False, False, id="fresh"),
            pytest.param({"outcome_unknown": True}, True, True, id="its answer was lost"),
            pytest.param({"lease_until": AT - 1}, True, True, id="its try never ended"),
            pytest.param({"received_at": AT - 60_000}, False, False, id="60 s old"),
            pytest.param({"received_at": AT - 60_001}, True, False, id="older"),
        ],
    )
    def test_what_may_be_there_or_what_somebody_may_have_graded_is_read(
        self, changes: dict[str, Any], retry: bool, unknown: bool
    ) -> None:
        scene, delivery = Scene(), a_delivery(**changes)
        scene.take(delivery, in_line(a_delivery()))
        assert (scene.tried.retry, scene.tried.delivery.outcome_unknown) == (retry, unknown)

    def test_late_is_more_than_a_minute_after_the_request(self) -> None:
        assert READ_FIRST_AFTER.seconds == 60
        assert is_late(a_delivery(), NOW + timedelta(seconds=60)) is False
        assert is_late(a_delivery(), NOW + timedelta(seconds=60, milliseconds=1)) is True


class TestTime:
    """It goes with its own time, and after what was sent last."""

    @pytest.mark.parametrize(
        ("profile", "posted", "by", "timestamp"),
        [
            pytest.param("canvas", None, None, AT, id="the first"),
            pytest.param("canvas", AT - 1, "d0", AT, id="after an earlier one"),
            pytest.param("canvas", AT, "d0", AT + 1, id="after one of the same tick"),
            pytest.param("canvas", AT + 700, "d0", AT + 701, id="after one that was dated anew"),
            pytest.param("canvas", AT + 700, "d1", AT, id="after itself: a retry keeps its time"),
            pytest.param("moodle", AT + 700, "d0", AT + 1000, id="after one of the same second"),
        ],
    )
    def test_its_time(self, profile: str, posted: int | None, by: str | None, timestamp: int) -> None:
        scene = Scene(profile)
        scene.take(a_delivery(), replace(in_line(a_delivery()), posted_timestamp=posted, posted_by=by))
        assert scene.tried.delivery.timestamp == scene.written["delivery"].timestamp == timestamp
        assert scene.tried.delivery.received_at == AT


def settled_before(*deliveries: Delivery) -> Cell:
    cell = Cell(KEY)
    for delivery in deliveries:
        cell = replace(cell, settled=line.ranked(cell.settled, line.place_of(delivery)))
    return cell


class TestRest:
    NEWER = a_delivery(SCORE, "d9", received_at=AT + 5)

    def test_what_newer_ones_have_brought_is_left_out(self) -> None:
        scene, delivery = Scene(), a_delivery(BOTH)
        scene.take(delivery, in_line(delivery, before=settled_before(self.NEWER)))
        assert scene.tried.write == replace(BOTH, score=None)
        assert scene.tried.delivery.write == scene.written["delivery"].write == BOTH

    def test_what_brings_nothing_any_more_ends_superseded(self) -> None:
        scene = Scene()
        assert scene.take(a_delivery(), in_line(a_delivery(), before=settled_before(self.NEWER))) == DONE
        assert [what for what, _ in scene.asked] == ["superseded"]

    def test_work_is_no_reason_where_none_is_taken(self) -> None:
        scene, delivery = Scene("moodle"), a_delivery(BOTH)
        scene.take(delivery, in_line(delivery, before=settled_before(self.NEWER)))
        assert [what for what, _ in scene.asked] == ["superseded"]

    def test_an_operator_sends_it_whole(self) -> None:
        scene, delivery = Scene(), a_delivery(BOTH, forced=True)
        scene.take(delivery, in_line(delivery, before=settled_before(self.NEWER)))
        assert scene.tried.write == BOTH

    @pytest.mark.parametrize("write", [SCORE, DeleteResult()], ids=["score", "delete"])
    def test_of_one_moment_the_one_that_was_accepted_later_counts(self, write: Write) -> None:
        after, before = a_delivery(write, number=3), a_delivery(write, number=1)
        cell = settled_before(a_delivery(SCORE, "d0", number=2))
        asked = []
        for delivery in (after, before):
            scene = Scene()
            scene.take(delivery, in_line(delivery, before=cell))
            asked.append(scene.asked[0][0])
        assert asked == ["run", "superseded"]

    def test_one_that_was_accepted_before_they_were_counted_takes_its_number_from_its_place(self) -> None:
        scene, delivery = Scene(), a_delivery()
        cell = in_line(replace(delivery, number=4))
        scene.take(delivery, cell)
        assert scene.tried.delivery.number == scene.written["delivery"].number == 4


class TestSettlesFirst:
    UNSETTLED = replace(in_line(a_delivery(BOTH)), unsettled=PlaceInLine("d0", AT - 9))

    def test_what_is_found_counts(self) -> None:
        newer = line.ranked(None, line.place_of(TestRest.NEWER))
        scene = Scene(settles=lambda cell: replace(cell, unsettled=None, settled=newer, version=7))
        scene.take(a_delivery(BOTH), self.UNSETTLED)
        assert (scene.tried.cell.version, scene.tried.write) == (7, replace(BOTH, score=None))

    def test_where_nothing_is_unknown_nothing_is_asked(self) -> None:
        scene = Scene(settles=lambda cell: pytest.fail("nothing to settle"))
        assert scene.take(a_delivery()) == DONE

    @pytest.mark.parametrize(
        ("problem", "asked"), [(UNAVAILABLE, "unavailable"), (REFUSAL, "refused")], ids=["unavailable", "refused"]
    )
    def test_what_cannot_be_found_out_ends_the_turn(self, problem: Exception, asked: str) -> None:
        def fails(cell: Cell) -> Cell:
            raise problem

        scene = Scene(settles=fails)
        assert scene.take(a_delivery(BOTH), self.UNSETTLED) == DONE
        assert [what for what, _ in scene.asked] == [asked]
        assert scene.problems == [problem]

    def test_somebody_who_claimed_it_meanwhile_has_it(self) -> None:
        def fails(cell: Cell) -> Cell:
            raise StorageConflict(frozenset({"cell"}))

        scene = Scene(settles=fails)
        assert scene.take(a_delivery(BOTH), self.UNSETTLED) is None
        assert scene.asked == []
