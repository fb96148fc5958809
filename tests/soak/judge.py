"""The verdict on one cell: what was promised of it, against the gradebook, the table and what the platform saw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from soak.oracle import IN_ORDER, Grade, Happened, allowed_ends, shown
from soak.plan import CellPlan, Kind
from soak.tools import Sent
from soak.witness import Call

REPEAT_WITHIN = 60_000
CLOCK = 100
"""Milliseconds that what one process wrote may be behind what another one saw."""
LONGEST_WAIT = 10_000
"""Milliseconds that a request may wait for one of the local server's threads before its time R is taken."""


@dataclass
class CellStory:
    """Everything known of one cell at the end of a run."""

    plan: CellPlan
    sent: list[Sent]
    grades: list[Grade]
    calls: list[Call]
    deliveries: dict[int, list[Delivery]]
    """By the outcome's number, in order of R."""
    cell: Cell
    state: dict[str, Any]
    overwrites_within: int
    """Milliseconds: after them an outcome never goes over a grade."""


@dataclass(frozen=True)
class Violation:
    """A promise that was not kept."""

    what: str
    cell: int
    details: str
    deliveries: tuple[str, ...] = ()


@dataclass
class Verdict:
    """What was found in one cell. ``rows``: the design's rows that were needed to explain its end."""

    violations: list[Violation] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """What happened to a cell with violations."""
    rows: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Post:
    call: Call
    of: Happened


def judge(story: CellStory) -> Verdict:
    """Judge a cell."""
    story.grades = [replace(grade, noticed=_noticed(story, grade)) for grade in story.grades]
    happened = _happened(story)
    posts = [post for call in story.calls if call.is_post for post in _linked(story, call, happened)]
    first: dict[int, Call] = {}
    for post in posts:
        if post.call.done:
            first.setdefault(id(post.of), post.call)
    happened_with = {id(one): _with_effect(one, first.get(id(one))) for one in happened}
    posts = [_Post(post.call, happened_with[id(post.of)]) for post in posts]
    found = Verdict()
    found.violations += _table(story)
    found.violations += _doubled(story)
    found.violations += _steps_back(story, posts)
    found.violations += _graded_over(story, posts)
    _end(story, list(happened_with.values()), found)
    if found.violations:
        found.story = list(_told(story, list(happened_with.values())))
    return found


def _with_effect(one: Happened, call: Call | None) -> Happened:
    return one if call is None else replace(one, effect=call.at, with_score=call.sets_score)


def _told(story: CellStory, happened: list[Happened]) -> Iterator[str]:
    """Tell what happened to a cell, in order."""
    lines = []
    for one in happened:
        kind = f"{one.plan.kind} {one.plan.number}{' prioritized' if one.plan.prioritized else ''}"
        what = f"{one.plan.score or one.plan.total} {one.plan.text or one.plan.url}"
        told = "acknowledged" if one.must else "not acknowledged"
        lines.append((one.received_at, f"R of {kind} ({what}): {told}, {one.state}, done at {one.effect}"))
    lines += [(grade.ended, f"a teacher gave {grade.score}, noticed {grade.noticed}") for grade in story.grades]
    for call in story.calls:
        body = {name: value for name, value in call.body.items() if name != "userId"}
        kind = f"post {body}" if call.is_post else "read"
        lines.append((call.at, f"{kind}: {call.status}{' dropped' if call.dropped else ''}"))
    for sent in story.sent:
        for each in sent.tries:
            lines.append(
                (
                    each.began,
                    f"sent {sent.plan.number}: until {each.ended} {each.status} {each.code} {each.description}",
                )
            )
    return (f"{at} {text}" for at, text in sorted(lines))


def _noticed(story: CellStory, grade: Grade) -> int | None:
    """Say when Passback knew of a grade: when it held something for it, else when it first read the cell after it."""
    ended = [each for accepted in story.deliveries.values() for each in accepted if each.state is DeliveryState.HELD]
    held = [each.ended_at for each in ended if each.ended_at is not None and each.ended_at > grade.began]
    reads = [call.at for call in story.calls if not call.is_post and call.done and call.at > grade.began]
    return min(held or reads, default=None)


