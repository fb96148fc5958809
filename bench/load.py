"""Outcomes a second and what they take, by how many tools send at once; beside a route that asks nobody."""

import http.client
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pox import replace_result, signed_headers

from bench.backlog import missing
from bench.processor import processor_seconds
from bench.samples import Figure, Latencies, figure, latencies, ratio
from bench.served import serving
from bench.stack import CONSUMER_KEY, SECRET, Seat, Stack, must_be_success, outcome_event, random_score, running_stack
from bench.zips import make_zips

AT_ONCE = (1, 2, 4, 8, 16, 32)
SERVERS = 4
"""Processes of the packed code, each with the eight threads of the local stack's server."""
RUNS = 3
OUTCOMES = 240
PROBES = 1200
"""Of one run at the most, all senders together: outcomes, and requests of the floor."""
SECONDS = 6.0
"""After which a run ends, however many outcomes are left."""
WARMING = 4
PATIENCE = 20.0
"""Seconds that a sender waits for an answer: more than the door ever takes."""
SEATS_EACH = 2
"""Students of each sender, taking turns: none waits for another outcome of the same student."""

DELIVERED, QUEUED = "delivered", "queued"

Send = Callable[[], str]
"""Sends one request; returns what came of it: ``DELIVERED``, ``QUEUED``, or what was wrong."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was found with so many senders at once. Rates are answers a second."""

    at_once: int
    rate: Figure
    latencies: Latencies
    queued: int
    errors: dict[str, int]
    engine: Figure
    """The share of one core that the engine of the table took."""
    health_rate: Figure
    health: Latencies
    to_health: Figure
    """A route that asks nobody, behind the same servers, and how our rate is beside its."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was found. ``not_shown``: delivered outcomes that the gradebook does not show in the end."""

    servers: int
    levels: list[Level]
    not_shown: int

    @property
    def errors(self) -> int:
        """Return how many answers were neither a success nor queued."""
        return sum(sum(level.errors.values()) for level in self.levels)


@dataclass(slots=True)
class Run:
    """One run of some senders: seconds it took, seconds of each answer, and how many of each kind came."""

    seconds: float
    waits: list[float]
    ends: Counter[str]
    engine: float = 0.0

    @property
    def rate(self) -> float:
        """Return the answers a second."""
        return len(self.waits) / self.seconds


@dataclass(slots=True)
class _Sender:
    """A tool: a connection that is kept open, students of its own, and what it was told of each of them."""

    port: int
    seats: Sequence[Seat]
    promised: dict[Seat, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None
    _ready: list[tuple[Seat, str, Mapping[str, str], bytes]] = field(default_factory=list)

    def sign(self, count: int) -> None:
        """Make a connection and so many outcomes ready, so that neither takes any of the measured time."""
        self.close()  # one that was idle for long may be closed by the server just now
        self._connect().connect()
        url = f"http://127.0.0.1:{self.port}/outcomes"
        self._ready.clear()
        for number in range(count):
            seat, score = self.seats[number % len(self.seats)], random_score()
            body = replace_result(seat.sourcedid, score)
            headers = signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=int(datetime.now(UTC).timestamp()))
            self._ready.append((seat, score, headers, body))

    def outcome(self) -> str:
        """Send the next outcome."""
        seat, score, headers, body = self._ready.pop()
        end = end_of(*self._ask("POST", "/outcomes", body, headers))
        if end == DELIVERED:
            self.promised[seat] = score
        else:
            self.promised.pop(seat, None)
        return end

    def health(self) -> str:
        """Ask the route that asks nobody."""
        status, _ = self._ask("GET", "/health", None, {})
        return DELIVERED if status == 200 else f"status {status}"

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        return self._connection

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, str]:
        connection = self._connect()
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            return 0, type(problem).__name__


def end_of(status: int, text: str) -> str:
    """Tell what came of an outcome, by its answer."""
    if status == 200 and "<imsx_codeMajor>success<" in text:
        description = text.partition("<imsx_description>")[2].partition("</imsx_description>")[0]
        return {"": DELIVERED, "queued for delivery": QUEUED}.get(description, description)
    return f"status {status}" if status else text


