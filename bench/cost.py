"""What a month of Passback costs on AWS: inputs, list prices, and the arithmetic between them.

``python -m bench.cost`` prints the bill for the university of docs/cost.md, or for another one by its options;
``--write`` writes the tables of that page anew. It measures nothing: the inputs that depend on the code (``UNITS``,
``LOG_BYTES``, ``STORED_BYTES``) are held to it by tests/unit/docs/test_cost.py.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from chalicelib import metrics

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
MARK = "<!-- From here on written by python -m bench.cost --write -->\n"
MINUTES = 30 * 24 * 60
"""Of a month: the runs of the schedule."""
GIGABYTE = 1e9


@dataclass(frozen=True, slots=True)
class Units:
    """What one of something takes of DynamoDB: read and write request units."""

    reads: float
    writes: float


UNITS = {
    "a score": Units(7, 28),
    "a score with a text of 3 KB": Units(7, 46),
    "a read": Units(7, 0),
    "a score queued in an outage, and delivered after it": Units(17, 60),
    "a score parked, and delivered once it is mapped": Units(16, 60),
    "an import of one mapping": Units(0, 2),
    "a minute in which nothing happens, with three platforms": Units(28, 0),
}
LOG_BYTES = {"an outcome": 1300, "a message worked on": 1000, "a run of the schedule": 900}
"""Of our own lines."""
STORED_BYTES = {"an outcome": 2600, "a student on a line item": 2500}
"""In the table and in its index, with the 100 bytes that each item costs beside its own: story; mapping and cell."""
LAMBDA_LOG_BYTES = 400
"""Of Lambda's own lines about each run."""


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in US dollars, for so many of a unit."""

    dollars: float
    each: float
    unit: str
    source: str


PRICES = {
    "API Gateway, REST": Price(3.50, 1e6, "request", "https://aws.amazon.com/api-gateway/pricing/"),
    "Lambda, requests": Price(0.20, 1e6, "request", "https://aws.amazon.com/lambda/pricing/"),
    "Lambda, arm64": Price(0.0000133334, 1, "GB-second", "https://aws.amazon.com/lambda/pricing/"),
    "DynamoDB, writes": Price(0.625, 1e6, "write request unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "DynamoDB, reads": Price(0.125, 1e6, "read request unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "DynamoDB, storage": Price(0.25, 1, "GB", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "DynamoDB, recovery to a point in time": Price(0.20, 1, "GB", "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "SQS, FIFO": Price(0.50, 1e6, "request", "https://aws.amazon.com/sqs/pricing/"),
    "KMS, key": Price(1.00, 1, "key", "https://aws.amazon.com/kms/pricing/"),
    "KMS, requests": Price(0.03, 10_000, "request", "https://aws.amazon.com/kms/pricing/"),
    "CloudWatch, metrics": Price(0.30, 1, "metric", "https://aws.amazon.com/cloudwatch/pricing/"),
    "CloudWatch, alarms": Price(0.10, 1, "watched metric", "https://aws.amazon.com/cloudwatch/pricing/"),
    "CloudWatch, dashboard": Price(3.00, 1, "dashboard", "https://aws.amazon.com/cloudwatch/pricing/"),
    "CloudWatch, logs taken in": Price(0.50, 1, "GB", "https://aws.amazon.com/cloudwatch/pricing/"),
    "CloudWatch, logs kept": Price(0.03, 1, "GB", "https://aws.amazon.com/cloudwatch/pricing/"),
}


@dataclass(frozen=True, slots=True)
class University:
    """What is sent, and what is assumed of it."""

    students: int = 20_000
    outcomes: float = 40
    """Scores and deletes that tools send for each student in a semester."""
    months: int = 4
    """Of a semester."""
    line_items: float = 20
    """With a mapping, for each student in a semester."""
    reads: float = 0.25
    """Requests to read a score, for each outcome."""
    with_text: float = 0.1
    """Share of outcomes that carry 3 KB of text."""
    queued: float = 0.05
    """Share of outcomes that come during an outage and are delivered after it."""
    parked: float = 0.01
    """Share of outcomes that come before their mapping."""
    platforms: int = 3
    seconds: float = 0.5
    """Of the function for each outcome; most of it is waiting for table and platform."""
    worker_seconds: float = 1.0
    schedule_seconds: float = 1.0
    memory: float = 1.0
    """GB of each function."""
    pollers: int = 5
    """Long polls of 20 s that Lambda keeps open at the queue, empty or not."""
    kms_requests: int = 100_000
    watched: int = 24
    """Metrics that the alarms watch together."""

    @property
    def sent(self) -> float:
        """Outcomes of a month."""
        return self.students * self.outcomes / self.months


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill."""

    name: str
    what: str
    quantity: float

    @property
    def dollars(self) -> float:
        """What it costs in a month."""
        price = PRICES[self.name]
        return self.quantity * price.dollars / price.each


