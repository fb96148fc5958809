"""``passback delivery``: what became of each accepted outcome, and why a grade did not arrive."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import from_milliseconds, to_iso
from chalicelib.delivery.records import Delivery, DeliveryState
from passback.commands import Group
from passback.failures import CommandFailed
from passback.output import Facts, Table, View, Words
from passback.parameters import ConsumerKey, PlatformName
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group(cls=Group)
def delivery() -> None:
    """Deliveries: what became of each outcome."""


@delivery.command(name="list")
@click.option("--key", "consumer_key", type=ConsumerKey(), help="Only this tool's.")
@click.option("--platform", type=PlatformName(), help="Only to this platform.")
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@pass_session
def list_deliveries(
    session: Session, consumer_key: str | None, platform: str | None, state: str | None, limit: int
) -> None:
    """List deliveries, newest first."""
    from chalicelib.storage.deliveries import DeliveryFilter

    wanted = DeliveryFilter(consumer_key, platform, DeliveryState(state) if state else None)
    found = list(islice(session.services.deliveries.list(session.clock.now(), wanted), limit))
    session.output.show(
        {"deliveries": [delivery_document(each) for each in found]},
        Table(
            ("id", "received", "key", "platform", "operation", "state", "what the tool was told"),
            [
                (
                    each.id,
                    _instant(each.received_at) or "",
                    each.consumer_key,
                    each.cell.platform,
                    each.operation,
                    each.state.value,
                    _told(each),
                )
                for each in found
            ],
            empty="No delivery.",
        ),
    )


@delivery.command()
@click.argument("delivery_id", metavar="ID", required=False)
@click.option("--reference", metavar="DIGITS", help="Find it by the reference in the tool's answer: [EID_digits].")
@pass_session
def show(session: Session, delivery_id: str | None, reference: str | None) -> None:
    """Tell the whole story of one delivery."""
    if (delivery_id is None) == (reference is None):
        raise CommandFailed("usage", "Give the delivery's ID, or --reference with the digits of [EID_digits].", 2)
    found = session.services.deliveries.get(delivery_id) if delivery_id else _by_reference(session, str(reference))
    if found is None:
        raise CommandFailed(
            "not_found",
            "There is no such delivery. An outcome that failed a local check (signature, sourcedid, numbers) makes "
            "none: look for its reference in the log. `passback delivery list` names those there are.",
        )
    session.output.show({"delivery": delivery_document(found)}, *_story(found))


def _by_reference(session: Session, reference: str) -> Delivery | None:
    digits = reference.strip("[]").removeprefix("EID_")
    deliveries: Iterator[Delivery] = session.services.deliveries.list(session.clock.now())
    return next((each for each in deliveries if each.reference == digits), None)


def _story(delivery: Delivery) -> list[View]:
    pairs = [
        ("id", delivery.id),
        (
            "state",
            delivery.state.value
            + (" (whether the platform applied it is unknown)" if delivery.outcome_unknown else ""),
        ),
        ("tool", delivery.consumer_key),
        ("operation", delivery.operation),
        ("platform", delivery.cell.platform),
        ("line item", delivery.cell.line_item),
        ("user id", delivery.cell.user_id),
        ("context", delivery.context or "-"),
        ("received", _instant(delivery.received_at) or "-"),
        ("timestamp sent", _instant(delivery.timestamp) or "-"),
        ("ended", _instant(delivery.ended_at) or "-"),
        ("tries", str(delivery.tries)),
        ("reference", f"EID_{delivery.reference}"),
        ("platform's words", delivery.platform_words or "-"),
        ("the tool was told", _told(delivery) or "nothing yet"),
    ]
    views: list[View] = [Facts(pairs)]
    views += [Words(f"Warning: {warning}", "yellow") for warning in delivery.warnings]
    if delivery.events:
        rows = [(_instant(event.at) or "", event.what) for event in delivery.events]
        views.append(Table(("when", "what happened"), rows))
    return views


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as JSON-able values; the student's work is not among them."""
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
        "received_at": _instant(delivery.received_at),
        "timestamp": _instant(delivery.timestamp),
        "ended_at": _instant(delivery.ended_at),
        "tries": delivery.tries,
        "outcome_unknown": delivery.outcome_unknown,
        "reference": delivery.reference,
        "answer": None
        if answer is None
        else {"code": answer.code.value, "description": answer.description, "error_code": answer.error_code},
        "platform_words": delivery.platform_words,
        "warnings": list(delivery.warnings),
        "events": [{"at": _instant(event.at), "what": event.what} for event in delivery.events],
    }


def _told(delivery: Delivery) -> str:
    if delivery.answer is None:
        return ""
    parts = [delivery.answer.code.value, delivery.answer.error_code or "", delivery.answer.description]
    return " ".join(part for part in parts if part)


def _instant(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else to_iso(from_milliseconds(milliseconds))
