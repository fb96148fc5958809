"""Generated sequences of outcomes, teachers grading and time passing: nothing differs but what is named."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import open_stage

from differential.accepted import CLEARED_BY_PERSON, LOCAL_CHECKS, PERSON_GRADED
from differential.twins import Delete, Happening, Read, Replace, TeacherGrades, TimePasses, differences, twins

SCORES = st.sampled_from(["0", "1", "0.5", "0.92", ".333333", "0.87", " 0.25 ", "1.0", "nonsense", "1.2"])
TOTALS = st.sampled_from(["0", "3", "7.25", "12", "x"])
DATA = st.sampled_from(
    [
        {"text": "an essay"},
        {"text": "another essay"},
        {"url": "https://tool.example.org/work/1"},
        {"ltiLaunchUrl": "https://tool.example.org/launch/1"},
        {"documentName": "a.pdf", "downloadUrl": "https://tool.example.org/a.pdf"},
    ]
)
TIMES = st.sampled_from(["2026-01-05T10:00:00Z", "2026-01-06", "2031-01-01", "no time"])

REPLACES = st.builds(
    Replace,
    score=st.none() | SCORES,
    total=st.none() | st.none() | TOTALS,
    data=st.none() | DATA,
    submitted_at=st.none() | st.none() | st.none() | TIMES,
    prioritize_non_tool_grade=st.booleans(),
    needs_additional_review=st.sampled_from([False, False, False, True]),
)
# Whole numbers that no tool score above stands for: "a person who entered the same value" (T6's gap) is left out.
TEACHERS = st.builds(TeacherGrades, st.sampled_from(["1", "4", "6", "9", None]))
HAPPENINGS = st.lists(
    st.one_of(
        REPLACES,
        REPLACES,
        st.builds(Read),
        st.builds(Delete),
        TEACHERS,
        st.builds(TimePasses, st.sampled_from([0.5, 5.0, 90.0])),
    ),
    min_size=1,
    max_size=8,
)
ENDS_THE_COMPARISON = (PERSON_GRADED, CLEARED_BY_PERSON, LOCAL_CHECKS)
"""After these the two students have different histories; what comes later says nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sequences")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(happenings=HAPPENINGS, points=st.sampled_from([10, 1.5, 100]))
def test_any_sequence_ends_in_the_same_gradebook(folder: Path, happenings: list[Happening], points: float) -> None:
    with open_stage(folder) as stage:
        pair = twins(stage, points=points)
        before = None
        for happening in happenings:
            pair.live(happening)
            if isinstance(happening, TeacherGrades | TimePasses):
                if isinstance(happening, TeacherGrades):
                    state = stage.state(pair.new)
                    before = {"score": state["score"], "person_graded": state["graded_by"] == "person"}
                continue
            found = differences(pair.pairs[-1])
            _, old, new = pair.pairs[-1]
            if found and any(each.applies(happening, old, new, before) for each in ENDS_THE_COMPARISON):
                return
            assert not found, f"{happening}: {found}"
            before = new
