"""The gradebooks behind the machine: Canvas in a box, and a Moodle. Both are judges of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import httpx
from platforms.campus import Campus, open_campus
from platforms.moodle import TOKEN_PATH
from platforms.wires import through_the_seam
from stage import CONSUMER_KEY, Seat, Stage

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.records import CellKey
from chalicelib.lti13.transport import Transport
from chalicelib.mapping.model import Mapping
from chalicelib.services import Services, connect
from chalicelib.storage.sealing import KeyFileSealer

POINTS = 10


@dataclass(frozen=True)
class Submitted:
    """One attempt as the gradebook shows it."""

    work: str | None
    at: int


@dataclass(frozen=True)
class Shown:
    """What a gradebook shows of the student."""

    score: Decimal | None
    by_person: bool
    work: str | None = None
    attempts: tuple[Submitted, ...] = ()


class Gradebook(Protocol):
    """One student's square, and the platform's troubles."""

    troubles: tuple[str, ...]
    takes_work: bool
    grades_stick: bool
    """What a person gave is never gone over by a tool."""
    cell: CellKey

    def shown(self) -> Shown: ...
    def grade(self, points: str) -> None: ...
    def trouble(self, kind: str, count: int | None) -> None: ...
    def mend(self) -> None: ...
    def watch(self, look: Callable[[], None]) -> None: ...
    def map(self, sourcedid: str) -> None: ...


class Canvas:
    """The simulated Canvas."""

    troubles: tuple[str, ...] = (
        "drop_before",
        "drop_after",
        "slow",
        "status",
        "throttle_403",
        "token",
        "unread",
        "refuse",
        "hang",
    )
    takes_work = True
    grades_stick = False

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seat: Seat = stage.seat(points=POINTS)
        self.cell = CellKey("canvas", self._seat.prepared["line_item"], self._seat.prepared["user_id"])

    def shown(self) -> Shown:
        state = self._stage.state(self._seat)
        attempts = tuple(
            Submitted(version["body"] or version["url"], _moment(version["submitted_at"]))
            for version in state["history"]
        )
        assert state["attempt"] == len(attempts)
        work = state["body"] or state["url"]
        return Shown(state["score"], state["graded_by"] == "person" and state["score"] is not None, work, attempts)

    def grade(self, points: str) -> None:
        self._stage.grade(self._seat, points)

    def trouble(self, kind: str, count: int | None) -> None:
        fault = {"path": "score", "kind": kind, "count": count}
        match kind:
            case "slow" | "hang":
                fault |= {"seconds": 20}
            case "status":
                fault |= {"status": 503}
            case "token":
                fault |= {"path": "token", "kind": "status", "status": 502}
            case "unread":
                fault |= {"path": "result", "kind": "status", "status": 500}
            case "refuse":
                fault |= {"path": "any"}
        self._stage.faults(fault)

    def mend(self) -> None:
        self._stage.faults()

    def watch(self, look: Callable[[], None]) -> None:
        self._stage.interruption = lambda _request: look()

    def map(self, sourcedid: str) -> None:
        self._stage.map(self._seat, sourcedid=sourcedid)


class Moodle:
    """A Moodle, whose troubles are made on the way to it."""

    troubles: tuple[str, ...] = ("drop_before", "drop_after", "slow", "status", "token", "unread", "refuse")
    takes_work = False
    grades_stick = True

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self._trouble: tuple[str, int | None] | None = None
        self._look: Callable[[], None] = lambda: None
        campus: Campus = open_campus(stage, folder, self._answer)
        self._moodle = through_the_seam(campus.moodle)
        # A process that starts again reaches the same Moodle.
        transport = stage.services.transport
        stage._start = lambda: _started_again(stage, transport, folder)
        self._campus = campus
        self._seat = campus.seat(points=str(POINTS))
        self.cell = CellKey("moodle", campus.moodle.line_item(self._seat.column), str(self._seat.user_id))

    def shown(self) -> Shown:
        grade = self._seat.column.grade(self._seat.user_id)
        return Shown(self._seat.grade, grade.overridden)

    def grade(self, points: str) -> None:
        self._campus.teacher_grades(self._seat, points)

    def trouble(self, kind: str, count: int | None) -> None:
        self._trouble = (kind, count)

    def mend(self) -> None:
        self._trouble = None

    def watch(self, look: Callable[[], None]) -> None:
        self._look = look

    def map(self, sourcedid: str) -> None:
        self._stage.services.mappings.put(
            Mapping(CONSUMER_KEY, sourcedid, "moodle", self.cell.line_item, self.cell.user_id)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self._look()
        self._stage._moment()
        kind = self._taken(request)
        if kind in ("drop_before", "refuse"):
            raise httpx.ConnectError("refused", request=request)
        if kind in ("status", "token", "unread"):
            return httpx.Response(503)
        response = self._moodle(request)
        if kind == "drop_after":
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if kind == "slow":
            self._stage.clock.move(8)
            raise httpx.ReadTimeout("the answer did not come", request=request)
        self._stage._moment()
        return response

    def _taken(self, request: httpx.Request) -> str:
        """Use up one turn of the trouble if it hits this request."""
        if self._trouble is None:
            return ""
        kind, count = self._trouble
        path = request.url.path
        where = {"token": path == TOKEN_PATH, "unread": path.endswith("/results"), "refuse": True}
        if not where.get(kind, path.endswith("/scores")):
            return ""
        if count is not None:
            self._trouble = (kind, count - 1) if count > 1 else None
        return kind


def _started_again(stage: Stage, transport: Transport, folder: Path) -> Services:
    old, sealer = stage.services, KeyFileSealer(folder / "master.key")
    pace = Pace(stage.clock)
    return connect(old.settings, stage.clock, transport, old.table, sealer, stage.queue, pace, chance=lambda: 0.5)


def _moment(text: str) -> int:
    return to_milliseconds(datetime.fromisoformat(text))
