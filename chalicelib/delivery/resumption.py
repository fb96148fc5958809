"""Going on with an outcome that was accepted before: a request that comes again, or is signed again."""

from dataclasses import replace

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.awaiting import PAUSE, Awaiting
from chalicelib.delivery.endings import Ending, ended_delivery
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.errors import StorageConflict
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation import answers
from chalicelib.translation.refusals import ordering_timestamp


class Resumption:
    """Resumes deliveries. Times, and so the effect, stay those of the first request."""

    def __init__(self, ledger: Ledger, awaiting: Awaiting, clock: Clock) -> None:
        self._ledger = ledger
        self._awaiting = awaiting
        self._clock = clock

    def resume(self, delivery_id: str, deadline: Deadline) -> Answer | None:
        """Bring a delivery to its end, and return the tool's answer; None when nothing is known of it.

        It goes to the platform that it was accepted for, also when the mapping points elsewhere by now. Past the
        deadline the answer is a failure, never success.
        """
        while True:
            delivery = self._ledger.delivery(delivery_id, self._clock.now())
            if delivery is None:
                return None
            if delivery.state is not DeliveryState.FAILED or delivery.write is None or delivery.acknowledged:
                return self._awaiting.wait(delivery_id, deadline, mine=False)
            answer = self._again(delivery, delivery.write, deadline)
            if answer is not None:
                return answer
            if deadline.passed:
                return answers.in_progress()

    def _again(self, delivery: Delivery, write: Write, deadline: Deadline) -> Answer | None:
        """Put a delivery that failed for now back in line, and wait for its end; None: read again."""
        now = self._clock.now()
        around = self._ledger.surroundings(delivery, now)
        if around.platform is None:
            return answers.platform_missing()
        if len(around.cell.line) >= line.LONGEST:
            return answers.cell_busy()
        if line.is_unsettled_behind(around.cell, delivery.id):
            return self._while_settled(around.cell, deadline)
        awaited_until = to_milliseconds(now) + int(deadline.remaining() * 1000)
        again = back_in_line(delivery, write, around.cell, around.platform)
        if again is None:
            return self._end_superseded(delivery, around)
        receipt = around.receipt
        cell = line.entered(around.cell, again, awaited_until=awaited_until, due_at=awaited_until)
        try:
            self._ledger.commit(
                now,
                receipt=None if receipt is None else Change(receipt, replace(receipt, deadline=awaited_until)),
                cell=Change(around.cell, cell),
                delivery=Change(delivery, again),
            )
        except StorageConflict:
            return None
        return self._awaiting.wait(delivery.id, deadline, mine=True)

    def _while_settled(self, cell: Cell, deadline: Deadline) -> Answer | None:
        """Wait while somebody is tried who finds out first what became of the delivery; None: read again."""
        if not line.is_being_tried(cell, to_milliseconds(self._clock.now())):
            return answers.in_progress()
        self._clock.sleep(min(PAUSE, deadline.remaining()))
        return None

    def _end_superseded(self, delivery: Delivery, around: Surroundings) -> Answer | None:
        answer, now = answers.superseded(), self._clock.now()
        ending = Ending(DeliveryState.SUPERSEDED, answer, applied=False)
        receipt = around.receipt
        try:
            self._ledger.commit(
                now,
                receipt=None if receipt is None else Change(receipt, replace(receipt, answer=answer)),
                delivery=Change(delivery, ended_delivery(delivery, ending, to_milliseconds(now))),
            )
        except StorageConflict:
            return None
        return answer


def back_in_line(delivery: Delivery, write: Write, cell: Cell, platform: Platform) -> Delivery | None:
    """Return an ended delivery as it goes back into its cell's line; None: newer outcomes bring all that it would.

    It keeps its rank and its times, unless a newer outcome has the later timestamp by now.
    """
    profile = PROFILES[platform.profile]
    if line.remainder(write, cell, delivery.rank, takes_work=profile.submission_extension) is None:
        return None
    newest, timestamp = line.newest(cell), delivery.timestamp
    if newest is not None and newest.rank > delivery.rank:
        timestamp = ordering_timestamp(delivery.received_at, cell.newest_timestamp, profile)
    return replace(delivery, state=DeliveryState.ACCEPTED, write=write, timestamp=timestamp, answer=None, ended_at=None)
