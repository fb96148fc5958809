"""From an authentic outcome to its place in the cell's line: repeats joined, older ones superseded, the rest stored."""

from dataclasses import dataclass

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.awaiting import Awaiting
from chalicelib.delivery.breaker import Permission, PlatformHealth
from chalicelib.delivery.claimed import Claimed
from chalicelib.delivery.endings import Ending, begun, ended_delivery, first_submission_noted
from chalicelib.delivery.gate import Admission, Gate
from chalicelib.delivery.queueing import DOWN, SLOWED, Queueing
from chalicelib.delivery.records import Cell, Delivery, DeliveryState, Receipt
from chalicelib.delivery.requests import AddressedWrite, AuthenticRequest, new_delivery
from chalicelib.delivery.resumption import Resumption
from chalicelib.delivery.turns import Turns, is_late
from chalicelib.errors import PlatformUnavailable, StorageConflict
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.profiles import PROFILES
from chalicelib.mapping.history import with_imported_history
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers
from chalicelib.translation.plan import next_step, nothing_to_send
from chalicelib.translation.steps import Facts, Order, PostScore

REPEAT_WITHIN = 60_000
"""Milliseconds in which an equal body joins the earlier delivery: tools sign again when they time out."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What an acceptance wrote."""

    cell: Cell
    delivery: Delivery
    receipt: Receipt


