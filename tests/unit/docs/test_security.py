"""The page on security names tests that there are, and what is stored and for how long as it is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Stage, open_stage

import app as app_module
from chalicelib.clock import to_milliseconds
from chalicelib.config import Settings
from chalicelib.delivery.lots import WANTED_FOR
from chalicelib.delivery.queue import KEPT_OF_BODY
from chalicelib.delivery.records import DeliveryState
from chalicelib.delivery.releasing import KEPT_PARKED
from chalicelib.delivery.sqs import RETENTION_SECONDS
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.storage.secret_use import KIND as SECRET_USE
from chalicelib.storage.signing_keys import KIND as SIGNING_KEYS

from .pages import ROOT, plain, read, rows

PAGE = "docs/security.md"
DAY = 86_400_000
ESSAY = "what the student wrote"
KINDS = {
    "tools, platforms": {"tool", "platform"},
    "when a tool's two secrets were used": {SECRET_USE},
    "signing keys": {SIGNING_KEYS},
    "mappings": {"mapping"},
    "cells": {"cell"},
    "receipts": {"receipt"},
    "access tokens": {"token"},
    "deliveries, ended": {"delivery"},
    "deliveries, failed or held, or refused after the tool had been told success": {"delivery"},
    "what such a delivery was to bring": {"payload"},
    "deliveries under way": {"delivery"},
    "parked outcomes": {"delivery", "lot"},
    "sourcedids that nobody has mapped": {"lot"},
    "how many are parked, and were noted as not mapped": {"parked", "wanted"},
    "how platforms are": {"health"},
}
"""The rows of what is stored, and the kinds of items that they are about."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path) as stage:
        yield stage


