"""Puts the stack's own values where templates refer to them: ``Ref``, ``Fn::GetAtt``, ``Fn::Sub``, ``Fn::If``.

CloudFormation does this inside a stack. Chalice's configuration stands outside of one, and is written from the same
documents, so that rights and settings are said once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from passback.failures import CommandFailed

_VARIABLE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


@dataclass(frozen=True, slots=True)
class Values:
    """What references lead to: ``Table`` and ``Table.Arn`` as they are written in ``Fn::Sub``, and conditions."""

    texts: Mapping[str, str]
    conditions: Mapping[str, bool]

    def text(self, name: str) -> str:
        """Return what a reference leads to.

        Raises
        ------
        CommandFailed
            If the stack does not say.
        """
        try:
            return self.texts[name]
        except KeyError:
            raise CommandFailed(
                "no_output",
                f"The stack does not say what {name} is: infra/template.json needs an output for it. Take both "
                "files of "
                "infra/ from the same version of Passback.",
            ) from None


def values_of(
    template: Mapping[str, Any],
    outputs: Mapping[str, str],
    parameters: Mapping[str, str],
    stack_id: str,
    conditions: Mapping[str, bool],
) -> Values:
    """Read the outputs of a stack backwards: an output whose value is a reference says what that reference is.

    Parameters
    ----------
    parameters
        Parameters of the stack, and whatever else is referred to by name.
    stack_id
        The stack's ARN, for partition, region and account.
    """
    _, partition, _, region, account, _ = stack_id.split(":", 5)
    texts = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account, **parameters}
    for name, output in template["Outputs"].items():
        reference = _reference(output["Value"])
        if reference is not None and name in outputs:
            texts[reference] = outputs[name]
    return Values(texts, conditions)


def resolve(node: Any, values: Values) -> Any:
    """Return a part of a template with its references put in; everything else stays as it is."""
    if isinstance(node, list):
        return [resolve(each, values) for each in node]
    if not isinstance(node, dict):
        return node
    reference = _reference(node)
    if reference is not None:
        return values.text(reference)
    if node.keys() == {"Fn::Sub"}:
        return _VARIABLE.sub(lambda match: values.text(match[1]), node["Fn::Sub"])
    if node.keys() == {"Fn::If"}:
        condition, met, otherwise = node["Fn::If"]
        return resolve(met if values.conditions[condition] else otherwise, values)
    return {name: resolve(each, values) for name, each in node.items()}


def _reference(node: Any) -> str | None:
    if not isinstance(node, dict) or len(node) != 1:
        return None
    if "Ref" in node:
        return str(node["Ref"])
    if "Fn::GetAtt" in node:
        return ".".join(node["Fn::GetAtt"])
    return None
