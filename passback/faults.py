"""``passback fault``: let the simulated Canvas misbehave, and stop it again."""

import math
from typing import TYPE_CHECKING, Any

import click

from passback.commands import Group
from passback.failures import CommandFailed
from passback.home import Home
from passback.output import Facts, Table, View, Words
from passback.parameters import Choice, Seconds, split_url
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from passback.local.simulator_control import Document, SimulatorControl

# The names are the control door's (docs/simulator.md), typed with hyphens; a test compares them with the simulator.
KINDS = (
    "throttle-403",
    "throttle-429",
    "status",
    "slow",
    "endless",
    "hang",
    "drop-before",
    "drop-after",
    "refuse",
    "file-service-400",
    "file-service-500",
    "file-service-504",
)
PATHS = ("score", "result", "line-item", "token", "other", "any")
_DOWN = "down"
TIMED = ("slow", "endless", "hang")
_COLUMNS = ("kind", "calls", "course", "share", "how often")

_simulator_option = click.option(
    "--simulator", "url", metavar="URL", help="The simulator's address. [default: the local stack's]"
)


@click.group(cls=Group)
def fault() -> None:
    """Faults of the simulated Canvas: what it does wrong, to see what becomes of grades then."""


@fault.command("list")
@_simulator_option
@pass_session
def list_faults(session: Session, url: str | None) -> None:
    """List the faults in force, in the order in which they are tried."""
    with _simulator(session, url) as simulator:
        _show(session, simulator.order("switch"))


@fault.command("set")
@click.argument("kind", type=Choice((_DOWN, *KINDS)), metavar="KIND")
@click.option("--path", type=Choice(PATHS), default="any", show_default=True, help="Only these calls.")
@click.option("--course", type=click.IntRange(1), metavar="ID", help="Only this course; its number in the gradebook.")
@click.option("--handle", metavar="HANDLE", help="Only the course of this handle of the control door.")
@click.option("--count", type=click.IntRange(1, 10**6), help="Only so often. [default: until cleared]")
@click.option("--status", type=click.IntRange(200, 599), help="The status of `status`. [default: 500]")
@click.option(
    "--seconds",
    type=Seconds(0, 3600, min_open=True),
    help="How long `slow`, `endless` and `hang` last. [default: 60]",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Hit only this share of the calls, such as 0.2. [default: all]",
)
@click.option("--seed", type=click.IntRange(0), help="Which calls a share hits; the same seed hits the same ones.")
@_simulator_option
@pass_session
def set_fault(session: Session, /, kind: str, url: str | None, **said: Any) -> None:
    """Let Canvas misbehave.

    Kinds that do nothing in the gradebook: `down` (every call is refused, whatever it is), `refuse` (the connection
    is reset), `drop-before` (it is closed), `hang` (no answer comes), `status`, `throttle-403` and `throttle-429`
    (Canvas's own answer), `file-service-400`, `-500`, `-504` (a file cannot be stored).

    Kinds that store and spoil the answer: `slow` (it comes late), `endless` (it does not end), `drop-after` (the
    connection is closed instead).

    A fault that is set is tried before those in force. With `--path token` the token endpoint fails. A simulator that
    is started again has no faults.
    """
    document = _order(kind, said)
    with _simulator(session, url) as simulator:
        _show(session, simulator.order("switch", document))


@fault.command("clear")
@click.argument("kind", type=Choice((_DOWN, *KINDS)), metavar="[KIND]", required=False)
@_simulator_option
@pass_session
def clear_faults(session: Session, kind: str | None, url: str | None) -> None:
    """Let Canvas behave again: end all faults, or those of one kind."""
    if kind is None:
        document: Document = {"faults": [], "down": False}
    else:
        document = {"down": False} if kind == _DOWN else {"clear_faults": _door_name(kind)}
    with _simulator(session, url) as simulator:
        _show(session, simulator.order("switch", document))


def _simulator(session: Session, url: str | None) -> "SimulatorControl":
    from passback.local.simulator_control import SimulatorControl  # httpx: not needed for --help

    return SimulatorControl(_address(session, url))


def _order(kind: str, said: dict[str, Any]) -> "Document":
    """Write the order; an option that the kind would pass over is refused."""
    path = said.pop("path")
    given = {name: value for name, value in said.items() if value is not None}
    if any(isinstance(value, float) and math.isnan(value) for value in given.values()):
        raise CommandFailed("usage", "nan is no number.", 2)
    if kind == _DOWN:
        if given or path != "any":
            raise CommandFailed("usage", "down takes no options: the whole platform is away until `fault clear`.", 2)
        return {"down": True}
    if "status" in given and kind != "status":
        raise CommandFailed("usage", "--status belongs to the kind `status`.", 2)
    if "seconds" in given and kind not in TIMED:
        raise CommandFailed("usage", f"--seconds belongs to the kinds {', '.join(TIMED)}.", 2)
    if "seed" in given and "share" not in given:
        raise CommandFailed("usage", "--seed belongs to --share.", 2)
    if kind in TIMED:
        given.setdefault("seconds", 60.0)
    if "course" in given:
        given["course_id"] = given.pop("course")
    return {"add_faults": [{"kind": _door_name(kind), "path": _door_name(path), **given}]}


def _door_name(typed: str) -> str:
    return typed.replace("-", "_")


def _address(session: Session, url: str | None) -> str:
    """Find the simulator.

    Raises
    ------
    CommandFailed
        If no URL was given and no stack with a simulator runs.
    """
    if url is not None:
        if split_url(url) is None:
            raise CommandFailed("usage", "--simulator must be a whole http URL, such as http://127.0.0.1:8300.", 2)
        return url.rstrip("/")
    home = Home.from_environment(session.environment)
    stack = home.running_stack()
    found = stack.simulator_url if stack else None
    if found is None:
        raise CommandFailed(
            "no_simulator",
            f"No local stack with a simulator runs from {home.path}: start one with `passback serve`, "
            "or name a simulator with --simulator URL.",
        )
    return found


def _show(session: Session, told: "Document") -> None:
    document = {"down": told["down"], "faults": told["faults"]}
    views: list[View] = [Facts([("canvas", "down: every call is refused")])] if told["down"] else []
    if told["faults"]:
        views.append(Table(_COLUMNS, [_row(each) for each in told["faults"]]))
    session.output.show(_plain(document), *(views or [Words("No faults are in force.")]))


def _plain(document: "Document") -> "Document":
    """Write numbers as JSON numbers: seconds and shares come as exact decimals."""
    faults = [{**each, "seconds": float(each["seconds"]), "share": float(each["share"])} for each in document["faults"]]
    return {**document, "faults": faults}


def _row(told: "Document") -> tuple[str, ...]:
    kind = str(told["kind"]).replace("_", "-")
    detail = {"status": f" {told['status']}", **dict.fromkeys(TIMED, f" {float(told['seconds']):g} s")}.get(kind, "")
    return (
        f"{kind}{detail}",
        str(told["path"]).replace("_", "-"),
        "all" if told["course_id"] is None else str(told["course_id"]),
        "all" if told["share"] == 1 else f"{float(told['share']):g}, seed {told['seed']}",
        "until cleared" if told["count"] is None else f"{told['count']} more",
    )
