from pathlib import Path

import pytest

from passback.failures import CommandFailed
from passback.session import Session
from passback.stage_environment import require_stage

ALL = {
    "AWS_REGION": "eu-central-1",
    "PASSBACK_STAGE": "prod",
    "PASSBACK_TABLE": "passback-prod",
    "PASSBACK_KMS_KEY": "alias/passback-prod",
}


def said(environment: dict[str, str]) -> str:
    with pytest.raises(CommandFailed) as raised:
        require_stage(environment)
    return raised.value.message


def test_all_that_is_missing_is_named_at_once() -> None:
    sentence = said({"AWS_ACCESS_KEY_ID": "A"})
    assert all(name in sentence for name in ALL)
    assert ". .chalice/STAGE.env" in sentence


@pytest.mark.parametrize("missing", ["AWS_REGION", "PASSBACK_KMS_KEY"])
def test_what_is_set_is_not_named(missing: str) -> None:
    sentence = said({name: text for name, text in ALL.items() if name != missing})
    assert [name for name in ALL if name in sentence] == [missing]


@pytest.mark.parametrize(
    "environment",
    [
        ALL,
        {"AWS_PROFILE": "school", "PASSBACK_KMS_KEY": "k"},
        {"AWS_DEFAULT_REGION": "eu-central-1", "PASSBACK_KEY_FILE": "/etc/passback/master.key"},
        {"PASSBACK_STAGE": "local", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    ],
)
def test_what_can_be_enough_is_let_through(environment: dict[str, str]) -> None:
    require_stage(environment)


def test_a_file_of_profiles_may_name_the_region(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").touch()
    require_stage({"HOME": str(tmp_path), "PASSBACK_KMS_KEY": "k"})


def test_a_command_in_a_new_shell_says_it_before_anything_else(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PASSBACK_HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "A"}
    with pytest.raises(CommandFailed, match="PASSBACK_KMS_KEY not set"):
        _ = Session(environment=environment).services