def _happened(story: CellStory) -> list[Happened]:
    made = []
    for sent in story.sent:
        accepted = story.deliveries.get(sent.plan.number, [])
        alive = [each for each in accepted if each.state not in (DeliveryState.FAILED, DeliveryState.REFUSED)]
        for delivery in accepted:
            must = sent.acknowledged and (delivery in alive or not alive)
            made.append(
                Happened(
                    sent.plan,
                    delivery.received_at,
                    effect=None,
                    must=must,
                    state=delivery.state,
                    timestamp=delivery.timestamp,
                    delivery_id=delivery.id,
                    ended_at=delivery.ended_at or 0,
                    number=delivery.number,
                )
            )
    return made


def _linked(story: CellStory, call: Call, happened: Sequence[Happened]) -> Iterator[_Post]:
    """Find the outcome of a post, by the number or the work that no other outcome of the cell has."""
    found = [one for one in happened if _carries(call, one)]
    exact = [one for one in found if one.timestamp == call.timestamp]
    # A moved timestamp: of several deliveries of one outcome, it is the one that ended next.
    after = sorted((one for one in found if one.ended_at >= call.at - CLOCK), key=lambda one: one.ended_at)
    best = exact or after or found[-1:]
    if best:
        yield _Post(call, best[0])


def _carries(call: Call, one: Happened) -> bool:
    plan, data = one.plan, call.extension.get("submission_data")
    if data is not None:
        return data in (plan.text, plan.url)
    if plan.kind is Kind.DELETE:
        return "scoreGiven" not in call.body
    given = call.body.get("scoreGiven")
    number = plan.total if plan.total is not None else plan.score
    return number is not None and given is not None and Decimal(str(given)) == Decimal(number)


def _table(story: CellStory) -> Iterator[Violation]:
    """The table's own end: nothing under way, and nothing acknowledged that failed or is not there."""
    number = story.plan.number
    if story.cell.line or story.cell.due_at is not None:
        ids = tuple(place.delivery_id for place in story.cell.line)
        yield Violation("undelivered", number, f"{len(ids)} left in the line", ids)
    for sent in story.sent:
        accepted = story.deliveries.get(sent.plan.number, [])
        ids = tuple(each.id for each in accepted)
        states = [str(each.state) for each in accepted]
        if any(each.state.under_way for each in accepted):
            yield Violation("undelivered", number, f"outcome {sent.plan.number} is {states}", ids)
        if sent.acknowledged and not accepted:
            yield Violation("acknowledged and gone", number, f"outcome {sent.plan.number}: no delivery is stored")
        if sent.acknowledged and accepted and all(state == "failed" for state in states):
            yield Violation("acknowledged and failed", number, f"outcome {sent.plan.number}", ids)
        prioritized = sent.plan.prioritized and story.grades
        if sent.acknowledged and accepted and all(state == "refused" for state in states) and not prioritized:
            words = accepted[0].platform_words
            yield Violation("acknowledged and refused", number, f"outcome {sent.plan.number}: {words}", ids)
        for each in accepted:
            held = each.state is DeliveryState.HELD
            if held and not any(grade.may_hold(each.received_at) for grade in story.grades):
                yield Violation("held for nobody", number, f"outcome {sent.plan.number}: no teacher graded", ids)
            if not any(one.began - 5 <= each.received_at <= one.ended + LONGEST_WAIT for one in sent.tries):
                yield Violation("a time R of its own", number, f"outcome {sent.plan.number}: {each.received_at}", ids)


def _doubled(story: CellStory) -> Iterator[Violation]:
    """One signed request is one delivery; a newly signed repeat joins while the first is its cell's newest."""
    times = [each.received_at for accepted in story.deliveries.values() for each in accepted]
    for sent in story.sent:
        accepted = story.deliveries.get(sent.plan.number, [])
        ids = tuple(each.id for each in accepted)
        if len(accepted) > sent.signatures:
            what = f"outcome {sent.plan.number}: signed {sent.signatures} times, accepted {len(accepted)} times"
            yield Violation("doubled", story.plan.number, what, ids)
        for first, second in pairwise(accepted):
            between = any(first.received_at <= at <= second.received_at for at in _without(times, first, second))
            given_up = first.state in (DeliveryState.FAILED, DeliveryState.REFUSED)
            no_effect = second.state is DeliveryState.SUPERSEDED
            if (
                not between
                and not given_up
                and not no_effect
                and second.received_at - first.received_at <= REPEAT_WITHIN
            ):
                yield Violation("doubled", story.plan.number, f"outcome {sent.plan.number}: a repeat not joined", ids)


