"""What makes the benchmark fail, and what is read from other processes."""

import pytest

from bench.peers import check_verdicts, signed_request
from bench.processes import import_times
from bench.warm import Counts


@pytest.mark.parametrize(("table", "ags"), [(4, 1), (3, 1)])
def test_four_table_requests_and_one_ags_request_are_allowed(table: int, ags: int) -> None:
    assert Counts(table, ags).within_limits


@pytest.mark.parametrize(("table", "ags"), [(5, 1), (4, 2), (4, 0)])
def test_any_other_number_fails(table: int, ags: int) -> None:
    assert not Counts(table, ags).within_limits


def test_import_times_are_added_up_by_package() -> None:
    report = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |     httpx._types\n"
        "import time:       250 |        350 |   httpx\n"
        "import time:      1000 |       1350 | app\n"
    )
    assert import_times(report) == pytest.approx({"httpx": 0.00035, "app": 0.001})


def test_every_library_accepts_the_right_secret_and_refuses_another() -> None:
    check_verdicts(signed_request())
