"""Outcomes whose sourcedid has no mapping: refused and noted as wanted, or parked until the mapping appears.

Nothing can fall between parking and mapping: an outcome is parked only if, in the same transaction, there is no
mapping; and whoever writes a mapping looks for what is parked afterwards (see ``releasing``).
"""

from dataclasses import replace

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery.acceptance import REPEAT_WITHIN
from chalicelib.delivery.endings import told
from chalicelib.delivery.line import sets_score
from chalicelib.delivery.lots import (
    LONGEST_SOURCEDID,
    MOST_PARKED,
    Lot,
    ParkedOutcome,
    asked,
    is_counted,
    period_of,
    with_parked,
)
from chalicelib.delivery.records import UNMAPPED, Delivery, DeliveryEvent, DeliveryState, Receipt
from chalicelib.delivery.requests import AuthenticRequest
from chalicelib.delivery.resumption import Resumption
from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer, Envelope, Operation, ReadResult, ReplaceResult, Write
from chalicelib.lti11.outcome import read_outcome
from chalicelib.lti11.tools import OnDelay, Unmapped
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.lots import LotStore
from chalicelib.translation import answers
from chalicelib.translation.reading import undelivered_answer

_OPERATIONS = frozenset(operation.value for operation in Operation)


class Parking:
    """Answers outcomes of sourcedids that nobody has mapped."""

    def __init__(
        self, ledger: Ledger, lots: LotStore, resumption: Resumption, clock: Clock, identifiers: Identifiers
    ) -> None:
        self._ledger = ledger
        self._lots = lots
        self._resumption = resumption
        self._clock = clock
        self._identifiers = identifiers

    def answer(
        self, request: AuthenticRequest, envelope: Envelope, lot: Lot, receipt: Receipt | None, deadline: Deadline
    ) -> Answer | None:
        """Answer an outcome without a mapping; None: there is one by now.

        Raises OutcomeFailure or OutcomeUnsupported for what would be parked and fails a local check, and
        StorageUnavailable when it cannot be stored; then nothing is acknowledged.
        """
        if envelope.operation_name not in _OPERATIONS or len(lot.sourcedid.encode()) > LONGEST_SOURCEDID:
            return answers.sourcedid_invalid()
        if envelope.operation_name == Operation.READ_RESULT:
            return self._read(lot) or self._unknown(lot)
        if request.tool.unmapped is Unmapped.FAIL:
            return self._unknown(lot)
        outcome = read_outcome(envelope, self._clock.now())
        if isinstance(outcome, ReadResult):
            return self._unknown(lot)
        if receipt is not None:  # accepted when there was a mapping
            resumed = self._resumption.resume(receipt.delivery_id, deadline)
            if resumed is not None:
                return resumed
        return self._park(request, outcome, lot, receipt, deadline)

    def _read(self, lot: Lot) -> Answer | None:
        """Answer from the newest parked outcome that changes the score, if it alone tells what it will be."""
        place = lot.newest_score
        delivery = None if place is None else self._ledger.delivery(place.delivery_id, self._clock.now())
        if delivery is None or delivery.write is None or delivery.state is not DeliveryState.PARKED:
            return None
        return undelivered_answer(delivery.write)

    def _unknown(self, lot: Lot) -> Answer:
        """Refuse, and note that the sourcedid is wanted. The note is for people: the answer never depends on it."""
        now = to_milliseconds(self._clock.now())
        if is_counted(lot, now):
            return answers.sourcedid_invalid()
        period, noted = period_of(now), asked(lot, now)
        try:
            if not lot.parked and lot.counted_in != period:
                if not self._lots.reserve_wanted(lot.consumer_key, period):
                    return answers.sourcedid_invalid()
                noted = replace(noted, counted_in=period)
            self._ledger.commit(self._clock.now(), lot=Change(lot, noted))
        except (StorageConflict, StorageUnavailable):
            pass
        return answers.sourcedid_invalid()

    def _park(
        self, request: AuthenticRequest, write: Write, lot: Lot, receipt: Receipt | None, deadline: Deadline
    ) -> Answer | None:
        while not deadline.passed:
            last = lot.parked[-1] if lot.parked else None
            if last is not None and _repeats(request, last):
                return self._join(request, last, receipt)
            if len(lot.parked) >= MOST_PARKED:
                return answers.too_many_parked_for_sourcedid()
            if not self._lots.reserve(lot):
                return answers.too_many_parked_for_tool()
            try:
                return self._store(request, write, lot, receipt)
            except StorageConflict as conflict:
                self._lots.give_back(lot)
                twin = self._twin(request) if "receipt" in conflict.kinds else None
                if twin is not None and twin.answer is not None:
                    return twin.answer
                if "mapping" in conflict.kinds:
                    return None
            lot = self._lots.get(lot.consumer_key, lot.sourcedid)
        return answers.cell_busy()

    def _store(self, request: AuthenticRequest, write: Write, lot: Lot, receipt: Receipt | None) -> Answer:
        """Write receipt, delivery and lot in one transaction, unless there is a mapping."""
        answer, now = answers.queued(), self._clock.now()
        at = to_milliseconds(now)
        delivery = _parked(request, write, lot, self._identifiers, at)
        place = ParkedOutcome(delivery.id, delivery.received_at, sets_score(write), delivery.body_digest)
        self._ledger.commit(
            now,
            receipt=Change(receipt, request.receipt(delivery.id, answer=answer)),
            delivery=Change(None, delivery),
            lot=Change(lot, with_parked(lot, place, at)),
            unmapped=(lot.consumer_key, lot.sourcedid),
        )
        return answer

    def _join(self, request: AuthenticRequest, earlier: ParkedOutcome, receipt: Receipt | None) -> Answer:
        """Answer a newly signed repeat as the outcome that it repeats, which is stored."""
        answer = answers.queued()
        joined = request.receipt(earlier.delivery_id, answer=answer)
        try:
            self._ledger.commit(self._clock.now(), receipt=Change(receipt, joined))
        except StorageConflict:
            self._twin(request)  # the same signed request, sent twice at once, joined twice
        return answer

    def _twin(self, request: AuthenticRequest) -> Receipt | None:
        """Read the receipt that another request wrote meanwhile; one nonce for two contents is refused here too."""
        receipt = self._ledger.receipt(request.receipt_key, self._clock.now())
        request.check_same_content(receipt)
        return receipt


def _repeats(request: AuthenticRequest, last: ParkedOutcome) -> bool:
    return last.body_digest == request.body_digest and abs(request.received_at - last.received_at) <= REPEAT_WITHIN


def _parked(request: AuthenticRequest, write: Write, lot: Lot, identifiers: Identifiers, now: int) -> Delivery:
    replaces = isinstance(write, ReplaceResult)
    return Delivery(
        id=identifiers.delivery_id(request.received_at),
        cell=UNMAPPED,
        consumer_key=request.tool.consumer_key,
        sourcedid_digest=sourcedid_digest(lot.sourcedid),
        context="",
        operation=Operation.REPLACE_RESULT if replaces else Operation.DELETE_RESULT,
        write=write,
        received_at=request.received_at,
        timestamp=request.received_at,
        reference=request.reference,
        body_digest=request.body_digest,
        receipt_key=request.receipt_key,
        state=DeliveryState.PARKED,
        queueable=request.tool.on_delay is OnDelay.QUEUE,
        acknowledged=True,
        events=told((), DeliveryEvent(now, "parked: its sourcedid has no mapping yet")),
    )
