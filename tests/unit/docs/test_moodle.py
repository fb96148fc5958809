"""The page on Moodle: whoever types its commands has a grade in Moodle's gradebook."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from platforms.campus import Campus, open_campus
from platforms.moodle import SERVICES, TYPE_ID
from stage import open_stage

from .pages import read, rows
from .walking import HOST, Reader, connect, unexplained

PAGE = "docs/moodle.md"
MOODLE = "https://moodle.example.edu"


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    with open_stage(tmp_path, public_urls=(f"https://{HOST}",)) as stage:
        opened = open_campus(stage, tmp_path)
        stage.services.platforms.remove(opened.platform.name)  # the page adds it
        (client_id,) = re.findall(r"--client-id (\w+)", read(PAGE))
        opened.moodle.tokens.client_id = client_id
        yield opened


def seated(campus: Campus, folder: Path) -> tuple[Reader, Decimal | None]:
    """Enrol the page's student, in a course with two columns."""
    campus.moodle.add_column("10")
    column, user_id = campus.moodle.add_column("20"), campus.moodle.add_person()
    examples = {
        f"{MOODLE}/mod/lti/services.php/3/lineitems/12/lineitem?type_id=4": campus.moodle.line_item(column),
        f"{MOODLE}/mod/lti/services.php/3/lineitems?type_id=4": f"{MOODLE}{SERVICES}?type_id={TYPE_ID}",
        "--resource-link 9": f"--resource-link {column.activity}",
        ",31,,": f",{user_id},,",
    }
    reader = Reader(PAGE, folder, campus.stage, examples)
    reader.write_files("csv", "mappings.csv")
    return reader, column.final(user_id)


def test_the_page_leads_to_a_grade(campus: Campus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, campus.stage, tmp_path)
    reader, before = seated(campus, tmp_path)
    form = reader.only("platform", "configuration")["configuration"]
    assert reader.key_set(form["Public keyset"])["keys"]
    reader.only("platform", "add")
    reader.only("tool", "add")
    everything, one = (reader.type(words)["line_items"] for words in reader.commands("platform", "line-items"))
    assert [each["maximum"] for each in everything] == ["10.0", "20.0"]
    assert one == everything[1:]
    assert reader.only("mapping", "import")["imported"] == 1
    found = reader.checks()
    names = ("moodle: hosts", "moodle: token", "moodle: line item", "moodle: result")
    assert {name: found.get(name) for name in names} == dict.fromkeys(names, "ok")
    told = reader.only("send")
    assert (told["code_major"], told["description"]) == ("success", "")
    assert (before, campus.moodle.columns[2].final(101)) == (None, Decimal(17))
    (delivery,) = reader.only("delivery", "list")["deliveries"]
    assert delivery["state"] == "delivered"


def test_the_fields_that_are_explained_are_those_that_are_printed(campus: Campus, tmp_path: Path) -> None:
    reader, _ = seated(campus, tmp_path)
    printed = reader.only("platform", "configuration")["configuration"]
    explained = ", ".join(row[0] for row in rows(PAGE, "Setting"))
    assert [name for name in printed if name not in explained] == []


def test_without_grade_sync_there_is_no_token(campus: Campus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, campus.stage, tmp_path)
    campus.moodle.tokens.grade_sync = False
    reader, _ = seated(campus, tmp_path)
    reader.only("platform", "add")
    assert reader.checks()["moodle: token"] == "failed"


def test_what_moodle_says_on_the_page_is_what_the_errors_page_explains() -> None:
    assert unexplained(PAGE, "Moodle says") == []
