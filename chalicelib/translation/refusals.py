"""What follows a platform's 'no': once more without the part it refused, or the end."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery.records import DeliveryState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import ReplaceResult
from chalicelib.lti13.profiles import Profile, RefusalKind
from chalicelib.translation import answers
from chalicelib.translation.steps import Concessions, Conclude, Order, PostScore

OVERWRITE_WITHIN = timedelta(seconds=60)
"""How long after R an outcome still overwrites a grade that the platform dates later (1.1: the tool overwrites)."""

FILE_TRIES = 5
"""How often a file is offered before the score goes without it."""


def next_tick(after: int, profile: Profile) -> int:
    """Return the first millisecond of the platform's tick after the one that ``after`` is in."""
    tick = profile.tick_milliseconds
    return (after // tick + 1) * tick


def ordering_timestamp(received_at: int, newest_timestamp: int | None, profile: Profile) -> int:
    """Return the timestamp of an outcome: R, or the next free tick when R's was taken by the outcome before."""
    if newest_timestamp is None:
        return received_at
    tick = profile.tick_milliseconds
    if received_at // tick > newest_timestamp // tick:
        return received_at
    return next_tick(newest_timestamp, profile)


def after_refusal(
    order: Order, post: PostScore, refusal: PlatformRefused, profile: Profile, now: datetime
) -> Order | Conclude:
    """Say how to go on after a refusal: the order to try again with, or the end.

    Rules: stale timestamps and exhausted attempts of Canvas AGS, section 10; files of section 3.8.
    """
    conceded = order.concessions
    if refusal.kind is RefusalKind.STALE_TIMESTAMP:
        return _after_stale_timestamp(order, post, profile, now)
    if refusal.kind is RefusalKind.NO_ATTEMPTS_LEFT and post.posts is not None and post.submitted_at is not None:
        return _conceding(order, replace(conceded, no_new_submission=True))
    if refusal.kind is RefusalKind.FILE_ERROR:
        tries = conceded.file_tries + 1
        if tries < FILE_TRIES:
            return _conceding(order, replace(conceded, file_tries=tries))
        if post.posts is not None and not conceded.no_file:
            return _conceding(order, replace(conceded, no_file=True))
    return Conclude(DeliveryState.REFUSED, answers.refused(refusal))


def _after_stale_timestamp(order: Order, post: PostScore, profile: Profile, now: datetime) -> Order | Conclude:
    """The platform has a newer time: overwrite while the outcome is fresh, else somebody graded after R.

    Work overwrites nobody when it leaves the grade alone, so it goes in any case, without its score if it had one: a
    teacher's first grade makes a result that is newer than R (Canvas AGS, section 3.6), and the student's work would
    be lost for it.
    """
    if post.stale_is_ours and not profile.post_again_with_same_timestamp:
        return Conclude(DeliveryState.DELIVERED, answers.success(), confirms=post.posts)
    fresh = order.forced or (not order.retry and now - order.received_at <= OVERWRITE_WITHIN)
    may_go = fresh or post.posts is None or (post.submitted_at is not None and _has_work(order))
    if not may_go or order.concessions.moved_timestamp:
        return Conclude(DeliveryState.HELD, answers.graded_meanwhile())
    moved = ordering_timestamp(to_milliseconds(now), to_milliseconds(order.timestamp), profile)
    concessions = replace(order.concessions, moved_timestamp=True, grade_stays=not fresh)
    return replace(order, timestamp=from_milliseconds(moved), concessions=concessions)


def _has_work(order: Order) -> bool:
    return isinstance(order.write, ReplaceResult) and order.write.data is not None


def _conceding(order: Order, concessions: Concessions) -> Order:
    return replace(order, concessions=concessions)
