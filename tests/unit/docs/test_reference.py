"""The index of the reference leads to pages that are held to the code; what stands on it itself is the code's."""

from chalicelib.delivery import releasing
from chalicelib.delivery.records import DeliveryState
from chalicelib.storage.deliveries import KEPT_FAILED_PAYLOAD

from .failure_reference import failures, page
from .pages import DOCS, links, plain, read, rows

NAME = "docs/reference.md"
FAILURES = "docs/command-failures.md"
DAY = 86_400_000


def test_the_page_on_failures_is_what_the_code_says() -> None:
    assert page() == read(FAILURES), "write it anew: .venv/bin/python tests/unit/docs/failure_reference.py"


def test_failures_are_found_however_they_are_written() -> None:
    codes = {told.code for told in failures()}
    raised, explained, printed = "no_stack", "storage_unavailable", "rows_refused"
    assert {raised, explained, printed} <= codes
    assert len(codes) > 40
    stopped = next(told for told in failures() if told.code == "interrupted")
    assert (stopped.message, stopped.status) == ("Stopped.", "130")


def test_the_index_leads_to_every_page_that_is_a_reference() -> None:
    told = {link.partition("#")[0] for link in links(NAME)}
    compared = {
        path.name for path in DOCS.glob("*.md") if "test compares this page" in plain(read(f"docs/{path.name}"))
    }
    assert {"answers.md", "metrics.md", "settings.md"} <= compared
    written = {path.name for path in DOCS.glob("*.md") if "written by " in plain(read(f"docs/{path.name}"))}
    assert {"commands.md", "command-failures.md", "errors.md", "cost.md"} <= written
    assert compared | written - {"README.md"} <= told


def test_the_states_are_those_of_the_code() -> None:
    states = {row[0].strip("`"): row for row in rows(NAME, "State")}
    assert states.keys() == {state.value for state in DeliveryState}
    for state in DeliveryState:
        assert states[state.value][1].startswith("yes") is state.under_way, state
        assert states[state.value][1].startswith("no") is state.ended, state
    assert {row[0].strip("`") for row in rows("docs/how-it-works.md", "State")} == states.keys()
    days = releasing.KEPT_PARKED // DAY, KEPT_FAILED_PAYLOAD // DAY
    assert f"after {days[0]} days" in states["parked"][1]
    assert f"for {days[1]} days" in states["failed"][1]
