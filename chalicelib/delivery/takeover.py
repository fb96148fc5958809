"""Deliveries whose end nobody knows: left behind by a crash, or ended without the platform's answer."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.attempt import READ_FIRST_AFTER, Attempt, Claimed, begun
from chalicelib.delivery.endings import Ending, accepted, ended_delivery, settled_cell
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, SubmissionState
from chalicelib.errors import StorageConflict
from chalicelib.lti11.messages import Answer, ReplaceResult
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.scores import Result
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.comparison import intended, is_ours, known, needs_line_item
from chalicelib.translation.posts import TYPE_OF_DATA

SETTLED_ANSWER = answers.success()


@dataclass(frozen=True, slots=True)
class Found:
    """What the platform shows, and whether it is what a delivery wanted."""

    result: Result | None
    score_shown: bool
    work_shown: bool


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
        if delivery.write is None:
            return None
        now = self._clock.now()
        claimed = self._claim(delivery, cell, platform, now)
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

    def settle(self, cell: Cell, platform: Platform, deadline: Deadline) -> None:
        """Find out what became of the cell's unsettled delivery, before anything else is posted to the cell.

        The design's rule "New attempt": a first call with work is either seen in the results or sent again, because
        a score-only submission would wipe it. Anything else that cannot be seen stays failed, as its tool was told.
        Raises PlatformRefused or PlatformUnavailable when the platform cannot be read.
        """
        delivery = None if cell.unsettled_id is None else self._ledger.delivery(cell.unsettled_id)
        if delivery is None or delivery.write is None or delivery.state is not DeliveryState.FAILED:
            self._commit_cell(cell, replace(cell, unsettled_id=None))
            return
        found = self._look(delivery, platform, deadline)
        applied = found.score_shown or found.work_shown
        if not applied and _first_work_is_missing(cell, delivery):
            self.run(delivery, cell, platform, deadline)
            return
        self._write_down(cell, delivery, found, applied=applied)

    def _write_down(self, cell: Cell, delivery: Delivery, found: Found, *, applied: bool) -> None:
        write = delivery.write
        if write is None:
            return
        now = self._clock.now()
        shown = known(found.result)
        settled = settled_cell(
            cell, delivery, write, shown=shown, confirmed=shown if found.score_shown else None, applied=applied
        )
        ended = replace(delivery, outcome_unknown=False)
        if applied:
            ending = Ending(DeliveryState.DELIVERED, SETTLED_ANSWER, applied=True)
            ended = ended_delivery(delivery, ending, to_milliseconds(now))
        try:
            self._ledger.commit(now, cell=Change(cell, settled), delivery=Change(delivery, ended))
        except StorageConflict:
            return  # somebody else settled it; the caller reads the cell again

    def _look(self, delivery: Delivery, platform: Platform, deadline: Deadline) -> Found:
        key, write = delivery.cell, delivery.write
        result = self._ags.read_result(platform, key.line_item, key.user_id, deadline)
        if write is None:
            return Found(result, score_shown=False, work_shown=False)
        maximum = None
        if needs_line_item(write):
            maximum = self._ags.read_line_item(platform, key.line_item, deadline).score_maximum
        ours = intended(write, maximum)
        profile = PROFILES[platform.profile]
        score_shown = ours is not None and result is not None and is_ours(known(result), ours, profile)
        return Found(result, score_shown, _shows_work(delivery, platform, result))

    def _commit_cell(self, before: Cell, after: Cell) -> None:
        try:
            self._ledger.commit(self._clock.now(), cell=Change(before, after))
        except StorageConflict:
            return  # somebody else was faster; the caller reads the cell again


def _shows_work(delivery: Delivery, platform: Platform, result: Result | None) -> bool:
    write = delivery.write
    if result is None or not isinstance(write, ReplaceResult) or write.data is None:
        return False
    if not PROFILES[platform.profile].submission_extension:
        return False
    return result.submission_type == TYPE_OF_DATA[write.data.kind]


def _first_work_is_missing(cell: Cell, delivery: Delivery) -> bool:
    write = delivery.write
    return (
        cell.submission is SubmissionState.SENT
        and cell.first_delivery_id == delivery.id
        and isinstance(write, ReplaceResult)
        and write.data is not None
    )
