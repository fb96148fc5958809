import csv
import io

import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.lots import Lot, ParkedOutcome, asked, with_parked
from chalicelib.delivery.records import UNMAPPED, Delivery, DeliveryState
from chalicelib.errors import StorageUnavailable
from chalicelib.lti11.messages import DeleteResult
from chalicelib.services import Services
from chalicelib.storage.ledger import Change
from command_line.running import NOW, Operator

NOW_MS = to_milliseconds(NOW)
DAY = 86_400_000
LINE_ITEM = "https://canvas.example.edu/api/lti/courses/1/line_items/2"
ADD = ["mapping", "add", "--platform", "campus", "--line-item", LINE_ITEM, "--user-id", "u1", "--key", "quiz-tool"]


@pytest.fixture
def ready(operator: Operator) -> Operator:
    operator.add_platform()
    operator.add_tool()
    return operator


def want(services: Services, sourcedid: str, times: int, *, key: str = "quiz-tool", at: int = NOW_MS) -> None:
    for _ in range(times):
        lot = services.lots.get(key, sourcedid)
        services.ledger.commit(NOW, lot=Change(lot, asked(lot, at)))


def park(services: Services, sourcedid: str, delivery_id: str) -> None:
    lot = services.lots.get("quiz-tool", sourcedid)
    delivery = Delivery(
        id=delivery_id,
        cell=UNMAPPED,
        consumer_key="quiz-tool",
        sourcedid_digest="0123",
        context="",
        operation="deleteResult",
        write=DeleteResult(),
        received_at=NOW_MS,
        timestamp=NOW_MS,
        reference="123456789012345",
        body_digest="digest",
        receipt_key="receipt",
        state=DeliveryState.PARKED,
        acknowledged=True,
    )
    place = ParkedOutcome(delivery_id, NOW_MS, sets_score=True, body_digest="digest")
    services.ledger.commit(NOW, delivery=Change(None, delivery), lot=Change(lot, with_parked(lot, place, NOW_MS)))


def missing(operator: Operator, *words: str) -> list[tuple[str, int, int]]:
    found = operator.ok("mapping", "missing", *words)["missing"]
    return [(each["sourcedid"], each["wanted"], each["parked"]) for each in found]


def test_nothing_is_missing_at_first(ready: Operator) -> None:
    assert ready.ok("mapping", "missing") == {"missing": [], "total": 0}
    assert "every sourcedid that came has a mapping" in ready.run("mapping", "missing").stdout


def test_what_is_wanted_most_comes_first(ready: Operator) -> None:
    services = ready.services
    for sourcedid, times in (("rare", 1), ("wanted", 5), ("parked", 1)):
        want(services, sourcedid, times)
    park(services, "parked", "d1")
    assert missing(ready) == [("wanted", 5, 0), ("parked", 2, 1), ("rare", 1, 0)]
    assert missing(ready, "--limit", "1") == [("wanted", 5, 0)]
    assert ready.ok("mapping", "missing", "--limit", "1")["total"] == 3
    assert "2 more" in ready.run("mapping", "missing", "--limit", "1").stdout


def test_it_tells_when_it_was_seen(ready: Operator) -> None:
    want(ready.services, "s", 1, at=NOW_MS - DAY)
    want(ready.services, "s", 1)
    [found] = ready.ok("mapping", "missing")["missing"]
    assert found["first_seen"] == "2026-11-22T09:00:00.000Z"
    assert found["last_seen"] == "2026-11-23T09:00:00.000Z"
    assert found["consumer_key"] == "quiz-tool"


def test_it_can_be_of_one_tool(ready: Operator) -> None:
    want(ready.services, "s", 1)
    want(ready.services, "other", 1, key="other-tool")
    assert missing(ready, "--tool", "other-tool") == [("other", 1, 0)]
    assert missing(ready, "--key", "quiz-tool") == [("s", 1, 0)]
    assert len(missing(ready)) == 2


def test_what_is_mapped_by_now_or_forgotten_is_not_missing(ready: Operator) -> None:
    want(ready.services, "mapped", 3)
    want(ready.services, " mapped\n", 3)
    want(ready.services, "old", 1, at=NOW_MS - 31 * DAY)
    ready.ok(*ADD, "--sourcedid", "mapped")
    assert missing(ready) == []