class Acceptance:
    """Accepts outcomes: each is stored in its cell's line before anything else, and tried at once if it is its head."""

    def __init__(
        self,
        ledger: Ledger,
        turns: Turns,
        awaiting: Awaiting,
        queueing: Queueing,
        resumption: Resumption,
        gate: Gate,
        clock: Clock,
        identifiers: Identifiers,
        lease: float,
    ) -> None:
        self._ledger = ledger
        self._turns = turns
        self._awaiting = awaiting
        self._queueing = queueing
        self._resumption = resumption
        self._gate = gate
        self._clock = clock
        self._identifiers = identifiers
        self._lease = lease

    def deliver(self, wanted: AddressedWrite, cell: Cell, health: PlatformHealth, deadline: Deadline) -> Answer:
        """Accept an outcome for its cell and deliver it, now or by the queue; the answer is the tool's.

        Raises StorageUnavailable when the table cannot be reached; then nothing is acknowledged.
        """
        while True:
            answer = self._step(wanted, cell, health, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.cell_busy()
            cell = with_imported_history(self._ledger.cell(cell.key), wanted.mapping)

    def _step(self, wanted: AddressedWrite, cell: Cell, health: PlatformHealth, deadline: Deadline) -> Answer | None:
        """Do one thing towards acceptance; None: read the cell again and go on."""
        if wanted.repeats(cell, REPEAT_WITHIN) or self._says_again(wanted, cell):
            joined = self._join(wanted, cell, deadline)
            if joined is not None:
                return joined
        # Whole: what stands before it in line may bring part of it, or fail. That is seen when it has its turn.
        delivery = new_delivery(wanted, cell, self._identifiers)
        takes_work = PROFILES[wanted.platform.profile].submission_extension
        if line.remainder(wanted.write, cell, delivery.rank, takes_work=takes_work) is None:
            return self._superseded(wanted, delivery)
        if cell.head is None:
            return self._accept_as_head(wanted, delivery, cell, health, deadline)
        if nothing_to_send(wanted.write, PROFILES[wanted.platform.profile]):
            return answers.no_score()  # it is known now, and must not be told success first
        now = to_milliseconds(self._clock.now())
        if line.is_queued_up(cell, now) and not line.is_left_behind(cell, now):
            return self._accept_queued(wanted, delivery, cell, None, deadline)
        return self._accept_awaited(wanted, delivery, cell, deadline)

    def _says_again(self, wanted: AddressedWrite, cell: Cell) -> bool:
        """Tell whether a tool hands in again the work that it was not told yet to be stored.

        The message has another number and so another body. But as long as the first one is under way, or nobody knows
        its end, the tool has every reason to send it again, and the work would be one more attempt.
        """
        newest = line.newest(cell)
        if newest is None or not line.sets_work(wanted.write) or not wanted.follows(cell, REPEAT_WITHIN):
            return False
        if line.is_sure(cell, newest.delivery_id):
            return False
        earlier = self._ledger.delivery(newest.delivery_id, self._clock.now())
        if earlier is None or not wanted.says_the_same(earlier):
            return False
        return earlier.state.under_way or (earlier.state is DeliveryState.FAILED and earlier.outcome_unknown)

    def _accept_as_head(
        self, wanted: AddressedWrite, delivery: Delivery, cell: Cell, health: PlatformHealth, deadline: Deadline
    ) -> Answer | None:
        """Write receipt, cell and delivery in one transaction, then deliver; or leave it to the queue at once."""
        admission = self._gate.admit(wanted.platform.name, health, may_probe=not delivery.queueable)
        if admission.permission is not Permission.GO:
            if nothing_to_send(wanted.write, PROFILES[wanted.platform.profile]):
                return answers.no_score()
            if delivery.queueable:
                return self._accept_queued(wanted, delivery, cell, admission, deadline)
            why = SLOWED if admission.permission is Permission.SLOWED else DOWN
            return answers.unavailable(PlatformUnavailable(why, maybe_applied=False))
        now = to_milliseconds(self._clock.now())
        lease_until = now + int(self._lease * 1000)
        delivery = begun(delivery, lease_until, now)
        entered = line.entered(cell, delivery, awaited_until=lease_until, due_at=lease_until)
        owned = _first_submission(wanted, delivery, cell, line.claimed(entered, lease_until))
        stored = self._store(wanted, delivery, cell, owned, deadline, until=lease_until)
        if not isinstance(stored, _Stored):
            return stored
        retry = is_late(delivery, self._clock.now())
        claimed = Claimed(delivery, wanted.write, stored.cell, wanted.platform, stored.receipt, retry=retry)
        return self._turns.go_on(claimed, deadline)

    def _accept_awaited(
        self, wanted: AddressedWrite, delivery: Delivery, cell: Cell, deadline: Deadline
    ) -> Answer | None:
        """Store an outcome behind another one that is just being delivered, and wait for its turn."""
        if len(cell.line) >= line.LONGEST:
            return answers.cell_busy()
        until = to_milliseconds(self._clock.now()) + int(deadline.remaining() * 1000)
        entered = line.entered(cell, delivery, awaited_until=until, due_at=until)
        stored = self._store(wanted, delivery, cell, entered, deadline, until=until)
        if not isinstance(stored, _Stored):
            return stored
        return self._awaiting.wait(delivery.id, deadline, mine=True) or answers.in_progress()

    def _accept_queued(
        self,
        wanted: AddressedWrite,
        delivery: Delivery,
        cell: Cell,
        admission: Admission | None,
        deadline: Deadline,
    ) -> Answer | None:
        """Store an outcome for the queue, and answer so in the same transaction."""
        if not delivery.queueable:
            return answers.cell_busy()
        dropped = None
        if len(cell.line) >= line.LONGEST:
            dropped = self._dropped(cell, wanted)
            if dropped is None:
                return answers.cell_busy()
            cell_before, cell = cell, line.left(cell, dropped.after.id, due_at=cell.due_at or 0)
        else:
            cell_before = cell
        now = to_milliseconds(self._clock.now())
        entered = line.entered(cell, delivery, awaited_until=0, due_at=now)
        placed, queued = self._queueing.placed(entered, delivery, admission)
        stored = self._store(wanted, queued, cell_before, placed, deadline, answer=answers.queued(), also=dropped)
        if not isinstance(stored, _Stored):
            return stored
        self._queueing.call(cell_before, stored.cell)
        return answers.queued()

    def _dropped(self, cell: Cell, wanted: AddressedWrite) -> Change[Delivery] | None:
        """Supersede a score in a full line that the new one makes useless, if it is the newer one."""
        place = line.droppable(cell, wanted.write)
        if place is not None and place.received_at > wanted.request.received_at:
            return None
        useless = None if place is None else self._ledger.delivery(place.delivery_id, self._clock.now())
        if useless is None or not useless.state.under_way:
            return None
        ending = Ending(DeliveryState.SUPERSEDED, answers.superseded(), applied=False)
        return Change(useless, ended_delivery(useless, ending, to_milliseconds(self._clock.now())))

    def _store(
        self,
        wanted: AddressedWrite,
        delivery: Delivery,
        before: Cell,
        after: Cell,
        deadline: Deadline,
        *,
        until: int = 0,
        answer: Answer | None = None,
        also: Change[Delivery] | None = None,
    ) -> _Stored | Answer | None:
        """Write receipt, cell and delivery in one transaction; None: the cell is another by now."""
        receipt = wanted.request.receipt(delivery.id, deadline=until, answer=answer)
        try:
            stored = self._ledger.commit(
                self._clock.now(),
                receipt=Change(wanted.earlier_receipt, receipt),
                cell=Change(before, after),
                delivery=Change(None, delivery),
                also=also,
            )
        except StorageConflict as conflict:
            return self._answer_of_twin(wanted, deadline) if "receipt" in conflict.kinds else None
        return _Stored(stored or after, delivery, receipt)

    def _answer_of_twin(self, wanted: AddressedWrite, deadline: Deadline) -> Answer | None:
        """The same signed request was accepted elsewhere at the same moment: wait for its end."""
        receipt = self._twin(wanted.request)
        if receipt is None:
            return None
        return receipt.answer or self._resumption.resume(receipt.delivery_id, deadline)

    def _twin(self, request: AuthenticRequest) -> Receipt | None:
        """Read the receipt that another request wrote meanwhile; one nonce for two contents is refused here too."""
        receipt = self._ledger.receipt(request.receipt_key, self._clock.now())
        request.check_same_content(receipt)
        return receipt

    def _join(self, wanted: AddressedWrite, cell: Cell, deadline: Deadline) -> Answer | None:
        """Answer a newly signed repeat with the end of the delivery that it repeats; None when that one failed."""
        newest = line.newest(cell)
        earlier = None if newest is None else self._ledger.delivery(newest.delivery_id, self._clock.now())
        if earlier is None or earlier.state is DeliveryState.REFUSED:
            return None
        if earlier.state is DeliveryState.FAILED and not earlier.outcome_unknown:
            return None
        answer = self._resumption.resume(earlier.id, deadline)
        if answer is None:
            return None
        receipt = wanted.request.receipt(earlier.id, answer=answer if answer.succeeded else None)
        try:
            self._ledger.commit(self._clock.now(), receipt=Change(wanted.earlier_receipt, receipt))
        except StorageConflict:
            self._twin(wanted.request)  # the same signed request, sent twice at once, joined twice
        return answer

    def _superseded(self, wanted: AddressedWrite, delivery: Delivery) -> Answer:
        """An outcome received before the newest one of its cell changes nothing; remember that it was seen."""
        answer = answers.superseded()
        receipt = wanted.request.receipt(delivery.id, answer=answer)
        now = self._clock.now()
        ended = ended_delivery(delivery, Ending(DeliveryState.SUPERSEDED, answer, applied=False), to_milliseconds(now))
        try:
            self._ledger.commit(now, receipt=Change(wanted.earlier_receipt, receipt), delivery=Change(None, ended))
        except StorageConflict:
            self._twin(wanted.request)  # the same signed request, sent twice at once, is superseded twice
        return answer


def _first_submission(wanted: AddressedWrite, delivery: Delivery, before: Cell, owned: Cell) -> Cell:
    """Note a first submission that needs no look at the platform along with the acceptance."""
    newest = line.newest(before)
    overtaken = newest is not None and newest.rank > delivery.rank
    if before.unsettled_id is not None or delivery.write is None or overtaken:
        return owned
    order = Order(
        delivery.write,
        delivery.cell.user_id,
        from_milliseconds(delivery.received_at),
        from_milliseconds(delivery.timestamp),
    )
    step = next_step(order, before, PROFILES[wanted.platform.profile], Facts())
    if isinstance(step, PostScore) and step.first_submission and step.submitted_at is not None:
        return first_submission_noted(owned, delivery.id, to_milliseconds(step.submitted_at))
    return owned
