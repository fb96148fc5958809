"""Asking before something that cannot be taken back, or that is a lot."""

import click

from passback.failures import CommandFailed
from passback.session import Session


def confirmed(session: Session, sentence: str, *, yes: bool) -> bool:
    """Tell whether to go on: by --yes, or by a person's answer on standard input, asked on standard error.

    Raises
    ------
    CommandFailed
        If a script asks for JSON and does not say --yes.
    """
    if yes:
        return True
    if session.output.json_mode:
        raise CommandFailed("usage", f"{sentence} Add --yes.", 2)
    return click.confirm(f"{sentence} Go on?", err=True)
