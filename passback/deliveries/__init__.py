"""``passback delivery``: what became of each accepted outcome, why a grade did not arrive, and trying it again."""

import click

from passback.commands import Group
from passback.deliveries.listing import list_deliveries
from passback.deliveries.retrying import retry
from passback.deliveries.showing import show
from passback.deliveries.watching import watch


@click.group(cls=Group)
def delivery() -> None:
    """Deliveries: what became of each outcome."""


for command in (list_deliveries, show, retry, watch):
    delivery.add_command(command)
