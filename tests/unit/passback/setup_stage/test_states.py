"""Every state that CloudFormation knows has its course, or its sentence."""

from typing import Any

import botocore.session
import pytest

from passback.failures import CommandFailed
from passback.setup.states import Course, StackState, course_of

STATES: Any = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus")
ALL: list[str] = STATES.enum


def stack(status: str, reason: str = "") -> StackState:
    return StackState("passback-prod-data", "arn:stack", status, reason, {}, {})


def course(status: str) -> Course | str:
    try:
        return course_of(stack(status), "prod")
    except CommandFailed as failure:
        return failure.code


def test_there_are_states_to_look_at() -> None:
    assert {"CREATE_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"} <= set(ALL)


@pytest.mark.parametrize("status", ALL)
def test_every_state_has_its_course_or_its_sentence(status: str) -> None:
    expected: dict[str, Any] = {
        "REVIEW_IN_PROGRESS": Course.MAKE,
        "CREATE_FAILED": Course.FINISH,
        "UPDATE_FAILED": Course.FINISH,
        "ROLLBACK_COMPLETE": Course.MAKE_ANEW,
        "ROLLBACK_FAILED": Course.MAKE_ANEW,
        "UPDATE_ROLLBACK_FAILED": "stack_stuck",
        "IMPORT_ROLLBACK_FAILED": "stack_stuck",
        "DELETE_FAILED": "stack_stuck",
        "DELETE_COMPLETE": "stack_stuck",  # never seen: a stack that is gone has no state
    }
    usual = "stack_busy" if status.endswith("_IN_PROGRESS") else Course.CHANGE
    assert course(status) == expected.get(status, usual)


def test_no_stack_is_to_be_made() -> None:
    assert course_of(None, "prod") is Course.MAKE


def test_a_stuck_stack_is_told_with_what_to_run_and_its_reason() -> None:
    with pytest.raises(CommandFailed) as refused:
        course_of(stack("UPDATE_ROLLBACK_FAILED", "the\nqueue   is gone"), "prod")
    assert "`aws cloudformation continue-update-rollback --stack-name passback-prod-data`" in refused.value.message
    assert refused.value.message.endswith("CloudFormation says: the queue is gone")
    with pytest.raises(CommandFailed, match="passback setup --stage prod --destroy"):
        course_of(stack("DELETE_FAILED"), "prod")
    with pytest.raises(CommandFailed, match="in state NEW_ONE, which this version does not know"):
        course_of(stack("NEW_ONE"), "prod")
