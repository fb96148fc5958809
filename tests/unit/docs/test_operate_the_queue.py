"""The pages on the guarantee and on the queue: waits, limits and events are those of the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from chalicelib.delivery import breaker, gate, line, pacing, queueing, releasing, schedule, turns, work
from chalicelib.delivery.records import DeliveryState
from chalicelib.delivery.retries import FILE_WAITS, RetryRules
from chalicelib.storage import deliveries

from .pages import ROOT, plain, read, rows

PAGE = "docs/operate-the-queue.md"
GUARANTEE = "docs/guarantee.md"
DAY = 86_400_000


def events_of(path: Path) -> Iterator[str]:
    """Give the events that a module writes to the log: texts, or constants of the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS:
            event = node.args[0]
            if isinstance(event, ast.Constant):
                yield str(event.value)
            elif isinstance(event, ast.Name) and event.id in constants:
                yield str(constants[event.id])


WRITERS = {"telemetry.event", "telemetry.failure", "_nothing_told"}


def test_every_event_of_the_log_is_on_the_page_and_no_other() -> None:
    written = {event for path in sorted((ROOT / "chalicelib").rglob("*.py")) for event in events_of(path)}
    assert len(written) >= 20
    described = {event.strip("` ") for row in rows(PAGE, "Event") for event in row[0].split(",")}
    assert described == written


def test_the_waits_are_those_of_the_rules() -> None:
    rules = RetryRules()
    told = [row[1] for row in rows(PAGE, "After try")][:7]
    longest = [rules.next_try(tries, 0, lambda: 1.0) // 60_000 for tries in range(1, 8)]
    assert told == [f"{minutes} min" for minutes in longest]
    assert rules.next_try(20, 0, lambda: 1.0) == rules.longest_wait
    assert rules.next_try(3, 0, lambda: 0.0) == 0
    for page in (PAGE, GUARANTEE):
        assert f"{rules.give_up_after // DAY} days" in read(page)
    minutes = [wait // 60_000 for wait in FILE_WAITS]
    assert f"after at most {minutes[0]}, {minutes[1]}, {minutes[2]} and {minutes[3]} minutes" in plain(read(PAGE))


def test_the_readme_tells_the_same_waits() -> None:
    text, rules = plain(read("README.md")), RetryRules()
    assert rules.first_wait == 60_000
    assert "at most 1 minute, then 2, 4, ... up to an hour, for 7 days" in text
    assert (rules.longest_wait, rules.give_up_after) == (3_600_000, 7 * DAY)


def test_the_breaker_is_as_the_page_says() -> None:
    text = plain(read(PAGE))
    assert f"after {breaker.OPENS_AFTER} calls that found nobody" in text
    assert f"over at least {breaker.LEAST_COURSES} courses, within {breaker.WINDOW // 60_000} minutes" in text
    assert f"At most {breaker.MOST_OF_ONE_COURSE} count of one course" in text
    health = breaker.PlatformHealth("p", opened_at=0)
    pauses = []
    for _ in range(3):
        both = [breaker.probe_claimed(health, 0, chance).probe_at for chance in (lambda: 0.0, lambda: 1.0)]
        pauses.append([pause // 1000 for pause in both])
        health = breaker.probe_claimed(health, 0, lambda: 0.0)
    assert pauses == [[22, 30], [45, 60], [45, 60]]
    assert f"{breaker.FIRST_PROBE // 1000} seconds after it opened, then after 22 to 30, then every 45 to 60" in text
    assert f"comes within {queueing.SPREAD // 1000} seconds after the next probe is due" in text
    assert gate.KEPT_FOR == 2.0
    assert "kept for 2 seconds by each container" in plain(read("docs/decisions/0019-the-breaker-counts-courses.md"))


def test_slowing_and_pacing_are_as_the_page_says() -> None:
    text = plain(read(PAGE))
    first = breaker.FIRST_SLOWING / 1000
    assert f"{first:g} to {first * 1.5:g} seconds at first, doubling up to {breaker.LONGEST_SLOWING // 1000}" in text
    assert f"waits up to {work.PATIENCE:g} seconds" in text
    assert f"comes again after {work.COME_AGAIN // 1000} seconds" in text
    assert f"waits, up to {pacing.LONGEST_WAIT:g} seconds, so that {pacing.KEPT_FREE} units" in text
    pace = read("docs/decisions/0020-pace-of-the-platform.md")
    assert f"up to {schedule.MOST_OF_A_LISTING} messages of each a minute" in pace


def test_every_end_of_a_delivery_is_on_the_page_on_the_guarantee() -> None:
    told = {row[0].strip("`") for row in rows(GUARANTEE, "State at the end")}
    assert told == {state.value for state in DeliveryState if state.ended}


def test_every_state_is_on_the_page_on_how_it_works() -> None:
    assert [row[0].strip("`") for row in rows("docs/how-it-works.md", "State")] == [
        each.value for each in DeliveryState
    ]


def test_the_limits_of_the_guarantee_are_those_of_the_code() -> None:
    text = plain(read(GUARANTEE))
    assert f"{line.LONGEST} undelivered outcomes of one student" in text
    assert f"older than {turns.READ_FIRST_AFTER.seconds} seconds" in text
    assert f"content {deliveries.KEPT_FAILED_PAYLOAD // DAY} days" in text
    assert f"wait {releasing.KEPT_PARKED // DAY} days for their mapping" in text
