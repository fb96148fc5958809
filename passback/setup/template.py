"""``infra/template.json`` as ``passback setup`` sends it: parameters chosen, or cut down to what is taken over."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed

TABLE, KEY = "Table", "SecretsKey"
"""What is kept when a stack goes, and what a change may never replace."""
LARGEST_BODY = 51_200
"""Bytes that CloudFormation takes in a request, without S3."""


@dataclass(frozen=True, slots=True)
class Template:
    """What data is kept in."""

    document: Mapping[str, Any]

    @property
    def body(self) -> str:
        """Return the text to send."""
        return json.dumps(self.document, separators=(",", ":"))

    @property
    def resources(self) -> Mapping[str, Any]:
        """Return the resources by their names in the template."""
        found: Mapping[str, Any] = self.document["Resources"]
        return found

    def only(self, names: Iterable[str]) -> "Template":
        """Return a template of these resources alone, for taking them over: an import may make nothing else."""
        resources = {name: self.resources[name] for name in names}
        kept = {
            name: part for name, part in self.document.items() if name in ("AWSTemplateFormatVersion", "Parameters")
        }
        return Template({**kept, "Resources": resources})

    def parameters(self, stage: str, chosen: Mapping[str, str], present: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the parameters of a change: what is chosen, else what the stack has, else the template's default."""
        parameters: list[dict[str, Any]] = [{"ParameterKey": "Stage", "ParameterValue": stage}]
        for name in self.document["Parameters"]:
            if name in chosen:
                parameters.append({"ParameterKey": name, "ParameterValue": chosen[name]})
            elif name in present and name != "Stage":
                parameters.append({"ParameterKey": name, "UsePreviousValue": True})
        return parameters

    def name_of(self, resource: str, stage: str) -> str:
        """Return the name that a resource will have."""
        properties = self.resources[resource]["Properties"]
        named = next(value for name, value in properties.items() if name in _NAMING)
        return str(named["Fn::Sub"]).replace("${Stage}", stage)

    def key_description(self, stage: str) -> str:
        """Return the description of the key, by which it is found again: it has no name but the alias."""
        return str(self.resources[KEY]["Properties"]["Description"]["Fn::Sub"]).replace("${Stage}", stage)


_NAMING = ("TableName", "QueueName", "AliasName", "LogGroupName")


def read_template(project: Path) -> Template:
    """Read the template of a checkout."""
    return Template(json.loads((project / "infra" / "template.json").read_text(encoding="utf-8")))


def read_parameters(words: Iterable[str], template: Template) -> dict[str, str]:
    """Read ``NAME=VALUE``, as typed.

    Raises
    ------
    CommandFailed
        If it is not of that form, or the template has no such parameter.
    """
    names = [name for name in template.document["Parameters"] if name != "Stage"]
    chosen = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in names:
            raise CommandFailed(
                "usage", f"{word!r} is no parameter: write NAME=VALUE, with a name of: {', '.join(names)}.", 2
            )
        chosen[name] = value
    return chosen
