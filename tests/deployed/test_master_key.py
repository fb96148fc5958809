"""The master key of a stage is changed as docs/rotate.md says, on a local AWS: stack, functions' settings, secrets."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.clock import SystemClock
from chalicelib.errors import PassbackError
from chalicelib.lti11.tools import Tool
from chalicelib.services import build_services
from deployed.account import NO_METRIC_MATH
from deployed.checkout import Checkout, checkout
from passback.cli import cli
from passback.session import Session

pytestmark = pytest.mark.engine

TOOL = Tool("legacy-tool", ("a newer secret, " * 4, "an older secret, " * 4))
"""Long ones: MiniStack decrypts with the wrong key too, and a short text might come out of it by chance."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with checkout(tmp_path_factory.mktemp("master-key")) as one:
        yield one


def typed(place: Checkout, variables: Mapping[str, str], *words: str) -> dict[str, Any]:
    environment = {"PATH": "", "HOME": str(place.folder), **place.engine.environment, **variables}
    session = Session(environment=environment, clock=SystemClock())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())  # commands set the AWS variables that botocore reads
        result = CliRunner().invoke(cli, [*words, "--json"], obj=session)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def set_up(place: Checkout, **parameters: str) -> dict[str, Any]:
    given = {**NO_METRIC_MATH, **parameters}
    words = [word for name, value in given.items() for word in ("--parameter", f"{name}={value}")]
    return typed(place, {}, "setup", "--stage", "prod", "--yes", "--project-dir", str(place.folder), *words)


def told(place: Checkout) -> dict[str, str]:
    """What the functions are told once they are put up."""
    config = json.loads(place.file("config.json").read_text())
    variables: dict[str, str] = config["stages"]["prod"]["environment_variables"]
    return variables


def sees_the_tool(place: Checkout) -> bool:
    """Tell whether a function with these settings opens the tool's secrets."""
    services = build_services({**place.engine.environment, **told(place)}, SystemClock())
    try:
        return services.tools.get(TOOL.consumer_key) == TOOL
    except PassbackError:
        return False


def rights(place: Checkout, function: str) -> dict[str, set[str]]:
    """Which keys a function may use, and for what."""
    policy = json.loads(place.file(f"policy-prod-{function}.json").read_text())
    (statement,) = (each for each in policy["Statement"] if each["Action"][0].startswith("kms:"))
    named = statement["Resource"]
    return {key: set(statement["Action"]) for key in ([named] if isinstance(named, str) else named)}


def test_a_stage_goes_over_to_another_key(place: Checkout) -> None:
    old = set_up(place)["outputs"]["KeyArn"]
    build_services({**place.engine.environment, **told(place)}, SystemClock()).tools.add(TOOL)
    keys = place.client("kms")
    new = keys.create_key()["KeyMetadata"]["Arn"]

    set_up(place, MasterKeyArn=new, PreviousMasterKeyArn=old)
    assert (told(place)["PASSBACK_KMS_KEY"], told(place)["PASSBACK_PREVIOUS_KMS_KEY"]) == (new, old)
    assert keys.describe_key(KeyId="alias/passback-prod")["KeyMetadata"]["Arn"] == new
    every = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
    assert rights(place, "api") == rights(place, "deliver") == {new: every, old: every}
    assert sees_the_tool(place)

    names = {"PASSBACK_KMS_KEY": "alias/passback-prod", "PASSBACK_PREVIOUS_KMS_KEY": "alias/passback-prod-previous"}
    operator = {**told(place), **names}
    assert typed(place, operator, "secrets", "reseal") == {"resealed": 2, "left": 0, "unreadable": []}
    assert typed(place, operator, "secrets", "reseal", "--check")["left"] == 0

    set_up(place, PreviousMasterKeyArn="")
    assert told(place)["PASSBACK_KMS_KEY"] == new
    assert not told(place).get("PASSBACK_PREVIOUS_KMS_KEY")
    assert rights(place, "api") == {new: every}
    assert sees_the_tool(place)
    set_up(place)
    assert told(place)["PASSBACK_KMS_KEY"] == new
