"""The local stack: engine, simulator, Passback, its worker; started in this order, watched, stopped in reverse."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.lti11.tools import Tool
from passback.failures import CommandFailed
from passback.home import Home, RunningStack, adopt_aws_environment, local_environment
from passback.local.demo_class import DemoClass
from passback.local.engine import answers, start_engine
from passback.local.processes import Child, choose_port
from passback.local.worker import WORKER_READY

if TYPE_CHECKING:
    from chalicelib.services import Services

HEALTH_PATH = "/health"
TABLE = "passback"
_WATCH_SECONDS = 0.2
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What to start. Port 0: a free one, the last run's if it can be had. ``simulator_port`` None: no simulator.

    ``every``: seconds between two runs of the schedule.
    """

    port: int = 0
    simulator_port: int | None = 0
    demo: bool = True
    every: float = 60.0


@dataclass(frozen=True, slots=True)
class ReadyStack:
    """A stack that answers. ``demo`` and its tool are None when there is no demo class."""

    running: RunningStack
    services: "Services"
    children: tuple[Child, ...]
    demo: DemoClass | None
    tool: Tool | None


@contextmanager
def local_stack(home: Home, options: StackOptions, environment: Mapping[str, str]) -> Iterator[ReadyStack]:
    """Run a stack from a home. Everything is stopped at the end, and when anything fails.

    Raises
    ------
    CommandFailed
        If a port is taken, another stack runs from this home, or a part does not start.
    """
    home.create()
    with _handlers_kept(), _locked(home.lock), ExitStack() as cleanup:
        try:
            home.remove_stack()  # a stack that was killed could not do it
            running = _choose_ports(home, options, environment)
            own = local_environment(home, running, environment) | {"PYTHONUNBUFFERED": "1"}
            adopt_aws_environment(own)
            ready = _start(home, running, own, cleanup, options)
            home.write_stack(running)
            cleanup.callback(home.remove_stack)
            yield ready
        finally:
            # The parts must save and stop in order, however often the person at the keyboard presses Ctrl-C.
            _ignore_interruptions()


def _start(
    home: Home, running: RunningStack, environment: Mapping[str, str], cleanup: ExitStack, options: StackOptions
) -> ReadyStack:
    engine = start_engine(running.engine_port, home.engine_state, home.logs / "engine.log", environment)
    cleanup.callback(engine.stop)
    services = _prepare_storage(environment)
    children = [engine]
    if running.simulator_port is not None:
        children.append(_start_simulator(home, running.simulator_port, environment, cleanup))
    server, worker = _start_passback(home, running, environment, cleanup, options.every)
    children += [server, worker]
    without_demo = ReadyStack(running, services, tuple(children), None, None)
    if running.simulator_url is None:
        return without_demo
    from passback.local.demo_setup import set_up_demo, trust_passback
    from passback.local.simulator_control import SimulatorControl

    with SimulatorControl(running.simulator_url) as simulator:
        trust_passback(running.base_url, simulator)
        if not options.demo:
            return without_demo
        demo_class, tool = set_up_demo(home, running.base_url, services, simulator)
    return ReadyStack(running, services, tuple(children), demo_class, tool)


def _start_simulator(home: Home, port: int, environment: Mapping[str, str], cleanup: ExitStack) -> Child:
    module = ["simulator", "--port", str(port), "--state-file", str(home.simulator_state), "--json"]
    simulator = Child("simulator", module, environment, home.logs / "simulator.log")
    cleanup.callback(simulator.stop)
    simulator.wait_until(lambda: answers(port, "/_sim/health"))
    return simulator


def _start_passback(
    home: Home, running: RunningStack, environment: Mapping[str, str], cleanup: ExitStack, every: float
) -> tuple[Child, Child]:
    """Start the server and the worker beside each other: both first import much of the same."""
    module = ["passback.local.server", "--port", str(running.port)]
    server = Child("Passback server", module, environment, home.logs / "passback.log")
    cleanup.callback(server.stop)
    module = ["passback.local.worker", "--every", str(every)]
    worker = Child("Passback worker", module, environment, home.logs / "worker.log")
    cleanup.callback(worker.stop)
    server.wait_until(lambda: answers(running.port, HEALTH_PATH))
    worker.wait_until(lambda: WORKER_READY in worker.log_text())
    return server, worker


def _prepare_storage(environment: Mapping[str, str]) -> "Services":
    """Make the table, the queues and the first signing key, if they are not there yet."""
    from chalicelib.config import Settings
    from chalicelib.delivery.sqs import create_queues
    from chalicelib.lti13.keys import generate_signing_key
    from chalicelib.services import build_services
    from chalicelib.storage.clients import make_client, make_sqs_client
    from chalicelib.storage.schema import create

    settings = Settings.from_environment(environment)
    create(make_client(settings, environment), settings.table)
    create_queues(make_sqs_client(settings, environment), settings.queue, settings.dead_letter_queue)
    services = build_services(environment)
    if not services.signing_keys.list():
        services.signing_keys.add(generate_signing_key(services.clock.now()))
    return services


def _choose_ports(home: Home, options: StackOptions, environment: Mapping[str, str]) -> RunningStack:
    last = DemoClass.load(home)
    port = choose_port(options.port, "--port", urlsplit(last.base_url).port if last else None)
    simulator_port = None
    if options.simulator_port is not None:
        preferred = urlsplit(last.simulator_url).port if last else None
        simulator_port = choose_port(options.simulator_port, "--simulator-port", preferred)
    table = environment.get("PASSBACK_TABLE") or TABLE
    running = RunningStack(os.getpid(), port, simulator_port, choose_port(0, ""), table)
    ports = [running.port, running.simulator_port, running.engine_port]
    if len(set(ports)) < len(ports):
        raise CommandFailed("port_taken", "Passback and the simulator cannot share one port; choose different ones.")
    return running


def watch(ready: ReadyStack) -> None:
    """Wait until the person stops the stack.

    Raises
    ------
    KeyboardInterrupt
        When Ctrl-C or SIGTERM comes.
    CommandFailed
        When a child ends by itself.
    """
    while True:
        for child in ready.children:
            if not child.is_alive:
                raise child.died()
        time.sleep(_WATCH_SECONDS)


def accept_interruptions() -> None:
    """Let SIGINT and SIGTERM stop the stack, also where a shell started it in the background with SIGINT ignored."""
    for number in _STOPPING:
        signal.signal(number, signal.default_int_handler)


def _ignore_interruptions() -> None:
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed(
                "already_running", f"A stack runs from {path.parent} already: stop it, or set PASSBACK_HOME to another."
            ) from None
        yield
