"""``make demo``: from nothing to a verdict. Starts a stack, sends outcomes, compares with LTI 1.1, cleans up.

The second part is an outage: what is sent while the simulated Canvas is down, and what has become of it afterwards.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passback.commands import SingleProgram
from passback.home import Home
from passback.output import Facts, Table, View, Words
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.delivery.records import Delivery
    from passback.demonstration.comparison import Row, Side
    from passback.demonstration.outage import Late, Student
    from passback.local.simulator_control import Document, SimulatorControl
    from passback.local.stack import ReadyStack

EVERY = 1.0
"""Seconds between two runs of the schedule, which is a minute in earnest; the waits are as much shorter."""
OUTAGE = "While Canvas was down, the tools sent on. What they were told, and what became of it when Canvas was back:"
BESIDE = "The same messages went to an LTI 1.1 Canvas: `same` where its answer and its gradebook were. --json has both."
GRADEBOOK = 36
"""Columns for what stands in the gradebook, so that a line has 120 at most."""
SETTINGS = {"PASSBACK_FIRST_WAIT": "1", "PASSBACK_LONGEST_WAIT": "2"}


@click.command(cls=SingleProgram, context_settings={"help_option_names": ["-h", "--help"]})
@pass_session
@click.pass_context
def demo(context: click.Context, session: Session) -> None:
    """Show Passback at work beside what LTI 1.1 did, and end with a verdict.

    A whole local stack is started on free ports in a temporary folder. Client libraries that are not ours send
    outcomes in every form, through Passback and, word for word, to the simulator's LTI 1.1 door for a twin student.
    Then Canvas goes down for a moment, and they send on. The exit status is 0 when both gradebooks hold the same.
    """
    from passback.local.simulator_control import SimulatorControl
    from passback.local.stack import StackOptions, accept_interruptions, local_stack

    started = time.monotonic()
    accept_interruptions()
    session.output.note("Starting the local stack: engine, simulator, Passback ...")
    with tempfile.TemporaryDirectory(prefix="passback-demo-") as folder:
        home = Home(Path(folder) / "home")
        with (
            local_stack(home, StackOptions(every=EVERY), _settings(session.environment)) as ready,
            SimulatorControl(str(ready.running.simulator_url)) as simulator,
        ):
            rows = list(_play_cases(ready, simulator, session))
            outage = _play_outage(ready, simulator, session)
    wrong = [*(row for row in rows if not row.same), *(late for late in outage if not late.right)]
    _show(session, rows, outage, len(wrong), time.monotonic() - started)
    if wrong:
        context.exit(1)


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what this person's own Passback is set to: the demonstration is the same everywhere."""
    return {name: text for name, text in environment.items() if not name.startswith("PASSBACK_")} | SETTINGS


def _play_cases(ready: "ReadyStack", simulator: "SimulatorControl", session: Session) -> "Iterator[Row]":
    from passback.demonstration.cases import CASES
    from passback.demonstration.comparison import play

    for case in CASES:
        new, old = _twins(case.scene, ready, simulator)
        for row in play(case, new, old, simulator):
            session.output.note(f"  {row.client}: {row.what}")
            yield row


def _play_outage(ready: "ReadyStack", simulator: "SimulatorControl", session: Session) -> "list[Late]":
    from chalicelib.lti11.keys import sourcedid_digest
    from passback.demonstration.outage import play_outage

    def deliveries(side: "Side") -> "Sequence[Delivery]":
        digest, now = sourcedid_digest(side.door.sourcedid), ready.services.clock.now()
        found = (each for each in ready.services.deliveries.list(now, days=1) if each.sourcedid_digest == digest)
        return sorted(found, key=lambda each: each.received_at)

    students, clock = list(_absent(ready, simulator)), ready.services.clock
    return play_outage(students, simulator, deliveries, clock, session.output.note)


def _absent(ready: "ReadyStack", simulator: "SimulatorControl") -> "Iterator[Student]":
    """Prepare the students of the outage, in as few courses as they want."""
    from passback.demonstration.outage import Student
    from passback.demonstration.outage_cases import ABSENCES

    classmates: tuple[Side, Side] | None = None
    for absence in ABSENCES:
        classmates = _twins({}, ready, simulator, None if absence.new_course else classmates)
        yield Student(absence, *classmates)


