"""The page on cost: its inputs are what the code really takes, and its sums are right."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import stage as stage_module
from functional.doors import log_lines
from pox import read_result, replace_result
from stage import Seat, Stage, open_stage

from bench.cost import (
    LOG_BYTES,
    MARK,
    PAGE,
    PRICES,
    STORED_BYTES,
    UNITS,
    Units,
    University,
    bill,
    main,
    metric_count,
    page,
)
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Mapping
from chalicelib.storage.payloads import LONGEST_PLAIN

from .metered_table import MeteredTable, item_size
from .pages import ROOT, plain, read, rows

NAME = "docs/cost.md"
SLACK = 0.65
"""A bound is above what is measured, but not by more than this share."""
TEXT = {"text": "An essay of three kilobytes. " * 106}
PARKING = "parking tool"
QUEUED = "queued for delivery"
OPENING = 5
"""Outcomes, each of another course, that find nobody: then the breaker is open."""


@contextmanager
def metered_stage(folder: Path) -> Iterator[Stage]:
    folder.mkdir(exist_ok=True)
    with (
        patch.object(stage_module, "MemoryTable", MeteredTable),
        open_stage(folder, on_delay=OnDelay.QUEUE) as opened,
    ):
        yield opened


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with metered_stage(tmp_path) as opened:
        yield opened


def table(stage: Stage) -> MeteredTable:
    found = stage.services.table
    assert isinstance(found, MeteredTable)
    return found


def units(stage: Stage, work: Callable[[], object]) -> Units:
    metered = table(stage)
    reads, writes = metered.reads, metered.writes
    work()
    return Units(metered.reads - reads, metered.writes - writes)


def warm(stage: Stage) -> Seat:
    """A mapping whose first outcome has gone, and a container that knows it."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.clock.move(100)
    return seat


def is_a_bound(told: float, measured: float) -> bool:
    return SLACK * told <= measured <= told


def holds(name: str, measured: Units) -> None:
    told = UNITS[name]
    assert is_a_bound(told.reads, measured.reads), (name, measured)
    assert is_a_bound(told.writes, measured.writes), (name, measured)


def test_an_outcome_takes_what_the_page_says(stage: Stage) -> None:
    seat = warm(stage)
    holds("a score", units(stage, lambda: stage.send(replace_result(seat.sourcedid, "0.92"))))
    stage.clock.move(100)
    worked = units(stage, lambda: stage.send(replace_result(seat.sourcedid, "0.95", data=TEXT)))
    assert len(TEXT["text"]) >= 3072
    holds("a score with a text of 3 KB", worked)
    holds("a read", units(stage, lambda: stage.send(read_result(seat.sourcedid))))


def test_an_import_and_an_idle_minute_take_what_the_page_says(stage: Stage) -> None:
    mapping = Mapping(PARKING, "a sourcedid", "canvas", "https://canvas.example.edu/line_items/1", "user 1")
    holds("an import of one mapping", units(stage, lambda: stage.services.mappings.put(mapping)))
    assert len(list(stage.services.platforms.list())) == 3
    holds("a minute in which nothing happens, with three platforms", units(stage, lambda: minutes(stage, 1)))


def test_an_outcome_of_an_outage_takes_what_the_page_says(tmp_path: Path) -> None:
    """What five more of them take than three: those that open the breaker, and the minutes, are the same."""
    few, many = outage(tmp_path / "few", 3), outage(tmp_path / "many", 8)
    each = Units((many.reads - few.reads) / 5, (many.writes - few.writes) / 5)
    holds("a score queued in an outage, and delivered after it", each)


def outage(folder: Path, behind: int) -> Units:
    """Let outcomes come while the platform is taken for dead, and be delivered when it is back."""
    with metered_stage(folder) as stage:
        seats = [warm(stage) for _ in range(OPENING + behind)]
        stage.faults({"kind": "drop_before"})
        all_are_queued(stage, seats[:OPENING])
        called = len(stage.calls)
        accepted = units(stage, lambda: all_are_queued(stage, seats[OPENING:]))
        assert len(stage.calls) == called, "nobody calls a platform that is taken for dead"
        stage.faults()
        delivered = units(stage, lambda: minutes(stage, 5))
        assert all(stage.state(seat)["score"] == 9.0 for seat in seats)
        return Units(accepted.reads + delivered.reads, accepted.writes + delivered.writes)


def all_are_queued(stage: Stage, seats: list[Seat]) -> None:
    for seat in seats:
        assert stage.send(replace_result(seat.sourcedid, "0.9")).description == QUEUED


def test_a_parked_outcome_takes_what_the_page_says(stage: Stage) -> None:
    stage.services.tools.add(Tool(PARKING, ("p",), unmapped=Unmapped.PARK))
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    body = replace_result("a sourcedid", "0.9")
    parked = units(stage, lambda: stage.send(body, consumer_key=PARKING, secret="p"))
    prepared = seat.prepared
    stage.services.mappings.put(Mapping(PARKING, "a sourcedid", "canvas", prepared["line_item"], prepared["user_id"]))
    released = units(stage, lambda: minutes(stage, 11))
    assert stage.state(seat)["score"] == 9.0
    idle = units(stage, lambda: minutes(stage, 11))
    measured = Units(parked.reads + released.reads - idle.reads, parked.writes + released.writes)
    holds("a score parked, and delivered once it is mapped", measured)


