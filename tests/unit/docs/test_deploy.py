"""The page on deploying names what the template has, and what packing makes."""

import json
import re

import pytest

from chalicelib.config import Settings
from chalicelib.delivery.sqs import MOST_RECEIVES, RETENTION_SECONDS, VISIBILITY_SECONDS, WORKER_SECONDS
from passback.packaging.build import ROOT
from passback.packaging.stage import ENVIRONMENT, merge_template

from .pages import blocks, read, rows, shell_commands

PAGE = "docs/deploy.md"
TEMPLATE = merge_template(ROOT / "infra", "prod")
CHALICES_OUTPUTS = {"RestAPIId", "APIHandlerName", "APIHandlerArn", "EndpointURL"}


def test_every_parameter_has_its_row_and_default() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(PAGE, "Parameter")}
    assert told.keys() == TEMPLATE["Parameters"].keys()
    for name, parameter in TEMPLATE["Parameters"].items():
        default = str(parameter["Default"])
        expected = "the packed stage" if name == "Stage" else f"`{default}`" if default else "(none)"
        assert told[name] == expected


def test_every_output_has_its_row() -> None:
    told = {name for row in rows(PAGE, "Output") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == TEMPLATE["Outputs"].keys() | CHALICES_OUTPUTS


def test_numbers_are_those_of_the_code() -> None:
    text = read(PAGE)
    assert f"hides a message in hand for {VISIBILITY_SECONDS} seconds; after {MOST_RECEIVES} receives" in text
    assert f"{RETENTION_SECONDS // 86400} days, as the other" in text
    assert f"one message at a time; {WORKER_SECONDS} seconds" in text
    assert f"never more than {Settings().shards} messages" in text
    settings = Settings()
    assert f"{settings.inline_budget:g} seconds for a tool, {settings.worker_budget:g} for a delivery" in text


def test_what_an_operator_sets_is_what_the_functions_are_told() -> None:
    typed = {line.split("=")[0].removeprefix("export ") for line in shell_commands(PAGE) if line.startswith("export ")}
    only_while_the_key_changes = {"PASSBACK_PREVIOUS_KMS_KEY"}
    assert typed == ENVIRONMENT.keys() - only_while_the_key_changes | {"AWS_REGION"}


@pytest.mark.parametrize("right", ["Query", "SendMessage"])
def test_nothing_is_given_on_everything(right: str) -> None:
    roles = json.dumps([one for name, one in TEMPLATE["Resources"].items() if name.endswith("Role")])
    assert right in roles
    assert "*" not in roles


def test_the_readme_types_what_the_page_explains() -> None:
    """What the README says is run by a test; so is then what the page says."""
    explained = next(block for block in blocks(PAGE, "sh") if "passback setup" in block).splitlines()
    typed = next(block for block in blocks("README.md", "sh") if "passback setup" in block)
    assert explained[0] == "export AWS_REGION=eu-central-1"
    commands = [line.partition("#")[0].strip() for line in typed.splitlines()]
    assert [line.replace("passback.example.edu", "grades.example.edu") for line in commands] == explained[1:]


_CALL = re.compile(
    r'(?:client\("(?P<service>[a-z]+)"\)|(?P<own>self\.client))\.(?P<method>[a-z_]+)\((?:"(?P<paged>\w+)")?'
)
_NAMED_OTHERWISE = {
    "apigateway:GetDomainName": "apigateway:GET",
    "sts:GetCallerIdentity": "",
}  # nobody needs the latter


def test_the_rights_of_setup_are_those_of_its_calls() -> None:
    called = set()
    for path in (ROOT / "passback" / "setup").glob("*.py"):
        for match in _CALL.finditer(path.read_text()):
            method = match["paged"] if match["method"] == "get_paginator" else match["method"]
            action = "".join(word.title() for word in method.split("_"))
            called.add(f"{match['service'] or 'cloudformation'}:{action}")
    told = next(row[1] for row in rows(PAGE, "Who") if row[0] == "`passback setup`")
    assert set(re.findall(r"`([^`]+)`", told)) == {_NAMED_OTHERWISE.get(call, call) for call in called} - {""}
