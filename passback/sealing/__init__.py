"""``passback secrets``: what is sealed in the table, and sealing it anew when the master key changes."""

import click

from passback.commands import Group
from passback.sealing.command import reseal


@click.group(cls=Group)
def secrets() -> None:
    """Secrets: what the master key seals in the table."""


secrets.add_command(reseal)
