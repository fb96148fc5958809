"""What the state of a stack means for ``passback setup``: go on, take away first, or let a person act."""

from dataclasses import dataclass
from enum import Enum

from passback.failures import CommandFailed


class Course(Enum):
    """How to go on."""

    MAKE = "make"
    """There is no stack, or an empty one that a change set left."""
    CHANGE = "change"
    """It stands: whatever differs is changed."""
    FINISH = "finish"
    """An operation failed half-way, and what it made was kept: the next one goes on from there."""
    MAKE_ANEW = "make anew"
    """Its creation was rolled back: CloudFormation lets such a stack only be removed."""


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack as CloudFormation describes it."""

    name: str
    id: str
    status: str
    reason: str
    outputs: dict[str, str]
    parameters: dict[str, str]


_COURSES = {
    "REVIEW_IN_PROGRESS": Course.MAKE,
    "CREATE_COMPLETE": Course.CHANGE,
    "UPDATE_COMPLETE": Course.CHANGE,
    "UPDATE_ROLLBACK_COMPLETE": Course.CHANGE,
    "IMPORT_COMPLETE": Course.CHANGE,
    "IMPORT_ROLLBACK_COMPLETE": Course.CHANGE,
    "CREATE_FAILED": Course.FINISH,
    "UPDATE_FAILED": Course.FINISH,
    "ROLLBACK_COMPLETE": Course.MAKE_ANEW,
    "ROLLBACK_FAILED": Course.MAKE_ANEW,
}


def course_of(stack: StackState | None, stage: str) -> Course:
    """Say how to go on with a stack.

    Raises
    ------
    CommandFailed
        If nothing can be done from here: somebody else is at work, or an operation is stuck.
    """
    if stack is None:
        return Course.MAKE
    course = _COURSES.get(stack.status)
    if course is not None:
        return course
    refuse_while_busy(stack)
    if stack.status in ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"):
        raise CommandFailed(
            "stack_stuck",
            f"The last change of stack {stack.name} failed, and so did taking it back. Put the cause right that its "
            f"events name, run `aws cloudformation continue-update-rollback --stack-name {stack.name}`, then this "
            "again."
            f"{_why(stack)}",
        )
    if stack.status == "DELETE_FAILED":
        raise CommandFailed(
            "stack_stuck",
            f"Stack {stack.name} was to be removed, and part of it could not be. Put the cause right that its events "
            f"name, then finish with `passback setup --stage {stage} --destroy`.{_why(stack)}",
        )
    raise CommandFailed(
        "stack_stuck",
        f"Stack {stack.name} is in state {stack.status}, which this version does not know: look at it in the "
        "console of "
        f"CloudFormation.{_why(stack)}",
    )


def refuse_while_busy(stack: StackState) -> None:
    """Refuse while an operation is under way.

    Raises
    ------
    CommandFailed
        If one is.
    """
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise CommandFailed(
            "stack_busy",
            f"CloudFormation is at work on stack {stack.name} ({stack.status}), started by somebody else or by an "
            "earlier run: wait until it is done (some minutes at most), then run this again.",
        )


def _why(stack: StackState) -> str:
    return f" CloudFormation says: {' '.join(stack.reason.split())}" if stack.reason else ""
