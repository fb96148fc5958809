"""Sequences of outcomes, teachers grading and time passing, made by hypothesis."""

from hypothesis import strategies as st

from differential.accepted import CLEARED_BY_PERSON, LOCAL_CHECKS, PERSON_GRADED
from differential.twins import Delete, Read, Replace, TeacherGrades, TimePasses

SCORES = st.sampled_from(["0", "1", "0.5", "0.92", ".333333", "0.87", " 0.25 ", "1.0", "nonsense", "1.2"])
TOTALS = st.sampled_from(["0", "3", "7.25", "12", "x"])
DATA = st.sampled_from(
    [
        {"text": "an essay"},
        {"text": "another essay"},
        {"url": "https://tool.example.org/essays/1"},
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
POINTS = st.sampled_from([10, 1.5, 100])
ENDS_THE_COMPARISON = (PERSON_GRADED, CLEARED_BY_PERSON, LOCAL_CHECKS)
"""After these the two students have different histories; what comes later says nothing."""
