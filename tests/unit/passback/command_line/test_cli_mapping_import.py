import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line.running import Operator

HEADER = "consumer_key,sourcedid,platform,line_item,user_id,submitted,context"
LINE_ITEM = "https://canvas.example.edu/api/lti/courses/1/line_items/2"


def row(sourcedid: str = "s1", **changed: str) -> dict[str, str]:
    return {
        "consumer_key": "quiz-tool",
        "sourcedid": sourcedid,
        "platform": "campus",
        "line_item": LINE_ITEM,
        "user_id": "u1",
        "submitted": "",
        "context": "",
    } | changed


def as_csv(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER.split(","))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json_lines(*rows: dict[str, str]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in rows).encode()


@pytest.fixture
def ready(operator: Operator) -> Operator:
    operator.add_platform()
    operator.add_tool()
    return operator


def stored(operator: Operator, sourcedid: str) -> dict[str, str]:
    shown = operator.ok("mapping", "show", "--key", "quiz-tool", "--sourcedid", sourcedid)
    mapping: dict[str, str] = shown["mapping"]
    return mapping


def refusals(operator: Operator, content: bytes) -> dict[int, str]:
    """Import what has bad rows; return line -> reason."""
    result = operator.run("mapping", "import", "-", "--json", stdin=content)
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    assert document["error"]["code"] == "rows_refused"
    assert document["refused"] == len(document["refusals"])
    return {each["line"]: each["reason"] for each in document["refusals"]}


@pytest.mark.parametrize("write", [as_csv, as_json_lines])
def test_rows_of_either_form_become_mappings(ready: Operator, write: Callable[..., bytes]) -> None:
    content = write(row("s1", submitted="yes", context="Kurs é"), row("s2", user_id="42", submitted="NO"))
    report = ready.ok("mapping", "import", "-", stdin=content)
    assert report == {"imported": 2, "refused": 0, "duplicates": 0, "released": 0, "refusals": []}
    expected = row("s1", submitted="yes", context="Kurs é")
    assert expected.items() <= stored(ready, "s1").items()
    assert stored(ready, "s2")["submitted"] == "no"


@pytest.mark.parametrize(
    "sourcedid",
    [
        '{"data":{"instanceid":"7","userid":"3"},"hash":"ab,cd"}',
        "line one\nline two",
        'a "quoted" word',
        "  blanks kept  ",
        "😀" * 500,
        "x" * 8192,
    ],
)
def test_a_sourcedid_is_kept_to_the_letter(ready: Operator, sourcedid: str) -> None:
    ready.ok("mapping", "import", "-", stdin=as_csv(row(sourcedid)))
    assert stored(ready, sourcedid)["sourcedid"] == sourcedid


def test_blanks_round_other_fields_do_not_count(ready: Operator) -> None:
    ready.ok("mapping", "import", "-", stdin=as_csv(row("s1", platform=" campus ", user_id=" u9 ")))
    assert stored(ready, "s1")["user_id"] == "u9"


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"", b"\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_fine(ready: Operator, start: bytes) -> None:
    assert ready.ok("mapping", "import", "-", stdin=start + as_csv(row("s1")))["imported"] == 1
    assert stored(ready, "s1")["context"] == ""


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_with_other_delimiters_are_read(ready: Operator, delimiter: str) -> None:
    lines = [HEADER.replace(",", delimiter), delimiter.join(row("s1").values())]
    assert ready.ok("mapping", "import", "-", stdin="\n".join(lines).encode())["imported"] == 1


def test_columns_may_come_in_any_order_and_optional_ones_be_missing(ready: Operator) -> None:
    content = f"User_ID,line_item,platform,sourcedid,consumer_key\nu1,{LINE_ITEM},campus,s1,quiz-tool\n"
    assert ready.ok("mapping", "import", "-", stdin=content.encode())["imported"] == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"consumer_key": "nobody"}, "no tool"),
        ({"consumer_key": ""}, "consumer_key is empty"),
        ({"platform": "nowhere"}, "no platform"),
        ({"platform": "no/name"}, "no platform"),
        ({"sourcedid": "   "}, "sourcedid is empty"),
        ({"sourcedid": "é" * 4097}, "8 KiB"),
        ({"user_id": ""}, "user_id is empty"),
        ({"line_item": "https://evil.example/line_items/2"}, "not registered"),
        ({"line_item": "https://canvas.example.edu:8443/line_items/2"}, "not registered"),
        ({"line_item": "https://canvas.example.edu@evil.example/2"}, "could not be called"),
        ({"line_item": "http://canvas.example.edu/line_items/2"}, "not an https URL"),
        ({"line_item": "/line_items/2"}, "no http(s) URL"),
        ({"line_item": "ftp://canvas.example.edu/2"}, "no http(s) URL"),
        ({"submitted": "maybe"}, "submitted must be"),
    ],
)
@pytest.mark.parametrize("write", [as_csv, as_json_lines])
def test_a_bad_row_is_reported_and_stops_nothing(
    ready: Operator, write: Callable[..., bytes], changed: dict[str, str], says: str
) -> None:
    first = 2 if write is as_csv else 1
    found = refusals(ready, write(row("s0"), row("bad") | changed, row("s2")))
    assert list(found) == [first + 1]
    assert says in found[first + 1]
    assert stored(ready, "s0")
    assert stored(ready, "s2")


