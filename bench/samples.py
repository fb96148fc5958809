"""From single timings to the numbers in the report: each is a median of several runs, with the spread of the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

Runs = Sequence[Sequence[float]]
"""The timings of each run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number: the median of the runs, and the lowest and the highest run. Its unit is the samples'."""

    middle: float
    lowest: float
    highest: float

    def times(self, factor: float) -> "Figure":
        """Return the figure in another unit."""
        return Figure(self.middle * factor, self.lowest * factor, self.highest * factor)


def figure(runs: Runs) -> Figure:
    """Take the median of each run, then the median and the extremes of those.

    Raises
    ------
    ValueError
        If there is no run, or a run without timings.
    """
    return _spread([median(run) for run in runs])


def ratio(runs: Runs, others: Runs) -> Figure:
    """Compare run with run, so that whatever slowed the machine down during one is in both sides of its ratio.

    Raises
    ------
    ValueError
        If the two do not have the same number of runs, or there are none.
    """
    return _spread([median(run) / median(other) for run, other in zip(runs, others, strict=True)])


def difference(runs: Runs, others: Runs) -> Figure:
    """Say by how much the first are longer, run by run; as ``ratio`` in everything else."""
    return _spread([median(run) - median(other) for run, other in zip(runs, others, strict=True)])


def _spread(medians: Sequence[float]) -> Figure:
    if not medians:
        raise ValueError("there is no run")
    return Figure(median(medians), min(medians), max(medians))


@dataclass(frozen=True, slots=True)
class Waits:
    """What waiting for an answer was like: so many answers, and seconds."""

    number: int
    median: float
    most: float
    """The 95th of a hundred: most answers were at least that quick."""
    longest: float


def waits(seconds: Sequence[float]) -> Waits:
    """Sum single waits up.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not seconds:
        raise ValueError("nobody waited")
    ordered = sorted(seconds)
    return Waits(len(ordered), median(ordered), ordered[ceil(0.95 * len(ordered)) - 1], ordered[-1])


@dataclass(frozen=True, slots=True)
class Latencies:
    """What answers took, in seconds: so many, and how long the quickest half, 95 and 99 of a hundred took at most."""

    number: int
    half: float
    most: float
    nearly_all: float
    longest: float


def latencies(seconds: Sequence[float]) -> Latencies:
    """Sum single answers up, by the nearest rank.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not seconds:
        raise ValueError("nobody was answered")
    ordered = sorted(seconds)

    def within(share: float) -> float:
        return ordered[ceil(share * len(ordered)) - 1]

    return Latencies(len(ordered), within(0.5), within(0.95), within(0.99), ordered[-1])
