"""From an authentic outcome to a claimed delivery: repeats joined, older ones superseded, the cell owned."""

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery.attempt import Attempt, Claimed
from chalicelib.delivery.clearing import Clearing
from chalicelib.delivery.endings import Ending, accepted, begun, covers, ended_delivery, first_submission_noted
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, Receipt
from chalicelib.delivery.requests import AddressedWrite, AuthenticRequest
from chalicelib.delivery.resumption import Resumption
from chalicelib.errors import StorageConflict
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer, Operation, ReplaceResult
from chalicelib.lti13.profiles import PROFILES
from chalicelib.mapping.history import with_imported_history
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import ordering_timestamp
from chalicelib.translation.steps import Facts, Order, PostScore

REPEAT_WITHIN = 60_000
"""Milliseconds in which an equal body joins the earlier delivery: tools sign again when they time out."""


class Acceptance:
    """Accepts outcomes, one at a time per cell, and has them delivered while the tool waits."""

    def __init__(
        self,
        ledger: Ledger,
        attempt: Attempt,
        clearing: Clearing,
        resumption: Resumption,
        clock: Clock,
        identifiers: Identifiers,
        lease: float,
    ) -> None:
        self._ledger = ledger
        self._attempt = attempt
        self._clearing = clearing
        self._resumption = resumption
        self._clock = clock
        self._identifiers = identifiers
        self._lease = lease

    def deliver(self, wanted: AddressedWrite, cell: Cell, deadline: Deadline) -> Answer:
        """Accept an outcome for its cell and deliver it; the answer is the tool's.

        Raises StorageUnavailable when the table cannot be reached; then nothing is acknowledged.
        """
        while True:
            answer = self._step(wanted, cell, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.cell_busy()
            cell = with_imported_history(self._ledger.cell(cell.key), wanted.mapping)

    def _step(self, wanted: AddressedWrite, cell: Cell, deadline: Deadline) -> Answer | None:
        """Do one thing towards acceptance; None: read the cell again and go on."""
        if wanted.repeats(cell, REPEAT_WITHIN):
            joined = self._join(wanted, cell, deadline)
            if joined is not None:
                return joined
        clear = self._clearing.step(cell, wanted.platform, deadline)
        if clear is not True:
            return None if clear is False else clear
        # Only now: the newest outcome may have turned out to be without effect, and then it supersedes nothing.
        if wanted.overtaken(cell):
            covered = cell.newest is None or covers(cell.newest, wanted.write)
            return self._superseded(wanted, cell) if covered else answers.overtaken()
        return self._accept(wanted, cell, deadline)

    def _accept(self, wanted: AddressedWrite, cell: Cell, deadline: Deadline) -> Answer | None:
        """Write receipt, cell and delivery in one transaction, then deliver."""
        now = self._clock.now()
        lease_until = to_milliseconds(now) + int(self._lease * 1000)
        delivery = begun(self._new_delivery(wanted, cell), lease_until, to_milliseconds(now))
        receipt = wanted.request.receipt(delivery.id, deadline=lease_until)
        owned = _owned(wanted, cell, delivery)
        try:
            stored = self._ledger.commit(
                now,
                receipt=Change(wanted.earlier_receipt, receipt),
                cell=Change(cell, owned),
                delivery=Change(None, delivery),
            )
        except StorageConflict as conflict:
            return self._answer_of_twin(wanted, deadline) if "receipt" in conflict.kinds else None
        claimed = Claimed(delivery, wanted.write, stored or owned, wanted.platform, receipt, retry=False)
        return self._attempt.run(claimed, deadline)

    def _answer_of_twin(self, wanted: AddressedWrite, deadline: Deadline) -> Answer | None:
        """The same signed request was accepted elsewhere at the same moment: wait for its end."""
        receipt = self._twin(wanted.request)
        if receipt is None:
            return None
        return receipt.answer or self._resumption.resume(receipt.delivery_id, wanted.platform, deadline)

    def _twin(self, request: AuthenticRequest) -> Receipt | None:
        """Read the receipt that another request wrote meanwhile; one nonce for two contents is refused here too."""
        receipt = self._ledger.receipt(request.receipt_key, self._clock.now())
        request.check_same_content(receipt)
        return receipt

    def _join(self, wanted: AddressedWrite, cell: Cell, deadline: Deadline) -> Answer | None:
        """Answer a newly signed repeat with the end of the delivery that it repeats; None when that one failed."""
        earlier = None if cell.newest is None else self._ledger.delivery(cell.newest.delivery_id)
        if earlier is None or earlier.state is DeliveryState.REFUSED:
            return None
        if earlier.state is DeliveryState.FAILED and not earlier.outcome_unknown:
            return None
        answer = self._resumption.resume(earlier.id, wanted.platform, deadline)
        if answer is None:
            return None
        receipt = wanted.request.receipt(earlier.id, answer=answer if answer.succeeded else None)
        try:
            self._ledger.commit(self._clock.now(), receipt=Change(wanted.earlier_receipt, receipt))
        except StorageConflict:
            self._twin(wanted.request)  # the same signed request, sent twice at once, joined twice
        return answer

    def _superseded(self, wanted: AddressedWrite, cell: Cell) -> Answer:
        """An outcome received before the newest one of its cell changes nothing; remember that it was seen."""
        answer = answers.superseded()
        delivery = self._new_delivery(wanted, cell)
        receipt = wanted.request.receipt(delivery.id, answer=answer)
        now = self._clock.now()
        ended = ended_delivery(delivery, Ending(DeliveryState.SUPERSEDED, answer, applied=False), to_milliseconds(now))
        try:
            self._ledger.commit(now, receipt=Change(wanted.earlier_receipt, receipt), delivery=Change(None, ended))
        except StorageConflict:
            self._twin(wanted.request)  # the same signed request, sent twice at once, is superseded twice
        return answer

    def _new_delivery(self, wanted: AddressedWrite, cell: Cell) -> Delivery:
        request, profile = wanted.request, PROFILES[wanted.platform.profile]
        replaces = isinstance(wanted.write, ReplaceResult)
        return Delivery(
            id=self._identifiers.delivery_id(request.received_at),
            cell=cell.key,
            consumer_key=request.tool.consumer_key,
            sourcedid_digest=sourcedid_digest(wanted.mapping.sourcedid),
            context=wanted.mapping.context,
            operation=Operation.REPLACE_RESULT if replaces else Operation.DELETE_RESULT,
            write=wanted.write,
            received_at=request.received_at,
            timestamp=ordering_timestamp(request.received_at, cell.newest_timestamp, profile),
            previous=cell.newest,
            reference=request.reference,
            body_digest=request.body_digest,
            receipt_key=request.receipt_key,
        )


def _owned(wanted: AddressedWrite, cell: Cell, delivery: Delivery) -> Cell:
    """Return the cell as the delivery owns it; a first submission that needs no look at the platform is noted."""
    owned = accepted(cell, delivery)
    order = Order(
        wanted.write,
        delivery.cell.user_id,
        from_milliseconds(delivery.received_at),
        from_milliseconds(delivery.timestamp),
    )
    step = next_step(order, cell, PROFILES[wanted.platform.profile], Facts())
    if isinstance(step, PostScore) and step.first_submission and step.submitted_at is not None:
        return first_submission_noted(owned, delivery.id, to_milliseconds(step.submitted_at))
    return owned
