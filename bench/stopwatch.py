"""Takes the time of stages by wrapping functions from outside, so that the service itself holds no timing code."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar
from unittest.mock import patch

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class Stopwatch:
    """Adds up the own time of each stage: a stage that runs inside another one is taken off the outer one.

    Of one thread only.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._seconds: dict[str, float] = {}
        self._inner: list[float] = []

    def timed(self, stage: str, function: Callable[Given, Returned]) -> Callable[Given, Returned]:
        """Wrap a function whose time belongs to a stage."""

        @wraps(function)
        def wrapper(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
            self._inner.append(0.0)
            started = self._now()
            try:
                return function(*args, **kwargs)
            finally:
                whole = self._now() - started
                self._seconds[stage] = self._seconds.get(stage, 0.0) + whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        return wrapper

    def take(self) -> dict[str, float]:
        """Return the seconds of each stage since the last time, and start again."""
        seconds, self._seconds = self._seconds, {}
        return seconds


@contextmanager
def replaced(function: Callable[..., object], by: Callable[..., object], package: str) -> Iterator[int]:
    """Put another function in the place of a module's function, under each name that a package's modules know it by.

    Gives the number of places.

    Raises
    ------
    LookupError
        If no module of the package knows the function: it was renamed or is called in another way now.
    """
    places = list(_places(function, package))
    if not places:
        raise LookupError(f"{function.__qualname__} is used nowhere in {package}")
    with ExitStack() as stack:
        for module, name in places:
            stack.enter_context(patch.object(sys.modules[module], name, by))
        yield len(places)


def _places(function: Callable[..., object], package: str) -> Iterable[tuple[str, str]]:
    for module_name, module in list(sys.modules.items()):
        if module_name == package or module_name.startswith(f"{package}."):
            for name, value in list(vars(module).items()):
                if value is function:
                    yield module_name, name