def _without(times: list[int], *deliveries: Delivery) -> list[int]:
    left = list(times)
    for delivery in deliveries:
        left.remove(delivery.received_at)
    return left


def _steps_back(story: CellStory, posts: list[_Post]) -> Iterator[Violation]:
    """No score is ever overtaken by an older one, not even for a moment."""
    newest: _Post | None = None
    for post in posts:
        if not (post.call.done and post.call.sets_score and post.of.plan.sets_score) or _spares(post.call):
            continue
        if newest is not None and post.of.rank < newest.of.rank:
            what = f"outcome {post.of.plan.number} went over {newest.of.plan.number}"
            yield Violation("a step back", story.plan.number, what, (post.of.delivery_id, newest.of.delivery_id))
        newest = post


def _spares(call: Call) -> bool:
    """It leaves any score alone (Canvas AGS, section 10, T6)."""
    return bool(call.extension.get("prioritize_non_tool_grade"))


def _graded_over(story: CellStory, posts: list[_Post]) -> Iterator[Violation]:
    """A teacher's grade stays against what was received before it, but for the first try within a minute.

    Whatever comes after one that might go over it finds another grade there.
    """
    for grade in story.grades:
        later = (
            post
            for post in posts
            if post.call.done and post.call.at > grade.ended and post.call.sets_score and post.of.plan.sets_score
        )
        post = next((post for post in later if not _spares(post.call)), None)
        if post is not None and grade.began > post.of.received_at and not _may_go_over(story, posts, post, grade):
            number, delivery = post.of.plan.number, post.of.delivery_id
            what = f"outcome {number} (R {post.of.received_at}) went at {post.call.at} over {grade.score}"
            yield Violation("a teacher's grade gone", story.plan.number, f"{what}, given at {grade.ended}", (delivery,))


def _may_go_over(story: CellStory, posts: list[_Post], post: _Post, grade: Grade) -> bool:
    """Tell whether an outcome may go over a grade that was given after it was received."""
    if not _knew(story, grade):
        return True  # design, row "Retry": a cell that knows nothing yet posts with R, and the platform's rule decides
    earlier = [
        each.call.at for each in posts if each.of is post.of and each.call.number < post.call.number and _may(each)
    ]
    late = post.call.at - post.of.received_at > story.overwrites_within
    repeated = bool(earlier) and min(earlier) < grade.began
    if not late and not repeated:
        return True  # design, row "Stale-timestamp answer": as in LTI 1.1 the tool overwrites
    reads = [call.at for call in story.calls if not call.is_post and call.done and call.number < post.call.number]
    # A grade given between the look and the post cannot be seen.
    return bool(reads) and grade.ended >= max(reads) > max(earlier, default=post.of.received_at)


def _knew(story: CellStory, grade: Grade) -> bool:
    """Tell whether the cell knew what stood there before the grade; what a killed process read, nobody knows."""
    before = [call for call in story.calls if call.at < grade.began]
    reads = [call.number for call in before if call.done and not call.is_post]
    return any(call.is_post and (call.done or (reads and call.number > reads[0])) for call in before)


def _may(post: _Post) -> bool:
    """Tell whether a try may have been done as far as its caller knows."""
    return post.call.status is None or post.call.status == 200 or post.call.status >= 500


def _end(story: CellStory, happened: list[Happened], found: Verdict) -> None:
    """Compare the gradebook with every end that is allowed."""
    actual, nearest = shown(story.state), None
    for expected, chosen in allowed_ends(story.plan, happened, story.grades):
        differing = {name: (expected[name], actual[name]) for name in actual if expected[name] != actual[name]}
        if not differing:
            found.rows += [choice.row for choice in chosen if choice.row != IN_ORDER]
            return
        if nearest is None or len(differing) < len(nearest):
            nearest = differing
    ids = tuple(one.delivery_id for one in happened)
    told = "; ".join(f"{name}: expected {old}, found {new}" for name, (old, new) in (nearest or {}).items())
    found.violations.append(Violation("the gradebook is not what it should be", story.plan.number, told, ids))
