"""Keeps the deliveries: every accepted outcome and its story, listed by day."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from chalicelib.clock import from_milliseconds
from chalicelib.delivery.courses import course_of
from chalicelib.delivery.records import Delivery, DeliveryEvent, DeliveryState
from chalicelib.errors import StorageUnreadable
from chalicelib.lti11.messages import Write
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.cells import read_cell_key, written_cell_key
from chalicelib.storage.conditions import lifetime
from chalicelib.storage.keys import item_key
from chalicelib.storage.listings import in_turn
from chalicelib.storage.payloads import from_payload, to_payload
from chalicelib.storage.receipts import read_answer, written_answer
from chalicelib.storage.table import GET_BATCH, Table

KIND = "delivery"
KEPT = "payload"
KEPT_DAYS = 180
KEPT_FAILED_PAYLOAD = int(timedelta(days=30).total_seconds() * 1000)
"""Milliseconds that what the student wrote is kept of a delivery that ended without it (design, "Data kept")."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are wanted; None: any. Times are milliseconds: received at ``since`` or later, before ``until``.

    ``course`` is the mapping's context, the course part of the line item's URL, or the last name in that part.
    """

    consumer_key: str | None = None
    platform: str | None = None
    state: DeliveryState | frozenset[DeliveryState] | None = None
    user_id: str | None = None
    course: str | None = None
    since: int | None = None
    until: int | None = None

    def takes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is wanted."""
        return (
            self.consumer_key in (None, delivery.consumer_key)
            and self.platform in (None, delivery.cell.platform)
            and self.user_id in (None, delivery.cell.user_id)
            and self._takes_state(delivery.state)
            and (self.since is None or delivery.received_at >= self.since)
            and (self.until is None or delivery.received_at < self.until)
            and self._takes_course(delivery)
        )

    def days(self, now: datetime, kept: int) -> Iterator[date]:
        """Give the days on which such deliveries may have been received, newest first.

        From tomorrow on: the caller's clock may be behind at midnight.
        """
        newest = now.astimezone(UTC).date() + timedelta(days=1)
        oldest = newest - timedelta(days=kept + 1)
        if self.until is not None:
            newest = min(newest, from_milliseconds(self.until).date())
        if self.since is not None:
            oldest = max(oldest, from_milliseconds(self.since).date())
        for age in range((newest - oldest).days + 1):
            yield newest - timedelta(days=age)

    def _takes_state(self, state: DeliveryState) -> bool:
        return self.state is None or state in (self.state if isinstance(self.state, frozenset) else (self.state,))

    def _takes_course(self, delivery: Delivery) -> bool:
        if self.course is None or self.course == delivery.context:
            return True
        part = course_of(delivery.cell.line_item)
        return self.course in (part, part.rpartition("/")[2])


ANY = DeliveryFilter()


class DeliveryStore:
    """Reads deliveries. They are written by the ledger only, together with their cells."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, delivery_id: str) -> Delivery | None:
        """Read a delivery."""
        item = self._table.get(delivery_key(delivery_id))
        return None if item is None else from_item(item)

    def list(self, now: datetime, wanted: DeliveryFilter = ANY, *, days: int = KEPT_DAYS) -> Iterator[Delivery]:
        """Read the deliveries of the last days, newest first, as far as the caller goes.

        One that was written a moment ago may be missing or show its state before. Each day is one request or more,
        several days at once where little is found.
        """
        kinds = map(_listing_kind, wanted.days(now, days))
        return filter(wanted.takes, map(from_item, in_turn(self._table, kinds, reverse=True)))

    def get_many(self, delivery_ids: Iterable[str]) -> Iterator[Delivery]:
        """Read any number of deliveries, 100 in a request; those that are not stored are left out."""
        remaining = iter(dict.fromkeys(delivery_ids))
        while chunk := list(islice(remaining, GET_BATCH)):
            items = self._table.get_many(map(delivery_key, chunk))
            yield from (from_item(items[delivery_key(each)]) for each in chunk if delivery_key(each) in items)

    def remove(self, delivery_id: str) -> None:
        """Remove a delivery, its story, and what is kept of its content."""
        self._table.delete(kept_key(delivery_id))
        self._table.delete(delivery_key(delivery_id))


def delivery_key(delivery_id: str) -> str:
    """Make the key of a delivery's item."""
    return item_key(KIND, delivery_id)


def kept_key(delivery_id: str) -> str:
    """Make the key of the item in which an ended delivery's payload is kept apart from its story."""
    return item_key(KEPT, delivery_id)


