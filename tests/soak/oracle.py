"""What may stand in a square of the gradebook at the end: an independent model of LTI 1.1, fed with what happened.

The model is the simulator's own LTI 1.1 side, which shares no code with Passback. Outcomes are applied in order of
their time R, teachers' grades at their times. Where a fault makes two results right, both are tried; every such
alternative names the row of the design that allows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

from simulator.control_fields import Fields
from simulator.outcomes import OutcomeFailedError, Replacement, delete_result, replace_result
from simulator.platform_state import new_world
from simulator.prepare import prepare, read_scene
from simulator.refusals import RefusedError
from simulator.reports import describe_state, find_cell, find_place
from soak.plan import CellPlan, Kind, OutcomePlan

COMPARED = ("attempt", "submission_type", "body", "url", "submitted_at", "score", "history")
MOST_COMBINATIONS = 2048
IN_ORDER = "in order of R"


@dataclass(frozen=True)
class Grade:
    """A teacher's grade; it took effect between the two times.

    ``noticed``: when Passback first read the cell after it; what was received before that does not go over the grade,
    because results do not tell when a person graded. None: it never did.
    """

    began: int
    ended: int
    score: Decimal
    noticed: int | None = None

    def may_hold(self, received_at: int) -> bool:
        """Tell whether the grade may have been found to be newer than an outcome."""
        return self.ended >= received_at or self.noticed is None or self.noticed >= received_at


@dataclass(frozen=True)
class Happened:
    """An outcome as Passback accepted it, once. ``effect``: when the platform first did it; None: never.

    ``with_score``: the platform did it with its score, and not the work alone.
    """

    plan: OutcomePlan
    received_at: int
    effect: int | None
    must: bool
    """Its tool was told success."""
    state: str
    timestamp: int = 0
    delivery_id: str = ""
    with_score: bool = True
    ended_at: int = 0
    number: int = 0
    """Which one it was of those that its cell accepted."""

    @property
    def rank(self) -> tuple[int, int]:
        """The greater is the newer: of those received in one millisecond, the one accepted later."""
        return self.received_at, self.number


@dataclass(frozen=True)
class Alternative:
    """One way in which an outcome may have had its effect, and the row of the design that allows it."""

    row: str
    at: float
    score: bool = True
    work: bool = True


NOTHING = Alternative("no effect", 0, score=False, work=False)


def alternatives(one: Happened, others: Sequence[Happened], grades: Sequence[Grade]) -> tuple[Alternative, ...]:
    """Say how an outcome may have had its effect, given what else happened to its cell; rarely more than one way."""
    newer = [other for other in others if other.rank > one.rank and (other.must or other.effect)]
    graded = [grade for grade in grades if grade.may_hold(one.received_at)]
    if one.effect is None:
        nothing = _never_done(one, newer, graded, grades)
        in_order = Alternative(IN_ORDER, one.received_at)
        if one.must and nothing.row != IN_ORDER:
            return (nothing, in_order)
        if not one.must and _left_a_time(one, newer):
            return (nothing, replace(in_order, row="New attempt: until confirmed, the first call's submittedAt"))
        return (nothing,)
    return tuple(_done(one, one.effect, newer, graded))


def _never_done(
    one: Happened, newer: Sequence[Happened], graded: Sequence[Grade], grades: Sequence[Grade]
) -> Alternative:
    """Say what may be of an outcome that the platform never did: rows that let it have no effect, else the promise."""
    plan = one.plan
    if not one.must:
        return replace(NOTHING, row="its tool was told failure, and the platform never did it")
    # Accepted after a newer one, which shows in its timestamp: that one has brought the work already.
    no_work = not plan.sets_work or (one.timestamp > one.received_at and any(other.plan.sets_work for other in newer))
    if one.state == "held" and graded and no_work:
        return replace(NOTHING, row="Retry of an unknown try: their grade stays")
    if one.state == "refused" and plan.prioritized and grades and not plan.sets_work:
        return replace(NOTHING, row="prioritizeNonToolGrade: no submission is made")
    score_covered = not plan.sets_score or any(other.plan.sets_score for other in newer)
    work_covered = not plan.sets_work or any(other.plan.sets_work for other in newer)
    if one.state == "superseded" and score_covered and work_covered:
        return replace(NOTHING, row="Time R: below the newest accepted R")
    return Alternative(IN_ORDER, one.received_at)


def _left_a_time(one: Happened, newer: Sequence[Happened]) -> bool:
    """Tell whether a later score may carry the time of a first submission whose call nobody knows the end of.

    Its own score is gone over then, so that the model may apply it whole.
    """
    covered = any(other.effect is not None and other.plan.sets_score for other in newer)
    return one.state != "delivered" and covered and one.plan.kind in (Kind.SCORE, Kind.TOTAL)


def _done(one: Happened, effect: int, newer: Sequence[Happened], graded: Sequence[Grade]) -> Iterator[Alternative]:
    """Say what may be of an outcome that the platform did: in order, or after what was received or graded later."""
    before = [other for other in newer if other.effect is not None and other.effect < effect]
    overtaken = [grade for grade in graded if grade.began <= effect]
    if not before and all(grade.ended >= effect for grade in overtaken):
        yield Alternative(IN_ORDER, one.received_at)
    last = max([one.received_at, *(grade.ended for grade in overtaken), *(other.received_at for other in before)])
    at = one.received_at if last == one.received_at and not before else last + 0.5
    if before:
        keeps_score = one.with_score and not any(other.plan.sets_score for other in before)
        keeps_work = not any(other.plan.sets_work for other in before)
        yield Alternative("Time R: what no newer one has brought", at, score=keeps_score, work=keeps_work)
    elif overtaken and one.with_score:
        yield Alternative("Stale-timestamp answer: within 60 s the tool overwrites", at)
    elif overtaken and one.plan.sets_work:
        yield Alternative("Retry of an unknown try: data goes with preserve_score", at, score=False)


def allowed_ends(
    cell: CellPlan, happened: Sequence[Happened], grades: Sequence[Grade]
) -> Iterator[tuple[dict[str, Any], tuple[Alternative, ...]]]:
    """Work out every allowed end of a cell, with the alternatives that lead to it; the plainest first."""
    ordered = sorted(happened, key=lambda one: one.rank)
    choices = [alternatives(one, [other for other in happened if other is not one], grades) for one in ordered]
    for count, chosen in enumerate(product(*choices)):
        if count >= MOST_COMBINATIONS:
            return
        yield _live(cell, list(zip(ordered, chosen, strict=True)), grades), chosen


def _live(cell: CellPlan, chosen: Sequence[tuple[Happened, Alternative]], grades: Sequence[Grade]) -> dict[str, Any]:
    """Let it all happen to a student of the simulator, in order, through the rules of LTI 1.1."""
    world, start = new_world(), datetime(2026, 1, 1, tzinfo=UTC)
    handle, _ = prepare(world, read_scene(Fields({"points": cell.points, **cell.history})), start)
    square = find_cell(world, find_place(world, handle))
    events: list[tuple[float, tuple[int, int], Happened | Grade, Alternative]] = [
        (choice.at, one.rank, one, choice) for one, choice in chosen if choice.score or choice.work
    ]
    events += [(grade.ended, (0, 0), grade, NOTHING) for grade in grades]
    for _, _, event, choice in sorted(events, key=lambda each: each[:2]):
        if isinstance(event, Grade):
            square.grade_by_person(event.score, _moment(event.ended))
        elif event.plan.kind is Kind.DELETE:
            if choice.score:
                delete_result(square, _moment(event.received_at))
        else:
            try:
                replace_result(square, _replacement(event.plan, choice), _moment(event.received_at))
            except (OutcomeFailedError, RefusedError):
                continue
    return shown(describe_state(square))


def _replacement(plan: OutcomePlan, choice: Alternative) -> Replacement:
    return Replacement(
        result_score=plan.score if choice.score else None,
        result_total_score=plan.total if choice.score else None,
        text=plan.text if choice.work else None,
        url=plan.url if choice.work else None,
        submitted_at=plan.submitted_at,
        prioritize_non_tool_grade=plan.prioritized,
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def shown(state: dict[str, Any]) -> dict[str, Any]:
    """Return what is compared of a state; without a score nobody graded."""
    kept = {name: state[name] for name in COMPARED}
    score = state["score"]
    kept["score"] = None if score is None else Decimal(str(score)).normalize()
    kept["person graded"] = score is not None and state["graded_by"] == "person"
    return kept
