"""What the queue's worker does with one message: the head of a cell is tried once, or the message is let go.

A message is a wish that may come twice, late or for nothing. Letting it go loses nothing: as long as a cell has
something undelivered, the schedule looks after it.
"""

from dataclasses import replace

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery.breaker import Permission
from chalicelib.delivery.endings import Ending, ended_cell, ended_delivery, may_be_applied
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.queue import Message, Queue, read_message
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.delivery.turns import Turns
from chalicelib.errors import PoisonMessage, StorageConflict, StorageUnavailable, StorageUnreadable
from chalicelib.lti11.messages import Answer
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation import answers

BURIED = "message_buried"
LET_GO = "message_let_go"
WORKED = "worked"
PATIENCE = 6.0
"""Seconds that a worker waits for a platform that throttles, rather than let the message go."""
TRIES = 5
"""Turns that are tried to be taken of a cell into whose line others enter at the same moment."""
COME_AGAIN = 30_000
"""Milliseconds after which a head that found the platform closed off is due again at the earliest."""


class Work:
    """Takes messages. ``budget`` (seconds) is what one delivery may take, ``lease`` outlasts it."""

    def __init__(
        self,
        ledger: Ledger,
        turns: Turns,
        gate: Gate,
        pace: Pace,
        queue: Queue,
        clock: Clock,
        budget: float,
        lease: float,
    ) -> None:
        self._ledger = ledger
        self._turns = turns
        self._gate = gate
        self._pace = pace
        self._queue = queue
        self._clock = clock
        self._budget = budget
        self._lease = lease

    def take(self, body: str, receive_count: int = 1) -> None:
        """Do what a message asks for; poison goes to the dead-letter queue with its reason.

        While the table cannot be used the message is let go as well: the schedule calls again, and a message that
        comes back by itself keeps its whole group waiting for minutes.

        Raises
        ------
        QueueUnavailable
            If poison cannot be buried; then it comes again.
        """
        try:
            message = read_message(body)
            self._deliver(message, receive_count)
        except PoisonMessage as poison:
            self._queue.bury(body, poison.reason)
            telemetry.event(BURIED, why=poison.reason[:200])
        except StorageUnavailable as problem:
            telemetry.event(LET_GO, why=str(problem))

    def _deliver(self, message: Message, receive_count: int) -> None:
        deadline = Deadline.after(self._clock, self._budget)
        try:
            delivery = self._ledger.delivery(message.delivery_id, self._clock.now())
            if delivery is None:
                raise PoisonMessage("no such delivery is stored")
            if delivery.state.ended:
                return self._said(delivery, "ended already", receive_count)
            around = self._ledger.surroundings(delivery, self._clock.now())
        except StorageUnreadable as problem:
            raise PoisonMessage(f"the stored delivery cannot be read: {problem}") from None
        return self._said(delivery, self._turn(message, delivery, around, deadline), receive_count)

    def _turn(self, message: Message, delivery: Delivery, around: Surroundings, deadline: Deadline) -> str:
        """Take the delivery's turn if it has one; says what became of the message."""
        cell, now = around.cell, to_milliseconds(self._clock.now())
        if not _calls_for(message, delivery, cell):
            return "another message is out"
        if cell.head is None or cell.head.delivery_id != delivery.id:
            return "not its turn"
        if cell.lease_until > now or cell.head.awaited_until > now:
            return "somebody else has it"
        if delivery.state is DeliveryState.WAITING and (delivery.due_at or 0) > now:
            return "not due yet"
        self._check_registered(delivery, around)
        admission = self._gate.admit(delivery.cell.platform, around.health)
        if admission.permission is Permission.SLOWED and admission.until - now <= PATIENCE * 1000:
            self._clock.sleep((admission.until - now) / 1000)
        elif admission.permission is not Permission.GO:
            return self._come_again(around, max(admission.until, now + COME_AGAIN))
        self._pace.wait(delivery.cell.platform, deadline)
        return self._take(delivery, around, deadline)

    def _take(self, delivery: Delivery, around: Surroundings, deadline: Deadline) -> str:
        """Take the turn; outcomes may enter the line at any moment, and above all during the pauses."""
        for _ in range(TRIES):
            answer = self._turns.take(delivery, around, deadline, self._lease)
            if answer is not None:
                return answer.description or answer.code
            found = self._ledger.delivery(delivery.id, self._clock.now())
            if found is None or found.state.ended:
                return "ended already"
            delivery, around = found, self._ledger.surroundings(found, self._clock.now())
            if around.cell.lease_until > to_milliseconds(self._clock.now()):
                return "somebody else has it"
        return "somebody else was faster"

    def _come_again(self, around: Surroundings, due_at: int) -> str:
        """Let the head be due again later: the platform is not to be called now."""
        try:
            self._ledger.commit(self._clock.now(), cell=Change(around.cell, replace(around.cell, due_at=due_at)))
        except StorageConflict:
            return "somebody else was faster"
        return "the platform is left alone"

    def _check_registered(self, delivery: Delivery, around: Surroundings) -> None:
        """End what can never be delivered, visibly, and bury its message.

        Raises
        ------
        PoisonMessage
            If the tool or the platform was removed.
        """
        if around.platform is None:
            self._fail(delivery, around, answers.platform_missing())
            raise PoisonMessage(f"the platform {delivery.cell.platform!r} is not registered any more")
        if not around.tool:
            self._fail(delivery, around, answers.tool_missing())
            raise PoisonMessage("the delivery's tool is not registered any more")

    def _fail(self, delivery: Delivery, around: Surroundings, answer: Answer) -> None:
        now = self._clock.now()
        at = to_milliseconds(now)
        applied = None if may_be_applied(delivery) else False
        ending = Ending(DeliveryState.FAILED, answer, applied=applied, platform_words=answer.description)
        cell = ended_cell(around.cell, delivery, ending, due_at=at, now=at)
        try:
            self._ledger.commit(
                now,
                cell=Change(around.cell, cell),
                delivery=Change(delivery, ended_delivery(delivery, ending, at)),
            )
        except StorageConflict:
            return  # somebody else has it, and will find the same

    def _said(self, delivery: Delivery, what: str, receive_count: int) -> None:
        telemetry.event(
            WORKED, delivery=delivery.id, reference=delivery.reference, what=what[:200], received=receive_count
        )


def _calls_for(message: Message, delivery: Delivery, cell: Cell) -> bool:
    """Tell whether a message may stand for the newest one of its cell.

    In a long backlog the schedule sends another message before the first has come to its turn. Were the first let go,
    its delivery would go to the end of the backlog each time.
    """
    if message.generation == cell.generation:
        return True
    return message.generation < cell.generation and delivery.state is DeliveryState.QUEUED