def stored(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """All items of the table, by their kind."""
    table: Any = stage.services.table
    found: dict[str, list[dict[str, Any]]] = {}
    for pk, item in table._items.items():
        found.setdefault(pk.partition("#")[0], []).append(item)
    return found


def expires(item: dict[str, Any]) -> int | None:
    return int(item["expires_at_ms"]["N"]) if "expires_at_ms" in item else None


def switch(stage: Stage, on_delay: OnDelay, unmapped: Unmapped = Unmapped.FAIL) -> None:
    stage.services.tools.remove(CONSUMER_KEY)
    stage.services.tools.add(Tool(CONSUMER_KEY, (SECRET,), on_delay=on_delay, unmapped=unmapped))


def lead_through_everything(stage: Stage) -> None:
    """One outcome delivered, one failed, one under way, one parked, one asked for without a mapping; all with work.

    The first one is signed while the tool has two secrets.
    """
    stage.services.tools.rotate(CONSUMER_KEY, "another", stage.clock.now())
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5", data={"text": ESSAY}))
    switch(stage, OnDelay.FAIL)
    stage.faults({"path": "score", "kind": "drop_before"})
    stage.send(replace_result(stage.seat(points=10).sourcedid, "0.5", data={"text": ESSAY}))
    switch(stage, OnDelay.QUEUE, Unmapped.PARK)
    stage.send(replace_result(stage.seat(points=10).sourcedid, "0.5", data={"text": ESSAY}))
    stage.send(replace_result("parked", "0.5", data={"text": ESSAY}))
    switch(stage, OnDelay.QUEUE)
    stage.send(replace_result("asked for", "0.5", data={"text": ESSAY}))


def test_every_kind_of_item_has_its_row_and_every_row_its_kinds(stage: Stage) -> None:
    lead_through_everything(stage)
    assert [row[0] for row in rows(PAGE, "What")] == list(KINDS)
    assert stored(stage).keys() == set().union(*KINDS.values())


def test_what_is_said_to_stay_stays_and_what_is_said_to_go_has_its_time(stage: Stage) -> None:
    lead_through_everything(stage)
    kept, now = {row[0]: plain(row[2]) for row in rows(PAGE, "What")}, to_milliseconds(stage.clock.now())
    items = stored(stage)
    for row in ("tools, platforms", "mappings"):
        assert kept[row] == "until they are removed"
        assert {expires(item) for kind in KINDS[row] for item in items[kind]} == {None}
    (use,) = items[SECRET_USE]
    assert kept["when a tool's two secrets were used"].startswith("30 days")
    assert 29 * DAY < (expires(use) or 0) - now <= 30 * DAY
    assert kept["cells"].startswith("always")
    assert {expires(item) for item in items["cell"]} == {None}
    assert "about 90 minutes" in kept["receipts"]
    window = Settings().past_window
    assert window == 90 * 60
    assert all((expires(item) or 0) <= now + (window + 1) * 1000 for item in items["receipt"])
    assert all((expires(item) or 0) <= now + 3_600_000 for item in items["token"])
    by_state = {item["state"]["S"]: item for item in items["delivery"]}
    assert by_state.keys() == {"delivered", "failed", "waiting", "parked"}
    assert [(expires(by_state[state]) or 0) - ended(by_state[state]) for state in ("delivered", "failed")] == [
        180 * DAY,
        180 * DAY,
    ]
    assert kept["deliveries, ended"] == "180 days"
    (payload,) = items["payload"]
    assert (expires(payload) or 0) - ended(by_state["failed"]) == 30 * DAY
    assert kept["what such a delivery was to bring"].startswith("30 days")
    for state in ("waiting", "parked"):  # a time, if there is one, is put off with each try
        due = expires(by_state[state])
        assert due is None or due > now + Settings().retries.give_up_after + KEPT_PARKED
    assert WANTED_FOR == 30 * DAY
    assert kept["sourcedids that nobody has mapped"].startswith("30 days")
    assert {expires(item) is None for item in items["lot"]} == {True, False}  # what holds something stays
    assert {expires(item) for item in items["parked"]} == {None}
    assert all(30 * DAY < (expires(item) or 0) - now <= 60 * DAY for item in items["wanted"])
    assert f"after {KEPT_PARKED // DAY} days" in kept["parked outcomes"]
    assert f"{Settings().retries.give_up_after // DAY} days" in kept["deliveries under way"]


def ended(item: dict[str, Any]) -> int:
    return int(item["ended_at"]["N"])


def test_work_stands_only_where_the_page_says(stage: Stage) -> None:
    lead_through_everything(stage)
    holding = {
        (kind, item.get("state", {}).get("S"))
        for kind, items in stored(stage).items()
        for item in items
        if holds_work(item)
    }
    assert holding == {
        ("payload", None),
        ("delivery", DeliveryState.WAITING.value),
        ("delivery", DeliveryState.PARKED.value),
    }


def holds_work(item: dict[str, Any]) -> bool:
    from chalicelib.storage.attributes import decode_item
    from chalicelib.storage.payloads import from_payload

    payload: Any = decode_item(item).get("payload")
    return payload is not None and ESSAY in repr(from_payload(payload))


def test_no_secret_of_a_tool_stands_in_the_table_in_clear(stage: Stage) -> None:
    lead_through_everything(stage)
    assert SECRET not in repr(stored(stage))
    assert "PRIVATE KEY" not in repr(stored(stage))


def test_limits_and_the_queues_times_are_those_of_the_code() -> None:
    text = plain(read(PAGE))
    assert f"Both keep messages for {RETENTION_SECONDS // 86400} days" in text
    assert f"up to {KEPT_OF_BODY:,} characters" in text


@pytest.mark.parametrize("row", list(rows(PAGE, "Somebody tries to")), ids=lambda row: row[0][:50])
def test_what_shows_it_is_there(row: list[str]) -> None:
    shown = re.findall(r"`(tests/[\w/.]+)::(test_\w+)`", row[2])
    assert shown
    assert row[2].count("`") == 2 * len(shown)
    missing = [name for path, name in shown if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []


def test_there_is_no_door_for_launches() -> None:
    paths = set(app_module.app.routes)
    assert paths == {
        "/",
        "/{proxy+}",
        "/health",
        "/outcomes",
        "/.well-known/jwks.json",
        "/api/lti/v1/tools/{id}/grade_passback",
        "/api/lti/v1/tools/{id}/ext_grade_passback",
    }
