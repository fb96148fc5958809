"""Going on with a delivery whose request came again: wait for its end, take it over, or tell how it ended."""

from dataclasses import replace

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery.clearing import Clearing
from chalicelib.delivery.endings import Ending, covers, ended_delivery
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.delivery.takeover import Takeover
from chalicelib.errors import StorageConflict
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.platforms import PlatformStore
from chalicelib.translation import answers


class Resumption:
    """Resumes deliveries. Times, and so the effect, stay those of the first request."""

    def __init__(
        self, ledger: Ledger, platforms: PlatformStore, takeover: Takeover, clearing: Clearing, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._takeover = takeover
        self._clearing = clearing
        self._clock = clock

    def resume(self, delivery_id: str, platform: Platform, deadline: Deadline) -> Answer | None:
        """Bring a delivery to its end, and return the tool's answer; None when nothing is known of it.

        It goes to the platform that it was accepted for, also when the mapping points elsewhere by now. Past the
        deadline the answer is a failure, never success.
        """
        while True:
            delivery = self._ledger.delivery(delivery_id)
            if delivery is None:
                return None
            if delivery.write is None or delivery.state not in (DeliveryState.ACCEPTED, DeliveryState.FAILED):
                return delivery.answer
            if delivery.cell.platform != platform.name:
                registered = self._platforms.get(delivery.cell.platform)
                if registered is None:
                    return answers.platform_missing()
                platform = registered
            answer = self._step(delivery, self._ledger.cell(delivery.cell), platform, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.in_progress()

    def _step(self, delivery: Delivery, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        """Do one thing towards the end; None: read both again and go on."""
        if delivery.id not in (cell.under_way_id, cell.unsettled_id):
            clear = self._clearing.step(cell, platform, deadline)
            if clear is not True:
                return None if clear is False else clear
            if _overtaken(cell, delivery):
                covered = cell.newest is None or delivery.write is None or covers(cell.newest, delivery.write)
                return self._end_superseded(delivery) if covered else answers.overtaken()
        elif self._clearing.is_owned(cell):
            self._clearing.pause(deadline)
            return None
        answer = self._takeover.run(delivery, cell, platform, deadline)
        if answer is None:
            self._clearing.pause(deadline)  # somebody else was faster
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


def _overtaken(cell: Cell, delivery: Delivery) -> bool:
    """Tell whether a newer outcome is in the cell; of two received in one millisecond, the one accepted later."""
    newest = cell.newest
    if newest is None or newest.delivery_id == delivery.id or newest == delivery.previous:
        return False
    return newest.received_at >= delivery.received_at
