"""Plays an outage: outcomes while Canvas is down, what is stored of them, and what arrives once it is back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.clock import Clock, Deadline
from chalicelib.delivery.records import Delivery
from passback.demonstration.cases import Sending
from passback.demonstration.clients import Told
from passback.demonstration.comparison import Side, answers_alike
from passback.demonstration.gradebook import Square
from passback.demonstration.outage_cases import Absence
from passback.local.simulator_control import SimulatorControl
from passback.remedies import Remedy, remedy_of

PROMPT_MILLISECONDS = 5000
"""A tool that is told later than this has waited for a platform that is not there."""
LONGEST_DRAIN = 30.0
"""Seconds until what does not arrive counts as lost."""
LOOK_AGAIN = 0.2
READ = "read"

Deliveries = Callable[[Side], Sequence[Delivery]]
"""Gives a student's deliveries in the order in which they were received."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One outcome as it was sent while Canvas was down."""

    step: Sending
    told: Told
    milliseconds: int

    @property
    def answer(self) -> str:
        """Write what the tool was told."""
        return ", ".join(filter(None, (str(self.told), self.told.description)))

    @property
    def wrong(self) -> list[str]:
        """List what is not as it must be."""
        found = [
            f"answer, {name}: {getattr(self.told, name)}"
            for name, value in self.step.told.items()
            if getattr(self.told, name) != value
        ]
        late = self.milliseconds > PROMPT_MILLISECONDS
        return [*found, f"answered after {self.milliseconds} ms"] if late else found


@dataclass(frozen=True, slots=True)
class Late:
    """One outcome, and what became of it: its delivery's end, and the gradebooks after the student's last one."""

    sent: Sent
    delivery: Delivery | None
    after: Square
    old_after: Square
    last: bool
    wrong: Sequence[str]

    @property
    def right(self) -> bool:
        """Tell whether everything came as promised."""
        return not self.wrong

    @property
    def end(self) -> str:
        """Write how its delivery ended."""
        return "" if self.delivery is None else self.delivery.state.value

    @property
    def remedy(self) -> Remedy | None:
        """Say what to do, if it did not arrive."""
        delivered = self.delivery is None or self.delivery.state.value == "delivered"
        return None if self.delivery is None or delivered else remedy_of(self.delivery, "canvas")

    def document(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        remedy = self.remedy
        return {
            "sent": self.sent.step.what,
            "client": self.sent.step.client,
            "answer": self.sent.answer,
            "milliseconds": self.sent.milliseconds,
            "delivery": None if self.delivery is None else self.delivery.id,
            "state": self.end or None,
            "after": self.after.document(),
            "lti11_after": self.old_after.document(),
            "cause": remedy.cause if remedy else None,
            "remedy": remedy.remedy if remedy else None,
            "right": self.right,
            "differences": list(self.wrong),
        }


@dataclass(frozen=True, slots=True)
class Student:
    """A student with the twin at old Canvas."""

    absence: Absence
    new: Side
    old: Side


def play_outage(
    students: Sequence[Student],
    simulator: SimulatorControl,
    deliveries: Deliveries,
    clock: Clock,
    note: Callable[[str], None],
) -> list[Late]:
    """Let Canvas go down, send, let it come back, wait for what was stored, and compare with old Canvas."""
    simulator.order("switch", {"down": True})
    note("Canvas goes down: from now on it refuses every call ...")
    sent = []
    for student in students:
        sent.append([_sent(step, student.new, clock) for step in student.absence.steps])
        for each in sent[-1]:
            note(f"  {each.step.client}: {each.step.what} -> {each.answer} ({each.milliseconds} ms)")
    early = [_square(student.new, simulator).lacks({"score": None, "attempt": 0}) for student in students]
    for side in (side for student in students if student.absence.leaves for side in (student.new, student.old)):
        simulator.order("student", {"handle": side.handle, "action": "remove"})
    simulator.order("switch", {"down": False})
    back_at = clock.now()
    note("Canvas is back; one student left the course meanwhile. Worker and schedule do the rest ...")
    ended = _wait(lambda: [each for student in students for each in deliveries(student.new)], clock)
    note("  Nothing is under way any more." if ended else "  Not everything was delivered in time.")
    return [
        late
        for student, own, too_early in zip(students, sent, early, strict=True)
        for late in judge(student, own, deliveries(student.new), simulator, back_at, too_early)
    ]


def _sent(step: Sending, side: Side, clock: Clock) -> Sent:
    started = clock.monotonic()
    told = step.send(side.door)
    return Sent(step, told, int((clock.monotonic() - started) * 1000))


def _wait(deliveries: Callable[[], Sequence[Delivery]], clock: Clock) -> bool:
    """Wait until nothing is under way any more; tell whether that came in time."""
    deadline = Deadline.after(clock, LONGEST_DRAIN)
    while any(delivery.state.under_way for delivery in deliveries()):
        if deadline.passed:
            return False
        clock.sleep(LOOK_AGAIN)
    return True


def judge(
    student: Student,
    sent: Sequence[Sent],
    deliveries: Sequence[Delivery],
    simulator: SimulatorControl,
    back_at: datetime,
    too_early: Sequence[str] = (),
) -> list[Late]:
    """Send the same at old Canvas, which is back as well, and compare what both gradebooks hold then.

    ``too_early``: what the gradebook held although Canvas was down; then it was no outage.
    """
    absence = student.absence
    old_told = [each.step.send(student.old.door) for each in sent]
    after, old_after = _square(student.new, simulator), _square(student.old, simulator)
    own = iter(deliveries)
    found = [(each, None if each.step.what == READ else next(own, None)) for each in sent]
    last_write = [each for each in sent if each.step.what != READ][-1]
    rows = []
    for (each, delivery), told in zip(found, old_told, strict=True):
        last = each is last_write
        wrong = each.wrong
        if each.step.what == READ:
            wrong += [] if answers_alike(each.told, told) else [f"old Canvas answered {told}"]
        elif delivery is None or delivery.state.value != absence.ends:
            wrong += [f"it ended {'nowhere' if delivery is None else delivery.state.value}, not {absence.ends}"]
        if last:
            wrong += after.lacks(absence.expected) + after.differences(old_after, exact_time=False)
            wrong += [*_handed_in_late(after, back_at), *(f"while it was down, {text}" for text in too_early)]
        rows.append(Late(each, delivery, after, old_after, last, wrong))
    return rows


def _square(side: Side, simulator: SimulatorControl) -> Square:
    return Square(simulator.order("state", {"handle": side.handle}))


def _handed_in_late(square: Square, back_at: datetime) -> list[str]:
    """Work counts as handed in when the tool sent it, not when it could be delivered."""
    text = square.state["submitted_at"]
    if text is None or datetime.fromisoformat(str(text)) < back_at:
        return []
    return [f"submitted_at: {text} is after Canvas came back"]