def lines_around(bad: bytes) -> bytes:
    return as_csv(row("before")) + bad + b"\r\n" + as_csv(row("after")).split(b"\r\n", 1)[1]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"quiz-tool,s\xff,campus," + LINE_ITEM.encode() + b",u1,,", "not UTF-8"),
        (b"quiz-tool,s", "2 columns"),
        (b"quiz-tool,s,campus," + LINE_ITEM.encode() + b",u1,,,,,", "10 columns"),
        (b'quiz-tool,"never closed,campus,x,u1,,', "quotes do not match"),
        (b'quiz-tool,"closed"too early,campus,x,u1,,', "quotes do not match"),
        (b"quiz-tool,\xed\xa0\x80,campus,x,u1,,", "not UTF-8"),
        (b"x" * 300_000, "line is too long"),
    ],
)
def test_a_damaged_csv_line_costs_itself_only(ready: Operator, bad: bytes, says: str) -> None:
    found = refusals(ready, lines_around(bad))
    assert list(found) == [3]
    assert says in found[3]
    assert stored(ready, "before")
    assert stored(ready, "after")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"{", "not JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'"text"', "no JSON object"),
        (json.dumps(row("x") | {"colour": "red"}).encode(), "'colour'"),
        (json.dumps({"consumer_key": "quiz-tool"}).encode(), "lacks sourcedid"),
        (json.dumps(row("x") | {"sourcedid": 7}).encode(), "sourcedid is no text"),
        (json.dumps(row("x") | {"user_id": True}).encode(), "user_id is no text"),
        (json.dumps(row("x") | {"user_id": 1.5}).encode(), "user_id is no text"),
        (json.dumps(row("x") | {"sourcedid": "\ud800"}).encode(), "half a character"),
        (b'{"sourcedid": "\xff"}', "not UTF-8"),
    ],
)
def test_a_damaged_json_line_costs_itself_only(ready: Operator, bad: bytes, says: str) -> None:
    found = refusals(ready, as_json_lines(row("before")) + bad + b"\n\n" + as_json_lines(row("after")))
    assert list(found) == [2]
    assert says in found[2]
    assert stored(ready, "after")


def test_json_values_of_natural_types_are_taken(ready: Operator) -> None:
    lines = json.dumps(row("s1") | {"user_id": 42, "submitted": True, "context": None}).encode()
    ready.ok("mapping", "import", "-", stdin=lines)
    assert {"user_id": "42", "submitted": "yes", "context": ""}.items() <= stored(ready, "s1").items()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (f"{HEADER},colour\n".encode(), "unknown_columns"),
        (b"consumer_key,sourcedid\n", "missing_columns"),
        (f"{HEADER},context\n".encode(), "repeated_columns"),
        (b"[{}]", "bad_file"),
        (HEADER.encode("utf-16"), "bad_file"),
    ],
)
def test_a_file_of_no_use_is_refused_in_words(ready: Operator, content: bytes, code: str) -> None:
    assert ready.fails("mapping", "import", "-", stdin=content)["code"] == code


def test_the_last_of_two_rows_for_one_sourcedid_wins_and_is_counted(ready: Operator) -> None:
    report = ready.ok("mapping", "import", "-", stdin=as_csv(row("s1"), row("s2"), row("s1", user_id="u2")))
    assert (report["imported"], report["duplicates"]) == (3, 1)
    assert stored(ready, "s1")["user_id"] == "u2"


def test_duplicates_are_found_across_batches(ready: Operator) -> None:
    rows = [row(f"s{number}") for number in range(600)]
    report = ready.ok("mapping", "import", "-", stdin=as_csv(*rows, row("s3", user_id="u2")))
    assert report["duplicates"] == 1
    assert stored(ready, "s3")["user_id"] == "u2"


def test_importing_a_file_again_changes_nothing(ready: Operator) -> None:
    content = as_csv(row("s1"), row("s2"))
    first = ready.ok("mapping", "import", "-", stdin=content)
    assert ready.ok("mapping", "import", "-", stdin=content) == first
    assert len(ready.ok("mapping", "list")["mappings"]) == 2


def test_refused_rows_are_written_to_the_report_file(ready: Operator, tmp_path: Path) -> None:
    source, report = tmp_path / "mappings.csv", tmp_path / "refused.csv"
    source.write_bytes(as_csv(row("s1"), row("s2", platform="nowhere")) + b"quiz-tool,\xff\r\n")
    result = ready.run("mapping", "import", str(source), "--report", str(report))
    assert result.exit_code == 1
    assert "1 row imported, 2 refused." in result.stdout
    written = list(csv.DictReader(io.StringIO(report.read_text("utf-8"))))
    assert [each["line"] for each in written] == ["3", "4"]
    assert "nowhere" in written[0]["reason"]
    assert written[0]["row"].startswith("quiz-tool,s2,nowhere,")


def test_a_file_that_is_not_there_is_said(ready: Operator, tmp_path: Path) -> None:
    error = ready.fails("mapping", "import", str(tmp_path / "nothing.csv"))
    assert error["code"] == "file"
    assert "nothing.csv" in error["message"]


def test_a_table_that_goes_away_ends_the_import_with_how_far_it_came(
    ready: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.errors import StorageUnavailable
    from chalicelib.storage.table import Table

    whole = Table.put_many
    calls = []

    def failing(self: Table, items: object) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise StorageUnavailable("BatchWriteItem was refused")
        whole(self, items)  # type: ignore[arg-type]  # passed through as it came

    monkeypatch.setattr(Table, "put_many", failing)
    error = ready.fails("mapping", "import", "-", stdin=as_csv(*(row(f"s{number}") for number in range(900))))
    assert error["code"] == "storage_unavailable"
    assert "after 500 rows" in error["message"]
