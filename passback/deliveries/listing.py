"""``passback delivery list``."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import click

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Delivery, DeliveryState
from passback.commands import Command
from passback.deliveries.documents import delivery_document, due, left_alone, why
from passback.deliveries.filters import STATES, hint_at_unknown, since_option, until_option, wanted, whose_options
from passback.moments import instant
from passback.output import Table
from passback.parameters import LISTED_AT_MOST
from passback.session import Session, pass_session

_COLUMNS = ("id", "received", "tool", "platform", "user", "operation", "state", "due", "what is known")


@click.command(cls=Command, name="list")
@whose_options
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    help="Only in this state; may be given several times.",
)
@since_option
@until_option
@click.option("--limit", type=LISTED_AT_MOST, default=50, show_default=True, help="At most so many.")
@pass_session
def list_deliveries(session: Session, /, states: tuple[str, ...], limit: int, **choice: Any) -> None:
    """List deliveries, newest first.

    Those that are not delivered yet show when they are due. What was received a moment ago may be missing, or show
    its state before.
    """
    now = session.clock.now()
    at = to_milliseconds(now)
    chosen = wanted(now, states=frozenset(map(DeliveryState, states)), **choice)
    found = list(islice(session.services.deliveries.list(now, chosen), limit))
    if not found:
        hint_at_unknown(session, choice["consumer_key"], choice["platform"])
    waiting = (each.cell.platform for each in found if each.state is DeliveryState.WAITING)
    down = left_alone(session.services, waiting, at)
    session.output.show(
        {"deliveries": [delivery_document(each) for each in found]},
        Table(_COLUMNS, [_row(each, at, down) for each in found], empty="No delivery."),
    )


def _row(delivery: Delivery, now: int, down: Mapping[str, int]) -> tuple[str, ...]:
    return (
        delivery.id,
        instant(delivery.received_at) or "",
        delivery.consumer_key,
        delivery.cell.platform or "-",
        delivery.cell.user_id or "-",
        delivery.operation,
        delivery.state.value,
        due(delivery, now, down.get(delivery.cell.platform)),
        why(delivery),
    )
