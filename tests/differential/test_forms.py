"""Every form of outcome, to old Canvas and through Passback to new Canvas: the same answer and the same gradebook."""

from typing import Any

import pytest
from stage import Stage

from differential.accepted import Accepted
from differential.forms import FORMS, STUDENTS
from differential.judge import live_through
from differential.twins import Happening, twins


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_answer_and_effect(stage: Stage, form: str) -> None:
    live_through(twins(stage), FORMS[form])


@pytest.mark.parametrize(("name", "prepared", "happenings", "accepted"), STUDENTS, ids=[row[0] for row in STUDENTS])
def test_every_kind_of_student_and_assignment_differs_only_as_named(
    stage: Stage, name: str, prepared: dict[str, Any], happenings: list[Happening], accepted: tuple[Accepted, ...]
) -> None:
    seen = live_through(twins(stage, **prepared), happenings, accepted)
    assert seen == {each.name for each in accepted}
