"""Settling: finding out what became of an ended delivery before anything else is posted to its cell."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.attempt import Attempt
from chalicelib.delivery.claimed import Claimed
from chalicelib.delivery.endings import Ending, begun, ended_delivery, settled_cell
from chalicelib.delivery.holding import commit_held
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, KnownScore, Rank, SubmissionState
from chalicelib.delivery.settlement import Verdict, carries_work, shows_another, shows_score, verdict
from chalicelib.errors import OutcomeCode, PlatformUnavailable, StorageConflict, StorageUnreadable
from chalicelib.lti11.messages import Write
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.scores import Result
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import known, needs_line_item
from chalicelib.translation.plan import submission_state

_SETTLED = (DeliveryState.DELIVERED, DeliveryState.SUPERSEDED, DeliveryState.REFUSED, DeliveryState.HELD)


class Settling:
    """Settles for whoever has claimed the cell."""

    def __init__(self, ledger: Ledger, ags: AgsClient, attempt: Attempt, clock: Clock) -> None:
        self._ledger = ledger
        self._ags = ags
        self._attempt = attempt
        self._clock = clock

    def settle(self, cell: Cell, platform: Platform, turn: Rank, deadline: Deadline) -> Cell:
        """Find out what became of the cell's unsettled delivery, and return the cell as it is stored then.

        The design's rule "New attempt": work is either seen in the results or sent again as long as no submission is
        confirmed, because a score-only submission would wipe it. Work on top of earlier work cannot be seen; it is sent
        again, which adds no attempt, when it is newer than the outcome whose ``turn`` it is, as that one would go over
        it. Anything else that cannot be seen stays failed, as its tool was told.

        Raises
        ------
        PlatformUnavailable, PlatformRefused, HostRefused
            If the platform cannot be read, or did not take the work.
        StorageConflict
            If somebody else has claimed the cell meanwhile.
        """
        delivery = self._unsettled(cell)
        if delivery is None or delivery.write is None or delivery.state in _SETTLED:
            return self._forget(cell, platform, deadline)
        write, profile = delivery.write, PROFILES[platform.profile]
        if delivery.state.under_way:
            if self._ledger.cell(cell.key).lease_until != cell.lease_until:
                raise StorageConflict(frozenset({"cell"}))
            delivery = self._left_behind(delivery)
        result, maximum = self._look(delivery, write, platform, deadline)
        found = verdict(cell, write, result, maximum, profile)
        uncovered = found is Verdict.UNDECIDED and turn < delivery.rank
        if uncovered or (found is Verdict.MISSING and carries_work(write, profile)):
            return self._send_again(cell, delivery, write, platform, deadline)
        ours = shows_score(write, result, maximum, profile)
        graded = not ours and shows_another(cell, result, profile)
        return self._write_down(cell, delivery, found, known(result), ours=ours, graded=graded)

    def _send_again(self, cell: Cell, delivery: Delivery, write: Write, platform: Platform, deadline: Deadline) -> Cell:
        """Send lost work again under the claim of the delivery whose turn it is."""
        now = self._clock.now()
        again = replace(begun(delivery, cell.lease_until, to_milliseconds(now)), outcome_unknown=True)
        # Unsettled it stays until it has ended: it is in no line, and after a crash only the cell knows of it.
        owned = self._commit(cell, lambda held: held, Change(delivery, again))
        claimed = Claimed(again, write, owned, platform, receipt=None, retry=True, in_passing=True)
        answer = self._attempt.run(claimed, deadline)
        if answer is None:
            raise StorageConflict(frozenset({"cell"}))
        if answer.error_code == OutcomeCode.PLATFORM_UNAVAILABLE:
            raise PlatformUnavailable("earlier work of the same student is not stored yet", maybe_applied=False)
        return self._ledger.cell(cell.key)

    def _unsettled(self, cell: Cell) -> Delivery | None:
        """Read the unsettled delivery; one that cannot be read counts as gone."""
        try:
            return None if cell.unsettled_id is None else self._ledger.delivery(cell.unsettled_id, self._clock.now())
        except StorageUnreadable:
            return None

    def _left_behind(self, delivery: Delivery) -> Delivery:
        """End as failed, its effect unknown, what a crash left behind while it was sent again."""
        now = self._clock.now()
        answer = answers.unavailable(PlatformUnavailable("the try was cut short", maybe_applied=True))
        ending = Ending(DeliveryState.FAILED, answer, applied=None)
        failed = ended_delivery(delivery, ending, to_milliseconds(now))
        self._ledger.commit(now, delivery=Change(delivery, failed))
        return failed

    def _forget(self, cell: Cell, platform: Platform, deadline: Deadline) -> Cell:
        """Free a cell of an unsettled delivery that is gone; the submission it may have made must not be wiped."""
        submission = cell.submission
        if submission is SubmissionState.SENT:
            result = self._ags.read_result(platform, cell.key.line_item, cell.key.user_id, deadline)
            if submission_state(replace(cell, submission=SubmissionState.UNKNOWN), result) is SubmissionState.EXISTS:
                submission = SubmissionState.EXISTS
        return self._commit(cell, lambda held: replace(line.never_known(held), submission=submission))

    def _write_down(
        self, cell: Cell, delivery: Delivery, found: Verdict, shown: KnownScore, *, ours: bool, graded: bool
    ) -> Cell:
        """Write down what was found; ``graded``: what is shown is a person's grade, which those in line respect."""
        now, write = to_milliseconds(self._clock.now()), delivery.write
        if write is None or found is Verdict.UNDECIDED:  # should it come again, it is tried as a retry
            return self._commit(cell, line.never_known)
        if found is Verdict.GRADED_MEANWHILE:
            ending = Ending(DeliveryState.HELD, answers.graded_meanwhile(), applied=False)
            ended = ended_delivery(delivery, ending, now)
            covered = line.place_of(delivery)  # as where its own turn finds the grade: that covers what is older too
            return self._commit(
                cell,
                lambda held: replace(
                    held,
                    unsettled=None,
                    settled=line.ranked(held.settled, covered),
                    last_known=shown,
                    graded_at=now,
                ),
                Change(delivery, ended),
            )
        applied = found is Verdict.APPLIED
        ended = replace(delivery, outcome_unknown=False)
        if applied:
            ended = ended_delivery(delivery, Ending(DeliveryState.DELIVERED, answers.success(), applied=True), now)
        posted = shown if ours else None

        def settled(held: Cell) -> Cell:
            after = settled_cell(held, delivery, write, shown=shown, confirmed=posted, applied=applied)
            return replace(after, graded_at=now) if graded else after

        return self._commit(cell, settled, Change(delivery, ended))

    def _look(
        self, delivery: Delivery, write: Write, platform: Platform, deadline: Deadline
    ) -> tuple[Result | None, Decimal | None]:
        """Read the result, and the line item's maximum where the write's score is in points."""
        key = delivery.cell
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        if not needs_line_item(write):
            return result, None
        return result, self._ags.read_line_item(platform, key.line_item, deadline).score_maximum

    def _commit(self, cell: Cell, change: Callable[[Cell], Cell], delivery: Change[Delivery] | None = None) -> Cell:
        return commit_held(self._ledger, self._clock.now(), cell, cell.lease_until, change, delivery=delivery)[1]
