"""``passback delivery show``: the whole story of one delivery, what it means, and what to do about it."""

import re
from itertools import islice
from typing import Any

import click

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, Delivery
from passback.commands import Command
from passback.deliveries.documents import QUEUED, delivery_document, due, left_alone, told
from passback.failures import CommandFailed
from passback.moments import instant
from passback.output import Facts, Table, View, Words
from passback.remedies import Remedy, advice_for, remedy_of
from passback.session import Session, pass_session

WALKED = 20_000
"""Deliveries that are looked through for a reference: they are listed by their time, not by it."""
_REFERENCE = re.compile(r"\[?(?:EID_)?([0-9]+)\]?")


@click.command(cls=Command)
@click.argument("delivery_id", metavar="ID|REFERENCE", required=False)
@click.option("--reference", metavar="DIGITS", hidden=True)
@pass_session
def show(session: Session, delivery_id: str | None, reference: str | None) -> None:
    """Tell the whole story of one delivery, why its grade did not arrive, and what to do about it.

    It is named by its ID, or by the reference in the tool's answer, [EID_digits]. A reference is looked for among the
    newest 20000 deliveries.
    """
    name = delivery_id or reference
    if name is None or (delivery_id and reference):
        raise CommandFailed("usage", "Give the delivery's ID, or the reference in the tool's answer: [EID_digits].", 2)
    found = find(session, name)
    cell = session.services.ledger.cell(found.cell) if found.cell.platform and found.state.under_way else None
    remedy = remedy_of(found, _profile(session, found))
    document = {**delivery_document(found), "content_kept": found.write is not None}
    document |= {"line": _place_document(found, cell), "remedy": _remedy_document(found, remedy)}
    session.output.show({"delivery": document}, *_story(session, found, cell, remedy))


def find(session: Session, name: str) -> Delivery:
    """Find a delivery by its id, or by its reference, with what is kept of its content.

    Raises
    ------
    CommandFailed
        If there is none.
    """
    now, services = session.clock.now(), session.services
    found = services.ledger.delivery(name, now)
    digits = _REFERENCE.fullmatch(name)
    if found is None and digits is not None:
        newest = islice(services.deliveries.list(now), WALKED)
        listed = next((each for each in newest if each.reference == digits[1]), None)
        found = None if listed is None else services.ledger.delivery(listed.id, now)
    if found is None:
        among = "" if digits is None else f" among the newest {WALKED} deliveries"
        raise CommandFailed(
            "not_found",
            f"There is no such delivery{among}. An outcome that was refused before it was stored makes none: one that "
            "failed a local check (signature, sourcedid, numbers), or of a tool with `--on-delay fail` while its "
            "platform was known to be down. Look for its reference in the log. `passback delivery list` names those "
            "there are.",
        )
    return found


def _profile(session: Session, delivery: Delivery) -> str:
    platform = session.services.platforms.get(delivery.cell.platform) if delivery.cell.platform else None
    return "" if platform is None else platform.profile


def _story(session: Session, delivery: Delivery, cell: Cell | None, remedy: Remedy | None) -> list[View]:
    now = to_milliseconds(session.clock.now())
    down = left_alone(session.services, [delivery.cell.platform] if delivery.state.under_way else [], now)
    views: list[View] = [Facts(_pairs(delivery, cell, now, down.get(delivery.cell.platform)))]
    views += [Words(f"Warning: {warning}", "yellow") for warning in delivery.warnings]
    if delivery.events:
        rows = [(instant(event.at) or "", event.what) for event in delivery.events]
        views.append(Table(("when", "what happened"), rows))
    if remedy is not None:
        views.append(
            Facts(
                [("why", remedy.cause), ("what to do", remedy.remedy), ("then", advice_for(delivery, remedy).sentence)]
            )
        )
    return views


def _pairs(delivery: Delivery, cell: Cell | None, now: int, left_alone_until: int | None) -> list[tuple[str, str]]:
    unknown = " (whether the platform applied it is unknown)" if delivery.outcome_unknown else ""
    forced = " (forced by an operator)" if delivery.forced else ""
    pairs = [
        ("id", delivery.id),
        ("state", delivery.state.value + unknown + forced),
        ("tool", delivery.consumer_key),
        ("operation", delivery.operation),
        ("platform", delivery.cell.platform or "-"),
        ("line item", delivery.cell.line_item or "-"),
        ("user id", delivery.cell.user_id or "-"),
        ("context", delivery.context or "-"),
        ("received", instant(delivery.received_at) or "-"),
        ("timestamp sent", instant(delivery.timestamp) or "-"),
    ]
    if delivery.state.under_way:
        pairs += [("due", _due(delivery, now, left_alone_until)), ("place", _place(delivery, cell))]
    if delivery.retried_at is not None:
        pairs.append(("queued again", f"{instant(delivery.retried_at)}, by an operator"))
    return [
        *pairs,
        ("ended", instant(delivery.ended_at) or "-"),
        ("tries", str(delivery.tries)),
        ("reference", f"EID_{delivery.reference}"),
        ("platform's words", delivery.platform_words or "-"),
        *_answers(delivery),
        ("content", "kept" if delivery.write is not None else "not kept"),
    ]


def _answers(delivery: Delivery) -> list[tuple[str, str]]:
    """Tell what the tool was told, and how it ended where that is something else."""
    if not delivery.acknowledged:
        return [("the tool was told", told(delivery) or "nothing yet")]
    ended = [] if delivery.answer is None else [("how it ended", told(delivery))]
    if delivery.retried_at is not None:  # an operator took over: the story says what came before
        return ended
    return [("the tool was told", QUEUED), *ended]


def _due(delivery: Delivery, now: int, left_alone_until: int | None) -> str:
    said = due(delivery, now, left_alone_until)
    return said if delivery.due_at is None else f"{said} ({instant(delivery.due_at)})"


def _place(delivery: Delivery, cell: Cell | None) -> str:
    number = _number(delivery, cell)
    if cell is None or number is None:
        return "in no line"
    if number == 1:
        return f"first of {len(cell.line)} for this student and line item"
    return f"{number} of {len(cell.line)} for this student and line item; the first is {cell.line[0].delivery_id}"


def _number(delivery: Delivery, cell: Cell | None) -> int | None:
    ids = [] if cell is None else [place.delivery_id for place in cell.line]
    return ids.index(delivery.id) + 1 if delivery.id in ids else None


def _place_document(delivery: Delivery, cell: Cell | None) -> dict[str, Any] | None:
    number = _number(delivery, cell)
    if cell is None or number is None:
        return None
    return {
        "place": number,
        "of": len(cell.line),
        "first": cell.line[0].delivery_id,
        "looked_after_at": instant(cell.due_at),
    }


def _remedy_document(delivery: Delivery, remedy: Remedy | None) -> dict[str, str] | None:
    if remedy is None:
        return None
    advice = advice_for(delivery, remedy)
    return {
        "name": remedy.name,
        "cause": remedy.cause,
        "remedy": remedy.remedy,
        "retry": advice.kind.name.lower(),
        "then": advice.sentence,
        "source": remedy.source,
    }
