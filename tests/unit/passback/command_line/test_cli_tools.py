import json

import pytest

from command_line.running import Operator

TRUE_SECRETS = [
    (b"plain\n", "plain"),
    (b"plain\r\n", "plain"),
    (b"two newlines\n\n", "two newlines\n"),
    (b"no newline", "no newline"),
    (b"  blanks stay  \n", "  blanks stay  "),
    ("pässwörd+&=%😀\n".encode(), "pässwörd+&=%😀"),
    (b"carriage return stays\r", "carriage return stays\r"),
]


@pytest.mark.parametrize(("stdin", "secret"), TRUE_SECRETS)
def test_a_secret_is_taken_from_standard_input_as_it_is(operator: Operator, stdin: bytes, secret: str) -> None:
    added = operator.ok("tool", "add", "--key", "k", "--secret-stdin", stdin=stdin)
    assert "secret" not in added
    tool = operator.services.tools.get("k")
    assert tool is not None
    assert tool.secrets == (secret,)


@pytest.mark.parametrize(("stdin", "says"), [(b"\xff\xfe\n", "not UTF-8"), (b"\n", "No secret"), (b"", "No secret")])
def test_a_secret_that_cannot_be_one_is_refused(operator: Operator, stdin: bytes, says: str) -> None:
    error = operator.fails("tool", "add", "--key", "k", "--secret-stdin", stdin=stdin)
    assert says in error["message"]
    assert operator.services.tools.get("k") is None


def test_a_generated_secret_is_printed_once(operator: Operator) -> None:
    added = operator.ok("tool", "add", "--key", "k")
    tool = operator.services.tools.get("k")
    assert tool is not None
    assert tool.secrets == (added["secret"],)
    assert len(added["secret"]) >= 32
    assert added["secret"].isalnum()
    for words in (("tool", "list"), ("tool", "show", "--key", "k")):
        assert added["secret"] not in json.dumps(operator.ok(*words))


def test_switches_are_stored(operator: Operator) -> None:
    words = ["--body-hash", "if-present", "--failure-status", "200", "--on-delay", "fail", "--unmapped", "park"]
    added = operator.ok("tool", "add", "--key", "k", *words)["tool"]
    expected = {"body_hash": "if_present", "failure_status": 200, "on_delay": "fail", "unmapped": "park"}
    assert expected.items() <= added.items()


def test_if_present_may_be_written_with_an_underscore(operator: Operator) -> None:
    assert operator.ok("tool", "add", "--key", "k", "--body-hash", "if_present")["tool"]["body_hash"] == "if_present"


@pytest.mark.parametrize("words", [[], ["--unmapped", "park"], ["--on-delay", "queue"]])
def test_no_switch_needs_a_note(operator: Operator, words: list[str]) -> None:
    assert operator.run("tool", "add", "--key", "k", *words).stderr == ""


def test_a_taken_key_is_refused_and_the_secret_stays(operator: Operator) -> None:
    operator.add_tool("k")
    assert operator.fails("tool", "add", "--key", "k")["code"] == "already_exists"
    tool = operator.services.tools.get("k")
    assert tool is not None
    assert tool.secrets == ("secret",)


def test_a_secret_is_rotated_in_and_the_oldest_retired(operator: Operator) -> None:
    operator.add_tool("k")
    assert operator.ok("tool", "rotate", "--key", "k", "--secret-stdin", stdin=b"newer\n")["tool"]["secrets"] == 2
    assert operator.fails("tool", "rotate", "--key", "k")["code"] == "too_many_secrets"
    assert operator.ok("tool", "retire", "--key", "k", "--oldest")["tool"]["secrets"] == 1
    tool = operator.services.tools.get("k")
    assert tool is not None
    assert tool.secrets == ("newer",)
    assert operator.fails("tool", "retire", "--key", "k", "--oldest")["code"] == "only_secret"


def test_rotation_can_make_the_secret_up(operator: Operator) -> None:
    operator.add_tool("k")
    rotated = operator.ok("tool", "rotate", "--key", "k")
    tool = operator.services.tools.get("k")
    assert tool is not None
    assert tool.secrets == (rotated["secret"], "secret")


def test_retire_wants_the_word_oldest(operator: Operator) -> None:
    operator.add_tool("k")
    operator.ok("tool", "rotate", "--key", "k")
    assert operator.fails("tool", "retire", "--key", "k")["code"] == "usage"


@pytest.mark.parametrize("words", [["show"], ["rotate"], ["retire", "--oldest"], ["remove"]])
def test_a_tool_that_is_not_there_is_not_found(operator: Operator, words: list[str]) -> None:
    assert operator.fails("tool", words[0], "--key", "nobody", *words[1:])["code"] == "not_found"


def test_a_removed_tool_is_gone(operator: Operator) -> None:
    operator.add_tool("k")
    operator.ok("tool", "remove", "--key", "k")
    assert operator.ok("tool", "list") == {"tools": []}


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "new\nline", "\udcff"])
def test_a_key_that_no_signature_can_carry_is_refused(operator: Operator, key: str) -> None:
    assert operator.fails("tool", "add", "--key", key)["code"] == "usage"


@pytest.mark.parametrize("key", ["x" * 255, "with blanks", "schlüssel", "a=b&c"])
def test_any_printable_key_is_taken(operator: Operator, key: str) -> None:
    assert operator.ok("tool", "add", "--key", key)["tool"]["consumer_key"] == key
