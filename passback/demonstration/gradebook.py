"""What the gradebook holds for one student, and whether two gradebooks hold the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMPARED = (
    "attempt",
    "submission_type",
    "body",
    "url",
    "attachments",
    "score",
    "grade",
    "graded_by",
    "workflow_state",
    "needs_review",
    "late",
    "comments",
    "score_matches_submission",
)
"""Everything that a teacher or student can see of the work and its grade."""


@dataclass(frozen=True, slots=True)
class Square:
    """One student's square of the gradebook, as the simulator tells it (docs/simulator.md, state)."""

    state: Mapping[str, Any]

    def __str__(self) -> str:
        """Write it for the table."""
        state = self.state
        if state["score"] is None and not state["attempt"]:
            return "empty"
        score = "no score" if state["score"] is None else f"{state['score']}"
        by = " by teacher" if state["graded_by"] == "person" and state["score"] is not None else ""
        work = f"#{state['attempt']} {state['submission_type']}" if state["attempt"] else ""
        return ", ".join(filter(None, (score + by, work, "needs review" if state["needs_review"] else "")))

    def document(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {name: self.state[name] for name in (*COMPARED, "submitted_at")}

    def differences(self, other: "Square", *, exact_time: bool) -> list[str]:
        """List what differs. Times of submission are compared to the millisecond only when the tool gave them."""
        found = [
            f"{name}: {self.state[name]!s} and not {other.state[name]!s}"
            for name in COMPARED
            if self.state[name] != other.state[name]
        ]
        mine, theirs = self.state["submitted_at"], other.state["submitted_at"]
        if (mine != theirs) if exact_time else ((mine is None) != (theirs is None)):
            found.append(f"submitted_at: {mine} and not {theirs}")
        return found

    def lacks(self, expected: Mapping[str, Any]) -> list[str]:
        """List what is not as expected."""
        return [
            f"{name}: {self.state[name]!s}, expected {value!s}"
            for name, value in expected.items()
            if self.state[name] != value
        ]
