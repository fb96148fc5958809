"""Judges what twins show: the same, or different in a way that is named."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from differential.accepted import Accepted, Shown
from differential.twins import Happening, TeacherGrades, TimePasses, Twins, differences


@dataclass
class Judge:
    """Fails on every difference that is not accepted, and keeps the accepted ones that were seen.

    An accepted difference that ``stays`` is not judged again while nothing of it changes.
    """

    accepted: tuple[Accepted, ...]
    seen: list[Accepted] = field(default_factory=list)
    _before: Shown | None = None
    _standing: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def teacher_graded(self, state: dict[str, Any]) -> None:
        """Take note of a grade given by hand to both."""
        self._before = {"score": state["score"], "person_graded": state["graded_by"] == "person"}
        self._standing = {}

    def judge(self, happening: Happening, old: Shown, new: Shown) -> None:
        """Look at both after an outcome."""
        found = differences((happening, old, new))
        fresh = {name: shown for name, shown in found.items() if self._standing.get(name) != shown}
        named = [each for each in self.accepted if each.applies(happening, old, new, self._before)] if fresh else []
        assert named or not fresh, f"{happening}: {found}"
        self.seen += named
        if fresh:
            self._standing = found if any(each.stays for each in named) else {}
        else:
            self._standing = found
        self._before = new


def live_through(
    pair: Twins,
    happenings: Iterable[Happening],
    accepted: tuple[Accepted, ...] = (),
    ending: tuple[Accepted, ...] = (),
) -> set[str]:
    """Let everything happen to both, until a difference that ends the comparison; return the names of those seen."""
    judge = Judge((*accepted, *ending))
    for happening in happenings:
        pair.live(happening)
        if isinstance(happening, TeacherGrades):
            judge.teacher_graded(pair.stage.state(pair.new))
        elif not isinstance(happening, TimePasses):
            judge.judge(*pair.pairs[-1])
        if any(each in ending for each in judge.seen):
            break
    return {each.name for each in judge.seen}
