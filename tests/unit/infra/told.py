"""An alarm in the words of the page on operating."""

from collections.abc import Mapping
from typing import Any

from cloudwatch import found, period

STATISTICS = {"SampleCount": "number of values"}
SIGNS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at least",
    "LessThanThreshold": "below",
}


def raised_when(alarm: Mapping[str, Any]) -> str:
    """Say when an alarm is raised, as the page has it."""
    if "Metrics" in alarm:
        (what,) = (f"`{each['Expression']}`" for each in alarm["Metrics"] if "Expression" in each)
    else:
        statistic = alarm["Statistic"]
        what = f"`{alarm['MetricName']}`, {STATISTICS.get(statistic, statistic.lower())}{_which(alarm)}"
    seconds, several = period(alarm), alarm["EvaluationPeriods"]
    length = f"{seconds // 60} minutes" if seconds < 3600 else "an hour"
    lasting = (
        f"in {length}" if several == 1 else f"in {alarm.get('DatapointsToAlarm', several)} of {several} times {length}"
    )
    silence = ", or no data" if alarm["TreatMissingData"] == "breaching" else ""
    return f"{what} {SIGNS[alarm['ComparisonOperator']]} {alarm['Threshold']:,} {lasting}{silence}"


def _which(alarm: Mapping[str, Any]) -> str:
    _, _, dimensions = found(alarm)
    named = [
        f"`{name}` `{value}`"
        for name, value in sorted(dimensions)
        if name not in ("Stage", "FunctionName", "QueueName")
    ]
    return f", of {', '.join(named)}," if named else ""
