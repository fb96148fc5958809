"""The page on Canvas: whoever types its commands, and pastes what they print, has a grade in the gradebook."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stage import Stage, open_stage

from chalicelib.lti13.token_request import SCOPES
from simulator.exchange import Request

from .pages import read, rows
from .walking import HOST, Reader, connect, quoted, unexplained

PAGE = "docs/canvas.md"
SCHOOL = "school.instructure.com"
(CLIENT_ID,) = re.findall(r"--client-id (\d+)", read(PAGE))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, public_urls=(f"https://{HOST}",)) as stage:
        yield stage


def canvas(stage: Stage, order: str, **fields: Any) -> dict[str, Any]:
    """Give an order to the simulator under the school's own name."""
    body = json.dumps(fields).encode()
    answer = stage.simulator.handle(
        Request("POST", f"/_sim/{order}", headers={"host": SCHOOL}, body=body, scheme="https")
    )
    assert answer.status == 200, answer.body
    document: dict[str, Any] = json.loads(answer.body, parse_float=Decimal)
    return document


def seated(stage: Stage, folder: Path) -> tuple[Reader, dict[str, Any]]:
    """Seat the page's student in a course in which the page's client id is installed."""
    seat = canvas(stage, "prepare", client_id=CLIENT_ID)
    (resource_link,) = re.findall(r"--resource-link (\S+)", read(PAGE))
    examples = {
        f"https://{SCHOOL}/api/lti/courses/7/line_items/1001": seat["line_item"],
        f"https://{SCHOOL}/api/lti/courses/7/line_items": seat["line_items"],
        ",55,no,": f",{seat['canvas_user_id']},no,",
        resource_link: seat["resource_link_id"],
    }
    reader = Reader(PAGE, folder, stage, examples)
    reader.write_files("csv", "mappings.csv")
    return reader, seat


def paste(reader: Reader) -> dict[str, Any]:
    """Do what the Canvas administrator does with the JSON that the first command prints."""
    pasted: dict[str, Any] = reader.only("platform", "configuration")["configuration"]
    canvas(reader.stage, "register", client_id=CLIENT_ID, scopes=pasted["scopes"], jwks_url=pasted["public_jwk_url"])
    return pasted


def test_the_page_leads_to_a_grade(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, seat = seated(stage, tmp_path)
    connect(monkeypatch, stage, tmp_path)
    pasted = paste(reader)
    assert reader.key_set(pasted["public_jwk_url"])["keys"]
    reader.only("platform", "add")
    reader.only("tool", "add")
    asked = reader.commands("platform", "line-items")
    assert [("--resource-link" in words) for words in asked] == [False, True]
    for words in asked:
        listed = reader.type(words)["line_items"]
        assert [(each["line_item"], each["resource_link"]) for each in listed] == [
            (seat["line_item"], seat["resource_link_id"])
        ]
    assert reader.only("mapping", "import")["imported"] == 1
    found = reader.checks()
    names = ("key set", "school: hosts", "school: token", "school: line item", "school: result")
    assert {name: found.get(name) for name in names} == dict.fromkeys(names, "ok")
    score, question = reader.commands("send")
    told = reader.type(score)
    assert (told["code_major"], told["description"]) == ("success", "")
    shown = canvas(stage, "state", handle=seat["handle"])
    assert (shown["score"], shown["attempt"], shown["submission_type"]) == (Decimal("8.5"), 1, "external_tool")
    assert shown["graded_by"] == "tool"
    assert reader.type(question)["score"] == "0.85"
    (delivery,) = reader.only("delivery", "list")["deliveries"]
    assert delivery["state"] == "delivered"


def test_a_second_score_adds_no_attempt(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, seat = seated(stage, tmp_path)
    connect(monkeypatch, stage, tmp_path)
    paste(reader)
    for beginning in (("platform", "add"), ("tool", "add"), ("mapping", "import")):
        reader.only(*beginning)
    first = reader.commands("send")[0]
    reader.type(first)
    reader.type([word if word != "0.85" else "0.5" for word in first])
    shown = canvas(stage, "state", handle=seat["handle"])
    assert (shown["score"], shown["attempt"]) == (Decimal(5), 1)


@pytest.mark.parametrize("missing", SCOPES)
def test_without_any_one_of_the_scopes_the_page_leads_to_no_token(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    reader, _ = seated(stage, tmp_path)
    connect(monkeypatch, stage, tmp_path)
    jwks_url = paste(reader)["public_jwk_url"]
    canvas(
        stage, "register", client_id=CLIENT_ID, scopes=[each for each in SCOPES if each != missing], jwks_url=jwks_url
    )
    reader.only("platform", "add")
    assert reader.checks()["school: token"] == "failed"


def test_what_canvas_says_on_the_page_is_what_the_errors_page_explains() -> None:
    assert len(quoted(PAGE, "Canvas says")) >= 14
    assert unexplained(PAGE, "Canvas says") == []


def test_every_field_of_what_is_pasted_is_explained(stage: Stage, tmp_path: Path) -> None:
    reader, _ = seated(stage, tmp_path)
    pasted = reader.only("platform", "configuration")["configuration"]
    explained = {name for row in rows(PAGE, "Field") for name in re.findall(r"`([\w]+)`", row[0])}
    assert pasted.keys() | {"domain", "privacy_level"} <= explained


def test_hosts_and_addresses_of_one_row_belong_together() -> None:
    for row in rows(PAGE, "Canvas"):
        token_host = re.findall(r"https://([^/`]+)/login/oauth2/token", row[1])
        assert token_host, row
        assert token_host[0] in row[3]
