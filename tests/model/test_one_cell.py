"""The promises hold through any life of a cell (``MODEL_EXAMPLES`` for a longer search)."""

import os

import pytest
from hypothesis import HealthCheck, settings

from chalicelib.lti11.tools import OnDelay
from model.cell_machine import CellMachine

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "70"))
STEPS = int(os.environ.get("MODEL_STEPS", "25"))
LONG = "MODEL_EXAMPLES" in os.environ
BOUNDS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
    print_blob=True,
)


class CanvasQueue(CellMachine):
    """Canvas, and a tool that wants its outcomes queued."""


class CanvasFail(CellMachine):
    """Canvas, and a tool that wants to be told."""

    on_delay = OnDelay.FAIL


class MoodleQueue(CellMachine):
    """Moodle, and a tool that wants its outcomes queued."""

    platform = "moodle"


class MoodleFail(CellMachine):
    """Moodle, and a tool that wants to be told."""

    platform = "moodle"
    on_delay = OnDelay.FAIL


MACHINES = (CanvasQueue, CanvasFail, MoodleQueue, MoodleFail)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_promises_hold_through_any_life(machine: type[CellMachine]) -> None:
    machine.TestCase.settings = BOUNDS
    case = machine.TestCase()
    case.runTest()
