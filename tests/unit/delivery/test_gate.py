"""The gate over a real store: several containers are several gates over one table."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from memory_table import MemoryTable

from chalicelib import telemetry
from chalicelib.delivery.breaker import FIRST_PROBE, FIRST_SLOWING, Permission, PlatformHealth
from chalicelib.delivery.gate import CLAIM_LOST, Admission, Gate
from chalicelib.errors import PlatformUnavailable, StorageConflict, StorageUnavailable, Trouble
from chalicelib.storage.health import HealthStore, health_key

START = 1_772_366_400_000


class FakeClock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return 50.0 + self.seconds

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


class Scene:
    """Some containers, one table, and the operations on it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.operations: list[str] = []
        self.before: Callable[[str], None] = lambda operation: None
        self.store = HealthStore(MemoryTable(before=self._announced))
        self.here, self.there = self.gate(), self.gate()

    def _announced(self, operation: str) -> None:
        self.operations.append(operation)
        self.before(operation)

    def gate(self) -> Gate:
        return Gate(self.store, self.clock, lambda: 0.0)

    def goes_down(self) -> None:
        for course in "aabbc":
            self.here.trouble("school", course, unavailable(Trouble.UNREACHABLE))

    def stored(self) -> PlatformHealth:
        return self.store.get("school")

    def counted(self, work: Callable[[], object]) -> list[str]:
        self.operations.clear()
        work()
        return list(self.operations)

    def fails(self, *operations: str, error: Exception | None = None) -> None:
        def refuse(operation: str) -> None:
            if operation in operations:
                raise error or StorageUnavailable(f"{operation}: ProvisionedThroughputExceeded")

        self.before = refuse


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def events() -> Iterator[list[dict[str, object]]]:
    """What was told, without the need of a stream."""
    told: list[dict[str, object]] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(json.loads(record.getMessage()))

    logger, ear = logging.getLogger(telemetry.LOGGER), Ear()
    level = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    yield told
    logger.setLevel(level)
    logger.removeHandler(ear)


def unavailable(cause: Trouble) -> PlatformUnavailable:
    return PlatformUnavailable("down", maybe_applied=False, cause=cause)


def test_a_platform_that_nothing_is_known_of_may_be_called(scene: Scene) -> None:
    assert scene.here.admit("school").permission is Permission.GO
    assert not scene.here.admit("school").probe


def test_a_healthy_platform_costs_one_read_in_two_seconds_and_no_write(scene: Scene) -> None:
    def outcome() -> None:
        scene.here.admit("school")
        scene.here.answered("school")

    assert scene.counted(outcome) == ["GetItem"]
    scene.clock.seconds += 1.9
    assert scene.counted(outcome) == []
    scene.clock.seconds += 0.1
    assert scene.counted(outcome) == ["GetItem"]


def test_with_a_health_that_was_read_along_nothing_is_read(scene: Scene) -> None:
    def outcome() -> None:
        scene.here.admit("school", PlatformHealth("school"))
        scene.here.admit("school")
        scene.here.answered("school")

    assert scene.counted(outcome) == []


def test_the_health_that_was_read_along_counts(scene: Scene) -> None:
    scene.goes_down()
    assert scene.there.admit("school", PlatformHealth("school")).permission is Permission.GO
    assert scene.there.admit("school", scene.stored()).permission is Permission.CLOSED_OFF


def test_when_it_opens_every_container_leaves_the_platform_alone(scene: Scene) -> None:
    assert scene.there.admit("school").permission is Permission.GO
    scene.goes_down()
    closed_off = Admission(Permission.CLOSED_OFF, START + FIRST_PROBE)
    assert scene.here.admit("school") == closed_off
    scene.clock.seconds += 2
    assert scene.there.admit("school") == closed_off
    assert scene.gate().admit("other").permission is Permission.GO


def test_a_platform_that_throttles_is_slowed_for_every_container(scene: Scene) -> None:
    scene.here.trouble("school", "a", unavailable(Trouble.THROTTLED))
    assert scene.there.admit("school") == Admission(Permission.SLOWED, START + FIRST_SLOWING)
    scene.there.answered("school")
    assert scene.gate().admit("school").permission is Permission.SLOWED
    scene.clock.seconds += 5
    assert scene.there.admit("school").permission is Permission.GO


def test_one_probe_at_a_time_over_all_containers(scene: Scene) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    seen = scene.stored()
    first = scene.here.admit("school", seen)
    assert (first.permission, first.probe) == (Permission.GO, True)
    second = scene.there.admit("school", seen)  # late: what it read is not so any more
    assert second == Admission(Permission.CLOSED_OFF, scene.stored().probe_at)
    assert second.until > START + 15_000 + FIRST_PROBE
    assert scene.here.admit("school").permission is Permission.CLOSED_OFF


def test_a_probe_that_finds_nobody_leaves_it_open_until_the_next(scene: Scene) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    scene.here.admit("school")
    scene.here.trouble("school", "a", unavailable(Trouble.UNREACHABLE))
    scene.clock.seconds += 22
    assert scene.there.admit("school").permission is Permission.CLOSED_OFF
    scene.clock.seconds += 1
    assert scene.there.admit("school").probe


