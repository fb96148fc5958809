"""What CloudWatch makes of a function's log lines and of a template's alarms, as far as tests need it.

Written from CloudWatch's documentation ("Embedded metric format", "How alarms evaluate", "Metric math"), not from our
code: what our code writes and what our template watches has to meet here.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Found = tuple[str, str, frozenset[tuple[str, str]]]
"""A metric as CloudWatch finds it: namespace, name, dimensions."""
Values = dict[Found, list[float]]
"""What came in one period."""

STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def collect(lines: Iterable[str]) -> Values:
    """Take the metrics out of log lines in the embedded format."""
    values: Values = defaultdict(list)
    for line in lines:
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                came = document[metric["Name"]]
                for names in directive["Dimensions"]:
                    dimensions = frozenset((name, document[name]) for name in names)
                    values[directive["Namespace"], metric["Name"], dimensions] += (
                        came if isinstance(came, list) else [came]
                    )
    return values


def found(metric: Mapping[str, Any]) -> Found:
    """Say which metric an alarm, or one of its queries, watches."""
    dimensions = frozenset((each["Name"], each["Value"]) for each in metric["Dimensions"])
    return metric["Namespace"], metric["MetricName"], dimensions


def watched(alarm: Mapping[str, Any]) -> dict[Found, str]:
    """Return the metrics that an alarm watches, with their statistics."""
    if "Metrics" not in alarm:
        return {found(alarm): alarm["Statistic"]}
    queries = [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]
    return {found(each["Metric"]): each["Stat"] for each in queries}


def period(alarm: Mapping[str, Any]) -> int:
    """Return an alarm's period in seconds."""
    if "Metrics" not in alarm:
        return int(alarm["Period"])
    (seconds,) = {each["MetricStat"]["Period"] for each in alarm["Metrics"] if "MetricStat" in each}
    return int(seconds)


def is_raised(alarm: Mapping[str, Any], periods: Sequence[Values]) -> bool:
    """Tell whether an alarm that was OK is raised after periods of these values, the last one last."""
    looked_at = periods[-alarm["EvaluationPeriods"] :]
    assert len(looked_at) == alarm["EvaluationPeriods"], "say what came in every period"
    breaching = [_breaches(alarm, _point(alarm, values)) for values in looked_at]
    return sum(breaching) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


def _breaches(alarm: Mapping[str, Any], point: float | None) -> bool:
    if point is None:
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching", "ignore")
        return bool(alarm["TreatMissingData"] == "breaching")
    return COMPARISONS[alarm["ComparisonOperator"]](point, alarm["Threshold"])


def _point(alarm: Mapping[str, Any], values: Values) -> float | None:
    if "Metrics" in alarm:
        return _worked_out(alarm["Metrics"], values)
    came = values.get(found(alarm))
    return STATISTICS[alarm["Statistic"]](came) if came else None


def _worked_out(queries: Sequence[Mapping[str, Any]], values: Values) -> float | None:
    """Work an expression out. In arithmetic a missing value is 0; what would divide by 0 is no data point."""
    terms: dict[str, Any] = {"IF": lambda condition, true, false: true if condition else false, "__builtins__": {}}
    (expression,) = (each["Expression"] for each in queries if each.get("ReturnData", True))
    for query in queries:
        if "MetricStat" in query:
            came = values.get(found(query["MetricStat"]["Metric"]), [])
            terms[query["Id"]] = STATISTICS[query["MetricStat"]["Stat"]](came) if came else 0
    try:
        return float(eval(expression, terms))  # noqa: S307 - our own template's text, of arithmetic and IF
    except ZeroDivisionError:
        return None