def minutes(stage: Stage, count: int) -> None:
    for _ in range(count):
        stage.minutes(1)
        stage.services.gauges.measure()


def test_the_log_and_the_table_grow_as_the_page_says(stage: Stage) -> None:
    seat = warm(stage)
    with log_lines() as log:
        stage.send(replace_result(seat.sourcedid, "0.92"))
    assert is_a_bound(LOG_BYTES["an outcome"], sum(len(line) for line in log.lines))
    sizes: dict[str, list[int]] = {"delivery": [], "cell": [], "mapping": []}
    for pk, item in table(stage)._items.items():
        kind = pk.partition("#")[0]
        if kind in sizes:
            sizes[kind].append((item_size(item) + 100) * (2 if "listing_kind" in item else 1))
    assert is_a_bound(STORED_BYTES["an outcome"], max(sizes["delivery"]))
    assert is_a_bound(STORED_BYTES["a student on a line item"], max(sizes["cell"]) + max(sizes["mapping"]))


def test_the_functions_and_what_watches_them_are_as_assumed() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert config["lambda_memory_size"] == 1024 * University().memory
    resources = [each for name in ("template", "functions") for each in template(name)["Resources"].values()]
    kinds = [each.get("Type") for each in resources]
    assert kinds.count("AWS::CloudWatch::Dashboard") == kinds.count("AWS::KMS::Key") == 1
    alarms = [each["Properties"] for each in resources if each.get("Type") == "AWS::CloudWatch::Alarm"]
    watched = sum(sum("MetricStat" in metric for metric in each.get("Metrics", [])) or 1 for each in alarms)
    assert watched == University().watched, "put it into bench/cost.py, then: python -m bench.cost --write"


def template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "infra" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_the_tables_are_what_the_program_computes() -> None:
    written = read(NAME)
    assert page(written, University()) == written, "write it anew: python -m bench.cost --write"
    with pytest.raises(ValueError, match="no line"):
        page(PAGE.read_text(encoding="utf-8").replace(MARK, ""), University())


def number(text: str) -> float:
    return float(text.replace(",", "").replace("*", "").partition(" ")[0])


def test_the_sums_of_the_page_are_right() -> None:
    """Multiplied and added up once more, from what stands on the page."""
    prices = {row[0]: number(row[1]) / number(row[2]) for row in rows(NAME, "Price of")}
    bought = {row[0]: (row[2], number(row[3])) for row in rows(NAME, "Line")}
    _, together = bought.pop("**Together**")
    assert bought.keys() == prices.keys() == PRICES.keys()
    for name, (quantity, dollars) in bought.items():
        assert dollars == pytest.approx(number(quantity) * prices[name], abs=0.011), name
    assert together == pytest.approx(sum(dollars for _, dollars in bought.values()), abs=0.05)
    outcomes = 20_000 * 40 / 4
    assert number(bought["API Gateway, REST"][0]) == outcomes * 1.25
    assert number(bought["Lambda, requests"][0]) == outcomes * (1.25 + 0.06) + 30 * 24 * 60
    assert number(bought["SQS, FIFO"][0]) == 5 * 3 * 30 * 24 * 60 + 3 * outcomes * 0.06
    for name, reads, writes, million in rows(NAME, "One"):
        read_dollars = number(reads) * PRICES["DynamoDB, reads"].dollars
        write_dollars = number(writes) * PRICES["DynamoDB, writes"].dollars
        assert number(million) == pytest.approx(read_dollars + write_dollars, abs=0.006), name


def test_what_the_page_says_in_short_follows_from_the_bill() -> None:
    usual, text = University(), plain(read(NAME))

    def month(**other: Any) -> float:
        return sum(line.dollars for line in bill(replace(usual, **other)))

    assert "about one cent for each student and semester" in text
    assert month() * 4 * 100 / usual.students == pytest.approx(1, abs=0.3)
    assert "costs about 0.003 cents, more than half of it the table's writes" in text
    score = month(queued=0, parked=0, with_text=0, reads=0, line_items=0)
    twice = month(queued=0, parked=0, with_text=0, reads=0, line_items=0, outcomes=80)
    each = (twice - score) / usual.sent
    assert each * 100 == pytest.approx(0.003, abs=0.0005)
    assert 0.5 < UNITS["a score"].writes * 0.625e-6 / each < 0.75
    assert "With two seconds for each outcome Lambda costs five dollars a month more" in text
    assert month(seconds=2.0) - month() == pytest.approx(5, abs=0.2)
    more = metric_count(4) - metric_count(3)
    assert f"**A platform more** adds {more} metrics, so {0.3 * more:.0f} dollars a month" in text
    assert "100 reads for each outcome are 20 million requests a month: about 250 dollars" in text
    assert month(reads=100) - month() == pytest.approx(250, abs=20)
    assert "6 write units for each kilobyte. What is longer than 4 KiB is stored compressed" in text
    assert (UNITS["a score with a text of 3 KB"].writes - UNITS["a score"].writes) / 3 == 6
    assert LONGEST_PLAIN == 4096
    share = sum(line.dollars for line in bill(usual) if line.name.startswith("CloudWatch")) / month()
    assert "Three quarters of it is the watching" in text
    assert share == pytest.approx(0.75, abs=0.05)


def test_another_university_is_computed_by_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--students", "2000"]) == 0
    small = capsys.readouterr().out
    assert "| API Gateway, REST | outcomes and reads | 25,000 requests | 0.09 |" in small
