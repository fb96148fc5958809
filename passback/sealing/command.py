"""``passback secrets reseal``: from the master key before to the present one."""

from typing import TYPE_CHECKING, Any

import click

from passback.commands import Command
from passback.counting import counted
from passback.output import Table, View, Words
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passback.sealing.resealing import Found

_HEADING = {True: "values sealed anew", False: "values sealed with an earlier key"}


@click.command(cls=Command)
@click.option("--check", is_flag=True, help="Only say what is not sealed with the present key; exit status 1 if any.")
@pass_session
@click.pass_context
def reseal(context: click.Context, session: Session, check: bool) -> None:
    """Seal all secrets anew with the present master key.

    Tool secrets, private signing keys and access tokens that the key before sealed (PASSBACK_PREVIOUS_KMS_KEY,
    PASSBACK_PREVIOUS_KEY_FILE) are sealed with the present one (PASSBACK_KMS_KEY, PASSBACK_KEY_FILE). Grades go on
    meanwhile. Should it be stopped, run it again. Every function must be able to open both before it is run.
    """
    from passback.sealing.resealing import looked_at, places  # boto3: not needed for --help

    found = [looked_at(session.services, place, write=not check) for place in places(session.services)]
    closed = [each for each in found if not each.opens]
    left = sum(each.earlier for each in found) if check else 0
    document: dict[str, Any] = {
        "resealed": 0 if check else sum(each.earlier for each in found),
        "left": left,
        "unreadable": [f"{each.place.kind.value}: {each.place.name}" for each in closed],
    }
    if closed or left:
        document["error"] = {"code": "not_all_sealed", "message": _shortcoming(closed, left)}
    session.output.show(document, _table(found, write=not check), _verdict(closed, left))
    if closed or left:
        context.exit(1)


def _table(found: "Sequence[Found]", *, write: bool) -> Table:
    from passback.sealing.resealing import Kind

    rows = []
    for kind in Kind:
        here = [each for each in found if each.place.kind is kind]
        closed = [each.place.name for each in here if not each.opens]
        rows.append((kind.value, str(sum(each.earlier for each in here)), ", ".join(closed) or "-"))
    return Table(("", _HEADING[write], "does not open"), rows)


def _verdict(closed: "Sequence[Found]", left: int) -> View:
    if closed or left:
        return Words(_shortcoming(closed, left), "red")
    return Words("Everything is sealed with the present key; no function needs the one before any more.", "green")


def _shortcoming(closed: "Sequence[Found]", left: int) -> str:
    if closed:
        return (
            f"In {counted(len(closed), 'item')} a secret does not open. Name the key that sealed it in "
            "PASSBACK_PREVIOUS_KMS_KEY or PASSBACK_PREVIOUS_KEY_FILE and run this again; where that key is lost, so "
            "are they."
        )
    return f"Sealed with an earlier key: {counted(left, 'value')}. Run `passback secrets reseal`."