def measure() -> Load:
    """Measure all levels in turn, several times."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as cleanup:
        folder = Path(name)
        code = make_zips(folder).ours.folder
        stack = cleanup.enter_context(running_stack(folder))
        ports = cleanup.enter_context(serving(code, stack.environment, folder, SERVERS))
        senders = _senders(stack, ports)
        runs = _measure(stack, senders)
        promised = [pair for sender in senders for pair in sender.promised.items()]
        for sender in senders:
            sender.close()
        not_shown = missing(stack.site, promised, attempts=None)
    return Load(SERVERS, [level(at_once, *found) for at_once, found in runs.items()], not_shown)


def level(at_once: int, outcomes: Sequence[Run], health: Sequence[Run]) -> Level:
    """Put the runs of one level together: rates run by run, answers of all runs in one."""
    ends = sum((run.ends for run in outcomes), Counter[str]())
    errors = Counter({end: count for end, count in ends.items() if end not in (DELIVERED, QUEUED)})
    for run in health:
        errors.update({f"/health: {end}": count for end, count in run.ends.items() if end != DELIVERED})
    rates, health_rates = [[run.rate] for run in outcomes], [[run.rate] for run in health]
    return Level(
        at_once=at_once,
        rate=figure(rates),
        latencies=latencies([seconds for run in outcomes for seconds in run.waits]),
        queued=ends[QUEUED],
        errors=dict(errors),
        engine=figure([[run.engine] for run in outcomes]),
        health_rate=figure(health_rates),
        health=latencies([seconds for run in health for seconds in run.waits]),
        to_health=ratio(rates, health_rates),
    )


def send_all(sends: Sequence[Send], each: int, seconds: float) -> Run:
    """Let senders send so many each, at the same time, until the time is over; at least one each."""
    started = time.monotonic()
    give_up = started + seconds

    def one(send: Send) -> list[tuple[float, str]]:
        found: list[tuple[float, str]] = []
        while len(found) < each and (not found or time.monotonic() < give_up):
            begun = time.perf_counter()
            end = send()
            found.append((time.perf_counter() - begun, end))
        return found

    with ThreadPoolExecutor(len(sends)) as threads:
        told = [pair for found in threads.map(one, sends) for pair in found]
    taken = time.monotonic() - started
    return Run(taken, [wait for wait, _ in told], Counter(end for _, end in told))


def _measure(stack: Stack, senders: list[_Sender]) -> dict[int, tuple[list[Run], list[Run]]]:
    for sender in senders:
        sender.sign(WARMING)
    send_all([sender.outcome for sender in senders], WARMING, SECONDS)
    runs: dict[int, tuple[list[Run], list[Run]]] = {at_once: ([], []) for at_once in AT_ONCE}
    for _ in range(RUNS):
        for at_once, (outcomes, health) in runs.items():
            sending, each = senders[:at_once], OUTCOMES // at_once
            for sender in sending:
                sender.sign(each)
            outcomes.append(_watched(stack, [sender.outcome for sender in sending], each))
            health.append(send_all([sender.health for sender in sending], PROBES // at_once, SECONDS))
    return runs


def _watched(stack: Stack, sends: Sequence[Send], each: int) -> Run:
    before = processor_seconds(stack.engine.process.pid)
    run = send_all(sends, each, SECONDS)
    run.engine = (processor_seconds(stack.engine.process.pid) - before) / run.seconds
    return run


def _senders(stack: Stack, ports: Sequence[int]) -> list[_Sender]:
    """Make the senders, spread over the servers; their students have had an outcome."""
    senders = []
    for number in range(max(AT_ONCE)):
        seats = [stack.seat() for _ in range(SEATS_EACH)]
        for seat in seats:
            must_be_success(stack.answer(outcome_event(seat)))
        senders.append(_Sender(ports[number % len(ports)], seats))
    return senders
