"""One run: everything of the plan at its time, then calm, then the verdict."""

import csv
import hashlib
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.delivery.records import CellKey, Delivery
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Mapping
from passback.local.demo_setup import CLIENT_ID, simulator_platform, trust_passback
from soak.hurry import BUDGETS, OVERWRITES_WITHIN
from soak.judge import CellStory, Verdict, judge
from soak.oracle import Grade
from soak.plan import (
    TOOLS,
    CellPlan,
    KillPlan,
    OutcomePlan,
    Plan,
    QueuePlan,
    TeacherPlan,
    WeatherPlan,
)
from soak.stack import Stack, soaking_stack
from soak.tools import SECRET, Sent, Tools, body_of
from soak.witness import Witness

PLATFORM = "canvas"
THREADS = 32
TICK = 0.2
CALM = QueuePlan(0.0)


@dataclass(frozen=True)
class Square:
    """A prepared cell: where the simulator and Passback keep it."""

    plan: CellPlan
    handle: str
    course_id: int
    line_item: str
    user_id: str

    @property
    def key(self) -> CellKey:
        """Its key at Passback."""
        return CellKey(PLATFORM, self.line_item, self.user_id)


@dataclass
class Report:
    """What a run came to."""

    plan: Plan
    seconds: float = 0.0
    drained_in: float | None = None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    stories: dict[str, list[str]] = field(default_factory=dict)
    """Of the deliveries that belong to a violation: what happened to each."""


