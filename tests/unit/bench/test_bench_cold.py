"""Cold starts: from moments to medians and ratios, what a zip is made of, and the table that is printed."""

import json
import subprocess
import sys
import time
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from bench import ROOT
from bench.cold import BARE, OURS, RAW, ROUTE, ColdStart, ContainerRun, sum_up
from bench.report_cold import cold_views
from bench.samples import Figure
from bench.zips import ZipSizes, parts_of
from passback.output import plain

RUN = ContainerRun(python=0.01, imported=0.1, built=0.05, first=0.04, processor=0.18, warm=(0.02, 0.03, 0.04))
SIZES = ZipSizes(zipped=13_100_000, unpacked=35_800_000, files=1291, parts={"botocore": 3_800_000, "app.py": 900})
LARGE = ZipSizes(28_000_000, 54_000_000, 2918, {"botocore": 20_600_000, "boto3": 1_000_000})


def found() -> ColdStart:
    slower = replace(RUN, first=0.24, processor=0.36)
    kinds = {
        OURS: [RUN, slower],
        RAW: [replace(RUN, first=0.24), replace(slower, first=0.84)],
        ROUTE: [ContainerRun(0.01, 0.04, 0.0, 0.0, 0.09, (0.001,)), ContainerRun(0.01, 0.09, 0.0, 0.0, 0.09, (0.001,))],
    }
    return sum_up([0.02, 0.04], kinds, {OURS: SIZES, RAW: LARGE, ROUTE: SIZES})


def test_a_whole_start_is_everything_until_the_first_answer() -> None:
    assert RUN.whole == pytest.approx(0.2)


def test_ratios_compare_processes_of_the_same_turn() -> None:
    cold = found()
    assert astuple(cold.ratios[RAW]) == pytest.approx((0.45, 0.4, 0.5))
    assert cold.ratios[ROUTE].middle == pytest.approx(4.0)
    assert cold.ratios[BARE].middle == pytest.approx(10.0)
    assert cold.processor_ratios[ROUTE].middle == pytest.approx(3.0)


def test_a_warm_answer_is_the_median_of_those_after_the_first() -> None:
    assert found().kinds[OURS].warm == Figure(0.03, 0.03, 0.03)


def test_a_kind_that_answered_once_only_has_no_warm_answer() -> None:
    once = sum_up([1.0], {OURS: [replace(RUN, warm=())], RAW: [RUN], ROUTE: [RUN]}, {})
    assert once.kinds[OURS].warm is None


def test_a_zip_is_added_up_by_what_stands_at_its_top() -> None:
    sizes = {
        "lxml/etree.so": 5,
        "app.py": 1,
        "lxml/__init__.py": 2,
        "lxml-6.1.dist-info/METADATA": 3,
        "jwt-2.data/x": 4,
    }
    assert list(parts_of(sizes).items()) == [("lxml", 7), ("*.dist-info", 7), ("app.py", 1)]


def test_the_table_has_the_floor_first_and_ours_in_bold() -> None:
    lines = "".join(map(plain, cold_views(found()))).splitlines()
    starts = [line for line in lines if line.endswith(" ms |")]
    assert starts[0].startswith(f"| {ROUTE} |")
    assert starts[1] == "| **Passback** | 10.0 ms | 100 ms | 50.0 ms | 140 ms | 300 ms | 200-400 | 270 ms | 30.0 ms |"
    assert "| `boto3` | - | 1.0 MB |" in lines
    assert f"| Passback to {RAW} | **0.45** | 0.40-0.50 | **1.00** | 1.00-1.00 |" in lines


def test_a_container_has_the_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(
        "import sys\n"
        "def answer(event, context):\n"
        "    return [event['number'], [name for name in ('chalicelib', 'lxml', 'pytest') if name in sys.modules]]\n"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(ROOT / "bench" / "container.py"), str(tmp_path), "handler.answer"],
        input='{"number": 1}\n{"number": 2}',
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["answers"] == [[1, []], [2, []]]
    assert begun < told["started"] <= told["imported"] <= told["built"] < time.monotonic()
    assert len(told["calls"]) == 2
    assert 0 < told["processor"] < 10
