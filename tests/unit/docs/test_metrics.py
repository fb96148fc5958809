"""The page on metrics names every metric with its unit and its dimensions, and no other."""

from chalicelib import metrics
from chalicelib.delivery import gauges
from chalicelib.delivery.records import DeliveryState
from chalicelib.storage.cells import DUE_LISTINGS

from .pages import plain, read, rows

PAGE = "docs/metrics.md"


def test_every_metric_is_on_the_page_and_no_other() -> None:
    told = {row[0].strip("`"): (row[1], row[2].replace("`", "")) for row in rows(PAGE, "Metric")}
    assert told == {
        metric.name: (metric.unit, "; ".join(", ".join(each) or "-" for each in metric.dimensions))
        for metric in metrics.ALL
    }
    assert len(metrics.ALL) >= 20


def test_every_dimension_has_its_values_on_the_page() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(PAGE, "Dimension")}
    assert told.keys() == {name for metric in metrics.ALL for names in metric.dimensions for name in names}
    assert told["State"] == ", ".join(
        f"`{state}`" for state in ("delivered", "superseded", "held", "refused", "failed")
    )
    assert {state.value for state in DeliveryState if state.ended} == set(told["State"].replace("`", "").split(", "))


def test_how_far_is_looked_is_as_the_page_says() -> None:
    text = plain(read(PAGE))
    assert f"{gauges.LOOKED_AT * DUE_LISTINGS} students' lines" in text
    assert f"({gauges.LOOKED_AT} of each of its {DUE_LISTINGS} listings" in text
    assert f"at {gauges.MOST_MEASURED} platforms" in text
    assert f"from the {metrics.MOST_PLATFORMS + 1}st name" in text