class Run:
    """A plan on its way."""

    def __init__(self, plan: Plan, stack: Stack) -> None:
        self._plan = plan
        self._stack = stack
        self._began = 0.0
        self._witness = Witness(stack.running.simulator_port or 0)
        self._tools = Tools(stack.running.port)
        self._sent: dict[int, Sent] = {}
        self._grades: dict[int, list[Grade]] = defaultdict(list)
        self._futures: list[Future[None]] = []
        self._imports: list[subprocess.Popen[bytes]] = []
        self._weather: Counter[str] = Counter()
        self._squares: list[Square] = []

    def go(self, drain_within: float) -> Report:
        """Live through the plan and judge; ``drain_within``: seconds until everything must be delivered."""
        report = Report(self._plan)
        self._set_up()
        self._began = time.monotonic()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="tool") as pool:
            try:
                self._happen(pool)
                self._calm_down()
                report.drained_in = self._drain(drain_within)
            finally:
                self._tools.stopping.set()
        report.seconds = time.monotonic() - self._began
        self._witness.fetch()
        self._judge(report)
        return report

    # before

    def _set_up(self) -> None:
        services, simulator = self._stack.services, self._stack.simulator
        trust_passback(self._stack.running.base_url, simulator)
        services.platforms.add(simulator_platform(PLATFORM, CLIENT_ID, simulator.url))
        for tool in TOOLS:
            delay = OnDelay.QUEUE if tool.queues else OnDelay.FAIL
            unmapped = Unmapped.PARK if tool.parks else Unmapped.FAIL
            services.tools.add(Tool(tool.consumer_key, (SECRET,), on_delay=delay, unmapped=unmapped))
        firsts: dict[int, str] = {}
        for cell in self._plan.cells:
            self._squares.append(self._prepare(cell, firsts))
            for seat in cell.seats:
                if seat.mapped_at is None:
                    services.mappings.put(self._mapping(self._squares[-1], seat.consumer_key, seat.sourcedid))

    def _prepare(self, cell: CellPlan, firsts: dict[int, str]) -> Square:
        """Make the cell: in its course, beside the others, unless it has work from before the move."""
        wanted = {"points": cell.points, "client_id": CLIENT_ID, **cell.history}
        if cell.course in firsts and not cell.history:
            wanted = {"beside": firsts[cell.course]}
        prepared = self._stack.simulator.order("prepare", wanted)
        if not cell.history:
            firsts.setdefault(cell.course, prepared["handle"])
        return Square(cell, prepared["handle"], prepared["course_id"], prepared["line_item"], prepared["user_id"])

    def _mapping(self, square: Square, consumer_key: str, sourcedid: str) -> Mapping:
        return Mapping(consumer_key, sourcedid, PLATFORM, square.line_item, square.user_id)

    # during

    def _happen(self, pool: ThreadPoolExecutor) -> None:
        for at, happening in self._timeline():
            while (left := at - self._elapsed) > 0:
                self._witness.fetch()
                time.sleep(min(left, TICK))
            self._live(happening, pool)

    def _timeline(self) -> Iterator[tuple[float, Any]]:
        plan = self._plan
        parts = (plan.outcomes, plan.teachers, plan.weather, plan.queue, plan.kills, self._mapping_times())
        yield from sorted(((each.at, each) for part in parts for each in part), key=lambda pair: pair[0])

    def _mapping_times(self) -> "list[_Import]":
        times = {seat.mapped_at for cell in self._plan.cells for seat in cell.seats if seat.mapped_at is not None}
        return [_Import(at) for at in sorted(times)]

    def _live(self, happening: Any, pool: ThreadPoolExecutor) -> None:
        match happening:
            case OutcomePlan():
                self._send(happening, pool)
            case TeacherPlan():
                self._grade(happening)
            case WeatherPlan():
                self._change_weather(happening)
            case QueuePlan():
                self._stack.proxy.weather = happening
            case KillPlan():
                victim = self._stack.victims[happening.victim]
                victim.kill()
                victim.start()
            case _:
                self._import(happening.at)

    def _send(self, outcome: OutcomePlan, pool: ThreadPoolExecutor) -> None:
        cell = self._plan.cells[outcome.cell]
        sent = self._sent[outcome.number] = Sent(outcome, body_of(outcome, cell, self._plan.seed))
        self._futures.append(pool.submit(self._tools.live, sent, cell.seats[outcome.seat].consumer_key))

    def _grade(self, teacher: TeacherPlan) -> None:
        began = _now()
        handle = self._squares[teacher.cell].handle
        self._stack.simulator.order("grade", {"handle": handle, "score": float(teacher.score)})
        self._grades[teacher.cell].append(Grade(began, _now(), teacher.score))

    def _change_weather(self, weather: WeatherPlan) -> None:
        faults = []
        for planned in weather.faults:
            fault = dict(planned)
            if "course" in fault:
                fault["course_id"] = self._squares[fault.pop("course")].course_id
            faults.append(fault)
        self._weather[weather.name] += 1
        self._stack.simulator.order("switch", {"down": weather.down, "faults": faults})

    def _import(self, at: float) -> None:
        """Import the mappings that appear now, as an administrator does."""
        path = self._stack.home.path / f"mappings-{at}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("consumer_key", "sourcedid", "platform", "line_item", "user_id"))
            for square in self._squares:
                for seat in square.plan.seats:
                    if seat.mapped_at == at:
                        rows.writerow((seat.consumer_key, seat.sourcedid, PLATFORM, square.line_item, square.user_id))
        log = (self._stack.home.logs / "import.log").open("ab")
        command = [sys.executable, "-m", "passback", "mapping", "import", str(path)]
        with log:
            self._imports.append(subprocess.Popen(command, env=self._stack.environment, stdout=log, stderr=log))

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    # after

    def _calm_down(self) -> None:
        """Let the tools come to an end in fair weather, and everything be up."""
        self._stack.simulator.order("switch", {"down": False, "faults": []})
        self._stack.proxy.weather = CALM
        self._stack.wait_until_ready()
        for future in self._futures:
            while not future.done():
                self._witness.fetch()
                time.sleep(TICK)
            future.result()
        for process in self._imports:
            if process.wait(60):
                raise RuntimeError(f"the import failed: {(self._stack.home.logs / 'import.log').read_text()[-2000:]}")

    def _drain(self, within: float) -> float | None:
        """Wait until nothing is undelivered; how long that took, None when it did not happen in time."""
        began, open_cells = time.monotonic(), [square.key for square in self._squares]
        while time.monotonic() - began < within:
            self._witness.fetch()
            open_cells = [key for key in open_cells if self._stack.services.ledger.cell(key).line]
            if not open_cells and not any(each.state.under_way for each in self._deliveries()):
                return time.monotonic() - began
            time.sleep(TICK)
        return None

    def _deliveries(self) -> list[Delivery]:
        services = self._stack.services
        return list(services.deliveries.list(services.clock.now(), days=1))

    def _judge(self, report: Report) -> None:
        numbers = {hashlib.sha256(sent.body).hexdigest(): number for number, sent in self._sent.items()}
        accepted: dict[int, list[Delivery]] = defaultdict(list)
        deliveries = {each.id: each for each in self._deliveries()}
        for delivery in sorted(deliveries.values(), key=lambda each: each.received_at):
            accepted[numbers[delivery.body_digest]].append(delivery)
        for square in self._squares:
            report.verdicts.append(judge(self._story(square, accepted)))
        for verdict in report.verdicts:
            for violation in verdict.violations:
                report.stories |= {each: _story_of(deliveries[each]) for each in violation.deliveries[:12]}
        report.counts = self._counts(deliveries)

    def _story(self, square: Square, accepted: dict[int, list[Delivery]]) -> CellStory:
        sent = [each for each in self._sent.values() if each.plan.cell == square.plan.number]
        return CellStory(
            plan=square.plan,
            sent=sent,
            grades=self._grades[square.plan.number],
            calls=self._witness.calls[urlsplit(square.line_item).path, square.user_id],
            deliveries={each.plan.number: accepted[each.plan.number] for each in sent},
            cell=self._stack.services.ledger.cell(square.key),
            state=self._stack.simulator.order("state", {"handle": square.handle}),
            overwrites_within=OVERWRITES_WITHIN + int(BUDGETS["worker_lease"] * 1000),
        )

    def _counts(self, deliveries: dict[str, Delivery]) -> dict[str, dict[str, int]]:
        platform = self._stack.simulator.order("counters")
        calls = {
            f"{path} {status}": number for path, told in platform["calls"].items() for status, number in told.items()
        }
        sent, stored = self._sent.values(), deliveries.values()
        return {
            "tools": {
                "outcomes": len(sent),
                "acknowledged": sum(each.acknowledged for each in sent),
                "told failure or nothing": sum(not each.acknowledged for each in sent),
                "sent again": sum(len(each.tries) > 1 for each in sent),
                **dict(sorted(self._tools.counts.items())),
            },
            "deliveries": {
                "stored": len(deliveries),
                "tried more than once": sum(each.tries > 1 for each in stored),
                "waited": sum(any("waiting" in event.what for event in each.events) for each in stored),
                **dict(sorted(Counter(str(each.state) for each in stored).items())),
            },
            "platform": {"throttled": platform["throttled"], "most at once": platform["most_at_once"], **calls},
            "teachers": {"grades": sum(len(grades) for grades in self._grades.values())},
            "weather": dict(self._weather),
            "queue": dict(self._stack.proxy.counts),
            "killed": {name: victim.killed for name, victim in self._stack.victims.items()},
        }


@dataclass(frozen=True)
class _Import:
    at: float


def _now() -> int:
    return int(time.time() * 1000)


def _story_of(delivery: Delivery) -> list[str]:
    told = delivery.answer.description if delivery.answer is not None else None
    head = (
        f"{delivery.operation} by {delivery.consumer_key}: {delivery.state}, R {delivery.received_at}, "
        f"timestamp {delivery.timestamp}, tries {delivery.tries}, answer {told!r}"
    )
    return [head, *(f"{event.at} {event.what}" for event in delivery.events)]


def soak(plan: Plan, folder: Path, drain_within: float) -> Report:
    """Run a plan in a folder; everything is stopped at the end, whatever happens."""
    with soaking_stack(folder, plan.seed) as stack:
        return Run(plan, stack).go(drain_within)
