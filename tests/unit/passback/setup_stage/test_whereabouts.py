"""A stage is in one account and one region, and is not made a second time in another."""

from pathlib import Path
from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.setup.whereabouts import files_of, refuse_elsewhere

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1"


def config(key: str = KEY) -> dict[str, Any]:
    return {"stages": {"prod": {"environment_variables": {"PASSBACK_KMS_KEY": key}}}}


def test_its_own_account_and_region_are_taken(tmp_path: Path) -> None:
    refuse_elsewhere(tmp_path, config(), "prod", "111122223333", "eu-central-1")


def test_a_new_stage_may_be_anywhere(tmp_path: Path) -> None:
    refuse_elsewhere(tmp_path, config(), "test", "9", "us-east-1")
    refuse_elsewhere(tmp_path, config("alias/passback-prod"), "prod", "9", "us-east-1")


def test_another_region_is_refused_with_the_one_it_is_in(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failed:
        refuse_elsewhere(tmp_path, config(), "prod", "111122223333", "us-east-1")
    assert failed.value.message.startswith("Stage prod is in region eu-central-1, as .chalice says, and AWS_REGION")
    assert "export AWS_REGION=eu-central-1, or choose another name for a stage in us-east-1." in failed.value.message


def test_another_account_is_refused_with_the_one_it_is_in(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failed:
        refuse_elsewhere(tmp_path, config(), "prod", "444455556666", "eu-central-1")
    assert "is in account 111122223333" in failed.value.message
    assert "these credentials are of account 444455556666: set AWS_PROFILE" in failed.value.message


def test_the_variables_say_the_region_where_no_key_does(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "prod.env").write_text("export AWS_REGION=eu-west-1\nexport PASSBACK_STAGE=prod\n")
    refuse_elsewhere(tmp_path, {}, "prod", "1", "eu-west-1")
    with pytest.raises(CommandFailed, match="is in region eu-west-1"):
        refuse_elsewhere(tmp_path, {}, "prod", "1", "us-east-1")


def test_the_files_of_a_stage_are_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    assert files_of(tmp_path, {}, "prod") == []
    (tmp_path / ".chalice" / "prod.env").touch()
    (tmp_path / ".chalice" / "policy-prod-api.json").touch()
    (tmp_path / ".chalice" / "policy-other-api.json").touch()
    assert files_of(tmp_path, config(), "prod") == [
        ".chalice/prod.env",
        ".chalice/policy-prod-api.json",
        "stage prod in .chalice/config.json",
    ]
