"""Asking before anything is done: whoever says no, or cannot be asked, is told that nothing was changed."""

from collections.abc import Callable
from typing import TypeVar

import click

from passback.asking import confirmed
from passback.failures import CommandFailed
from passback.session import Session

Answer = TypeVar("Answer")


def agree(session: Session, sentence: str, *, yes: bool) -> None:
    """Go on only if it is agreed to, by ``--yes`` or by a person.

    Raises
    ------
    CommandFailed
        If it is not, or there is nobody to ask.
    """
    if not _asked(lambda: confirmed(session, sentence, yes=yes), "--yes"):
        raise CommandFailed("declined", "Nothing was changed.", 130)


def typed_name(question: str, stage: str) -> str:
    """Have a name typed.

    Raises
    ------
    CommandFailed
        If it was stopped instead, or there is nobody to ask.
    """
    return str(_asked(lambda: click.prompt(question, err=True), f"--confirm {stage}"))


def _asked(ask: Callable[[], Answer], instead: str) -> Answer:
    try:
        return ask()
    except click.Abort as stopped:
        click.echo(err=True)  # the cursor stands behind the question
        # click makes one error of Ctrl-C and of the end of the input; which it was, its context says.
        if isinstance(stopped.__context__, EOFError):
            raise CommandFailed(
                "usage", f"Nothing was changed, as there is nobody here to ask: add {instead}.", 2
            ) from None
        raise CommandFailed("declined", "Nothing was changed.", 130) from None
