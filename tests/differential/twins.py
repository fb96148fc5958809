"""Twins: one student at old Canvas over LTI 1.1, one at new Canvas through Passback; the same happens to both."""

import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from pox import delete_result, read_result, replace_result, signed_headers
from stage import Seat, Stage, ToolAnswer

from simulator.exchange import Request as SimulatorRequest

COMPARED = (
    "attempt",
    "submission_type",
    "body",
    "url",
    "attachments",
    "submitted_at",
    "score",
    "grade",
    "needs_review",
    "workflow_state",
    "late",
    "comments",
    "score_matches_submission",
    "history",
)
"""What must be equal in the two gradebooks. Who graded is compared as person or not."""


@dataclass(frozen=True)
class Replace:
    """A replaceResult, by the arguments of ``pox.replace_result``."""

    score: str | None = None
    total: str | None = None
    data: dict[str, str] | None = None
    submitted_at: str | None = None
    prioritize_non_tool_grade: bool = False
    needs_additional_review: bool = False


@dataclass(frozen=True)
class Read:
    """A readResult."""


@dataclass(frozen=True)
class Delete:
    """A deleteResult."""


@dataclass(frozen=True)
class TeacherGrades:
    """A teacher grades by hand; None clears."""

    score: str | None


@dataclass(frozen=True)
class TimePasses:
    """So many seconds pass."""

    seconds: float


Happening = Replace | Read | Delete | TeacherGrades | TimePasses


@dataclass
class Twins:
    """The two students, and what was seen."""

    stage: Stage
    old: Seat
    new: Seat
    pairs: list[tuple[Happening, dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def live(self, happening: Happening) -> None:
        """Let the same thing happen to both, and keep what each side shows."""
        if isinstance(happening, TimePasses):
            self.stage.clock.move(happening.seconds)
            return
        if isinstance(happening, TeacherGrades):
            self.stage.grade(self.old, happening.score)
            self.stage.grade(self.new, happening.score)
            self.stage.clock.move(1)
            return
        now = self.stage.clock.now()
        old_answer = self._send_old(_body(happening, self.old.lti11["sourcedid"]))
        assert self.stage.clock.now() == now
        new_answer = self.stage.send(_body(happening, self.new.sourcedid))
        self.stage.clock.move(1)
        self.pairs.append(
            (
                happening,
                self._shown(self.old, old_answer, self.old.lti11["sourcedid"]),
                self._shown(self.new, new_answer, self.new.sourcedid),
            )
        )

    def _send_old(self, body: bytes) -> ToolAnswer:
        lti11 = self.old.lti11
        url = lti11["outcome_url"]
        path = "/" + url.split("/", 3)[3]
        headers = signed_headers(
            url, body, lti11["consumer_key"], lti11["shared_secret"], timestamp=int(self.stage.clock.now().timestamp())
        )
        response = self.stage.simulator.handle(
            SimulatorRequest(
                "POST",
                path,
                headers={name.lower(): value for name, value in headers.items()} | {"host": "canvas.example.edu"},
                body=body,
                scheme="https",
            )
        )
        return ToolAnswer(response.status, response.body.decode(), dict(response.headers))

    def _shown(self, seat: Seat, answer: ToolAnswer, sourcedid: str) -> dict[str, Any]:
        state = self.stage.state(seat)
        shown: dict[str, Any] = {name: state[name] for name in COMPARED}
        # Without a score nobody graded: AGS leaves the last grader after a delete (Canvas AGS, section 10,
        # "deleteResult grader": none needed).
        shown["person_graded"] = state["graded_by"] == "person" and state["score"] is not None
        shown["status"] = answer.status
        shown["answer"] = re.sub(r"\[EID_\d+\]", "[EID]", _canonical(answer.text)).replace(sourcedid, "SOURCEDID")
        return shown


def _canonical(xml: str) -> str:
    try:
        root = etree.fromstring(xml.encode())
    except etree.XMLSyntaxError:
        return "no XML"
    lines = []
    for element in root.iter():
        name = etree.QName(element).localname
        if name != "imsx_messageRefIdentifier":
            lines.append(f"{name}={(element.text or '').strip()}" if len(element) == 0 else name)
    return "\n".join(lines)


def _body(happening: Happening, sourcedid: str) -> bytes:
    if isinstance(happening, Read):
        return read_result(sourcedid)
    if isinstance(happening, Delete):
        return delete_result(sourcedid)
    assert isinstance(happening, Replace)
    return replace_result(
        sourcedid,
        happening.score,
        total=happening.total,
        data=happening.data,
        submitted_at=happening.submitted_at,
        prioritize_non_tool_grade=happening.prioritize_non_tool_grade,
        needs_additional_review=happening.needs_additional_review,
    )


def twins(stage: Stage, *, platform: str = "canvas", **prepared: Any) -> Twins:
    """Make two students alike."""
    return Twins(stage, stage.seat(platform=platform, **prepared), stage.seat(platform=platform, **prepared))


def differences(pair: tuple[Happening, dict[str, Any], dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between old and new after one happening."""
    _, old, new = pair
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}
