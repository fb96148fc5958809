"""The templates as CloudFormation fills them in for a stage: texts where references and substitutions stood."""

import json
import re
from typing import Any

from passback.packaging.build import ROOT
from passback.packaging.stage import merge_template

STAGE = "prod"
DATA = json.loads((ROOT / "infra" / "template.json").read_text())
WHOLE = merge_template(ROOT / "infra", STAGE)
OF_AWS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "Stage": STAGE,
    "AlarmEmail": "grades@example.edu",
}
NAMES = {"QueueName": "QueueName", "TableName": "TableName", "AlarmName": "AlarmName", "TopicName": "TopicName"}


def filled(node: Any) -> Any:
    """Return a part of the whole template with its references filled in.

    A reference to a resource becomes the name that its template gives it, an ARN the name behind ``arn:``.
    """
    match node:
        case {"Ref": str(name)}:
            return OF_AWS.get(name) or _name(name)
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return f"arn:{_name(name)}"
        case {"Fn::GetAtt": [str(name), "QueueName"]}:
            return _name(name)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(filled({"Ref": match[1]})), text)
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(str(filled(part)) for part in parts)
        case dict():
            assert not any(name.startswith("Fn::") for name in node), f"not known here: {node}"
            return {name: filled(each) for name, each in node.items()}
        case list():
            return [filled(each) for each in node]
        case _:
            return node


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type, filled in."""
    return {name: filled(each["Properties"]) for name, each in WHOLE["Resources"].items() if each.get("Type") == kind}


def alarms() -> dict[str, dict[str, Any]]:
    """Return all alarms by what their name has after the stage."""
    return {
        each["AlarmName"].removeprefix(f"passback-{STAGE}-"): each
        for each in resources("AWS::CloudWatch::Alarm").values()
    }


def _name(resource: str) -> str:
    properties = WHOLE["Resources"][resource]["Properties"]
    (key,) = NAMES.keys() & properties.keys()
    return str(filled(properties[key]))