def keeps_apart(delivery: Delivery) -> bool:
    """Tell whether the delivery's payload is an item of its own: it goes sooner than the story."""
    return delivery.state.ended and delivery.write is not None


def kept_item(delivery: Delivery) -> Item:
    """Make the item in which an ended delivery's payload is kept for those who may want it delivered after all."""
    if delivery.write is None or delivery.ended_at is None:
        raise ValueError("nothing is kept of this delivery")
    return {
        "pk": kept_key(delivery.id),
        "payload": to_payload(delivery.write),
        **lifetime(delivery.ended_at + KEPT_FAILED_PAYLOAD),
    }


def with_kept(delivery: Delivery, item: Item | None, now: int) -> Delivery:
    """Return the delivery with its payload, if that is still kept."""
    if item is None or (Fields(item).number_or_none("expires_at_ms") or 0) <= now:
        return delivery
    return replace(delivery, write=_payload(item))


def to_item(delivery: Delivery) -> Item:
    """Make the item of a delivery. It is listed under the day it was received, so that no listing grows for ever."""
    return {
        "pk": delivery_key(delivery.id),
        "listing_kind": _listing_kind(from_milliseconds(delivery.received_at).date()),
        "listing_order": f"{delivery.received_at:015d}#{delivery.id}",
        "id": delivery.id,
        **written_cell_key(delivery.cell),
        "consumer_key": delivery.consumer_key,
        "sourcedid_digest": delivery.sourcedid_digest,
        "context": delivery.context,
        "operation": delivery.operation,
        "payload": None if delivery.write is None or keeps_apart(delivery) else to_payload(delivery.write),
        "received_at": delivery.received_at,
        "timestamp": delivery.timestamp,
        "reference": delivery.reference,
        "body_digest": delivery.body_digest,
        "receipt_key": delivery.receipt_key,
        "state": delivery.state,
        "lease_until": delivery.lease_until,
        "number": delivery.number,
        "tries": delivery.tries,
        "file_tries": delivery.file_tries,
        "queueable": delivery.queueable,
        "acknowledged": delivery.acknowledged,
        "forced": delivery.forced,
        "retried_at": delivery.retried_at,
        "due_at": delivery.due_at,
        "outcome_unknown": delivery.outcome_unknown,
        "answer": written_answer(delivery.answer),
        "platform_words": delivery.platform_words,
        "platform_status": delivery.platform_status,
        "warnings": delivery.warnings,
        "events": [{"at": event.at, "what": event.what} for event in delivery.events],
        "ended_at": delivery.ended_at,
        **lifetime(delivery.expires_at),
    }


def from_item(item: Item) -> Delivery:
    """Read a delivery from its item."""
    fields = Fields(item)
    return Delivery(
        id=fields.text("id"),
        cell=read_cell_key(fields),
        consumer_key=fields.text("consumer_key"),
        sourcedid_digest=fields.text("sourcedid_digest"),
        context=fields.text("context"),
        operation=fields.text("operation"),
        write=_payload(item),
        received_at=fields.number("received_at"),
        timestamp=fields.number("timestamp"),
        reference=fields.text("reference"),
        body_digest=fields.text("body_digest"),
        receipt_key=fields.text("receipt_key"),
        state=fields.choice("state", DeliveryState),
        lease_until=fields.number("lease_until"),
        tries=fields.number("tries"),
        file_tries=fields.number_or_none("file_tries") or 0,  # what follows is not in version 0.1
        queueable=bool(fields.flag_or_none("queueable")),
        acknowledged=bool(fields.flag_or_none("acknowledged")),
        forced=bool(fields.flag_or_none("forced")),
        retried_at=fields.number_or_none("retried_at"),
        due_at=fields.number_or_none("due_at"),
        outcome_unknown=fields.flag("outcome_unknown"),
        answer=read_answer(fields.part_or_none("answer")),
        platform_words=fields.text("platform_words"),
        platform_status=fields.number_or_none("platform_status"),
        warnings=fields.texts("warnings"),
        events=tuple(DeliveryEvent(event.number("at"), event.text("what")) for event in fields.parts("events")),
        ended_at=fields.number_or_none("ended_at"),
        expires_at=fields.number_or_none("expires_at_ms"),
        number=fields.number_or_none("number") or 0,  # missing in what was accepted before the cells counted
    )


def _payload(item: Item) -> Write | None:
    payload = item.get("payload")
    if not isinstance(payload, str | bytes | None):
        raise StorageUnreadable("A stored payload is not what this version of Passback writes.")
    return None if payload is None else from_payload(payload)


def _listing_kind(day: date) -> str:
    return f"{KIND}#{day.isoformat()}"
