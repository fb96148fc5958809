"""The rules, to be read beside Canvas AGS, section 10: an outcome and its cell become AGS calls.

``next_step`` is asked again and again, each time with what was read meanwhile, until it says to post or to end.
The rows T1 to T14 of the table are named where they are decided.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, DeliveryState, SubmissionState
from chalicelib.lti11.messages import DeleteResult, ReplaceResult, Write
from chalicelib.lti13.profiles import Profile
from chalicelib.lti13.scores import Result
from chalicelib.translation import answers
from chalicelib.translation.comparison import (
    intended,
    is_hidden,
    is_ours,
    known,
    needs_line_item,
    read_score,
)
from chalicelib.translation.posts import clearing_post, data_post, score_post
from chalicelib.translation.steps import (
    Conclude,
    Facts,
    Order,
    PostScore,
    ReadLineItem,
    ReadResults,
    Step,
    Unread,
)

__all__ = ["next_step", "nothing_to_send", "shows_anothers_grade", "shows_submission", "submission_state"]


def next_step(order: Order, cell: Cell, profile: Profile, facts: Facts) -> Step:
    """Say what to do next for a write: read, post, or end.

    Parameters
    ----------
    order
        The write, its times, and what this try already goes without.
    cell
        What is known of the gradebook's square, as it was before this write.
    profile
        How the platform differs from others.
    facts
        What was read from the platform in this try.
    """
    if nothing_to_send(order.write, profile):
        return Conclude(DeliveryState.REFUSED, answers.no_score())
    if isinstance(facts.result, Unread) and _needs_result(order, cell, profile):
        return ReadResults()
    if isinstance(facts.line_item_maximum, Unread) and needs_line_item(order.write):
        return ReadLineItem()
    if order.retry and not order.forced:
        settled = _after_unknown_try(order, cell, profile, facts)
        if settled is not None:
            return settled
    if isinstance(order.write, DeleteResult):
        return clearing_post(order, profile)  # T12
    step = _replace(order, order.write, cell, profile, facts)
    if isinstance(step, PostScore) and order.retry and _may_be_our_zero(order, profile, facts):
        return replace(step, stale_is_ours=True)
    return step


def submission_state(cell: Cell, result: Result | Unread | None) -> SubmissionState:
    """Say whether the cell has a typed submission, from what is stored and what was read.

    Results that Canvas copied at a migration carry the time of the old submission, null when there was only a
    grade; results that a 1.3 post made carry the type it was made with (Canvas AGS, sections 4 and 10).
    """
    if cell.submission is not SubmissionState.UNKNOWN or isinstance(result, Unread):
        return cell.submission
    return SubmissionState.EXISTS if shows_submission(result) else SubmissionState.NONE


def nothing_to_send(write: Write, profile: Profile) -> bool:
    """Tell whether a write is work without a score, for a platform that takes no work."""
    return isinstance(write, ReplaceResult) and write.score is None and not profile.submission_extension


def shows_anothers_grade(order: Order, cell: Cell, profile: Profile, facts: Facts) -> bool:
    """Tell whether what was read is neither what the cell last knew nor the write's own: a person graded."""
    if isinstance(facts.result, Unread) or cell.last_known is None:
        return False
    ours = intended(order.write, _maximum(facts))
    if ours is not None and is_ours(read_score(facts.result, cell.last_posted, profile), ours, profile):
        return False
    return not is_ours(read_score(facts.result, cell.last_known, profile), cell.last_known, profile)


def _needs_result(order: Order, cell: Cell, profile: Profile) -> bool:
    """Tell whether a rule below looks at the result."""
    if order.retry:
        return True
    if profile.submission_extension and cell.submission is SubmissionState.UNKNOWN:
        return True
    write = order.write
    return isinstance(write, ReplaceResult) and (write.score is None or write.prioritize_non_tool_grade)


def _after_unknown_try(order: Order, cell: Cell, profile: Profile, facts: Facts) -> Step | None:
    """Compare the gradebook with what an earlier try may have done; None: post (again).

    The design's rule "Retry of an unknown try": equal to ours is done (work is posted again, with the same times,
    which adds no attempt); different from what the cell last knew means that a person graded meanwhile.
    """
    result = _result(facts)
    ours = intended(order.write, _maximum(facts))
    if ours is None:
        return None
    if result is None and profile.results_hide_some_students:
        return None  # any post makes a row, so ours never came, or the row is hidden: the same times change nothing
    if _may_be_our_zero(order, profile, facts):
        return None  # posting again is refused as stale if it was ours
    work = _with_work(order.write, profile)
    if _may_be_a_persons(order, cell, profile, result):
        if is_ours(read_score(result, cell.last_posted, profile), ours, profile):
            return Conclude(DeliveryState.HELD, answers.graded_meanwhile()) if work is None else None
    elif is_ours(read_score(result, cell.last_posted, profile), ours, profile):
        if work is None:
            return Conclude(DeliveryState.DELIVERED, answers.success(), confirms=ours)
        # Not by way of T6, which would take the score of the earlier try for a person's.
        return score_post(order, work, cell, submission_state(cell, result), profile, _maximum(facts), None)
    if not _person_graded_meanwhile(order, cell, profile, facts):
        return None
    if work is not None:
        return _work_without_score(order, work, cell, profile, facts, ends=DeliveryState.HELD)
    return Conclude(DeliveryState.HELD, answers.graded_meanwhile())


