"""One try at delivering the head of a cell's line: read, post, and write down how it ended or when it goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.courses import course_of
from chalicelib.delivery.endings import (
    Ending,
    confirmed_submission,
    ended_cell,
    ended_delivery,
    first_submission_noted,
    waiting,
    waiting_cell,
)
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.holding import commit_held
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, KnownScore, Receipt, SubmissionState
from chalicelib.delivery.retries import RetryRules, next_file_try
from chalicelib.errors import (
    HostRefused,
    PlatformRefused,
    PlatformUnavailable,
    StorageConflict,
    StorageUnavailable,
    Trouble,
)
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES, Profile, RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import known
from chalicelib.translation.plan import next_step, shows_anothers_grade, shows_submission, submission_state
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import (
    Concessions,
    Conclude,
    Facts,
    Order,
    PostScore,
    ReadLineItem,
    ReadResults,
    Unread,
)

TAKEN_OVER = "delivery_taken_over"
NOT_WRITTEN_DOWN = "delivery_not_written_down"

_FILE_PAUSE = 0.2  # seconds before a file is offered again, doubled each time


@dataclass(frozen=True, slots=True)
class Claimed:
    """The head of a cell's line, nobody else's until its lease ends, as stored."""

    delivery: Delivery
    write: Write
    cell: Cell
    platform: Platform
    receipt: Receipt | None
    retry: bool
    in_passing: bool = False
    """It is not the head, but tried before it under its claim; it must end now."""

    @property
    def profile(self) -> Profile:
        """The rules of the delivery's kind of platform."""
        return PROFILES[self.platform.profile]

    @property
    def may_wait(self) -> bool:
        """Tell whether the delivery may go on later, after its tool was told that it is queued."""
        return (self.delivery.queueable or self.delivery.acknowledged) and not self.in_passing


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a try stands."""

    claimed: Claimed
    cell: Cell
    order: Order
    facts: Facts = field(default_factory=Facts)


class Attempt:
    """Carries claimed deliveries to their platform."""

    def __init__(
        self,
        ledger: Ledger,
        ags: AgsClient,
        gate: Gate,
        calls: Calls,
        rules: RetryRules,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._ags = ags
        self._gate = gate
        self._calls = calls
        self._rules = rules
        self._clock = clock
        self._chance = chance

    def run(self, claimed: Claimed, deadline: Deadline) -> Answer | None:
        """Try once, within the deadline, and write down what became of it; the answer is the tool's.

        A transient failure puts the delivery off, and the answer says that it is queued; or it ends it as failed, for
        a tool that does not want that, and frees the request to come again. None: somebody else has taken the
        delivery over; read it again.
        """
        delivery = claimed.delivery
        run: _Run | Answer | None = _Run(claimed, claimed.cell, _order(claimed))
        try:
            while isinstance(run, _Run):
                run = self._advance(run, deadline)
        except StorageConflict as conflict:  # the lease ran out and somebody took the delivery over, before the call
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return None
        return run

    def unavailable(self, claimed: Claimed, problem: PlatformUnavailable) -> Answer | None:
        """Put a claimed delivery off, or end it as failed, because of what happened before its own try."""
        return self._unavailable(_Run(claimed, claimed.cell, _order(claimed)), problem, posted=False)

    def superseded(self, claimed: Claimed) -> Answer | None:
        """End a claimed delivery because newer outcomes have brought all that it would."""
        conclusion = Conclude(DeliveryState.SUPERSEDED, answers.superseded())
        return self._conclude(_Run(claimed, claimed.cell, _order(claimed)), conclusion)

    def refused(self, claimed: Claimed, refusal: PlatformRefused | HostRefused) -> Answer | None:
        """End a claimed delivery because of a refusal that came before its own try."""
        run = _Run(claimed, claimed.cell, _order(claimed))
        if isinstance(refusal, HostRefused):
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.host_refused(refusal)))
        return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.refused(refusal)), refusal)

    def _advance(self, run: _Run, deadline: Deadline) -> "_Run | Answer | None":
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
            self._gate.answered(platform.name)
            return replace(run, facts=replace(run.facts, line_item_maximum=item.score_maximum))
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        self._gate.answered(platform.name)
        return replace(run, facts=replace(run.facts, result=result))

    def _guarded(self, run: _Run, read: Callable[[], _Run]) -> "_Run | Answer | None":
        """Read something; a failure to read ends the try without any effect of this try."""
        try:
            return read()
        except PlatformRefused as refusal:
            self._gate.answered(run.claimed.platform.name)
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.refused(refusal)), refusal)
        except HostRefused as refusal:
            return self._conclude(run, Conclude(DeliveryState.REFUSED, answers.host_refused(refusal)))
        except PlatformUnavailable as problem:
            return self._unavailable(run, problem, posted=False)

    def _post(self, run: _Run, step: PostScore, deadline: Deadline) -> "_Run | Answer | None":
        claimed = run.claimed
        if step.first_submission and step.submitted_at is not None:
            run = self._note_first_submission(run, to_milliseconds(step.submitted_at))
        elif run.cell.submission is SubmissionState.UNKNOWN and not isinstance(run.facts.result, Unread):
            run = self._note_what_was_there(run)
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
        delivery = run.claimed.delivery

        def noted(cell: Cell) -> Cell:
            return replace(
                first_submission_noted(cell, delivery.id, submitted_at), last_known=_score_read(run) or cell.last_known
            )

        now = self._clock.now()
        return replace(run, cell=commit_held(self._ledger, now, run.cell, delivery.lease_until, noted)[1])

    def _note_what_was_there(self, run: _Run) -> _Run:
        """Write down, before the first call to an imported cell, what was read of it: our own call replaces that."""
        found, state = _score_read(run), submission_state(run.cell, run.facts.result)

        def noted(cell: Cell) -> Cell:
            return replace(cell, submission=state, last_known=found or cell.last_known)

        delivery, now = run.claimed.delivery, self._clock.now()
        return replace(run, cell=commit_held(self._ledger, now, run.cell, delivery.lease_until, noted)[1])

    def _wait_for_timestamp(self, run: _Run, deadline: Deadline) -> None:
        """Wait until the score's time is not ahead of now, and make sure that the cell is still ours."""
        ahead = (run.order.timestamp - self._clock.now()).total_seconds()
        if ahead > deadline.remaining():
            raise PlatformUnavailable(
                "too many outcomes for one student at once", maybe_applied=False, cause=Trouble.OURS
            )
        if ahead > 0:
            self._clock.sleep(ahead)
        if deadline.passed or to_milliseconds(self._clock.now()) >= run.claimed.delivery.lease_until:
            raise PlatformUnavailable("no time was left", maybe_applied=False, cause=Trouble.OURS)

    def _after_refusal(
        self, run: _Run, step: PostScore, refusal: PlatformRefused, deadline: Deadline
    ) -> "_Run | Answer | None":
        self._gate.answered(run.claimed.platform.name)
        following = after_refusal(run.order, step, refusal, run.claimed.profile, self._clock.now())
        if isinstance(following, Conclude):
            return self._conclude(run, following, refusal)
        if following.concessions.file_tries > run.order.concessions.file_tries:
            if run.claimed.may_wait:
                return self._put_off_file(run, following.concessions.file_tries, refusal)
            pause = _FILE_PAUSE * 2**run.order.concessions.file_tries
            self._clock.sleep(min(pause, deadline.remaining() / 2))
        moved = following.timestamp != run.order.timestamp  # somebody graded since the facts were read
        return replace(run, order=following, facts=Facts() if moved else run.facts)

    def _delivered(self, run: _Run, step: PostScore) -> Answer | None:
        self._gate.answered(run.claimed.platform.name)
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

    def _conclude(self, run: _Run, step: Conclude, refusal: PlatformRefused | None = None) -> Answer | None:
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

    def _unavailable(self, run: _Run, problem: PlatformUnavailable, *, posted: bool) -> Answer | None:
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

    def _put_off_file(self, run: _Run, file_tries: int, refusal: PlatformRefused) -> Answer | None:
        """Let the platform fetch the file later (Canvas AGS, section 3.8: nothing was stored)."""
        due_at = next_file_try(file_tries, to_milliseconds(self._clock.now()), self._chance)
        changed = replace(run.claimed.delivery, file_tries=file_tries, platform_status=refusal.status)
        return self._put_off(run, changed, refusal.words, due_at)

    def _put_off(self, run: _Run, delivery: Delivery, why: str, due_at: int) -> Answer | None:
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

    def _ending(self, run: _Run, state: DeliveryState, answer: Answer, *, applied: bool | None) -> Ending:
        return Ending(
            state=state,
            answer=answer,
            applied=applied,
            read=_score_read(run),
            graded=shows_anothers_grade(run.order, run.cell, run.claimed.profile, run.facts),
            submission=submission_state(run.cell, run.facts.result),
            timestamp=to_milliseconds(run.order.timestamp),
        )

    def _finish(self, run: _Run, ending: Ending) -> Answer | None:
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


def _order(claimed: Claimed) -> Order:
    delivery = claimed.delivery
    return Order(
        write=claimed.write,
        user_id=delivery.cell.user_id,
        received_at=from_milliseconds(delivery.received_at),
        timestamp=from_milliseconds(delivery.timestamp),
        retry=claimed.retry,
        forced=delivery.forced,
        concessions=Concessions(file_tries=delivery.file_tries),
        unknown=delivery.outcome_unknown,
    )


def _answered(receipt: Receipt | None, ending: Ending) -> Change[Receipt] | None:
    """Answer the receipt; after a failure for now, free it to come again."""
    if receipt is None:
        return None
    freed = ending.state is DeliveryState.FAILED
    return Change(receipt, replace(receipt, deadline=0) if freed else replace(receipt, answer=ending.answer))


def _score_read(run: _Run) -> KnownScore | None:
    return None if isinstance(run.facts.result, Unread) else known(run.facts.result)
