import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import CellKey, Delivery, DeliveryEvent, DeliveryState
from chalicelib.lti11.messages import Answer, CodeMajor
from chalicelib.storage.ledger import Change
from command_line.running import NOW, Operator

RECEIVED = to_milliseconds(NOW) - 60_000


def keep(operator: Operator, number: int, state: DeliveryState, **changed: str) -> None:
    said = Answer(CodeMajor.FAILURE, "Platform says no", "platform_refused")
    delivery = Delivery(
        id=f"d{number}",
        cell=CellKey(changed.get("platform", "campus"), "https://canvas.example.edu/1", "u1"),
        consumer_key=changed.get("key", "quiz-tool"),
        sourcedid_digest="0123",
        context="",
        operation="replaceResult",
        write=None,
        received_at=RECEIVED + number,
        timestamp=RECEIVED + number,
        reference=f"77{number}",
        body_digest="",
        receipt_key=f"r{number}",
        state=state,
        answer=said if state is DeliveryState.REFUSED else None,
        platform_words="no \x1b[31mway" if state is DeliveryState.REFUSED else "",
        warnings=("the file was not stored",),
        events=(DeliveryEvent(RECEIVED + number, "try 1"),),
    )
    operator.services.ledger.commit(NOW, delivery=Change(None, delivery))


@pytest.fixture
def kept(operator: Operator) -> Operator:
    keep(operator, 1, DeliveryState.DELIVERED)
    keep(operator, 2, DeliveryState.REFUSED)
    keep(operator, 3, DeliveryState.DELIVERED, key="other", platform="elsewhere")
    return operator


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], ["d3", "d2", "d1"]),
        (["--key", "quiz-tool"], ["d2", "d1"]),
        (["--tool", "quiz-tool"], ["d2", "d1"]),
        (["--platform", "elsewhere"], ["d3"]),
        (["--state", "refused"], ["d2"]),
        (["--limit", "1"], ["d3"]),
        (["--key", "nobody"], []),
    ],
)
def test_deliveries_are_listed_newest_first_and_filtered(kept: Operator, words: list[str], ids: list[str]) -> None:
    assert [each["id"] for each in kept.ok("delivery", "list", *words)["deliveries"]] == ids


def test_the_whole_story_of_one_is_told(kept: Operator) -> None:
    shown = kept.ok("delivery", "show", "d2")["delivery"]
    assert shown["received_at"] == "2026-11-23T08:59:00.002Z"
    assert shown["answer"] == {
        "code": "failure",
        "description": "Platform says no",
        "error_code": "platform_refused",
    }
    assert shown["events"] == [{"at": "2026-11-23T08:59:00.002Z", "what": "try 1"}]
    assert shown["warnings"] == ["the file was not stored"]


def test_people_are_told_why_and_a_platforms_words_cannot_drive_their_terminal(kept: Operator) -> None:
    story = kept.run("delivery", "show", "d2").stdout
    for text in ("refused", "no \\x1b[31mway", "platform_refused", "Warning: the file was not stored", "try 1"):
        assert text in story


@pytest.mark.parametrize("reference", ["772", "EID_772", "[EID_772]"])
def test_a_delivery_is_found_by_the_reference_in_the_tools_answer(kept: Operator, reference: str) -> None:
    assert kept.ok("delivery", "show", reference)["delivery"]["id"] == "d2"
    assert kept.ok("delivery", "show", "--reference", reference)["delivery"]["id"] == "d2"  # as in version 0.1


@pytest.mark.parametrize("words", [["nothing"], ["1"], ["--reference", "1"]])
def test_one_that_is_not_there_is_not_found(kept: Operator, words: list[str]) -> None:
    assert kept.fails("delivery", "show", *words)["code"] == "not_found"


@pytest.mark.parametrize("words", [[], ["d1", "--reference", "771"]])
def test_one_way_to_find_it_must_be_given(kept: Operator, words: list[str]) -> None:
    assert kept.fails("delivery", "show", *words)["code"] == "usage"


def test_why_and_what_to_do_are_told(kept: Operator) -> None:
    remedy = kept.ok("delivery", "show", "d2")["delivery"]["remedy"]
    assert set(remedy) == {"name", "cause", "remedy", "retry", "then", "source"}
    story = kept.run("delivery", "show", "d2").stdout
    assert remedy["cause"] in story
    assert remedy["remedy"] in story


def test_what_arrived_needs_no_remedy(kept: Operator) -> None:
    assert kept.ok("delivery", "show", "d1")["delivery"]["remedy"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("delivery", "list", "--limit", "99999999999999999999"),
        ("delivery", "list", "--limit", "0"),
        ("mapping", "list", "--key", "quiz-tool", "--limit", "99999999999999999999"),
        ("mapping", "missing", "--limit", "99999999999999999999"),
        ("delivery", "watch", "--timeout", "nan"),
        ("delivery", "watch", "--timeout", "inf"),
        ("delivery", "watch", "--interval", "nan"),
        ("status", "--watch", "--timeout", "nan"),
        ("status", "--watch", "--timeout", "inf"),
        ("status", "--watch", "--interval", "nan"),
        ("fault", "set", "slow", "--seconds", "nan"),
        ("fault", "set", "refuse", "--share", "nan"),
    ],
)
def test_numbers_that_are_none_or_absurd_are_refused(operator: Operator, words: tuple[str, ...]) -> None:
    assert operator.fails(*words)["code"] == "usage"


def test_a_tool_or_platform_that_is_not_registered_is_hinted_at(kept: Operator) -> None:
    kept.add_platform("campus")
    result = kept.run("delivery", "list", "--platform", "canpus", "--key", "quiz", "--json")
    assert result.exit_code == 0
    assert "No platform 'canpus' is registered" in result.stderr
    assert "No tool 'quiz' is registered" in result.stderr
    assert "is registered" not in kept.run("delivery", "list", "--platform", "campus", "--state", "held").stderr
    assert "is registered" not in kept.run("delivery", "list", "--platform", "elsewhere").stderr  # removed since
    again = kept.run("delivery", "retry", "--all-failed", "--yes", "--platform", "canpus")
    assert "No platform 'canpus' is registered" in again.stderr


def test_nobody_is_forgotten_at_a_platform_that_was_mistyped(kept: Operator) -> None:
    kept.add_platform("campus")
    refused = kept.fails("forget", "--user", "u1", "--platform", "canpus", "--yes")
    assert refused["code"] == "not_found"
    assert "Registered: campus." in refused["message"]
    assert kept.ok("forget", "--user", "u9", "--platform", "campus", "--yes")["forgotten"]["deliveries"] == 0


def test_a_person_is_forgotten_at_a_platform_that_was_removed(kept: Operator) -> None:
    assert kept.ok("forget", "--user", "u1", "--platform", "elsewhere", "--yes")["forgotten"]["deliveries"] == 1


def test_what_leaves_no_delivery_is_named_where_one_is_looked_for(operator: Operator) -> None:
    assert "--on-delay fail" in operator.fails("delivery", "show", "EID_5")["message"]
