"""What is said to come next: all the first time, later only what is left; and a lost note of Chalice's is told."""

from pathlib import Path
from typing import Any

import pytest

from passback.setup.deployed import Functions, functions_of, note_lost
from passback.setup.following import Left, look, next_steps, steps_view
from setup_stage.accounts import Answers

NAMES = ("passback-prod", "passback-prod-deliver", "passback-prod-each_minute")
CONFIG: dict[str, Any] = {
    "stages": {
        "prod": {
            "environment_variables": {"PASSBACK_TABLE": "passback-prod", "PASSBACK_SHARDS": "8"},
            "lambda_functions": {"deliver": {"environment_variables": {"PASSBACK_SHARDS": "4"}}},
        }
    }
}


def functions(**variables: str) -> Functions:
    return Functions("prod", {name: {"PASSBACK_TABLE": "passback-prod", **variables} for name in NAMES})


def steps(*written: str, up: bool = True, current: bool = True, warnings: tuple[str, ...] = ()) -> list[str]:
    left = Left(frozenset(written), up, current, warnings)
    return next_steps("prod", Path.cwd(), left, "grades.example.edu", "target")


def test_the_first_time_everything_comes_next() -> None:
    assert steps("config.json", up=False) == [
        ". .chalice/prod.env",
        "chalice deploy --stage prod",
        "Make the DNS record of grades.example.edu name target.",
        "passback key show",
        "passback doctor",
    ]


def test_nothing_comes_next_where_nothing_is_left() -> None:
    assert steps() == []
    assert steps_view([]) == []


@pytest.mark.parametrize(
    ("written", "current"), [(("policy-prod-api.json", "prod.env"), True), (("config.json",), True), ((), False)]
)
def test_a_changed_stage_is_deployed_again(written: tuple[str, ...], current: bool) -> None:
    assert steps(*written, current=current) == [
        ". .chalice/prod.env",
        "chalice deploy --stage prod",
        "passback doctor",
    ]


def test_changed_variables_are_read_again_and_no_more() -> None:
    assert steps("prod.env") == [". .chalice/prod.env"]


def test_nobody_is_sent_to_deploy_without_the_note() -> None:
    found = steps("config.json", warnings=("it is lost",))
    assert found[1] == "Bring .chalice/deployed/prod.json back, then `chalice deploy --stage prod`."


def test_functions_know_the_settings_but_for_their_own() -> None:
    assert functions(PASSBACK_SHARDS="4").know(CONFIG)
    assert not functions(PASSBACK_TABLE="another").know(CONFIG)
    assert not Functions("prod", {NAMES[0]: {"PASSBACK_TABLE": "passback-prod"}}).know(CONFIG)


def test_aws_says_which_functions_are_up(answers: Answers) -> None:
    stub = answers.of("lambda")
    stub.add_response("get_function_configuration", {"Environment": {"Variables": {"A": "1"}}})
    stub.add_response("get_function_configuration", {})
    stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
    found = functions_of(answers.account, "prod")
    assert found.up == {NAMES[0]: {"A": "1"}, NAMES[1]: {}}
    assert not found.all_up


def test_a_lost_note_of_functions_that_are_up_is_told(tmp_path: Path) -> None:
    said = note_lost(tmp_path, functions())
    assert said is not None
    assert said.startswith("The functions of stage prod are up, and .chalice/deployed/prod.json is missing")
    assert note_lost(tmp_path, Functions("prod", {})) is None
    (tmp_path / ".chalice" / "deployed").mkdir(parents=True)
    (tmp_path / ".chalice" / "deployed" / "prod.json").touch()
    assert note_lost(tmp_path, functions()) is None


def test_what_is_found_out_is_put_together(tmp_path: Path, answers: Answers) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "template.json").touch()
    (tmp_path / ".chalice" / "config.json").write_text("{}")
    for _ in NAMES:
        answers.of("lambda").add_response("get_function_configuration", {})
    left = look(answers.account, tmp_path, "prod", ["prod.env"])
    assert (left.written, left.up, left.current, len(left.warnings)) == (frozenset({"prod.env"}), True, True, 1)