def test_one_sourcedid_with_and_without_blanks_is_one(ready: Operator) -> None:
    want(ready.services, "s", 1, at=NOW_MS - DAY)
    want(ready.services, "\n s ", 2)
    park(ready.services, "s", "d1")
    assert missing(ready) == [("s", 4, 1)]
    [found] = ready.ok("mapping", "missing")["missing"]
    assert (found["first_seen"][:10], found["last_seen"][:10]) == ("2026-11-22", "2026-11-23")


def test_control_characters_do_not_reach_the_terminal(ready: Operator) -> None:
    want(ready.services, "evil\x1b[2J", 1)
    assert "evil\\x1b[2J" in ready.run("mapping", "missing").stdout


def test_the_form_can_be_filled_in_and_imported(ready: Operator) -> None:
    awkward = '{"a": "b, c", "é": 1}'
    want(ready.services, awkward, 2)
    park(ready.services, "two\nlines", "d1")
    form = ready.run("mapping", "missing", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(form)))
    assert [(row["consumer_key"], row["sourcedid"]) for row in rows] == [
        ("quiz-tool", awkward),
        ("quiz-tool", "two\nlines"),
    ]
    assert {row[name] for row in rows for name in ("platform", "line_item", "user_id", "submitted", "context")} == {""}
    filled = io.StringIO()
    writer = csv.DictWriter(filled, list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {"platform": "campus", "line_item": LINE_ITEM, "user_id": "u1"})
    document = ready.ok("mapping", "import", "-", stdin=filled.getvalue().encode())
    assert (document["imported"], document["refused"], document["released"]) == (2, 0, 1)
    assert missing(ready) == []


def test_a_form_is_not_json(ready: Operator) -> None:
    assert ready.fails("mapping", "missing", "--csv")["code"] == "usage"


def test_adding_a_mapping_sends_what_is_parked_for_it(ready: Operator) -> None:
    for number in (1, 2):
        park(ready.services, "s", f"d{number}")
    park(ready.services, "another", "d3")
    result = ready.run(*ADD, "--sourcedid", "s")
    assert "The mapping is added. Parked outcomes on their way now: 2." in result.stdout
    assert [message.delivery_id for message in ready.queue.messages()] == ["d1"]
    shown = ready.ok("mapping", "show", "--key", "quiz-tool", "--sourcedid", "s")
    assert (shown["cell"]["under_way"], shown["cell"]["undelivered"]) == ("d1", 2)
    assert ready.ok(*ADD, "--sourcedid", "s")["released"] == 0
    assert missing(ready) == [("another", 1, 1)]


def test_a_mapping_that_could_not_release_is_in_all_the_same(ready: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> int:
        raise StorageUnavailable("Query did not get through")

    monkeypatch.setattr("chalicelib.delivery.releasing.Releasing.release_mapped", unavailable)
    result = ready.run(*ADD, "--sourcedid", "s")
    assert result.exit_code == 0
    assert "within ten minutes" in result.stderr
    assert ready.ok("mapping", "show", "--key", "quiz-tool", "--sourcedid", "s")["mapping"]["user_id"] == "u1"


def test_a_lot_of_missing_ones_is_listed_whole(ready: Operator) -> None:
    services = ready.services
    for number in range(120):
        want(services, f"s{number}", 1)
    assert len(missing(ready)) == 100
    assert len(list(csv.reader(io.StringIO(ready.run("mapping", "missing", "--csv").stdout)))) == 121


def test_lots_are_put_together_by_tool_and_sourcedid() -> None:
    from passback.missing import most_wanted

    lots = [Lot("a", "s", 1, 2, 10, 20), Lot("b", "s", 1, 3, 5, 6), Lot("a", " s", 1, 4, 1, 15)]
    assert [(each.consumer_key, each.wanted, each.first_seen, each.last_seen) for each in most_wanted(lots)] == [
        ("a", 6, 1, 20),
        ("b", 3, 5, 6),
    ]
