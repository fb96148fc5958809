"""References of templates are put in outside of a stack as CloudFormation does inside."""

import json
from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.packaging.build import ROOT
from passback.packaging.stage import ENVIRONMENT
from passback.setup.references import Values, resolve, values_of

STACK = "arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/passback-prod-data/1"
TEMPLATE: dict[str, Any] = {
    "Outputs": {
        "TableName": {"Value": {"Ref": "Table"}},
        "TableArn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}},
        "Said": {"Value": {"Fn::Sub": "not read backwards ${Table}"}},
    }
}
OUTPUTS = {"TableName": "passback-prod", "TableArn": "arn:table", "Said": "x"}


def values(**conditions: bool) -> Values:
    return values_of(TEMPLATE, OUTPUTS, {"Stage": "prod"}, STACK, conditions)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "Table"}, "passback-prod"),
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "AWS::Region"}, "cn-north-1"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table"),
        ({"Fn::Sub": "${Table.Arn}/index/${Stage}"}, "arn:table/index/prod"),
        ({"Fn::Sub": "arn:${AWS::Partition}:x:${AWS::AccountId}"}, "arn:aws-cn:x:111122223333"),
        ([{"Ref": "Table"}, 1, {"a": {"Ref": "Stage"}}], ["passback-prod", 1, {"a": "prod"}]),
        ({"Fn::If": ["Has", {"Ref": "Table"}, {"Ref": "Nobody"}]}, "passback-prod"),
    ],
)
def test_a_reference_becomes_what_it_leads_to(node: Any, expected: Any) -> None:
    assert resolve(node, values(Has=True)) == expected


def test_the_other_side_of_a_condition() -> None:
    assert resolve({"Fn::If": ["Has", {"Ref": "Nobody"}, ["no"]]}, values(Has=False)) == ["no"]


def test_what_the_stack_does_not_say_is_asked_for_by_name() -> None:
    with pytest.raises(CommandFailed, match=r"does not say what Queue\.Arn is: infra/template\.json needs an output"):
        resolve({"Fn::GetAtt": ["Queue", "Arn"]}, values())


@pytest.mark.parametrize("has", [True, False])
def test_the_stack_says_all_that_policies_and_settings_refer_to(has: bool) -> None:
    template = json.loads((ROOT / "infra" / "template.json").read_text())
    functions = json.loads((ROOT / "infra" / "functions.json").read_text())
    outputs = {name: f"value of {name}" for name in template["Outputs"]}
    names = dict.fromkeys({**template["Parameters"], **functions["Parameters"]}, "parameter")
    conditions = dict.fromkeys({**template.get("Conditions", {}), **functions["Conditions"]}, has)
    known = values_of(template, outputs, names, STACK, conditions)
    roles = {name: one for name, one in functions["Resources"].items() if name.endswith("Role")}
    assert len(roles) == 3
    written = json.dumps(resolve([roles, ENVIRONMENT], known))
    assert "Fn::" not in written
    assert '"Ref"' not in written
    assert "value of TableArn/index/listing" in written
