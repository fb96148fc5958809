"""The dashboard is JSON for every stage, and shows metrics that there are, by statistics that mean something."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from cloudwatch import watched

from chalicelib import metrics
from chalicelib.delivery.records import DeliveryState

from .stage_template import OF_AWS, STAGE, WHOLE, alarms, resources

(DASHBOARD,) = resources("AWS::CloudWatch::Dashboard").values()
BODY = json.loads(DASHBOARD["DashboardBody"])
GRAPHS = {each["properties"]["title"]: each["properties"] for each in BODY["widgets"] if each["type"] == "metric"}
ALSO_OF_AWS = {
    "AWS/SQS": ({"QueueName"}, {"ApproximateNumberOfMessagesNotVisible"}),
    "AWS/Lambda": ({"FunctionName"}, {"Duration", "ConcurrentExecutions"}),
    "AWS/DynamoDB": ({"TableName", "Operation"}, {"ThrottledRequests", "SystemErrors"}),
}
"""Of AWS's metrics (its pages on monitoring SQS, Lambda, DynamoDB) those that no alarm watches too, by dimensions."""
GAUGES = {"OldestUndelivered", "Undelivered", "BreakerOpen", "Parked"}
_SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[A-Za-z/,]+)\} MetricName=\"(?P<name>\w+)\" (?P<terms>.+)','(?P<statistic>\w+)'\)"
)
_TERM = re.compile(r'(\w+)="([^"]+)"')


class Shown(NamedTuple):
    """One metric of a graph; a search says of some dimensions only that they are there."""

    namespace: str
    name: str
    dimensions: frozenset[str]
    values: Mapping[str, str]
    statistic: str


def shown(graph: Mapping[str, Any]) -> Iterator[Shown]:
    """Expand CloudWatch's shorthands (dashboard body, "Metric widget: format for each metric in the array")."""
    before: list[str] = []
    for row in graph["metrics"]:
        options = row[-1] if isinstance(row[-1], dict) else {}
        words = [each for each in row if isinstance(each, str)]
        if not words:
            match = _SEARCH.fullmatch(options["expression"])
            assert match, options
            namespace, *names = match["schema"].split(",")
            yield Shown(
                namespace, match["name"], frozenset(names), dict(_TERM.findall(match["terms"])), match["statistic"]
            )
            continue
        if words[0] == "...":
            words = before[: len(before) - len(words) + 1] + words[1:]
        before = [old if new == "." else new for old, new in zip(before, words, strict=True)] if "." in words else words
        namespace, name, *pairs = before
        values = dict(zip(pairs[::2], pairs[1::2], strict=True))
        yield Shown(namespace, name, frozenset(values), values, options.get("stat") or graph["stat"])


EVERYTHING = [(title, each) for title, graph in GRAPHS.items() for each in shown(graph)]


def test_every_widget_is_one_that_cloudwatch_knows() -> None:
    assert DASHBOARD["DashboardName"] == f"passback-{STAGE}"
    assert [each["type"] for each in BODY["widgets"][:2]] == ["text", "alarm"]
    assert len(GRAPHS) == len(BODY["widgets"]) - 2 == 20
    for graph in GRAPHS.values():
        assert graph["region"] == OF_AWS["AWS::Region"]
        assert graph["period"] == 300
    assert all(each["width"] <= 24 for each in BODY["widgets"])
    assert "${" not in json.dumps(BODY)


def test_all_alarms_are_at_the_top() -> None:
    listed = {each.rpartition(":")[2] for each in BODY["widgets"][1]["properties"]["alarms"]}
    assert listed == {each["AlarmName"] for each in alarms().values()}


@pytest.mark.parametrize(("title", "one"), EVERYTHING)
def test_what_is_shown_is_there(title: str, one: Shown) -> None:
    if one.namespace == metrics.NAMESPACE:
        known = {metric.name: {frozenset(("Stage", *each)) for each in metric.dimensions} for metric in metrics.ALL}
        assert one.dimensions in known[one.name]
        assert one.values["Stage"] == STAGE
    else:
        of_alarms = {(space, name) for alarm in alarms().values() for space, name, _ in watched(alarm)}
        dimensions, more = ALSO_OF_AWS[one.namespace]
        assert one.dimensions == dimensions
        assert (one.namespace, one.name) in of_alarms or one.name in more
        names = {
            "QueueName": {each["QueueName"] for each in resources("AWS::SQS::Queue").values()},
            "TableName": {each["TableName"] for each in resources("AWS::DynamoDB::Table").values()},
            "FunctionName": {
                each["Properties"]["FunctionName"]["Fn::Sub"].replace("${Stage}", STAGE)
                for each in WHOLE["Resources"].values()
                if "FunctionName" in each["Properties"]
            },
        }
        assert all(value in names[name] for name, value in one.values.items())


@pytest.mark.parametrize(("title", "one"), [pair for pair in EVERYTHING if pair[1].namespace == metrics.NAMESPACE])
def test_a_statistic_suits_what_it_is_made_of(title: str, one: Shown) -> None:
    """What is measured each minute must not be added up, and what is counted has no largest."""
    (unit,) = {metric.unit for metric in metrics.ALL if metric.name == one.name}
    if one.name in GAUGES:
        assert one.statistic == "Maximum"
    elif unit == "Milliseconds":
        assert re.fullmatch(r"p\d+", one.statistic)
    else:
        assert one.statistic == "Sum" or (one.name, one.statistic) == ("MessagesSent", "SampleCount")


def test_alarms_use_statistics_that_suit_too() -> None:
    for alarm in alarms().values():
        for (namespace, name, _), statistic in watched(alarm).items():
            if namespace == metrics.NAMESPACE:
                wanted = {"Maximum", "Minimum"} if name in GAUGES else {"Sum", "SampleCount"}
                assert statistic in wanted, alarm["AlarmName"]


def test_everything_that_is_written_is_shown() -> None:
    assert {one.name for _, one in EVERYTHING if one.namespace == metrics.NAMESPACE} == {
        one.name for one in metrics.ALL
    }
    states = {one.values["State"] for _, one in EVERYTHING if one.name == "DeliveriesEnded"}
    assert states == {state.value for state in DeliveryState if state.ended}


def test_nothing_of_a_student_or_a_tool_is_a_dimension() -> None:
    ours = {"Stage", "Platform", "State", "Operation", "Result", "Code", "Status", "Answer"}
    assert {name for _, one in EVERYTHING for name in one.dimensions} == ours | {
        "QueueName",
        "TableName",
        "FunctionName",
    }
