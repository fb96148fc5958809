"""The processes of a run: engine and simulator that stay, server and worker that are killed and started again."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.config import Settings
from chalicelib.delivery.sqs import create_queues
from chalicelib.lti13.keys import generate_signing_key
from chalicelib.services import Services, build_services
from chalicelib.storage.clients import make_client, make_sqs_client
from chalicelib.storage.schema import create
from passback.home import Home, RunningStack, adopt_aws_environment, local_environment
from passback.local.engine import answers, start_engine
from passback.local.processes import Child, choose_port
from passback.local.simulator_control import SimulatorControl
from passback.local.worker import WORKER_READY
from soak.hurry import VISIBILITY, WAITS
from soak.queue_proxy import QueueProxy

EVERY = "0.5"
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Victim:
    """A process that is killed and started again."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    child: Child | None = None
    killed: int = 0

    def start(self) -> None:
        """Start it; whether it is ready is another question."""
        self.child = Child(f"Passback {self.name}", ["soak.hurry", *self.arguments], self.environment, self.log)

    def kill(self) -> None:
        """Kill it with all that it started, at once, and let it be gone."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.process_id, signal.SIGKILL)
            self.child.stop()
            self.killed += 1

    def stop(self) -> None:
        """Stop it in the ordinary way."""
        if self.child is not None:
            self.child.stop()


@dataclass
class Stack:
    """Everything that runs."""

    home: Home
    running: RunningStack
    environment: dict[str, str]
    services: Services
    simulator: SimulatorControl
    proxy: QueueProxy
    victims: dict[str, Victim]
    steady: list[Child] = field(default_factory=list)

    def wait_until_ready(self) -> None:
        """Wait until server and worker take work."""
        server, worker = self.victims["server"].child, self.victims["worker"].child
        if server is not None:
            server.wait_until(lambda: answers(self.running.port, "/health"))
        if worker is not None:
            worker.wait_until(lambda: WORKER_READY in worker.log_text())


@contextmanager
def soaking_stack(folder: Path, seed: int) -> Iterator[Stack]:
    """Run everything from a folder of its own, on loopback; all of it is stopped at the end."""
    home = Home(folder)
    home.create()
    ports = [choose_port(0, "") for _ in range(3)]
    running = RunningStack(os.getpid(), ports[0], ports[1], ports[2], "passback")
    environment = local_environment(home, running, os.environ) | WAITS | {"PYTHONUNBUFFERED": "1"}
    environment["PYTHONPATH"] = f"{REPOSITORY / 'tests'}:{REPOSITORY}"
    adopt_aws_environment(environment)
    with ExitStack() as cleanup:
        engine = start_engine(running.engine_port, home.engine_state, home.logs / "engine.log", environment)
        cleanup.callback(engine.stop)
        services = _storage(environment)
        arguments = ["simulator", "--port", str(running.simulator_port), "--json"]
        simulator = Child("simulator", arguments, environment, home.logs / "simulator.log")
        cleanup.callback(simulator.stop)
        simulator.wait_until(lambda: answers(running.simulator_port or 0, "/_sim/health"))
        control = cleanup.enter_context(SimulatorControl(str(running.simulator_url)))
        proxy = cleanup.enter_context(QueueProxy(running.engine_port, seed))
        theirs = environment | {"AWS_ENDPOINT_URL_SQS": proxy.url}
        victims = {
            "server": Victim("server", ["server", "--port", str(running.port)], theirs, home.logs / "passback.log"),
            "worker": Victim(
                "worker",
                ["worker", "--every", EVERY, "--visibility", str(VISIBILITY)],
                theirs,
                home.logs / "worker.log",
            ),
        }
        for victim in victims.values():
            cleanup.callback(victim.stop)
            victim.start()
        stack = Stack(home, running, environment, services, control, proxy, victims, [engine, simulator])
        stack.wait_until_ready()
        yield stack


def _storage(environment: dict[str, str]) -> Services:
    settings = Settings.from_environment(environment)
    create(make_client(settings, environment), settings.table)
    create_queues(make_sqs_client(settings, environment), settings.queue, settings.dead_letter_queue)
    services = build_services(environment)
    services.signing_keys.add(generate_signing_key(services.clock.now()))
    return services


def pause(seconds: float) -> None:
    """Let time pass."""
    time.sleep(max(0.0, seconds))
