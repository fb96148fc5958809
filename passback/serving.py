"""``passback serve``: the whole local stack in the foreground, until Ctrl-C."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passback.commands import Command
from passback.home import Home
from passback.output import Facts, View, Words
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from passback.local.stack import ReadyStack

_PORT = click.IntRange(0, 65535)


@click.command(cls=Command)
@click.option("--port", type=_PORT, default=8080, show_default=True, help="Passback's port; 0: any.")
@click.option("--simulator-port", type=_PORT, default=8081, show_default=True, help="The simulator's port; 0: any.")
@click.option("--no-simulator", is_flag=True, help="Start no simulator, for a platform of your own.")
@click.option("--no-demo", is_flag=True, help="Make no demo platform, tool and class.")
@pass_session
def serve(session: Session, port: int, simulator_port: int, no_simulator: bool, no_demo: bool) -> None:
    """Run the local stack.

    An engine for table and queues, Canvas in a box, Passback and its worker (which takes what is queued, and each
    minute sends what is due), all on 127.0.0.1, in the foreground. Ctrl-C stops it and keeps its state under
    PASSBACK_HOME (default ~/.passback). PASSBACK_PUBLIC_URLS names public base URLs, separated by blanks. With --json
    one line is printed when all is ready.
    """
    from passback.local.stack import StackOptions, accept_interruptions, local_stack, watch

    home = Home.from_environment(session.environment)
    options = StackOptions(port, None if no_simulator else simulator_port, demo=not no_demo)
    accept_interruptions()
    try:
        with local_stack(home, options, session.environment) as ready:
            session.output.show(_document(ready, home), *_views(ready, home, session.environment))
            watch(ready)
    except KeyboardInterrupt:
        session.output.note("Stopped; the state is kept.")


def _document(ready: "ReadyStack", home: Home) -> dict[str, Any]:
    running = ready.running
    return {
        "outcome_url": f"{running.base_url}/outcomes",
        "canvas_outcome_url": f"{running.base_url}/api/lti/v1/tools/1/grade_passback",
        "ext_outcome_url": f"{running.base_url}/api/lti/v1/tools/1/ext_grade_passback",
        "key_set_url": f"{running.base_url}/.well-known/jwks.json",
        "health_url": f"{running.base_url}/health",
        "base_url": running.base_url,
        "simulator_url": running.simulator_url,
        "gradebook_url": f"{running.simulator_url}/gradebook" if running.simulator_url else None,
        "engine_url": running.engine_url,
        "home": str(home.path),
        "demo": _demo_document(ready),
    }


def _demo_document(ready: "ReadyStack") -> dict[str, Any] | None:
    if ready.demo is None or ready.tool is None:
        return None
    students = [
        {
            "sourcedid": student.sourcedid,
            "user_id": student.user_id,
            "line_item": ready.demo.simulator_url + student.line_item_path,
            "handle": student.handle,
            "gradebook_url": ready.demo.simulator_url + student.gradebook_path,
        }
        for student in ready.demo.students
    ]
    return {
        "platform": ready.demo.platform,
        "consumer_key": ready.demo.consumer_key,
        "secret": ready.tool.secrets[0],
        **students[0],
        "students": students,
    }


def _views(ready: "ReadyStack", home: Home, environment: Mapping[str, str]) -> list[View]:
    document = _document(ready, home)
    pairs = [("outcome URL", document["outcome_url"]), ("or, as Canvas's", document["canvas_outcome_url"])]
    demo = document["demo"]
    views: list[View] = [Words("Passback is ready; Ctrl-C stops it.", "bold green")]
    if demo is not None:
        pairs += [("consumer key", demo["consumer_key"]), ("secret", demo["secret"]), ("sourcedid", demo["sourcedid"])]
    if document["gradebook_url"] is not None:
        pairs.append(("gradebook", document["gradebook_url"]))
    views.append(Facts([*pairs, ("state and logs", document["home"])]))
    if demo is not None:
        views += [Words("To send a grade, type in another terminal:", "bold"), Words(_send_line(home, environment))]
    return views


def _send_line(home: Home, environment: Mapping[str, str]) -> str:
    prefix = "" if home.path == Path.home() / ".passback" else f"PASSBACK_HOME={shlex.quote(str(home.path))} "
    return f"{prefix}{program(Path(sys.argv[0]), environment)} send --score 0.92"


def program(started: Path, environment: Mapping[str, str]) -> str:
    """Return how ``passback`` is started in another terminal of this folder: by its name only where any will find it.

    A virtual environment that is active here need not be there.
    """
    if started.name != "passback":
        return f"{shlex.quote(os.path.relpath(sys.executable))} -m passback"
    found = shutil.which("passback", path=environment.get("PATH"))
    everywhere = found and not environment.get("VIRTUAL_ENV") and Path(found).resolve() == started.resolve()
    return "passback" if everywhere else shlex.quote(os.path.relpath(started))
