"""Messages that call for the heads of cells. A message is a wish: what the table holds decides."""

from contextlib import suppress
from dataclasses import replace

from chalicelib import telemetry
from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery.courses import message_group, shard_of
from chalicelib.delivery.queue import Message, Queue
from chalicelib.delivery.records import Cell
from chalicelib.errors import QueueUnavailable, StorageConflict, StorageUnavailable
from chalicelib.storage.ledger import Change, Ledger

SEND_AGAIN = 60_000
"""Milliseconds after which the schedule sends what the queue did not take."""
NOT_SENT = "queue_unavailable"


class Calls:
    """Sends messages for the heads of cells. What the queue does not take, the schedule sends again."""

    def __init__(self, queue: Queue, ledger: Ledger, clock: Clock, shards: int) -> None:
        self._queue = queue
        self._ledger = ledger
        self._clock = clock
        self._shards = shards

    def try_to_send(self, cell: Cell) -> None:
        """Call for the head of a cell as it is stored; whoever does so has something else to do if that fails."""
        with suppress(QueueUnavailable):
            self.send(cell)

    def send(self, cell: Cell) -> None:
        """Call for the head of a cell as it is stored.

        Raises
        ------
        QueueUnavailable
            If the queue does not take the message; the schedule sends another one soon.
        """
        if cell.head is None:
            return
        message = Message(cell.head.delivery_id, cell.generation)
        group = message_group(cell.key.platform, shard_of(cell.key.line_item, self._shards))
        try:
            self._queue.send(message, group)
        except QueueUnavailable as problem:
            telemetry.event(NOT_SENT, delivery=message.delivery_id, why=str(problem))
            self._look_sooner(cell)
            raise

    def _look_sooner(self, cell: Cell) -> None:
        """Let the schedule look after the head soon; else it waits as long as a message may be on its way."""
        now = self._clock.now()
        try:
            sooner = replace(cell, due_at=to_milliseconds(now) + SEND_AGAIN)
            self._ledger.commit(now, cell=Change(cell, sooner))
        except (StorageConflict, StorageUnavailable):
            return
