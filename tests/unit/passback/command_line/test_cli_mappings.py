import pytest

from command_line.running import Operator

LINE_ITEM = "https://canvas.example.edu/api/lti/courses/1/line_items/2"


def add_words(sourcedid: str = "s1", **changed: str) -> list[str]:
    options = {
        "key": "quiz-tool",
        "sourcedid": sourcedid,
        "platform": "campus",
        "line-item": LINE_ITEM,
        "user-id": "u1",
    } | {option.replace("_", "-"): value for option, value in changed.items()}
    return ["mapping", "add", *(word for option, value in options.items() for word in (f"--{option}", value))]


@pytest.fixture
def ready(operator: Operator) -> Operator:
    operator.add_platform()
    operator.add_tool()
    return operator


def test_a_mapping_is_added_shown_with_its_cell_and_removed(ready: Operator) -> None:
    added = ready.ok(*add_words(submitted="no"))["mapping"]
    assert added["submitted"] == "no"
    shown = ready.ok("mapping", "show", "--key", "quiz-tool", "--sourcedid", "s1")
    assert shown["mapping"] == added
    assert shown["cell"]["submission"] == "unknown"
    assert shown["cell"]["last_posted"] is None
    ready.ok("mapping", "remove", "--key", "quiz-tool", "--sourcedid", "s1")
    assert ready.fails("mapping", "show", "--key", "quiz-tool", "--sourcedid", "s1")["code"] == "not_found"
    assert ready.fails("mapping", "remove", "--key", "quiz-tool", "--sourcedid", "s1")["code"] == "not_found"


def test_a_mapping_without_submitted_is_of_unknown_history(ready: Operator) -> None:
    assert ready.ok(*add_words())["mapping"]["submitted"] == "unknown"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": "nobody"}, "no tool"),
        ({"platform": "nowhere"}, "no platform"),
        ({"line_item": "https://evil.example/1"}, "not registered"),
        ({"user_id": " "}, "user_id is empty"),
    ],
)
def test_what_an_import_would_refuse_is_refused_here_too(ready: Operator, changed: dict[str, str], says: str) -> None:
    error = ready.fails(*add_words(**changed))
    assert error["code"] == "refused"
    assert says in error["message"]


def test_a_sourcedid_that_is_not_utf_8_is_refused(ready: Operator) -> None:
    assert ready.fails(*add_words("\udcff"))["code"] == "usage"


def test_the_list_can_be_of_one_tool_and_limited(ready: Operator) -> None:
    ready.add_tool("other-tool")
    for number in range(3):
        ready.ok(*add_words(f"s{number}"))
    ready.ok(*add_words("s9", key="other-tool"))
    assert len(ready.ok("mapping", "list")["mappings"]) == 4
    assert len(ready.ok("mapping", "list", "--limit", "2")["mappings"]) == 2
    assert [each["sourcedid"] for each in ready.ok("mapping", "list", "--key", "other-tool")["mappings"]] == ["s9"]


def test_control_characters_in_a_sourcedid_do_not_reach_the_terminal(ready: Operator) -> None:
    ready.ok(*add_words("evil\x1b[2J"))
    assert "evil\\x1b[2J" in ready.run("mapping", "list").stdout
