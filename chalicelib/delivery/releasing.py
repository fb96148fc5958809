"""Parked outcomes whose sourcedid has been mapped: each goes to the line of its cell, in the order of their receipt.

It is done by whoever writes a mapping, by the next outcome of the sourcedid, and by the schedule, which looks through
all lots within ten minutes: a crash between mapping and releasing strands nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.endings import Ending, ended_delivery, queued
from chalicelib.delivery.lots import Lot, ParkedOutcome, without_parked
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState
from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import StorageConflict, StorageUnreadable
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.history import with_imported_history
from chalicelib.mapping.model import Mapping
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.lots import TENTHS, Count, LotStore
from chalicelib.storage.platforms import PlatformStore
from chalicelib.translation import answers
from chalicelib.translation.refusals import ordering_timestamp

SWEPT = "parked_outcomes"
STUCK = "parked_unreadable"
KEPT_PARKED = int(timedelta(days=90).total_seconds() * 1000)
"""How long an outcome waits for a mapping (design, "Data kept")."""
MAPPED_NOW = "its sourcedid is mapped now"


@dataclass(frozen=True, slots=True)
class _Destination:
    """Where the outcomes of a lot go."""

    mapping: Mapping
    platform: Platform

    @property
    def cell(self) -> CellKey:
        return CellKey(self.mapping.platform, self.mapping.line_item, self.mapping.user_id)


class Releasing:
    """Moves parked outcomes to their cells, and ends those that waited too long."""

    def __init__(
        self, ledger: Ledger, lots: LotStore, platforms: PlatformStore, calls: Calls, rules: RetryRules, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._lots = lots
        self._platforms = platforms
        self._calls = calls
        self._rules = rules
        self._clock = clock

    def release(self, found: Collection[tuple[Lot, Mapping]], deadline: Deadline) -> int:
        """Release what is parked in the lots; returns how many outcomes left them.

        They go in the order of their receipt through all lots: two sourcedids may be those of one student. What finds
        the line of its cell full, or its platform not registered, stays for a later time.
        """
        holding = [(lot, mapping) for lot, mapping in found if lot.parked]
        lots = [lot for lot, _ in holding]
        destinations = self._destinations([mapping for _, mapping in holding])
        turns = [(place, number) for number, lot in enumerate(lots) for place in lot.parked]
        left: Counter[int] = Counter()
        for place, number in sorted(turns, key=lambda turn: turn[0].received_at):
            destination = destinations[number]
            if destination is not None:
                lots[number], moved = self._move(lots[number], place, destination, deadline)
                left[number] += moved
            if deadline.passed:
                break
        self._give_back((lots[number], count) for number, count in left.items())
        return left.total()

    def release_mapped(self, mapping: Mapping, deadline: Deadline) -> int:
        """Release what is parked for exactly the sourcedid of a mapping that was just written."""
        return self.release([(self._lots.get(mapping.consumer_key, mapping.sourcedid), mapping)], deadline)

    def release_tools(self, consumer_keys: Collection[str], deadline: Deadline) -> int:
        """Release what is parked for sourcedids of these tools that are mapped by now."""
        holding = (lot for tenth in range(TENTHS) for lot in self._lots.holding(tenth))
        wanted = (lot for lot in holding if lot.consumer_key in consumer_keys)
        return self.release([(lot, it) for lot, it in self._lots.with_mappings(wanted) if it is not None], deadline)

    def give_up(self, lot: Lot, answer: Answer, deadline: Deadline, *, received_before: int | None = None) -> int:
        """End what is parked in a lot as failed, or only what was received before a time; returns how many it were."""
        before, ended = lot, 0
        for place in lot.parked:
            if (received_before is None or place.received_at < received_before) and not deadline.passed:
                after = self._end(lot, place, answer)
                ended += after is not lot
                lot = after
        self._give_back([(before, ended)])
        return ended

    def sweep(self, deadline: Deadline) -> None:
        """Look through a tenth of the lots: release what is mapped by now, end what is too old, count the rest.

        Raises
        ------
        StorageUnavailable
            If the table cannot be reached; ten minutes later the same is done.
        """
        now = to_milliseconds(self._clock.now())
        tenth = now // 60_000 % TENTHS
        counts = self._lots.counts(tenth)
        lots = list(takewhile(lambda _: not deadline.passed, self._lots.with_mappings(self._lots.holding(tenth))))
        released = self.release([(lot, mapping) for lot, mapping in lots if mapping is not None], deadline)
        aged = 0
        for lot, mapping in lots:
            if lot.parked[0].received_at < now - KEPT_PARKED and not deadline.passed:
                present = lot if mapping is None else self._lots.get(lot.consumer_key, lot.sourcedid)
                aged += self.give_up(present, answers.never_mapped(), deadline, received_before=now - KEPT_PARKED)
        if released or aged:
            telemetry.event(SWEPT, released=released, aged=aged)
        elif not deadline.passed:
            self._correct(counts, [lot for lot, _ in lots])

    def _correct(self, counts: Sequence[Count], lots: Sequence[Lot]) -> None:
        """Put right how much is counted as parked: a crash leaves numbers wrong."""
        parked: Counter[str] = Counter()
        for lot in lots:
            parked[lot.consumer_key] += len(lot.parked)
        for count in counts:
            if count.number != parked[count.consumer_key]:
                self._lots.correct(count, parked[count.consumer_key])

    def _destinations(self, mappings: Sequence[Mapping]) -> list[_Destination | None]:
        names = {mapping.platform for mapping in mappings}
        platforms = {name: self._platforms.get(name) for name in names}
        found = ((mapping, platforms[mapping.platform]) for mapping in mappings)
        return [None if platform is None else _Destination(mapping, platform) for mapping, platform in found]

    def _move(self, lot: Lot, place: ParkedOutcome, destination: _Destination, deadline: Deadline) -> tuple[Lot, bool]:
        """Move one outcome to the line of its cell; returns the lot as it is now, and whether we moved it."""
        while place in lot.parked:
            try:
                after = self._try_to_move(lot, place, destination)
            except StorageConflict:
                lot = self._lots.get(lot.consumer_key, lot.sourcedid)
            except StorageUnreadable as problem:
                telemetry.event(STUCK, delivery=place.delivery_id, why=str(problem))
                return lot, False
            else:
                return after, after is not lot
            if deadline.passed:
                break
        return lot, False

    def _try_to_move(self, lot: Lot, place: ParkedOutcome, destination: _Destination) -> Lot:
        """Write lot, delivery and cell in one transaction; the lot comes back as it is when the cell's line is full."""
        now = self._clock.now()
        delivery = self._ledger.delivery(place.delivery_id, now)
        after = without_parked(lot, place.delivery_id)
        if delivery is None or delivery.state is not DeliveryState.PARKED:
            self._ledger.commit(now, lot=Change(lot, after))
            return after
        cell = with_imported_history(self._ledger.cell(destination.cell), destination.mapping)
        moved = _moved(delivery, cell, destination, to_milliseconds(now))
        if moved.state.ended:
            self._ledger.commit(now, lot=Change(lot, after), delivery=Change(delivery, moved))
            return after
        if len(cell.line) >= line.LONGEST:
            return lot
        due_at = to_milliseconds(now) + self._rules.look_again
        entered = line.entered(cell, moved, awaited_until=0, due_at=due_at)
        called = entered if cell.line else line.called(entered, due_at)
        changed = Change(delivery, moved)
        stored = self._ledger.commit(now, lot=Change(lot, after), delivery=changed, cell=Change(cell, called))
        if stored is not None and not cell.line:
            self._calls.try_to_send(stored)
        return after

    def _end(self, lot: Lot, place: ParkedOutcome, answer: Answer) -> Lot:
        """End one outcome as failed; the lot comes back as it is when somebody else was faster."""
        now = self._clock.now()
        after = without_parked(lot, place.delivery_id)
        try:
            delivery = self._ledger.delivery(place.delivery_id, now)
            change = None
            if delivery is not None and delivery.state is DeliveryState.PARKED:
                ending = Ending(DeliveryState.FAILED, answer, applied=False)
                change = Change(delivery, ended_delivery(delivery, ending, to_milliseconds(now)))
            self._ledger.commit(now, lot=Change(lot, after), delivery=change)
        except (StorageConflict, StorageUnreadable) as problem:
            telemetry.event(STUCK, delivery=place.delivery_id, why=str(problem))
            return lot
        return after

    def _give_back(self, left: Iterable[tuple[Lot, int]]) -> None:
        """Count what left the lots as parked no more."""
        for lot, count in left:
            if count:
                self._lots.give_back(lot, count)


def _moved(delivery: Delivery, cell: Cell, destination: _Destination, now: int) -> Delivery:
    """Return a parked delivery as it stands in the line of its cell; or ended, if a newer outcome brings all of it."""
    if delivery.write is None:
        raise StorageUnreadable("a parked delivery has no content")
    profile, received_at = PROFILES[destination.platform.profile], delivery.received_at
    addressed = replace(
        delivery,
        cell=cell.key,
        sourcedid_digest=sourcedid_digest(destination.mapping.sourcedid),
        context=destination.mapping.context,
        retried_at=now,
        number=cell.accepted + 1,
    )
    write = line.remainder(delivery.write, cell, addressed.rank, takes_work=profile.submission_extension)
    if write is None:
        return ended_delivery(addressed, Ending(DeliveryState.SUPERSEDED, answers.superseded(), applied=False), now)
    placed = replace(
        addressed,
        write=write,
        timestamp=ordering_timestamp(received_at, cell.newest_timestamp, profile),
    )
    return queued(placed, MAPPED_NOW, now)
