"""Many mappings: how an engine is filled, how many fit, and what is printed where a command came to no end."""

import json
from pathlib import Path

import pytest

from bench.filled import BYTES_EACH, as_many_as_fit, write_state
from bench.mappings import FIRST, IMPORT, LIST, Mappings, made_up, pair
from bench.report_mappings import mapping_views
from bench.samples import Figure
from chalicelib.storage.attributes import decode_item
from chalicelib.storage.mappings import from_item
from passback.output import plain

EMPTY = '{"payload": {"tables": {"data": {"000000000000\\u0000us-east-1\\u0000\'passback\'": {"items": {}, "x": 1}}}}}'


def state_of(file: Path) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    [table] = json.loads(file.read_text())["payload"]["tables"]["data"].values()
    assert table["x"] == 1
    items: dict[str, dict[str, dict[str, dict[str, str]]]] = table["items"]
    return items


def test_a_state_holds_the_mappings_as_the_store_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "dynamodb.json"
    file.write_text(EMPTY)
    last = write_state(file, made_up(120))
    items = state_of(file)
    assert len(items) == 120
    assert last == list(items)[-1]
    read = [from_item(decode_item(each["__no_sort__"])) for each in items.values()]  # type: ignore[arg-type] # as stored
    assert read == list(made_up(120))


def test_a_state_that_is_written_otherwise_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dynamodb.json"
    for text in ("{}", EMPTY + EMPTY):
        file.write_text(text)
        with pytest.raises(RuntimeError, match="one empty table"):
            write_state(file, made_up(1))


def test_made_up_mappings_are_all_different_and_fill_courses() -> None:
    mappings = list(made_up(250))
    assert len({mapping.sourcedid for mapping in mappings}) == 250
    assert len({mapping.line_item for mapping in mappings}) == 3


@pytest.mark.parametrize(
    ("available", "fit"), [(None, 1_000_000), (100_000_000_000, 1_000_000), (BYTES_EACH * 1000, 750), (0, 0)]
)
def test_no_more_are_made_than_the_memory_holds(available: int | None, fit: int) -> None:
    assert as_many_as_fit(1_000_000, available) == fit


def test_a_pair_compares_run_with_run() -> None:
    found = pair([[1.0], [2.0]], [[1.5], [2.0]])
    assert (found.few, found.many) == (Figure(1.5, 1.0, 2.0), Figure(1.75, 1.5, 2.0))
    assert found.ratio == Figure(1.25, 1.0, 1.5)


def test_what_came_to_no_end_has_no_ratio() -> None:
    assert pair([[1.0]], None).ratio is None


def printed(found: Mappings) -> str:
    return "".join(map(plain, mapping_views(found)))


def found(many: int = 1_000_000) -> Mappings:
    return Mappings(
        wanted=1_000_000,
        few=10,
        many=many,
        filling=31.4,
        memory=(50_000_000, 3_500_000_000),
        pairs={
            FIRST: pair([[0.02]], [[0.021]]),
            IMPORT: pair([[4.0]], [[5.0]]),
            LIST: pair([[0.5]], None),
        },
        given_up={LIST: "after 25 s: the table did not answer"},
    )


def test_the_table_shows_ratios_rates_and_what_came_to_no_end() -> None:
    text = printed(found())
    assert f"| {FIRST} | 20.0 ms | 20.0-20.0 | 21.0 ms | 21.0-21.0 | **1.05** | 1.05-1.05 |" in text
    assert f"| {LIST} | 500 ms | 500-500 | no end | - | - | - |" in text
    assert "Rows imported a second: 2500 and 2000." in text
    assert "50.0 MB and 3500.0 MB, and was there after 31 s" in text
    assert f"{LIST} came to no end: after 25 s: the table did not answer" in text
    assert "asked for" not in text


def test_fewer_than_asked_for_is_said() -> None:
    assert "Not the 1,000,000 that were asked for" in printed(found(many=300_000))
