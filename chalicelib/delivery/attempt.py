"""One try at delivering the head of a cell's line: read, post, read again, until it has ended or is put off."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery.claimed import Claimed, Run, begin
from chalicelib.delivery.closing import TAKEN_OVER, Closing
from chalicelib.delivery.endings import first_known, first_submission_noted
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.holding import commit_held
from chalicelib.delivery.records import Cell, SubmissionState
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict, Trouble
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.ags import AgsClient
from chalicelib.storage.ledger import Ledger
from chalicelib.translation.plan import next_step, submission_state
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude, Facts, PostScore, ReadLineItem, ReadResults

_FILE_PAUSE = 0.2  # seconds before a file is offered again, doubled each time


class Attempt:
    """Carries claimed deliveries to their platform."""

    def __init__(self, ledger: Ledger, ags: AgsClient, gate: Gate, closing: Closing, clock: Clock) -> None:
        self._ledger = ledger
        self._ags = ags
        self._gate = gate
        self._closing = closing
        self._clock = clock

    def run(self, claimed: Claimed, deadline: Deadline) -> Answer | None:
        """Try once, within the deadline, and write down what became of it; the answer is the tool's.

        A transient failure puts the delivery off, and the answer says that it is queued; or it ends it as failed, for
        a tool that does not want that, and frees the request to come again. None: somebody else has taken the
        delivery over; read it again.
        """
        delivery = claimed.delivery
        run: Run | Answer | None = begin(claimed)
        try:
            while isinstance(run, Run):
                run = self._advance(run, deadline)
        except StorageConflict as conflict:  # the lease ran out and somebody took the delivery over, before the call
            telemetry.event(TAKEN_OVER, delivery=delivery.id, reference=delivery.reference, why=str(conflict))
            return None
        return run

    def _advance(self, run: Run, deadline: Deadline) -> "Run | Answer | None":
        step = next_step(run.order, run.cell, run.claimed.profile, run.facts)
        if isinstance(step, Conclude):
            return self._closing.concluded(run, step)
        if isinstance(step, PostScore):
            return self._post(run, step, deadline)
        return self._guarded(run, lambda: self._read(run, step, deadline))

    def _read(self, run: Run, step: ReadResults | ReadLineItem, deadline: Deadline) -> Run:
        platform, key = run.claimed.platform, run.claimed.delivery.cell
        if isinstance(step, ReadLineItem):
            item = self._ags.read_line_item(platform, key.line_item, deadline)
            self._gate.answered(platform.name)
            return replace(run, facts=replace(run.facts, line_item_maximum=item.score_maximum))
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        self._gate.answered(platform.name)
        return replace(run, facts=replace(run.facts, result=result))

    def _guarded(self, run: Run, read: Callable[[], Run]) -> "Run | Answer | None":
        """Read something; a failure to read ends the try without any effect of this try."""
        try:
            return read()
        except PlatformRefused as refusal:
            self._gate.answered(run.claimed.platform.name)
            return self._closing.refused(run, refusal)
        except HostRefused as refusal:
            return self._closing.refused(run, refusal)
        except PlatformUnavailable as problem:
            return self._closing.unavailable(run, problem, posted=False)

    def _post(self, run: Run, step: PostScore, deadline: Deadline) -> "Run | Answer | None":
        claimed = run.claimed
        run = self._noted(run, step)
        try:
            self._wait_for_timestamp(run, deadline)
            self._ags.post_score(claimed.platform, claimed.delivery.cell.line_item, step.score, deadline)
        except PlatformRefused as refusal:
            return self._after_refusal(run, step, refusal, deadline)
        except HostRefused as refusal:
            return self._closing.refused(run, refusal)
        except PlatformUnavailable as problem:
            return self._closing.unavailable(run, problem, posted=problem.maybe_applied)
        self._gate.answered(claimed.platform.name)
        return self._closing.delivered(run, step)

    def _noted(self, run: Run, step: PostScore) -> Run:
        """Write down, before the first call to a cell, what a crash would make us forget.

        The first submission's time: a crash must not make a second one. Or, of an imported cell, the submission that
        was read: our own call replaces what shows it. With either goes the score that was read: by it a retry knows
        what a person graded meanwhile.
        """
        delivery, submitted_at = run.claimed.delivery, step.submitted_at
        first = to_milliseconds(submitted_at) if step.first_submission and submitted_at is not None else None
        read_first = run.cell.submission is SubmissionState.UNKNOWN and run.score_read is not None
        if first is None and not read_first:
            return run

        def noted(cell: Cell) -> Cell:
            cell = first_known(cell, run.score_read, retry=run.order.retry)
            if first is not None:
                return first_submission_noted(cell, delivery.id, first)
            return replace(cell, submission=submission_state(run.cell, run.facts.result))

        now = self._clock.now()
        return replace(run, cell=commit_held(self._ledger, now, run.cell, delivery.lease_until, noted)[1])

    def _wait_for_timestamp(self, run: Run, deadline: Deadline) -> None:
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
        self, run: Run, step: PostScore, refusal: PlatformRefused, deadline: Deadline
    ) -> "Run | Answer | None":
        self._gate.answered(run.claimed.platform.name)
        following = after_refusal(run.order, step, refusal, run.claimed.profile, self._clock.now())
        if isinstance(following, Conclude):
            return self._closing.concluded(run, following, refusal)
        if following.concessions.file_tries > run.order.concessions.file_tries:
            if run.claimed.may_wait:
                return self._closing.put_off_file(run, following.concessions.file_tries, refusal)
            pause = _FILE_PAUSE * 2**run.order.concessions.file_tries
            self._clock.sleep(min(pause, deadline.remaining() / 2))
        moved = following.timestamp != run.order.timestamp  # somebody graded since the facts were read
        return replace(run, order=following, facts=Facts() if moved else run.facts)
