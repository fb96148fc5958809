"""What will happen in one run, made from a seed alone: outcomes, teachers, faults, kills. Pure.

The same seed makes the same plan. What comes of it differs from run to run, because the processes' timing does.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any


class Manners(Enum):
    """What a tool does when it gets a failure or no answer."""

    NEVER = "never again"
    SAME = "the same signed request again"
    SIGNED_AGAIN = "signed anew"
    ECHO = "the same signed request once more later, whatever the answer was"


class Kind(StrEnum):
    """What an outcome carries."""

    SCORE = "score"
    TOTAL = "total"
    TEXT = "score and text"
    URL = "score and URL"
    WORK = "text alone"
    DELETE = "delete"


@dataclass(frozen=True)
class ToolPlan:
    """A registered tool."""

    consumer_key: str
    queues: bool
    parks: bool = False


TOOLS = (
    ToolPlan("patient", queues=True),
    ToolPlan("stubborn", queues=False),
    ToolPlan("early", queues=True, parks=True),
)


@dataclass(frozen=True)
class SeatPlan:
    """A sourcedid of a tool for a cell. ``mapped_at``: when its mapping appears; None: before the start."""

    consumer_key: str
    sourcedid: str
    mapped_at: float | None = None


@dataclass(frozen=True)
class CellPlan:
    """One square of the gradebook. ``history``: work and score from before the move."""

    number: int
    course: int
    points: int
    seats: tuple[SeatPlan, ...]
    history: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OutcomePlan:
    """One outcome that a tool sends. Within a cell no two carry the same number or the same work."""

    number: int
    at: float
    cell: int
    seat: int
    kind: Kind
    score: str | None = None
    total: str | None = None
    text: str | None = None
    url: str | None = None
    submitted_at: str | None = None
    prioritized: bool = False
    manners: Manners = Manners.NEVER
    patience: float = 20.0
    pause: float = 1.0

    @property
    def sets_score(self) -> bool:
        """It gives a score or takes one away."""
        return self.kind is not Kind.WORK

    @property
    def sets_work(self) -> bool:
        """It hands in work."""
        return self.text is not None or self.url is not None


@dataclass(frozen=True)
class TeacherPlan:
    """A teacher grades."""

    at: float
    cell: int
    score: Decimal


@dataclass(frozen=True)
class WeatherPlan:
    """From then on the simulator has these faults; ``course`` in a fault is the number of one of the plan's."""

    at: float
    name: str
    down: bool = False
    faults: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class QueuePlan:
    """From then on the queue does this to so many in a hundred requests."""

    at: float
    refuses: int = 0
    loses: int = 0
    doubles: int = 0
    drops_answers: int = 0


@dataclass(frozen=True)
class KillPlan:
    """A process is killed outright, and started again."""

    at: float
    victim: str


@dataclass(frozen=True)
class Size:
    """How much of everything. ``seconds`` is how long outcomes are sent."""

    outcomes: int
    seconds: float
    kills: int


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int
    size: Size
    cells: tuple[CellPlan, ...]
    outcomes: tuple[OutcomePlan, ...]
    teachers: tuple[TeacherPlan, ...]
    weather: tuple[WeatherPlan, ...]
    queue: tuple[QueuePlan, ...]
    kills: tuple[KillPlan, ...]

    @property
    def courses(self) -> int:
        """How many courses there are."""
        return 1 + max(cell.course for cell in self.cells)


PER_CELL = 7
CELLS_OF_A_COURSE = 6
_EARLIER = datetime(2026, 1, 5, tzinfo=UTC)


