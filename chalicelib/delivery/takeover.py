"""Deliveries whose end nobody knows: left behind by a crash, or ended without the platform's answer."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.attempt import READ_FIRST_AFTER, Attempt, Claimed
from chalicelib.delivery.endings import Ending, accepted, begun, ended_delivery, settled_cell
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, KnownScore, SubmissionState
from chalicelib.delivery.settlement import Verdict, carries_work, shows_score, verdict
from chalicelib.errors import OutcomeCode, StorageConflict
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.scores import Result
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import known, needs_line_item
from chalicelib.translation.plan import submission_state


class Takeover:
    """Ends deliveries that others began."""

    def __init__(self, ledger: Ledger, ags: AgsClient, attempt: Attempt, clock: Clock, lease: float) -> None:
        self._ledger = ledger
        self._ags = ags
        self._attempt = attempt
        self._clock = clock
        self._lease = lease

    def run(self, delivery: Delivery, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        """Claim a delivery whose lease is over and try it again with its own times; None when somebody was faster.

        A delivery that was still under way, or ended unknown, may have been applied: it is tried as a retry.
        """
        claimed = self._claim(delivery, cell, platform, self._clock.now())
        return None if claimed is None else self._attempt.run(claimed, deadline)

    def _claim(self, delivery: Delivery, cell: Cell, platform: Platform, now: datetime) -> Claimed | None:
        if delivery.write is None:
            return None
        lease_until = to_milliseconds(now) + int(self._lease * 1000)
        unknown = delivery.outcome_unknown or delivery.state is DeliveryState.ACCEPTED
        mine = replace(begun(delivery, lease_until, to_milliseconds(now)), outcome_unknown=unknown)
        if cell.newest is None or cell.newest.delivery_id != delivery.id:
            mine = replace(mine, previous=cell.newest)  # it failed without effect, so another one was the newest since
        owned = replace(accepted(cell, mine), unsettled_id=None)
        receipt = self._ledger.receipt(delivery.receipt_key, now)
        if receipt is not None and (receipt.delivery_id != delivery.id or receipt.answer is not None):
            receipt = None
        held = None if receipt is None else replace(receipt, deadline=lease_until)
        try:
            stored = self._ledger.commit(
                now,
                receipt=None if receipt is None or held is None else Change(receipt, held),
                cell=Change(cell, owned),
                delivery=Change(delivery, mine),
            )
        except StorageConflict:
            return None
        late = now - from_milliseconds(delivery.received_at) > READ_FIRST_AFTER
        return Claimed(mine, delivery.write, stored or owned, platform, held, retry=unknown or late)

    def settle(self, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        """Find out what became of the cell's unsettled delivery, before anything else is posted to the cell.

        The design's rule "New attempt": work is either seen in the results or sent again as long as no submission is
        confirmed, because a score-only submission would wipe it. Anything else that cannot be seen stays failed, as
        its tool was told. Returns the answer of a try that failed for now; None: read the cell again.
        Raises PlatformRefused or PlatformUnavailable when the platform cannot be read.
        """
        delivery = None if cell.unsettled_id is None else self._ledger.delivery(cell.unsettled_id)
        if delivery is None or delivery.write is None or delivery.state is not DeliveryState.FAILED:
            self._forget(cell, platform, deadline)
            return None
        write, profile = delivery.write, PROFILES[platform.profile]
        result, maximum = self._look(delivery, write, platform, deadline)
        found = verdict(cell, write, result, maximum, profile)
        if found is Verdict.MISSING and carries_work(write, profile):
            answer = self.run(delivery, cell, platform, deadline)
            return answer if answer is not None and answer.error_code == OutcomeCode.PLATFORM_UNAVAILABLE else None
        posted = known(result) if shows_score(write, result, maximum, profile) else None
        self._write_down(cell, delivery, found, shown=known(result), posted=posted)
        return None

    def _forget(self, cell: Cell, platform: Platform, deadline: Deadline) -> None:
        """Free a cell of an unsettled delivery that is gone; the submission it may have made must not be wiped."""
        settled = replace(cell, unsettled_id=None)
        if cell.submission is SubmissionState.SENT:
            result = self._ags.read_result(platform, cell.key.line_item, cell.key.user_id, deadline)
            if submission_state(replace(cell, submission=SubmissionState.UNKNOWN), result) is SubmissionState.EXISTS:
                settled = replace(settled, submission=SubmissionState.EXISTS)
        self._commit(cell, settled)

    def _write_down(
        self, cell: Cell, delivery: Delivery, found: Verdict, *, shown: KnownScore, posted: KnownScore | None
    ) -> None:
        now = to_milliseconds(self._clock.now())
        if delivery.write is None or found is Verdict.UNDECIDED:
            self._commit(cell, replace(cell, unsettled_id=None))  # should it come again, it is tried as a retry
        elif found is Verdict.GRADED_MEANWHILE:
            ending = Ending(DeliveryState.SUPERSEDED, answers.graded_meanwhile(), applied=False)
            settled = replace(cell, unsettled_id=None, last_known=shown)
            self._commit(cell, settled, Change(delivery, ended_delivery(delivery, ending, now)))
        else:
            applied = found is Verdict.APPLIED
            settled = settled_cell(cell, delivery, delivery.write, shown=shown, confirmed=posted, applied=applied)
            ended = replace(delivery, outcome_unknown=False)
            if applied:
                ended = ended_delivery(delivery, Ending(DeliveryState.DELIVERED, answers.success(), applied=True), now)
            self._commit(cell, settled, Change(delivery, ended))

    def _look(
        self, delivery: Delivery, write: Write, platform: Platform, deadline: Deadline
    ) -> tuple[Result | None, Decimal | None]:
        """Read the result, and the line item's maximum where the write's score is in points."""
        key = delivery.cell
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        if not needs_line_item(write):
            return result, None
        return result, self._ags.read_line_item(platform, key.line_item, deadline).score_maximum

    def _commit(self, before: Cell, after: Cell, delivery: Change[Delivery] | None = None) -> None:
        try:
            self._ledger.commit(self._clock.now(), cell=Change(before, after), delivery=delivery)
        except StorageConflict:
            return  # somebody else was faster; the caller reads the cell again
