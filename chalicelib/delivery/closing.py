"""Writing down what became of a try: how its delivery ended, or when it goes on."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib import telemetry
from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.claimed import Run
from chalicelib.delivery.courses import course_of
from chalicelib.delivery.endings import (
    Ending,
    confirmed_submission,
    ended_cell,
    ended_delivery,
    waiting,
    waiting_cell,
)
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.holding import commit_held
from chalicelib.delivery.records import Delivery, DeliveryState, Receipt
from chalicelib.delivery.retries import RetryRules, next_file_try
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict, StorageUnavailable
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import needs_line_item
from chalicelib.translation.plan import shows_anothers_grade, shows_submission, submission_state
from chalicelib.translation.steps import Conclude, PostScore, Unread

TAKEN_OVER = "delivery_taken_over"
NOT_WRITTEN_DOWN = "delivery_not_written_down"


class Closing:
    """Closes tries, each in one transaction of receipt, cell and delivery.

    Every method returns the tool's answer; None: somebody else has taken the delivery over, read it again.
    """

    def __init__(
        self,
        ledger: Ledger,
        gate: Gate,
        calls: Calls,
        rules: RetryRules,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._gate = gate
        self._calls = calls
        self._rules = rules
        self._clock = clock
        self._chance = chance

    def delivered(self, run: Run, step: PostScore) -> Answer | None:
        """End a delivery that the platform has taken."""
        ending = self._ending(run, step.ends, answers.success(step.description), applied=True)
        exhausted = run.order.concessions.no_new_submission  # no attempts left: there was a submission
        return self._finish(
            run,
            replace(
                ending,
                posted=step.posts,
                made_submission=step.submitted_at is not None or exhausted,
                warnings=step.warnings,
            ),
        )

    def refused(self, run: Run, refusal: PlatformRefused | HostRefused) -> Answer | None:
        """End a delivery because of a final no."""
        if isinstance(refusal, HostRefused):
            return self.concluded(run, Conclude(DeliveryState.REFUSED, answers.host_refused(refusal)))
        return self.concluded(run, Conclude(DeliveryState.REFUSED, answers.refused(refusal)), refusal)

    def superseded(self, run: Run) -> Answer | None:
        """End a delivery because newer outcomes have brought all that it would."""
        return self.concluded(run, Conclude(DeliveryState.SUPERSEDED, answers.superseded()))

    def concluded(self, run: Run, step: Conclude, refusal: PlatformRefused | None = None) -> Answer | None:
        """End a delivery as the rules conclude, after a refusal or without one."""
        applied = step.confirms is not None
        ending = self._ending(run, step.state, step.answer, applied=applied)
        keeps = refusal is not None and refusal.kind is RefusalKind.UNPUBLISHED_AFTER_SUBMIT
        return self._finish(
            run,
            replace(
                ending,
                posted=step.confirms,
                made_submission=applied
                and confirmed_submission(run.cell, run.claimed.write)
                and shows_submission(run.facts.result),
                keeps_first_submission=keeps,
                platform_words="" if refusal is None else refusal.words,
                platform_status=None if refusal is None else refusal.status,
            ),
        )

    def unavailable(self, run: Run, problem: PlatformUnavailable, *, posted: bool) -> Answer | None:
        """Put a delivery off because of what may pass, or end it as failed; ``posted``: a post may be applied."""
        claimed, delivery = run.claimed, run.claimed.delivery
        self._gate.trouble(claimed.platform.name, course_of(delivery.cell.line_item), problem)
        unknown = posted or delivery.outcome_unknown
        now = to_milliseconds(self._clock.now())
        gives_up = self._rules.gives_up(delivery, now)
        if claimed.may_wait and not gives_up:
            due_at = self._rules.next_try(delivery.tries, now, self._chance)
            changed = replace(delivery, outcome_unknown=unknown, platform_status=problem.status)
            return self._put_off(run, changed, problem.reason, due_at)
        if delivery.acknowledged:
            answer = answers.gave_up(problem.reason, self._rules.patience)
        else:
            answer = answers.unavailable(
                PlatformUnavailable(problem.reason, maybe_applied=unknown, status=problem.status)
            )
        ending = self._ending(run, DeliveryState.FAILED, answer, applied=None if unknown else False)
        return self._finish(run, replace(ending, platform_words=problem.reason, platform_status=problem.status))

    def put_off_file(self, run: Run, file_tries: int, refusal: PlatformRefused) -> Answer | None:
        """Let the platform fetch the file later (Canvas AGS, section 3.8: nothing was stored)."""
        due_at = next_file_try(file_tries, to_milliseconds(self._clock.now()), self._chance)
        changed = replace(run.claimed.delivery, file_tries=file_tries, platform_status=refusal.status)
        return self._put_off(run, changed, refusal.words, due_at)

    def _put_off(self, run: Run, delivery: Delivery, why: str, due_at: int) -> Answer | None:
        """Write down, in one transaction, that the delivery goes on later, and that its tool is told so."""
        answer, now = answers.queued(), self._clock.now()
        delivery = replace(delivery, timestamp=to_milliseconds(run.order.timestamp))
        ending = self._ending(run, DeliveryState.WAITING, answer, applied=None)
        receipt = run.claimed.receipt
        try:
            commit_held(
                self._ledger,
                now,
                run.cell,
                run.claimed.delivery.lease_until,
                lambda cell: waiting_cell(cell, ending, retry=run.order.retry, due_at=due_at),
                receipt=None if receipt is None else Change(receipt, replace(receipt, answer=answer)),
                delivery=Change(run.claimed.delivery, waiting(delivery, why, due_at, to_milliseconds(now))),
            )
        except StorageConflict as conflict:
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return None
        return answer

    def _ending(self, run: Run, state: DeliveryState, answer: Answer, *, applied: bool | None) -> Ending:
        unread = isinstance(run.facts.line_item_maximum, Unread)
        judged = not (unread and needs_line_item(run.order.write))  # else ours would be taken for a person's
        return Ending(
            state=state,
            answer=answer,
            applied=applied,
            read=run.score_read if judged or run.cell.last_known is None else None,
            graded=judged and shows_anothers_grade(run.order, run.cell, run.claimed.profile, run.facts),
            submission=submission_state(run.cell, run.facts.result),
            timestamp=to_milliseconds(run.order.timestamp),
        )

    def _finish(self, run: Run, ending: Ending) -> Answer | None:
        """Write receipt, cell and delivery in one transaction; whoever took the delivery over meanwhile ends it."""
        claimed, now = run.claimed, self._clock.now()
        delivery = claimed.delivery
        at = to_milliseconds(now)
        try:
            before, stored = commit_held(
                self._ledger,
                now,
                run.cell,
                delivery.lease_until,
                lambda cell: ended_cell(cell, delivery, ending, due_at=at + self._rules.look_again, now=at),
                receipt=_answered(claimed.receipt, ending),
                delivery=Change(delivery, ended_delivery(delivery, ending, at)),
            )
        except StorageConflict as conflict:
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return ending.answer if ending.applied else None
        except StorageUnavailable as problem:
            telemetry.event(NOT_WRITTEN_DOWN, delivery=delivery.id, reference=delivery.reference, why=str(problem))
            if not ending.applied:
                raise
            # The score is in the gradebook, so the tool may be told; the schedule finds the delivery and ends it.
            return ending.answer
        if stored.generation > before.generation:
            self._calls.try_to_send(stored)
        return ending.answer


def _answered(receipt: Receipt | None, ending: Ending) -> Change[Receipt] | None:
    """Answer the receipt; after a failure for now, free it to come again."""
    if receipt is None:
        return None
    freed = ending.state is DeliveryState.FAILED
    return Change(receipt, replace(receipt, deadline=0) if freed else replace(receipt, answer=ending.answer))