def _twins(
    scene: Mapping[str, Any],
    ready: "ReadyStack",
    simulator: "SimulatorControl",
    beside: "tuple[Side, Side] | None" = None,
) -> "tuple[Side, Side]":
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
    alone = {"client_id": CLIENT_ID, "consumer_key": CONSUMER_KEY, "shared_secret": secret, **scene}
    wanted = [alone, alone] if beside is None else [{"beside": side.handle} for side in beside]
    student, twin = (simulator.order("prepare", each) for each in wanted)
    legacy: Document = twin["lti11"]
    mapping = SourcedidMapping(
        CONSUMER_KEY, legacy["sourcedid"], PLATFORM, student["line_item"], student["user_id"], Submitted.UNKNOWN
    )
    ready.services.mappings.put(mapping)
    base = f"{ready.running.base_url}/api/lti/v1/tools/1"
    new = Door(f"{base}/grade_passback", f"{base}/ext_grade_passback", CONSUMER_KEY, secret, legacy["sourcedid"])
    old = Door(legacy["outcome_url"], legacy["ext_outcome_url"], CONSUMER_KEY, secret, legacy["sourcedid"])
    return Side(new, student["handle"]), Side(old, twin["handle"])


def _show(session: Session, rows: "list[Row]", outage: "list[Late]", wrong: int, seconds: float) -> None:
    verdict = (
        f"FAILED: {wrong} of {len(rows) + len(outage)} outcomes ended differently."
        if wrong
        else f"PASSED: {len(rows)} outcomes by 3 client libraries, every answer and every gradebook as with LTI 1.1; "
        f"{len(outage)} more while Canvas was down, every gradebook the same afterwards."
    )
    document: dict[str, Any] = {
        "verdict": "failed" if wrong else "passed",
        "seconds": round(seconds, 1),
        "outcomes": [row.document() for row in rows],
        "outage": [late.document() for late in outage],
    }
    if wrong:
        document["error"] = {"code": "different", "message": verdict}
    table = Table(
        ("sent", "client", "answer", "gradebook before -> after", "LTI 1.1"),
        [_cells(row) for row in rows],
        widths=(28, 17, 23, GRADEBOOK, 9),
    )
    late = Table(
        ("sent", "client", "answer", "after", "when Canvas was back", "gradebook", "LTI 1.1"),
        [_late_cells(each) for each in outage],
        widths=(18, 17, 22, 6, 14, 22, 9),
    )
    views: list[View] = [table, Words(BESIDE), Words(f"\n{OUTAGE}"), late, *_not_arrived(outage)]
    views += [Facts([(row.what, "; ".join(row.wrong))]) for row in rows if not row.same]
    views += [Facts([(each.sent.step.what, "; ".join(each.wrong))]) for each in outage if not each.right]
    session.output.show(
        document, *views, Words(f"\n{verdict} ({seconds:.0f} s)", "bold red" if wrong else "bold green")
    )


def _cells(row: "Row") -> tuple[str, ...]:
    return (
        row.what,
        row.client,
        str(row.told),
        _changed(str(row.before), str(row.after)),
        "same" if row.same else "different",
    )


def _changed(before: str, after: str) -> str:
    text = f"{before} -> {after}"
    return text if len(text) <= GRADEBOOK else f"{before} ->\n{after}"


def _late_cells(late: "Late") -> tuple[str, ...]:
    sent = late.sent
    return (
        sent.step.what,
        sent.step.client,
        sent.answer,
        f"{sent.milliseconds} ms",
        late.end or "(from what is stored)",
        str(late.after) if late.last else "",
        "same" if late.right else "different",
    )


def _not_arrived(outage: "list[Late]") -> "Iterator[View]":
    """Say of what did not arrive why, as ``passback delivery show`` does."""
    for late in outage:
        remedy = late.remedy
        if remedy is not None and late.delivery is not None:
            told = f"{late.sent.step.what} was accepted, and then {late.end}. It is not lost from sight."
            yield Words(f"\n{told} `passback delivery show ID` would say, if this stack were not gone:")
            yield Facts(
                [("platform", late.delivery.platform_words), ("cause", remedy.cause), ("remedy", remedy.remedy)]
            )


if __name__ == "__main__":
    demo(prog_name="python -m passback.demo")