def bill(university: University) -> list[Line]:
    """Add a month up, line by line."""
    runs = _runs(university)
    units = _units(university)
    seconds = (
        runs["tools"] * university.seconds
        + runs["worker"] * university.worker_seconds
        + runs["schedule"] * university.schedule_seconds
    )
    stored = _stored(university)
    polls = university.pollers * MINUTES * 60 / 20
    logs = _logs(runs)
    return [
        Line("API Gateway, REST", "outcomes and reads", runs["tools"]),
        Line("Lambda, requests", "tools, worker, schedule", sum(runs.values())),
        Line("Lambda, arm64", "their time and memory", seconds * university.memory),
        Line("DynamoDB, writes", "transactions count twice, and the index", units.writes),
        Line("DynamoDB, reads", "outcomes, and each minute's look", units.reads),
        Line("DynamoDB, storage", "at the end of a semester", stored),
        Line("DynamoDB, recovery to a point in time", "the same", stored),
        Line("SQS, FIFO", "empty polls, and three for each message", polls + 3 * runs["worker"]),
        Line("KMS, key", "one", 1),
        Line("KMS, requests", "secrets opened by new containers", university.kms_requests),
        Line("CloudWatch, metrics", "Passback's own", metric_count(university.platforms)),
        Line("CloudWatch, alarms", "of the template", university.watched),
        Line("CloudWatch, dashboard", "one", 1),
        Line("CloudWatch, logs taken in", "ours, and Lambda's own lines", logs),
        Line("CloudWatch, logs kept", "for 30 days", logs),
    ]


def metric_count(platforms: int) -> int:
    """Count the metrics that CloudWatch charges for: every combination of values that really comes up.

    Of operation, result and code twelve are assumed, of the statuses of refused requests four.
    """
    values = {"Platform": platforms, "State": 5, "Answer": 5, "Status": 4}
    count = 0
    for metric in metrics.ALL:
        for names in metric.dimensions:
            combinations = 12 if "Code" in names else 1
            for name in names:
                combinations *= values.get(name, 1)
            count += combinations
    return count


def _runs(university: University) -> dict[str, float]:
    sent = university.sent
    worked = sent * (university.queued + university.parked)
    return {"tools": sent * (1 + university.reads), "worker": worked, "schedule": MINUTES}


def _units(university: University) -> Units:
    sent = university.sent
    plain = 1 - university.with_text - university.queued - university.parked
    counts = {
        "a score": sent * plain,
        "a score with a text of 3 KB": sent * university.with_text,
        "a read": sent * university.reads,
        "a score queued in an outage, and delivered after it": sent * university.queued,
        "a score parked, and delivered once it is mapped": sent * university.parked,
        "an import of one mapping": university.students * university.line_items / university.months,
        "a minute in which nothing happens, with three platforms": MINUTES * university.platforms / 3,
    }
    return Units(
        reads=sum(UNITS[name].reads * count for name, count in counts.items()),
        writes=sum(UNITS[name].writes * count for name, count in counts.items()),
    )


def _stored(university: University) -> float:
    """Tell the gigabytes at the end of a semester: its outcomes, which are kept 180 days, its mappings and cells."""
    outcomes = university.sent * university.months * STORED_BYTES["an outcome"]
    return (
        outcomes + university.students * university.line_items * STORED_BYTES["a student on a line item"]
    ) / GIGABYTE


def _logs(runs: dict[str, float]) -> float:
    names = {"tools": "an outcome", "worker": "a message worked on", "schedule": "a run of the schedule"}
    return sum(runs[run] * (LOG_BYTES[name] + LAMBDA_LOG_BYTES) for run, name in names.items()) / GIGABYTE


def tables(university: University) -> Iterator[str]:
    """Write the page's tables for a university."""
    yield "## The bill of a month\n"
    yield "| Line | What | How much | US dollars |"
    yield "| --- | --- | --- | --- |"
    lines = bill(university)
    for line in lines:
        quantity = _counted(line.quantity, PRICES[line.name].unit)
        yield f"| {line.name} | {line.what} | {quantity} | {line.dollars:.2f} |"
    total = sum(line.dollars for line in lines)
    yield f"| **Together** | | | **{total:.2f}** |"
    semester = f"{university.months} months: {total * university.months:.0f} dollars"
    yield f"\n{semester}, or {100 * total * university.months / university.students:.1f} cents for each student.\n"
    yield "## What each thing takes of the table\n"
    yield "Upper bounds; a test measures them.\n"
    yield "| One | Read request units | Write request units | Dollars for a million |"
    yield "| --- | --- | --- | --- |"
    for name, units in UNITS.items():
        million = units.reads * PRICES["DynamoDB, reads"].dollars + units.writes * PRICES["DynamoDB, writes"].dollars
        yield f"| {name} | {_number(units.reads)} | {_number(units.writes)} | {million:.2f} |"
    yield "\n## The prices\n"
    yield "| Price of | US dollars | for | Where to look |"
    yield "| --- | --- | --- | --- |"
    for name, price in PRICES.items():
        dollars = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
        yield f"| {name} | {dollars} | {_counted(price.each, price.unit)} | <{price.source}> |"
    yield ""


def page(before: str, university: University) -> str:
    """Return the page with its tables written anew."""
    introduction, mark, _ = before.partition(MARK)
    if not mark:
        raise ValueError(f"the page has no line {MARK!r}")
    return f"{introduction}{MARK}\n" + "\n".join(tables(university))


def _counted(quantity: float, unit: str) -> str:
    plural = "" if quantity == 1 or unit == "GB" else "s"
    return f"{_number(quantity)} {unit}{plural}"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bill, or write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description="What a month of Passback costs on AWS.")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/cost.md anew")
    for each in fields(University):
        kind = int if isinstance(each.default, int) else float
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=each.default)
    chosen = vars(parser.parse_args(arguments))
    if chosen.pop("write"):
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), University()), encoding="utf-8")
        return 0
    print("\n".join(tables(replace(University(), **chosen))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
