"""A delivery as it is printed: JSON-able values and short texts. What the student wrote is never among them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chalicelib.delivery.breaker import Permission, permission
from chalicelib.delivery.records import Delivery, DeliveryState
from passback.moments import distance, instant, length

if TYPE_CHECKING:
    from chalicelib.services import Services

QUEUED = "success queued for delivery"
"""What the tool of an acknowledged delivery was told."""


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as JSON-able values; of its sourcedid only the digest."""
    answer = delivery.answer
    return {
        "id": delivery.id,
        "state": delivery.state.value,
        "consumer_key": delivery.consumer_key,
        "sourcedid_digest": delivery.sourcedid_digest,
        "operation": delivery.operation,
        "platform": delivery.cell.platform,
        "line_item": delivery.cell.line_item,
        "user_id": delivery.cell.user_id,
        "context": delivery.context,
        "received_at": instant(delivery.received_at),
        "timestamp": instant(delivery.timestamp),
        "due_at": instant(delivery.due_at),
        "retried_at": instant(delivery.retried_at),
        "ended_at": instant(delivery.ended_at),
        "tries": delivery.tries,
        "file_tries": delivery.file_tries,
        "acknowledged": delivery.acknowledged,
        "forced": delivery.forced,
        "outcome_unknown": delivery.outcome_unknown,
        "reference": delivery.reference,
        "answer": None
        if answer is None
        else {"code": answer.code.value, "description": answer.description, "error_code": answer.error_code},
        "platform_words": delivery.platform_words,
        "warnings": list(delivery.warnings),
        "events": [{"at": instant(event.at), "what": event.what} for event in delivery.events],
    }


def told(delivery: Delivery) -> str:
    """Say what the tool was told, or would have been told; empty as long as there is no answer."""
    if delivery.answer is None:
        return ""
    parts = [delivery.answer.code.value, delivery.answer.error_code or "", delivery.answer.description]
    return " ".join(part for part in parts if part)


def due(delivery: Delivery, now: int, left_alone_until: int | None = None) -> str:
    """Say when an undelivered one is due; empty for one that has ended.

    ``left_alone_until``: its platform is down, and nobody calls it before then.
    """
    match delivery.state:
        case DeliveryState.WAITING if delivery.due_at is not None:
            if left_alone_until is not None and delivery.due_at <= left_alone_until:
                return f"left alone until {(instant(left_alone_until) or '')[11:19]}Z"
            late = (now - delivery.due_at) // 1000
            return f"since {length(late)}" if late > 0 else distance(delivery.due_at, now)
        case DeliveryState.QUEUED:
            return "in its turn"
        case DeliveryState.ACCEPTED:
            return "now"
        case DeliveryState.PARKED:
            return "once mapped"
    return ""


def left_alone(services: "Services", platforms: Iterable[str], now: int) -> dict[str, int]:
    """Tell which of the platforms are known to be down, and until when (milliseconds) nobody calls them."""
    found = {name: services.health.get(name) for name in sorted(set(platforms)) if name}
    return {name: health.probe_at for name, health in found.items() if permission(health, now) is Permission.CLOSED_OFF}


def why(delivery: Delivery) -> str:
    """Say in a few words how it stands or ended, for a list."""
    if delivery.state.under_way:
        return delivery.platform_words
    if delivery.answer is None:
        return ""
    return delivery.answer.description or delivery.answer.error_code or ""
