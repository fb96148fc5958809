"""From an authentic outcome to a claimed delivery: repeats joined, older ones superseded, the cell owned."""

from dataclasses import replace
from typing import Protocol

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.attempt import Attempt, Claimed, begun
from chalicelib.delivery.endings import Ending, accepted, ended_delivery, first_submission_noted
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.delivery.requests import AuthenticRequest
from chalicelib.delivery.takeover import Takeover
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer, Operation, ReplaceResult, Write
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.history import with_imported_history
from chalicelib.mapping.model import Mapping
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import ordering_timestamp
from chalicelib.translation.steps import Facts, Order, PostScore

REPEAT_WITHIN = 60_000
"""Milliseconds in which an equal body joins the earlier delivery: tools sign again when they time out."""

_PAUSE = 0.1  # seconds between two looks at a cell that another outcome owns


class Identifiers(Protocol):
    """Where delivery ids come from."""

    def delivery_id(self, received_at: int) -> str:
        """Return a new id; ids sort by time of receipt."""


class Acceptance:
    """Accepts outcomes, one at a time per cell, and has them delivered while the tool waits."""

    def __init__(
        self, ledger: Ledger, attempt: Attempt, takeover: Takeover, clock: Clock, identifiers: Identifiers, lease: float
    ) -> None:
        self._ledger = ledger
        self._attempt = attempt
        self._takeover = takeover
        self._clock = clock
        self._identifiers = identifiers
        self._lease = lease

    def deliver(
        self,
        request: AuthenticRequest,
        write: Write,
        mapping: Mapping,
        platform: Platform,
        cell: Cell,
        deadline: Deadline,
    ) -> Answer:
        """Accept an outcome for its cell and deliver it; the answer is the tool's.

        Raises StorageUnavailable when the table cannot be reached; then nothing is acknowledged.
        """
        while True:
            answer = self._step(request, write, mapping, platform, cell, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.cell_busy()
            cell = with_imported_history(self._ledger.cell(cell.key), mapping)

    def resume(self, delivery_id: str, platform: Platform, deadline: Deadline) -> Answer | None:
        """Go on with the delivery of a request that came again; None when nothing is known of it.

        Times, and so the effect, are those of the first request.
        """
        while True:
            delivery = self._ledger.delivery(delivery_id)
            if delivery is None:
                return None
            if delivery.state in (DeliveryState.DELIVERED, DeliveryState.SUPERSEDED, DeliveryState.REFUSED):
                return delivery.answer
            if delivery.write is None:
                return delivery.answer
            answer = self._resume_step(delivery, self._ledger.cell(delivery.cell), platform, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.in_progress()

    def _step(
        self,
        request: AuthenticRequest,
        write: Write,
        mapping: Mapping,
        platform: Platform,
        cell: Cell,
        deadline: Deadline,
    ) -> Answer | None:
        """Do one thing towards acceptance; None: read the cell again and go on."""
        if _is_repeat(request, cell):
            joined = self._join(request, cell, platform, deadline)
            if joined is not None:
                return joined
        clear = self._cleared(cell, platform, deadline)
        if clear is not True:
            return None if clear is False else clear
        # Only now: the newest outcome may have turned out to be without effect, and then it supersedes nothing.
        if cell.newest_received_at is not None and request.received_at < cell.newest_received_at:
            return self._superseded(request, write, mapping, cell)
        return self._accept(request, write, mapping, platform, cell, deadline)

    def _resume_step(self, delivery: Delivery, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        owner = cell.under_way_id == delivery.id
        if not owner and cell.unsettled_id != delivery.id:
            clear = self._cleared(cell, platform, deadline)
            if clear is not True:
                return None if clear is False else clear
            if cell.newest_received_at is not None and cell.newest_received_at > delivery.received_at:
                return self._end_superseded(delivery)
        if owner and cell.lease_until > to_milliseconds(self._clock.now()):
            self._clock.sleep(min(_PAUSE, deadline.remaining()))
            return None
        return self._takeover.run(delivery, cell, platform, deadline)

    def _cleared(self, cell: Cell, platform: Platform, deadline: Deadline) -> bool | Answer:
        """Make way in the cell: True when it is free, False when it has to be read again, an answer when it cannot."""
        if cell.under_way_id is not None:
            if cell.lease_until > to_milliseconds(self._clock.now()):
                self._clock.sleep(min(_PAUSE, deadline.remaining()))
                return False
            left_behind = self._ledger.delivery(cell.under_way_id)
            if left_behind is None or left_behind.write is None:
                self._free(cell)
                return False
            self._takeover.run(left_behind, cell, platform, deadline)
            return False
        if cell.unsettled_id is not None:
            try:
                self._takeover.settle(cell, platform, deadline)
            except PlatformUnavailable as problem:
                return answers.unavailable(PlatformUnavailable(problem.reason, maybe_applied=False))
            except PlatformRefused as refusal:
                return answers.refused(refusal)
            except HostRefused as refusal:
                return answers.host_refused(refusal)
            return False
        return True

    def _accept(
        self,
        request: AuthenticRequest,
        write: Write,
        mapping: Mapping,
        platform: Platform,
        cell: Cell,
        deadline: Deadline,
    ) -> Answer | None:
        """Write receipt, cell and delivery in one transaction, then deliver."""
        now = self._clock.now()
        lease_until = to_milliseconds(now) + int(self._lease * 1000)
        profile = PROFILES[platform.profile]
        delivery = self._new_delivery(request, write, mapping, cell)
        delivery = replace(
            begun(delivery, lease_until, to_milliseconds(now)),
            timestamp=ordering_timestamp(request.received_at, cell.newest_timestamp, profile),
            previous_received_at=cell.newest_received_at,
        )
        receipt = request.receipt(delivery.id, deadline=lease_until)
        owned = accepted(cell, delivery)
        order = Order(
            write,
            delivery.cell.user_id,
            from_milliseconds(delivery.received_at),
            from_milliseconds(delivery.timestamp),
        )
        step = next_step(order, cell, profile, Facts())
        if isinstance(step, PostScore) and step.first_submission and step.submitted_at is not None:
            owned = first_submission_noted(owned, delivery.id, to_milliseconds(step.submitted_at))
        try:
            stored = self._ledger.commit(
                now, receipt=Change(None, receipt), cell=Change(cell, owned), delivery=Change(None, delivery)
            )
        except StorageConflict as conflict:
            return self._answer_of_twin(request, platform, deadline) if "receipt" in conflict.kinds else None
        claimed = Claimed(delivery, write, stored or owned, platform, receipt, retry=False)
        return self._attempt.run(claimed, deadline)

    def _answer_of_twin(self, request: AuthenticRequest, platform: Platform, deadline: Deadline) -> Answer | None:
        """The same signed request was accepted elsewhere at the same moment: wait for its end."""
        receipt = self._ledger.receipt(request.receipt_key, self._clock.now())
        return None if receipt is None else receipt.answer or self.resume(receipt.delivery_id, platform, deadline)

    def _join(self, request: AuthenticRequest, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        """Answer a newly signed repeat with the end of the delivery that it repeats; None when that one failed."""
        if cell.newest is None:
            return None
        earlier = self._ledger.delivery(cell.newest.delivery_id)
        if earlier is None or earlier.state is DeliveryState.REFUSED:
            return None
        if earlier.state is DeliveryState.FAILED and not earlier.outcome_unknown:
            return None
        answer = self.resume(earlier.id, platform, deadline)
        if answer is None:
            return None
        receipt = request.receipt(earlier.id, answer=answer if answer.succeeded else None)
        try:
            self._ledger.commit(self._clock.now(), receipt=Change(None, receipt))
        except StorageConflict:
            return answer  # the same signed request, sent twice at once, joined twice
        return answer

    def _superseded(self, request: AuthenticRequest, write: Write, mapping: Mapping, cell: Cell) -> Answer:
        """An outcome received before the newest one of its cell changes nothing; remember that it was seen."""
        answer = answers.superseded()
        delivery = self._new_delivery(request, write, mapping, cell)
        now = self._clock.now()
        ending = Ending(DeliveryState.SUPERSEDED, answer, applied=False)
        ended = ended_delivery(delivery, ending, to_milliseconds(now))
        try:
            self._ledger.commit(
                now, receipt=Change(None, request.receipt(delivery.id, answer=answer)), delivery=Change(None, ended)
            )
        except StorageConflict:
            return answer
        return answer

    def _end_superseded(self, delivery: Delivery) -> Answer | None:
        answer = answers.superseded()
        now = self._clock.now()
        ending = Ending(DeliveryState.SUPERSEDED, answer, applied=False)
        receipt = self._ledger.receipt(delivery.receipt_key, now)
        try:
            self._ledger.commit(
                now,
                receipt=None if receipt is None else Change(receipt, replace(receipt, answer=answer)),
                delivery=Change(delivery, ended_delivery(delivery, ending, to_milliseconds(now))),
            )
        except StorageConflict:
            return None
        return answer

    def _free(self, cell: Cell) -> None:
        """Free a cell whose owner is gone with nothing left to deliver."""
        try:
            self._ledger.commit(self._clock.now(), cell=Change(cell, replace(cell, under_way_id=None, lease_until=0)))
        except StorageConflict:
            return  # somebody else did

    def _new_delivery(self, request: AuthenticRequest, write: Write, mapping: Mapping, cell: Cell) -> Delivery:
        return Delivery(
            id=self._identifiers.delivery_id(request.received_at),
            cell=cell.key,
            consumer_key=request.tool.consumer_key,
            sourcedid_digest=sourcedid_digest(mapping.sourcedid),
            context=mapping.context,
            operation=Operation.REPLACE_RESULT if isinstance(write, ReplaceResult) else Operation.DELETE_RESULT,
            write=write,
            received_at=request.received_at,
            timestamp=request.received_at,
            reference=request.reference,
            body_digest=request.body_digest,
            receipt_key=request.receipt_key,
        )


def _is_repeat(request: AuthenticRequest, cell: Cell) -> bool:
    """Tell whether the request is the cell's newest outcome, signed again."""
    newest = cell.newest
    return (
        newest is not None
        and newest.consumer_key == request.tool.consumer_key
        and newest.body_digest == request.body_digest
        and abs(request.received_at - newest.received_at) <= REPEAT_WITHIN
    )
