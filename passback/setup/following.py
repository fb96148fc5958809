"""What comes after setup: everything the first time, later only what is left to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from passback.output import View, Words
from passback.setup.account import Account
from passback.setup.deployed import functions_of, note_lost
from passback.setup.project import read_config


@dataclass(frozen=True, slots=True)
class Left:
    """What setup has found out.

    ``written``: names of the files that were. ``up``: the functions are. ``current``: and they know the settings.
    ``warnings``: why `chalice deploy` must not be run before something is put right.
    """

    written: frozenset[str]
    up: bool
    current: bool
    warnings: Sequence[str]


def look(account: Account, project: Path, stage: str, written: Sequence[str] = ()) -> Left:
    """Find out what is left to do, by the functions that are up and by what Chalice noted of them."""
    functions = functions_of(account, stage)
    lost = note_lost(project, functions)
    current = functions.know(read_config(project))
    return Left(frozenset(written), functions.all_up, current, [lost] if lost is not None else [])


def next_steps(stage: str, project: Path, left: Left, domain: str | None, target: str | None) -> list[str]:
    """Return the commands that come next."""
    folder = "" if project == Path.cwd() else f"cd {project} && "
    variables, deploy = f"{folder}. .chalice/{stage}.env", f"chalice deploy --stage {stage}"
    if left.warnings:
        deploy = f"Bring .chalice/deployed/{stage}.json back, then `{deploy}`."
    if not left.up:
        record = [
            f"Make the DNS record of {domain} name {target or 'what `chalice deploy` prints as AliasDomainName'}."
        ]
        return [variables, deploy, *(record if domain is not None else []), "passback key show", "passback doctor"]
    if left.written - {f"{stage}.env"} or not left.current:
        return [variables, deploy, "passback doctor"]
    return [variables] if left.written else []


def steps_view(steps: Sequence[str]) -> list[View]:
    """Return the next commands, one a line; nothing where nothing is left."""
    return [Words("\n".join(["Next:", *(f"  {step}" for step in steps)]))] if steps else []
