from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import Deadline
from chalicelib.delivery.pacing import KEPT_FREE, LONGEST_WAIT, Pace
from chalicelib.lti13.profiles import CANVAS, PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import Reply

SCHOOL = Platform("school", "canvas", "issuer", "client", "https://s/token", "https://s/token", ("s",))


class FakeClock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 50.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.seconds += seconds


class Worker:
    """A pace, and what it is told."""

    def __init__(self, *left: float | str, platform: Platform = SCHOOL) -> None:
        self.clock = FakeClock()
        self.pace = Pace(self.clock)
        for each in left:
            self.told({"x-rate-limit-remaining": str(each)}, platform)

    def told(self, headers: Mapping[str, str], platform: Platform = SCHOOL, status: int = 200) -> None:
        self.pace.observe(platform, Reply(status, "", headers, b""), 0.1)

    def waits(self, name: str = "school", seconds: float = 60.0) -> float:
        before = self.clock.seconds
        self.pace.wait(name, Deadline.after(self.clock, seconds))
        return self.clock.seconds - before


def test_without_a_header_nobody_waits() -> None:
    worker = Worker()
    worker.told({"content-type": "application/json"}, status=403)
    assert [worker.waits() for _ in range(50)] == [0.0] * 50


@pytest.mark.parametrize("left", [600.0, 250.5, 200])
def test_with_room_for_this_call_and_those_of_tools_nobody_waits(left: float) -> None:
    assert Worker(left).waits() == 0.0


@pytest.mark.parametrize(("left", "seconds"), [(190, 1.0), ("170.5", 2.95), (160.0, 4.0)])
def test_otherwise_until_as_much_has_come_back(left: float | str, seconds: float) -> None:
    assert Worker(left).waits() == pytest.approx(seconds)


@pytest.mark.parametrize("left", [100, 0, "-0.0", -200.25, -1e308])
def test_a_few_seconds_at_most_however_little_is_left(left: float | str) -> None:
    assert Worker(left).waits() == LONGEST_WAIT


def test_never_past_the_deadline_nor_so_long_that_no_time_is_left_for_the_call() -> None:
    assert Worker(0).waits(seconds=4.0) == 2.0
    assert Worker(0).waits(seconds=0.0) == 0.0


def test_time_that_has_passed_counts() -> None:
    worker = Worker(160)
    worker.clock.seconds += 3
    assert worker.waits() == pytest.approx(1.0)


def test_a_bucket_does_not_fill_beyond_its_measure() -> None:
    worker = Worker(10**9)
    worker.clock.seconds += 10**9
    assert [worker.waits() for _ in range(10)] == [0.0] * 9 + [pytest.approx(5.0)]


def test_a_debt_out_of_all_measure_is_over_in_two_minutes() -> None:
    worker = Worker(-1e300)
    assert worker.waits() == LONGEST_WAIT
    worker.clock.seconds += 115
    assert worker.waits() == 0.0


def test_a_call_counts_until_its_answer_tells_how_it_is() -> None:
    worker = Worker(300)
    assert [worker.waits(), worker.waits(), worker.waits()] == [0.0, 0.0, 0.0]
    assert worker.waits() == pytest.approx(5.0)
    worker.told({"x-rate-limit-remaining": "550"})
    assert worker.waits() == 0.0


def test_the_newest_answer_counts() -> None:
    assert Worker(0, 600).waits() == 0.0
    assert Worker(600, 180).waits() == pytest.approx(2.0)


@pytest.mark.parametrize("garbage", ["", "many", "nan", "inf", "-inf", "1e999", "500, 400", "0x10", "9" * 5000])
def test_nonsense_is_ignored(garbage: str) -> None:
    assert Worker(garbage).waits() == 0.0
    assert Worker(180, garbage).waits() == pytest.approx(2.0)


@given(st.text())
def test_no_header_breaks_a_call(text: str) -> None:
    assert 0.0 <= Worker(text).waits() <= LONGEST_WAIT


def test_a_platform_has_a_bucket_of_its_own() -> None:
    worker = Worker(0)
    assert worker.waits("other") == 0.0


@pytest.mark.parametrize("profile", ["moodle", "generic"])
def test_the_header_means_nothing_where_the_profile_has_no_quota(profile: str) -> None:
    """Blackboard Learn counts calls of a day in a header of this name."""
    assert Worker(0, platform=replace(SCHOOL, profile=profile)).waits() == 0.0


@pytest.mark.parametrize("profile", ["canvas", "canvas-older"])
def test_canvas_of_any_age_has_the_quota(profile: str) -> None:
    assert PROFILES[profile].quota == CANVAS.quota
    assert Worker(0, platform=replace(SCHOOL, profile=profile)).waits() == LONGEST_WAIT


def test_a_paced_drain_stays_above_what_is_kept_for_tools_and_uses_what_comes_back() -> None:
    """One caller, 0.5 s and 20 units a call: the bucket gives 10 units a second, so one call in 2 s in the long run."""
    worker = Worker(600)
    bucket, calls, lowest = 600.0, 0, 600.0
    end = worker.clock.seconds + 600
    while worker.clock.seconds < end:
        bucket = min(600.0, bucket + 10 * worker.waits())
        lowest = min(lowest, bucket - 50)
        worker.clock.seconds += 0.5
        bucket = min(600.0, bucket + 5) - 20
        worker.told({"x-rate-limit-remaining": f"{bucket:.3f}"})
        calls += 1
    assert lowest >= KEPT_FREE - 0.01
    assert 300 <= calls <= 325  # 600 s of leak, and 400 units to begin with: 320
