"""One try at delivering an outcome that owns its cell: read, post, and write down how it ended."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.endings import (
    Ending,
    confirmed_submission,
    ended_cell,
    ended_delivery,
    first_submission_noted,
)
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, KnownScore, Receipt
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict, StorageUnavailable
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES, Profile, RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import known
from chalicelib.translation.plan import next_step, submission_state
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude, Facts, Order, PostScore, ReadLineItem, ReadResults, Unread

READ_FIRST_AFTER = timedelta(seconds=60)
"""An outcome older than this is delivered as if an earlier try might have been applied."""

TAKEN_OVER = "delivery_taken_over"
NOT_WRITTEN_DOWN = "delivery_not_written_down"

_FILE_PAUSE = 0.2  # seconds before a file is offered again, doubled each time


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that owns its cell until its lease ends, as stored."""

    delivery: Delivery
    write: Write
    cell: Cell
    platform: Platform
    receipt: Receipt | None
    retry: bool

    @property
    def profile(self) -> Profile:
        """The rules of the delivery's kind of platform."""
        return PROFILES[self.platform.profile]


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a try stands."""

    claimed: Claimed
    cell: Cell
    order: Order
    facts: Facts = field(default_factory=Facts)


class Attempt:
    """Carries claimed deliveries to their platform."""

    def __init__(self, ledger: Ledger, ags: AgsClient, clock: Clock) -> None:
        self._ledger = ledger
        self._ags = ags
        self._clock = clock

    def run(self, claimed: Claimed, deadline: Deadline) -> Answer:
        """Try once, within the deadline, and write down the end; the answer is the tool's.

        A transient failure ends the delivery as failed and frees the request to come again.
        """
        delivery = claimed.delivery
        order = Order(
            write=claimed.write,
            user_id=delivery.cell.user_id,
            received_at=from_milliseconds(delivery.received_at),
            timestamp=from_milliseconds(delivery.timestamp),
            retry=claimed.retry,
        )
        run: _Run | Answer = _Run(claimed, claimed.cell, order)
        try:
            while isinstance(run, _Run):
                run = self._advance(run, deadline)
        except StorageConflict as conflict:  # the lease ran out and somebody took the delivery over, before the call
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return answers.in_progress()
        return run

    def _advance(self, run: _Run, deadline: Deadline) -> "_Run | Answer":
        step = next_step(run.order, run.cell, run.claimed.profile, run.facts)
        if isinstance(step, Conclude):
            return self._conclude(run, step)
        if isinstance(step, PostScore):
            return self._post(run, step, deadline)
        return self._guarded(run, lambda: self._read(run, step, deadline))

    def _read(self, run: _Run, step: ReadResults | ReadLineItem, deadline: Deadline) -> _Run:
        platform, key = run.claimed.platform, run.claimed.delivery.cell
        if isinstance(step, ReadLineItem):
            item = self._ags.read_line_item(platform, key.line_item, deadline)
            return replace(run, facts=replace(run.facts, line_item_maximum=item.score_maximum))
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        return replace(run, facts=replace(run.facts, result=result))

    def _guarded(self, run: _Run, read: Callable[[], _Run]) -> "_Run | Answer":
        """Read something; a failure to read ends the try without any effect of this try."""
        try:
            return read()
        except PlatformRefused as refusal:
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.refused(refusal)), refusal)
        except HostRefused as refusal:
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.host_refused(refusal)))
        except PlatformUnavailable as problem:
            return self._unavailable(run, problem, posted=False)

    def _post(self, run: _Run, step: PostScore, deadline: Deadline) -> "_Run | Answer":
        claimed = run.claimed
        if step.first_submission and step.submitted_at is not None:
            run = self._note_first_submission(run, to_milliseconds(step.submitted_at))
        try:
            self._wait_for_timestamp(run, deadline)
        except PlatformUnavailable as problem:
            return self._unavailable(run, problem, posted=False)
        try:
            self._ags.post_score(claimed.platform, claimed.delivery.cell.line_item, step.score, deadline)
        except PlatformRefused as refusal:
            return self._after_refusal(run, step, refusal, deadline)
        except HostRefused as refusal:
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.host_refused(refusal)))
        except PlatformUnavailable as problem:
            return self._unavailable(run, problem, posted=problem.maybe_applied)
        return self._delivered(run, step)

    def _note_first_submission(self, run: _Run, submitted_at: int) -> _Run:
        """Write the first submission's time before the call that makes it: a crash must not make a second one.

        With it goes the score that was read, by which a retry after a crash knows what a person graded meanwhile.
        """
        noted = first_submission_noted(run.cell, run.claimed.delivery.id, submitted_at)
        noted = replace(noted, last_known=_score_read(run) or noted.last_known)
        return replace(run, cell=self._ledger.commit(self._clock.now(), cell=Change(run.cell, noted)) or noted)

    def _wait_for_timestamp(self, run: _Run, deadline: Deadline) -> None:
        """Wait until the score's time is not ahead of now, and make sure that the cell is still ours."""
        ahead = (run.order.timestamp - self._clock.now()).total_seconds()
        if ahead > deadline.remaining():
            raise PlatformUnavailable("too many outcomes for one student at once", maybe_applied=False)
        if ahead > 0:
            self._clock.sleep(ahead)
        if deadline.passed or to_milliseconds(self._clock.now()) >= run.claimed.delivery.lease_until:
            raise PlatformUnavailable("no time was left", maybe_applied=False)

    def _after_refusal(
        self, run: _Run, step: PostScore, refusal: PlatformRefused, deadline: Deadline
    ) -> "_Run | Answer":
        following = after_refusal(run.order, step, refusal, run.claimed.profile, self._clock.now())
        if isinstance(following, Conclude):
            return self._conclude(run, following, refusal)
        if following.concessions.file_tries > run.order.concessions.file_tries:
            pause = _FILE_PAUSE * 2**run.order.concessions.file_tries
            self._clock.sleep(min(pause, deadline.remaining() / 2))
        moved = following.timestamp != run.order.timestamp  # somebody graded since the facts were read
        return replace(run, order=following, facts=Facts() if moved else run.facts)

    def _delivered(self, run: _Run, step: PostScore) -> Answer:
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

    def _conclude(self, run: _Run, step: Conclude, refusal: PlatformRefused | None = None) -> Answer:
        applied = step.confirms is not None
        ending = self._ending(run, step.state, step.answer, applied=applied)
        keeps = refusal is not None and refusal.kind is RefusalKind.UNPUBLISHED_AFTER_SUBMIT
        return self._finish(
            run,
            replace(
                ending,
                posted=step.confirms,
                made_submission=applied and confirmed_submission(run.cell, run.claimed.write),
                keeps_first_submission=keeps,
                platform_words="" if refusal is None else refusal.words,
            ),
        )

    def _unavailable(self, run: _Run, problem: PlatformUnavailable, *, posted: bool) -> Answer:
        unknown = posted or run.claimed.delivery.outcome_unknown
        problem = PlatformUnavailable(problem.reason, maybe_applied=unknown, status=problem.status)
        answer = answers.unavailable(problem)
        ending = self._ending(run, DeliveryState.FAILED, answer, applied=None if unknown else False)
        return self._finish(run, replace(ending, platform_words=problem.reason))

    def _ending(self, run: _Run, state: DeliveryState, answer: Answer, *, applied: bool | None) -> Ending:
        return Ending(
            state=state,
            answer=answer,
            applied=applied,
            read=_score_read(run),
            submission=submission_state(run.cell, run.facts.result),
            timestamp=to_milliseconds(run.order.timestamp),
        )

    def _finish(self, run: _Run, ending: Ending) -> Answer:
        """Write receipt, cell and delivery in one transaction; whoever took the delivery over meanwhile ends it."""
        claimed, now = run.claimed, self._clock.now()
        delivery = claimed.delivery
        receipt = claimed.receipt
        if receipt is not None:
            answered = replace(receipt, answer=ending.answer)
            freed = replace(receipt, deadline=0)
            receipt = freed if ending.state is DeliveryState.FAILED else answered
        try:
            self._ledger.commit(
                now,
                receipt=None if receipt is None or claimed.receipt is None else Change(claimed.receipt, receipt),
                cell=Change(run.cell, ended_cell(run.cell, delivery, ending)),
                delivery=Change(delivery, ended_delivery(delivery, ending, to_milliseconds(now))),
            )
        except StorageConflict as conflict:
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return ending.answer if ending.applied else answers.in_progress()
        except StorageUnavailable as problem:
            telemetry.event(NOT_WRITTEN_DOWN, delivery=delivery.id, reference=delivery.reference, why=str(problem))
            if not ending.applied:
                raise
            # The score is in the gradebook, so the tool may be told; the next outcome finds the delivery and ends it.
        return ending.answer


def _score_read(run: _Run) -> KnownScore | None:
    return None if isinstance(run.facts.result, Unread) else known(run.facts.result)