def shows_submission(result: Result | Unread | None) -> bool:
    """Tell whether a results answer shows that there is a typed submission."""
    if result is None or isinstance(result, Unread):
        return False
    return bool(result.submitted_at) or result.submission_type not in (None, "none")


def _may_be_a_persons(order: Order, cell: Cell, profile: Profile, result: Result | None) -> bool:
    """Tell whether an equal score would be a person's: full marks are given by tools and by people.

    Nothing of ours went out, and the first submission, which comes with our first score, is missing beside it.
    """
    if order.unknown or isinstance(order.write, DeleteResult) or not profile.submission_extension:
        return False
    return cell.submission is not SubmissionState.EXISTS and not shows_submission(result)


def _person_graded_meanwhile(order: Order, cell: Cell, profile: Profile, facts: Facts) -> bool:
    """Tell whether what stands in the gradebook is a person's, and newer than the outcome as far as anybody knows.

    A grade that was noticed while outcomes waited in line stays against all that were received before it was noticed.
    """
    if cell.graded_at is not None and to_milliseconds(order.received_at) <= cell.graded_at:
        return True
    return shows_anothers_grade(order, cell, profile, facts)


def _may_be_our_zero(order: Order, profile: Profile, facts: Facts) -> bool:
    """Tell whether a row without a score may be the zero of an earlier try (Moodle 4.5, Line items, results)."""
    result, ours = _result(facts), intended(order.write, _maximum(facts))
    empty_row = result is not None and result.score is None
    return profile.result_without_score_may_be_zero and empty_row and ours is not None and ours.score == 0


def _with_work(write: Write, profile: Profile) -> ReplaceResult | None:
    """Return the write if it carries work that the platform takes."""
    if isinstance(write, ReplaceResult) and write.data is not None and profile.submission_extension:
        return write
    return None


def _replace(order: Order, write: ReplaceResult, cell: Cell, profile: Profile, facts: Facts) -> Step:
    """T1 to T10: a score, work, or both."""
    if write.score is None:
        return _work_without_score(order, write, cell, profile, facts, ends=DeliveryState.DELIVERED)  # T9, T10
    if order.concessions.grade_stays:
        return _work_without_score(order, write, cell, profile, facts, ends=DeliveryState.HELD)
    flag: bool | None = None
    if write.prioritize_non_tool_grade and not order.forced:  # T6
        verdict = _person_graded(cell, profile, facts)
        if verdict.person:
            if write.data is None or not profile.submission_extension:
                return Conclude(DeliveryState.REFUSED, answers.no_submission_created())
            return _work_without_score(order, write, cell, profile, facts, ends=DeliveryState.DELIVERED)
        flag = True if verdict.ungraded and profile.prioritize_non_tool_grade else None
    state = submission_state(cell, facts.result)
    return score_post(order, write, cell, state, profile, _maximum(facts), flag)  # T1 to T5, T7, T8


@dataclass(frozen=True, slots=True)
class _Grader:
    person: bool
    ungraded: bool


def _person_graded(cell: Cell, profile: Profile, facts: Facts) -> _Grader:
    """Tell whether a person gave the grade that stands (Canvas AGS, section 10, T6: the platform does not say)."""
    if is_hidden(_result(facts), cell.last_posted, profile):
        return _Grader(person=False, ungraded=False)  # the flag would keep the tool from its own test student's grade
    found = read_score(_result(facts), cell.last_posted, profile)
    if found.score is None:
        return _Grader(person=False, ungraded=True)
    posted = cell.last_posted
    ours = posted is not None and posted.score is not None and is_ours(found, posted, profile)
    return _Grader(person=not ours, ungraded=False)


def _work_without_score(
    order: Order, write: ReplaceResult, cell: Cell, profile: Profile, facts: Facts, *, ends: DeliveryState
) -> Step:
    """T9, T10: the work goes, the grade stays.

    The result would lose its number, so the score read is sent along: in points of the line item, because Canvas
    scales a person's result at every read and an echo as read would corrupt it (Canvas AGS, section 5). A platform
    that cannot preserve gets the score read as its grade again.
    """
    if write.data is None:
        return Conclude(DeliveryState.REFUSED, answers.no_score())
    if not profile.preserve_score and is_hidden(_result(facts), cell.last_posted, profile):
        return Conclude(DeliveryState.REFUSED, answers.grade_not_kept())
    found = known(_result(facts))
    if found.score is not None and isinstance(facts.line_item_maximum, Unread):
        return ReadLineItem()
    state = submission_state(cell, facts.result)
    post = data_post(order, write, cell, state, profile, found, _maximum(facts))
    if ends is DeliveryState.HELD:
        return _held(post)
    return post


def _held(step: Step) -> Step:
    if not isinstance(step, PostScore):
        return step
    return replace(step, ends=DeliveryState.HELD, description=answers.GRADED_MEANWHILE)


def _result(facts: Facts) -> Result | None:
    return None if isinstance(facts.result, Unread) else facts.result


def _maximum(facts: Facts) -> Decimal | None:
    return None if isinstance(facts.line_item_maximum, Unread) else facts.line_item_maximum
