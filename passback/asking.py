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


def agree(session: Session, sentence: str, *, yes: bool) -> None:
    """Go on only if it is agreed to, by --yes or by a person.

    Raises
    ------
    CommandFailed
        If it is not, or there is nobody to ask; nothing was changed then.
    """
    try:
        agreed = confirmed(session, sentence, yes=yes)
    except click.Abort as stopped:
        # click makes one error of Ctrl-C and of the end of the input; which it was, its context says.
        if isinstance(stopped.__context__, EOFError):
            raise CommandFailed("usage", "Nothing was changed, as there is nobody here to ask: add --yes.", 2) from None
        agreed = False
    if not agreed:
        raise CommandFailed("declined", "Nothing was changed.", 130)
