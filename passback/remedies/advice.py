"""What can be done with one delivery as it stands: of a remedy's general advice, the part that is possible here."""

from dataclasses import dataclass

from chalicelib.delivery.records import Delivery, DeliveryState
from passback.remedies.model import Remedy, Retry


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do with the delivery itself: the kind, for scripts, and the sentence, for people."""

    kind: Retry
    sentence: str


def advice_for(delivery: Delivery, remedy: Remedy) -> Advice:
    """Say what to do with a delivery; never a retry that would be refused for what is known of it.

    What a newer outcome has brought since, a retry finds out (``covered``).
    """
    if delivery.state.under_way:
        return Advice(Retry.NONE if delivery.state is DeliveryState.PARKED else Retry.WAIT, _under_way(delivery))
    match _possible(delivery, remedy.retry):
        case Retry.RETRY:
            return Advice(Retry.RETRY, _again(delivery))
        case Retry.FORCE:
            return Advice(Retry.FORCE, Retry.FORCE.value.replace("ID`", f"{delivery.id}`"))
        case Retry.RESEND:
            return Advice(Retry.RESEND, _send_again(delivery, remedy.retry))
    return Advice(Retry.NONE, Retry.NONE.value)


def _possible(delivery: Delivery, wanted: Retry) -> Retry:
    """Return what comes nearest to the general advice for a delivery that has ended."""
    if wanted in (Retry.NONE, Retry.RESEND):
        return wanted
    if delivery.write is None or delivery.state in (DeliveryState.DELIVERED, DeliveryState.SUPERSEDED):
        return Retry.RESEND
    return Retry.FORCE if wanted is Retry.FORCE or delivery.state is DeliveryState.HELD else Retry.RETRY


def _send_again(delivery: Delivery, wanted: Retry) -> str:
    if wanted is Retry.FORCE or delivery.state is DeliveryState.SUPERSEDED:
        return "Only if the tool's grade is the right one: let the tool send it again."
    if delivery.state is DeliveryState.DELIVERED:
        return "Then let the tool send it again."
    if delivery.write is None:
        return "Then let the tool send the grade again: its content is not kept here, so that a retry cannot help."
    return Retry.RESEND.value


def _again(delivery: Delivery) -> str:
    mapped = "" if delivery.cell.platform else "Bring the mapping of its sourcedid in. "
    every = ", or `passback delivery retry --all-failed` for all that failed"
    command = f"Then `passback delivery retry {delivery.id}`"
    return f"{mapped}{command}{every if delivery.state is DeliveryState.FAILED else ''}."


def _under_way(delivery: Delivery) -> str:
    if delivery.state is DeliveryState.PARKED:
        return "Nothing more: it goes by itself once its sourcedid is mapped."
    if delivery.state is DeliveryState.WAITING:
        return f"Passback tries again by itself. To try at once: `passback delivery retry {delivery.id}`."
    return "Nothing more: Passback brings it by itself, in its turn."
