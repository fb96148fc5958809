"""The arithmetic of the benchmark: medians, spreads, ratios."""

import pytest

from bench.samples import Figure, difference, figure, ratio


def test_a_figure_is_the_median_of_the_runs_medians_with_their_extremes() -> None:
    assert figure([[1, 2, 9], [5, 5, 5], [3, 4, 5]]) == Figure(4, 2, 5)


def test_one_slow_timing_does_not_move_a_figure() -> None:
    assert figure([[1, 1, 1000]]) == Figure(1, 1, 1)


def test_a_ratio_compares_run_with_run() -> None:
    # The machine was four times slower in the second run; the ratio does not see it.
    assert ratio([[3], [12]], [[2], [8]]) == Figure(1.5, 1.5, 1.5)


def test_a_difference_compares_run_with_run() -> None:
    assert difference([[3], [10]], [[2], [8]]) == Figure(1.5, 1, 2)


def test_another_unit_scales_the_spread_as_well() -> None:
    assert Figure(2, 1, 3).times(1000) == Figure(2000, 1000, 3000)


def test_runs_that_cannot_be_paired_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([[1], [2]], [[1]])


def test_no_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="no run"):
        figure([])