@pytest.mark.parametrize("how", ["answered", "throttled", "error"])
def test_a_probe_that_is_answered_closes_it_for_all(scene: Scene, how: str) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    assert scene.here.admit("school").probe
    if how == "answered":
        scene.here.answered("school")
    else:
        scene.here.trouble("school", "a", unavailable(Trouble(how)))
    allowed = scene.there.admit("school").permission
    assert allowed is (Permission.SLOWED if how == "throttled" else Permission.GO)
    assert scene.stored().clean


def test_a_success_between_begins_the_count_anew(scene: Scene) -> None:
    for course in "abcd":
        scene.here.trouble("school", course, unavailable(Trouble.TOKEN))
    scene.there.admit("school")
    scene.there.answered("school")
    scene.here.trouble("school", "e", unavailable(Trouble.TOKEN))
    assert scene.gate().admit("school").permission is Permission.GO
    assert [each.course for each in scene.stored().troubles] == ["e"]


def test_a_broken_course_and_our_own_lack_of_time_never_open_it(scene: Scene) -> None:
    for number in range(30):
        scene.here.trouble("school", "a", unavailable(Trouble.UNREACHABLE))
        scene.here.trouble("school", f"course {number}", unavailable(Trouble.OURS))
    assert scene.gate().admit("school").permission is Permission.GO


def test_our_own_lack_of_time_is_not_even_looked_up(scene: Scene) -> None:
    assert scene.counted(lambda: scene.here.trouble("school", "a", unavailable(Trouble.OURS))) == []


def test_troubles_of_two_containers_at_once_both_count(scene: Scene) -> None:
    def meanwhile(operation: str) -> None:
        if operation == "PutItem":
            scene.before = lambda operation: None
            scene.there.trouble("school", "b", unavailable(Trouble.UNREACHABLE))

    scene.before = meanwhile
    scene.here.trouble("school", "a", unavailable(Trouble.UNREACHABLE))
    assert [each.course for each in scene.stored().troubles] == ["b", "a"]


def test_a_note_that_is_never_free_of_others_is_given_up(scene: Scene) -> None:
    scene.fails("PutItem", error=StorageConflict(frozenset({"health"})))
    noted = scene.counted(lambda: scene.here.trouble("school", "a", unavailable(Trouble.UNREACHABLE)))
    assert noted == ["GetItem", "PutItem"] * 4


def test_without_the_table_everybody_may_go(scene: Scene, events: list[dict[str, object]]) -> None:
    scene.fails("GetItem", "PutItem")
    assert scene.here.admit("school").permission is Permission.GO
    scene.here.answered("school")
    scene.here.trouble("school", "a", unavailable(Trouble.UNREACHABLE))
    scene.here.trouble("school", "a", unavailable(Trouble.ERROR))
    assert [event["event"] for event in events] == ["platform_health_not_kept"] * 2
    assert events[0]["platform"] == "school"
    assert "ProvisionedThroughputExceeded" in str(events[0]["why"])


def test_a_health_that_is_damaged_fails_nothing(scene: Scene) -> None:
    table = MemoryTable()
    table.put({"pk": health_key("school"), "version": "?"})
    gate = Gate(HealthStore(table), scene.clock, lambda: 0.0)
    assert gate.admit("school").permission is Permission.GO
    gate.trouble("school", "a", unavailable(Trouble.UNREACHABLE))


def test_a_probe_that_cannot_be_claimed_is_not_made(scene: Scene) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    scene.fails("PutItem")
    later = Admission(Permission.CLOSED_OFF, START + 15_000 + CLAIM_LOST)
    assert scene.there.admit("school") == later
    assert not scene.there.admit("school").probe


def test_a_lost_probe_is_looked_at_again_as_far_as_the_table_allows(scene: Scene) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    seen = scene.stored()
    assert scene.here.admit("school", seen).probe
    scene.here.answered("school")
    assert scene.there.admit("school", seen).permission is Permission.GO  # it is closed by now
    scene.fails("GetItem")
    assert scene.there.admit("school", seen) == Admission(Permission.CLOSED_OFF, START + 15_000 + CLAIM_LOST)


def test_a_probe_that_others_keep_taking_is_left_to_them(scene: Scene) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    scene.fails("PutItem", error=StorageConflict(frozenset({"health"})))
    assert scene.here.admit("school") == Admission(Permission.CLOSED_OFF, START + 15_000 + CLAIM_LOST)


def test_the_log_tells_when_it_opens_probes_closes_and_slows(scene: Scene, events: list[dict[str, object]]) -> None:
    scene.goes_down()
    scene.clock.seconds += 15
    scene.here.admit("school")
    scene.here.trouble("school", "a", unavailable(Trouble.THROTTLED))
    scene.here.answered("school")
    assert events == [
        {"event": "breaker_opened", "platform": "school"},
        {"event": "breaker_probe", "platform": "school", "probe": 1},
        {"event": "breaker_closed", "platform": "school", "probes": 1},
        {"event": "platform_slowed", "platform": "school", "slowings": 1},
    ]