def make_plan(seed: int, size: Size) -> Plan:
    """Make the plan of a run."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    count = max(3, size.outcomes // PER_CELL)
    cells = tuple(_cell(dice, number, size, max(3, count // CELLS_OF_A_COURSE)) for number in range(count))
    outcomes = tuple(_outcomes(dice, cells, size))
    return Plan(
        seed=seed,
        size=size,
        cells=cells,
        outcomes=outcomes,
        teachers=tuple(_teachers(dice, cells, outcomes)),
        weather=tuple(_weather(dice, size, 1 + max(cell.course for cell in cells))),
        queue=tuple(_queue(dice, size)),
        kills=tuple(_kills(dice, size)),
    )


def _cell(dice: random.Random, number: int, size: Size, courses: int) -> CellPlan:
    tool = dice.choices(TOOLS, (5, 4, 1))[0]
    late = round(dice.choice([0.4, 0.75]) * size.seconds, 2) if tool.parks else None
    seats = [SeatPlan(tool.consumer_key, f"seat-{number}-a", late)]
    if dice.random() < 0.35:
        other = dice.choice(TOOLS[:2])
        seats.append(SeatPlan(other.consumer_key, f"seat-{number}-b"))
    history: dict[str, Any] = {}
    if dice.random() < 0.2:
        kind = dice.choice(["external_tool", "online_text_entry"])
        history = {"tool_score": 1, "submission_type": kind, "submitted_at": "2026-01-02T08:00:00Z"}
    course = number % courses
    return CellPlan(number, course, (10, 20, 100)[course % 3], tuple(seats), history)


def _outcomes(dice: random.Random, cells: tuple[CellPlan, ...], size: Size) -> list[OutcomePlan]:
    shares = [dice.choice([3, 5, 7, 9, 11]) for _ in cells]
    counts = [max(2, round(size.outcomes * share / sum(shares))) for share in shares]
    times: list[tuple[float, int]] = []
    for cell, count in zip(cells, counts, strict=True):
        moments: list[float] = []
        for _ in range(count):
            close = moments and dice.random() < 0.2
            moments.append(moments[-1] + dice.uniform(0.0, 0.3) if close else dice.uniform(0, size.seconds))
        times += [(round(min(moment, size.seconds), 3), cell.number) for moment in moments]
    return [_outcome(dice, number, at, cells[cell]) for number, (at, cell) in enumerate(sorted(times))]


def _outcome(dice: random.Random, number: int, at: float, cell: CellPlan) -> OutcomePlan:
    kind = dice.choices(list(Kind), (50, 12, 12, 10, 8, 8))[0]
    # A fraction ends in a digit that no teacher's grade and no total has, and no number comes twice.
    fraction = f"0.{number % 9000 + 1000}1"
    total = f"{number % 9}.{number % 9000 + 1000}3"
    given = kind in (Kind.SCORE, Kind.TEXT, Kind.URL)
    has_work = kind in (Kind.TEXT, Kind.URL, Kind.WORK)
    own_time = has_work and dice.random() < 0.3
    submitted_at = (_EARLIER + timedelta(minutes=number)).isoformat() if own_time else None
    return OutcomePlan(
        number=number,
        at=at,
        cell=cell.number,
        seat=dice.randrange(len(cell.seats)),
        kind=kind,
        score=fraction if given else None,
        total=total if kind is Kind.TOTAL else None,
        text=f"essay {number}" if kind in (Kind.TEXT, Kind.WORK) else None,
        url=f"https://tool.example.org/essays/{number}" if kind is Kind.URL else None,
        submitted_at=submitted_at,
        # A grade from before the move counts as a person's to Passback (design, prioritizeNonToolGrade).
        prioritized=kind is not Kind.DELETE and not cell.history and dice.random() < 0.1,
        manners=dice.choices(list(Manners), (4, 3, 2, 2))[0],
        patience=dice.choice([2.0, 8.0, 20.0, 20.0]),
        pause=round(dice.uniform(0.3, 4.0), 2),
    )


def _teachers(dice: random.Random, cells: tuple[CellPlan, ...], outcomes: tuple[OutcomePlan, ...]) -> list[TeacherPlan]:
    """Teachers grade soon after an outcome of the cell: while it may still be on its way."""
    planned: list[TeacherPlan] = []
    for outcome in outcomes:
        if dice.random() < 0.13:
            number = len(planned)
            score = Decimal(number % (cells[outcome.cell].points - 1)) + Decimal(number % 9000 + 1000) / 100000
            at = round(outcome.at + dice.uniform(0.1, 5.0), 2)
            planned.append(TeacherPlan(at, outcome.cell, score + Decimal("0.000007")))
    return planned


def _weather(dice: random.Random, size: Size, courses: int) -> list[WeatherPlan]:
    spells, at = [WeatherPlan(0.0, "calm")], dice.uniform(0.5, 2.0)
    while at < size.seconds:
        spells.append(_spell(dice, round(at, 2), courses))
        at += dice.uniform(1.0, 3.5)
    return spells


def _spell(dice: random.Random, at: float, courses: int) -> WeatherPlan:
    seed, share = dice.randrange(10**6), round(dice.uniform(0.3, 0.9), 2)
    course = {"course": dice.randrange(courses)}
    lost = {"kind": "drop_after", "path": "score", "share": share, "seed": seed}
    spells: tuple[tuple[str, dict[str, Any]], ...] = (
        ("lost answers", lost),
        ("lost answers", lost),
        ("throttled", {"kind": dice.choice(["throttle_403", "throttle_429"]), "share": share, "seed": seed}),
        ("errors", {"kind": "status", "status": 500, "path": "score", "share": share, "seed": seed}),
        ("bad gateway", {"kind": "status", "status": dice.choice([502, 503, 504]), "share": share, "seed": seed}),
        ("hanging", {"kind": "hang", "seconds": 7, "path": "score", "share": share / 2, "seed": seed}),
        ("slow", {"kind": "slow", "seconds": 2, "share": share / 2, "seed": seed}),
        ("too slow", {"kind": "slow", "seconds": 7, "path": "score", "share": share / 2, "seed": seed}),
        ("dropped", {"kind": "drop_before", "share": share, "seed": seed}),
        ("refused", {"kind": "refuse", "share": share, "seed": seed}),
        ("no results", {"kind": "status", "status": 500, "path": "result", "share": share, "seed": seed}),
        ("no tokens", {"kind": "status", "status": 503, "path": "token"}),
        ("one broken course", {"kind": "status", "status": 500, **course}),
        ("one course hangs", {"kind": "hang", "seconds": 7, **course}),
    )
    drizzle = {"kind": "drop_after", "path": "score", "share": 0.3, "seed": seed}
    chance = dice.random()
    if chance < 0.25:
        return WeatherPlan(at, "drizzle", faults=(drizzle,))
    if chance < 0.32:
        return WeatherPlan(at, "down", down=True)
    (name, fault), (_, other) = dice.choice(spells), dice.choice(spells)
    return WeatherPlan(at, name, faults=(fault, other, drizzle) if chance < 0.5 else (fault, drizzle))


def _queue(dice: random.Random, size: Size) -> list[QueuePlan]:
    spells, at = [QueuePlan(0.0, doubles=15, loses=5)], dice.uniform(1.0, 3.0)
    while at < size.seconds:
        usual = QueuePlan(round(at, 2), doubles=15, loses=5)
        worse: tuple[dict[str, int], ...] = (
            {"doubles": 50},
            {"loses": 50},
            {"refuses": 100},
            {"refuses": 40},
            {"drops_answers": 40},
            {},
        )
        spells.append(replace(usual, **dice.choice(worse)))
        at += dice.uniform(1.0, 3.0)
    return spells


def _kills(dice: random.Random, size: Size) -> list[KillPlan]:
    """The server less often: while it starts again nobody is accepted, and nothing is put to the test."""
    gap = size.seconds / (size.kills + 1)
    return [
        KillPlan(round(gap * (number + dice.uniform(0.3, 1.0)), 2), "server" if number % 3 == 0 else "worker")
        for number in range(size.kills)
    ]
