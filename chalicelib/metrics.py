"""Metrics in CloudWatch's embedded format: what one run of a function counted, as one line of JSON in its log.

No name of a person, course, tool or sourcedid is a dimension: each combination of values is a metric that costs, and a
log line tells the same. Names of platforms are the operator's own and few; beyond ``MOST_PLATFORMS`` they are "other".
What is counted outside ``collected`` (the command line does) goes nowhere.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "Passback"
MOST_PLATFORMS = 50
MOST_KEPT = 500
"""Entries of one run; a metric has at most 100 values in one line (CloudWatch embedded metric format)."""
MOST_VALUES = 100
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. ``dimensions`` are the sets under which it is found, each beside ``Stage``."""

    name: str
    unit: str
    dimensions: tuple[tuple[str, ...], ...] = ((),)


OUTCOMES = Metric("Outcomes", "Count", ((), ("Operation", "Result", "Code")))
OUTCOME_TIME = Metric("OutcomeTime", "Milliseconds")
REFUSED_REQUESTS = Metric("RefusedRequests", "Count", (("Status",),))
FAULTS = Metric("Faults", "Count")
DELIVERIES_ENDED = Metric("DeliveriesEnded", "Count", (("State",), ("State", "Platform")))
DELIVERY_TIME = Metric("DeliveryTime", "Milliseconds")
DELIVERIES_PUT_OFF = Metric("DeliveriesPutOff", "Count", ((), ("Platform",)))
PLATFORM_CALLS = Metric("PlatformCalls", "Count", (("Platform", "Answer"),))
PLATFORM_TIME = Metric("PlatformTime", "Milliseconds", (("Platform",),))
TOKEN_FAILURES = Metric("TokenFailures", "Count", ((), ("Platform",)))
PLATFORM_SLOWED = Metric("PlatformSlowed", "Count", (("Platform",),))
BREAKER_OPEN = Metric("BreakerOpen", "None", ((), ("Platform",)))
BREAKER_OPENED = Metric("BreakerOpened", "Count", (("Platform",),))
QUEUE_SENDS_FAILED = Metric("QueueSendsFailed", "Count")
MESSAGES_BURIED = Metric("MessagesBuried", "Count")
MESSAGES_LET_GO = Metric("MessagesLetGo", "Count")
MESSAGES_SENT = Metric("MessagesSent", "Count")
OLDEST_UNDELIVERED = Metric("OldestUndelivered", "Seconds", ((), ("Platform",)))
UNDELIVERED = Metric("Undelivered", "Count", (("Platform",),))
PARKED = Metric("Parked", "Count")

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

_BY_EVENT = {
    "broken": (FAULTS,),
    "work_failed": (FAULTS,),
    "schedule_failed": (FAULTS,),
    "breaker_opened": (BREAKER_OPENED,),
    "platform_slowed": (PLATFORM_SLOWED,),
    "queue_unavailable": (QUEUE_SENDS_FAILED,),
    "message_buried": (MESSAGES_BURIED,),
    "message_let_go": (MESSAGES_LET_GO,),
}
"""What is counted once for each such event."""
_OPERATIONS = frozenset({"replaceResult", "readResult", "deleteResult"})


@dataclass(frozen=True, slots=True)
class _Entry:
    metric: Metric
    value: float
    dimensions: Mapping[str, str]


@dataclass(slots=True)
class _Line:
    """One line in the making: every dimension has one value in it."""

    dimensions: dict[str, str] = field(default_factory=dict)
    values: dict[Metric, list[float]] = field(default_factory=dict)

    def takes(self, entry: _Entry) -> bool:
        known = self.values.get(entry.metric, [])
        if known and entry.metric.unit != "Count" and len(known) >= MOST_VALUES:
            return False
        return all(self.dimensions.get(name, value) == value for name, value in entry.dimensions.items())

    def add(self, entry: _Entry) -> None:
        self.dimensions.update(entry.dimensions)
        known = self.values.setdefault(entry.metric, [])
        if entry.metric.unit == "Count" and known:
            known[0] += entry.value
        else:
            known.append(entry.value)


