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
