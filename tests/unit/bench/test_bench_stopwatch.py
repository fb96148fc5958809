"""The stopwatch that is put round the service's functions from outside."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from bench.stopwatch import Stopwatch, replaced


class Ticks:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def working(self, seconds: float, inside: Callable[[], None] = lambda: None) -> Callable[[], None]:
        def work() -> None:
            self.seconds += seconds
            inside()

        return work


def test_a_stage_inside_another_is_taken_off_the_outer_one() -> None:
    ticks = Ticks()
    watch = Stopwatch(ticks)
    inner = watch.timed("inner", ticks.working(2))
    watch.timed("outer", ticks.working(5, inner))()
    assert watch.take() == {"inner": 2, "outer": 5}


def test_a_stage_that_runs_twice_is_added_up() -> None:
    ticks = Ticks()
    watch = Stopwatch(ticks)
    stage = watch.timed("stage", ticks.working(3))
    stage()
    stage()
    assert watch.take() == {"stage": 6}


def test_taking_the_times_starts_again() -> None:
    ticks = Ticks()
    watch = Stopwatch(ticks)
    watch.timed("stage", ticks.working(3))()
    watch.take()
    assert watch.take() == {}


def test_a_stage_that_raises_is_timed_too() -> None:
    ticks = Ticks()
    watch = Stopwatch(ticks)

    def fail() -> None:
        ticks.seconds += 4
        raise LookupError

    with pytest.raises(LookupError):
        watch.timed("stage", fail)()
    assert watch.take() == {"stage": 4}


def original() -> str:
    return "original"


@pytest.fixture
def package() -> Iterator[ModuleType]:
    """A module that knows the function by a name of its own."""
    module = ModuleType("bench_example.part")
    vars(module)["known_as"] = original
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def test_a_function_is_replaced_under_every_name_and_put_back(package: ModuleType) -> None:
    with replaced(original, lambda: "timed", "bench_example") as places:
        assert (places, vars(package)["known_as"]()) == (1, "timed")
    assert vars(package)["known_as"] is original


def test_a_function_that_is_used_nowhere_is_an_error() -> None:
    with pytest.raises(LookupError, match="used nowhere"), replaced(original, original, "bench_example"):
        pass
