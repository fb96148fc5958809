"""The page on operating has every alarm as the template has it, and says of each all that has to be said."""

import re

from cloudwatch import watched

from passback.packaging.build import ROOT

from .stage_template import alarms
from .told import raised_when

TEXT = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
ALARMS = alarms()
SAID = ("Means", "Noticed", "Look at", "Do", "Try it")
OF_A_METRIC, OF_A_DASHBOARD = 0.10, 3.00
"""AWS's list prices a month, in dollars."""


def test_every_alarm_is_in_the_table_as_it_is_in_the_template() -> None:
    rows = re.findall(r"^\| \[`([a-z-]+)`\]\(#([a-z-]+)\) \| (.+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
    assert {name: when for name, _, when, _ in rows} == {name: raised_when(alarm) for name, alarm in ALARMS.items()}
    assert len(rows) == len(ALARMS)
    assert all(name == anchor for name, anchor, _, _ in rows)


def test_every_alarm_has_its_section_with_all_that_is_to_be_said() -> None:
    sections = dict(re.findall(r"^### `([a-z-]+)`\n(.+?)(?=^#)", TEXT, re.MULTILINE | re.DOTALL))
    assert sections.keys() == ALARMS.keys()
    for name, section in sections.items():
        told = re.findall(r"^\| (\w[\w ]*) \| (\S.+) \|$", section, re.MULTILINE)
        assert tuple(word for word, _ in told) == SAID, name


def test_other_alarms_that_are_named_are_there() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", TEXT))
    assert named <= ALARMS.keys()


def test_the_costs_are_those_of_the_template() -> None:
    number = sum(len(watched(alarm)) for alarm in ALARMS.values())
    assert f"{len(ALARMS)} alarms watch {number} metrics" in TEXT
    assert f"{OF_A_METRIC:.2f} USD a month for each, so {OF_A_METRIC * number:.2f} USD a stage" in TEXT
    assert f"a dashboard is {OF_A_DASHBOARD:.2f} USD" in TEXT
