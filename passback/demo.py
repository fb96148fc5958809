"""``make demo``: from nothing to a verdict. Starts a stack, sends outcomes, compares with LTI 1.1, cleans up."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passback.commands import SingleProgram
from passback.home import Home
from passback.output import Facts, Table, View, Words
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from passback.demonstration.cases import Case
    from passback.demonstration.comparison import Row, Side
    from passback.local.simulator_control import Document, SimulatorControl
    from passback.local.stack import ReadyStack


@click.command(cls=SingleProgram, context_settings={"help_option_names": ["-h", "--help"]})
@pass_session
@click.pass_context
def demo(context: click.Context, session: Session) -> None:
    """Show Passback at work beside what LTI 1.1 did, and end with a verdict.

    A whole local stack is started on free ports in a temporary folder. Client libraries that are not ours send
    outcomes in every form, through Passback and, word for word, to the simulator's LTI 1.1 door for a twin student.
    The exit status is 0 when both gradebooks hold the same.
    """
    from passback.local.stack import StackOptions, accept_interruptions, local_stack

    started = time.monotonic()
    accept_interruptions()
    session.output.note("Starting the local stack: engine, simulator, Passback ...")
    with tempfile.TemporaryDirectory(prefix="passback-demo-") as folder:
        home = Home(Path(folder) / "home")
        with local_stack(home, StackOptions(), _without_settings(session.environment)) as ready:
            rows = list(_play_all(ready, session))
    different = [row for row in rows if not row.same]
    _show(session, rows, different, time.monotonic() - started)
    if different:
        context.exit(1)


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what this person's own Passback is set to: the demonstration is the same everywhere."""
    return {name: text for name, text in environment.items() if not name.startswith("PASSBACK_")}


def _play_all(ready: "ReadyStack", session: Session) -> "Iterator[Row]":
    from passback.demonstration.cases import CASES
    from passback.demonstration.comparison import play
    from passback.local.simulator_control import SimulatorControl

    with SimulatorControl(str(ready.running.simulator_url)) as simulator:
        for case in CASES:
            new, old = _twins(case, ready, simulator)
            for row in play(case, new, old, simulator):
                session.output.note(f"  {row.client}: {row.what}")
                yield row


def _twins(case: "Case", ready: "ReadyStack", simulator: "SimulatorControl") -> "tuple[Side, Side]":
    """Prepare two students alike: one to be graded through Passback, one at old Canvas; both by the same sourcedid."""
    from chalicelib.errors import SetupError
    from chalicelib.mapping.model import Mapping as SourcedidMapping
    from chalicelib.mapping.model import Submitted
    from passback.demonstration.clients import Door
    from passback.demonstration.comparison import Side
    from passback.local.demo_setup import CLIENT_ID, CONSUMER_KEY, PLATFORM

    if ready.tool is None:
        raise SetupError("The local stack came up without its demo class.")
    secret = ready.tool.secrets[0]
    wanted = {"client_id": CLIENT_ID, "consumer_key": CONSUMER_KEY, "shared_secret": secret, **case.scene}
    student, twin = simulator.order("prepare", wanted), simulator.order("prepare", wanted)
    legacy: Document = twin["lti11"]
    mapping = SourcedidMapping(
        CONSUMER_KEY, legacy["sourcedid"], PLATFORM, student["line_item"], student["user_id"], Submitted.UNKNOWN
    )
    ready.services.mappings.put(mapping)
    base = f"{ready.running.base_url}/api/lti/v1/tools/1"
    new = Door(f"{base}/grade_passback", f"{base}/ext_grade_passback", CONSUMER_KEY, secret, legacy["sourcedid"])
    old = Door(legacy["outcome_url"], legacy["ext_outcome_url"], CONSUMER_KEY, secret, legacy["sourcedid"])
    return Side(new, student["handle"]), Side(old, twin["handle"])


def _show(session: Session, rows: "list[Row]", different: "list[Row]", seconds: float) -> None:
    verdict = (
        f"FAILED: {len(different)} of {len(rows)} outcomes ended differently."
        if different
        else f"PASSED: {len(rows)} outcomes by 3 client libraries, every answer and every gradebook as with LTI 1.1."
    )
    document: dict[str, Any] = {
        "verdict": "failed" if different else "passed",
        "seconds": round(seconds, 1),
        "outcomes": [row.document() for row in rows],
    }
    if different:
        document["error"] = {"code": "different", "message": verdict}
    table = Table(
        ("sent", "client", "answer", "gradebook before -> after", "LTI 1.1: answer", "after", ""),
        [_cells(row) for row in rows],
    )
    views: list[View] = [table]
    views += [Facts([(row.what, "; ".join(row.wrong))]) for row in different]
    session.output.show(
        document, *views, Words(f"{verdict} ({seconds:.0f} s)", "bold red" if different else "bold green")
    )


def _cells(row: "Row") -> tuple[str, ...]:
    return (
        row.what,
        row.client,
        str(row.told),
        f"{row.before} -> {row.after}",
        str(row.old_told),
        str(row.old_after),
        "same" if row.same else "different",
    )


if __name__ == "__main__":
    demo(prog_name="python -m passback.demo")
