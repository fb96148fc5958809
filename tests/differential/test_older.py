"""Older Canvas (2021-22) behind Passback: nothing differs from LTI 1.1 but what is named, and what it forces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from stage import Stage, open_stage

from differential.accepted import GRADED_AGAIN, OLDER_CONCLUDED, Accepted
from differential.forms import FORMS, STUDENTS
from differential.generated import ENDS_THE_COMPARISON, HAPPENINGS, POINTS
from differential.judge import live_through
from differential.twins import Happening, Twins, twins

FORCED_IN_FORMS: dict[str, tuple[Accepted, ...]] = {
    "data, then a score": (GRADED_AGAIN,),
    "data over a teacher's grade": (GRADED_AGAIN,),
    "prioritized": (GRADED_AGAIN,),
}
FORCED_FOR_STUDENTS: dict[str, tuple[Accepted, ...]] = {
    "no points, data, read": (GRADED_AGAIN,),
    "one and a half points": (GRADED_AGAIN,),
    "a concluded course": (OLDER_CONCLUDED,),
    "a concluded course, read": (OLDER_CONCLUDED,),
}
"""Instead of what newer Canvas has there."""


@pytest.fixture
def older(stage: Stage) -> Iterator[Stage]:
    stage.control("switch", generation="old")
    yield stage
    assert stage.control("switch")["generation"] == "old"


def older_twins(stage: Stage, **prepared: Any) -> Twins:
    return twins(stage, platform="canvas-older", **prepared)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_differs_only_in_what_older_canvas_forces(older: Stage, form: str) -> None:
    forced = FORCED_IN_FORMS.get(form, ())
    assert live_through(older_twins(older), FORMS[form], forced) == {each.name for each in forced}


@pytest.mark.parametrize(("name", "prepared", "happenings", "accepted"), STUDENTS, ids=[row[0] for row in STUDENTS])
def test_every_kind_of_student_and_assignment_differs_only_as_named_or_forced(
    older: Stage, name: str, prepared: dict[str, Any], happenings: list[Happening], accepted: tuple[Accepted, ...]
) -> None:
    named = FORCED_FOR_STUDENTS.get(name, accepted)
    assert live_through(older_twins(older, **prepared), happenings, named) == {each.name for each in named}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("older")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(happenings=HAPPENINGS, points=POINTS)
def test_any_sequence_differs_only_in_what_older_canvas_forces(
    folder: Path, happenings: list[Happening], points: float
) -> None:
    with open_stage(folder) as stage:
        stage.control("switch", generation="old")
        live_through(older_twins(stage, points=points), happenings, (GRADED_AGAIN,), ENDS_THE_COMPARISON)