class _Collecting(threading.local):
    """What this thread's run has counted; None while nothing collects."""

    entries: list[_Entry] | None = None


_collecting = _Collecting()
_platforms: set[str] = set()


@contextmanager
def collected() -> Iterator[list[_Entry]]:
    """Collect what this thread counts until the end of the block."""
    entries: list[_Entry] = []
    before = _collecting.entries
    _collecting.entries = entries
    try:
        yield entries
    finally:
        _collecting.entries = before


def add(metric: Metric, value: float = 1, **dimensions: str) -> None:
    """Count something; ``dimensions`` are the values of all that the metric has."""
    entries = _collecting.entries
    if entries is not None and len(entries) < MOST_KEPT:
        if "Platform" in dimensions:
            dimensions["Platform"] = _platform(dimensions["Platform"])
        entries.append(_Entry(metric, value, dimensions))


def add_event(name: str, fields: Mapping[str, Any]) -> None:
    """Count what an event of the log tells."""
    for metric in _BY_EVENT.get(name, ()):
        if ("Platform",) in metric.dimensions:
            add(metric, Platform=str(fields.get("platform")))
        else:
            add(metric)
    if name == "outcome":
        operation = str(fields.get("operation"))
        known = operation if operation in _OPERATIONS else OTHER
        add(OUTCOMES, Operation=known, Result=str(fields.get("code")), Code=str(fields.get("error") or "none"))
        add(OUTCOME_TIME, float(fields.get("milliseconds") or 0))
    elif name in ("refused", "broken"):
        add(REFUSED_REQUESTS, Status=str(fields.get("status")))
    elif name == "schedule":
        add(MESSAGES_SENT, float(fields.get("sent") or 0))


def add_delivery(state: str, platform: str, *, ended: bool, milliseconds: int) -> None:
    """Count a delivery that has come to its end, or that was put off; ``milliseconds`` since it was received."""
    platform = platform or "none"
    if not ended:
        add(DELIVERIES_PUT_OFF, Platform=platform)
        return
    add(DELIVERIES_ENDED, State=state, Platform=platform)
    if state == "delivered":
        add(DELIVERY_TIME, milliseconds)


def add_call(platform: str, answer: str, seconds: float, *, token: bool) -> None:
    """Count a call to a platform: what it answered, and in what time; ``token``: it was for an access token."""
    add(PLATFORM_CALLS, Platform=platform, Answer=answer)
    add(PLATFORM_TIME, round(seconds * 1000), Platform=platform)
    if token and answer != "ok":
        add(TOKEN_FAILURES, Platform=platform)


def lines(entries: list[_Entry], stage: str, milliseconds: int) -> list[str]:
    """Write what was collected: one line, or more where one dimension has several values."""
    made: list[_Line] = []
    for entry in entries:
        line = next((each for each in made if each.takes(entry)), None)
        if line is None:
            line = _Line()
            made.append(line)
        line.add(entry)
    return [_written(line, stage, milliseconds) for line in made]


def _written(line: _Line, stage: str, milliseconds: int) -> str:
    directives: dict[tuple[tuple[str, ...], ...], list[dict[str, str]]] = {}
    for metric in line.values:
        directives.setdefault(metric.dimensions, []).append({"Name": metric.name, "Unit": metric.unit})
    described = [
        {"Namespace": NAMESPACE, "Dimensions": [["Stage", *each] for each in sets], "Metrics": metrics}
        for sets, metrics in directives.items()
    ]
    values = {metric.name: found[0] if len(found) == 1 else found for metric, found in line.values.items()}
    document = {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": described}, "Stage": stage}
    return json.dumps(document | line.dimensions | values, ensure_ascii=True)


def _platform(name: str) -> str:
    if name not in _platforms and len(_platforms) >= MOST_PLATFORMS:
        return OTHER
    _platforms.add(name)
    return name
