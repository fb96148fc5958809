"""What a stage looks like to Chalice, and what is merged into the template that Chalice writes for it.

``infra/template.json`` has what data is kept in; it stands alone too, for those who put the functions up by
``chalice deploy``. ``infra/functions.json`` has what only the whole stack needs: who may do what, and the domain.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed

Document = dict[str, Any]

ARCHITECTURES = ("arm64", "x86_64")
FUNCTIONS = ("APIHandler", "Deliver", "EachMinute")
"""The functions' names in the template, as Chalice makes them of those in the code."""
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,23}")
_MERGED = ("Parameters", "Conditions", "Rules", "Resources", "Outputs")

ENVIRONMENT: Document = {
    "PASSBACK_STAGE": {"Ref": "Stage"},
    "PASSBACK_TABLE": {"Ref": "Table"},
    "PASSBACK_KMS_KEY": {"Fn::If": ["HasMasterKey", {"Ref": "MasterKeyArn"}, {"Fn::GetAtt": ["SecretsKey", "Arn"]}]},
    "PASSBACK_PREVIOUS_KMS_KEY": {"Ref": "PreviousMasterKeyArn"},
    "PASSBACK_QUEUE": {"Fn::GetAtt": ["Deliveries", "QueueName"]},
    "PASSBACK_DEAD_LETTER_QUEUE": {"Fn::GetAtt": ["DeadLetters", "QueueName"]},
    "PASSBACK_PUBLIC_URLS": {
        "Fn::If": ["HasDomain", {"Fn::Sub": "https://${DomainName} ${PublicUrls}"}, {"Ref": "PublicUrls"}]
    },
}
"""What the functions are told by the stack itself: its own resources, by reference."""


def check_stage(stage: str) -> None:
    """Refuse a stage whose name cannot be part of every resource's name.

    Raises
    ------
    CommandFailed
        If it is so.
    """
    if not _STAGE.fullmatch(stage):
        raise CommandFailed(
            "bad_stage",
            f"A stage's name has lower case letters, digits and hyphens, a letter first, at most 24: not {stage!r}.",
        )


def queue_name(stage: str) -> str:
    """Return the queue's name: Chalice writes it into the worker's event source, where no reference can stand."""
    return f"passback-{stage}.fifo"


def chalice_config(stored: Mapping[str, Any], stage: str, architecture: str, extra: Mapping[str, str]) -> Document:
    """Return the Chalice configuration of a stage: the stored one's, with what packaging decides.

    Parameters
    ----------
    stored
        ``.chalice/config.json``. A stage that it does not know gets the time limits of ``dev``.
    extra
        More settings for the functions.
    """
    stages = stored["stages"]
    known = stages.get(stage, {})
    settings = {**known.get("environment_variables", {}), **extra, "PASSBACK_QUEUE": queue_name(stage)}
    return {
        **{name: value for name, value in stored.items() if name != "stages"},
        "lambda_architecture": architecture,
        "stages": {
            stage: {
                "api_gateway_stage": known.get("api_gateway_stage", stages["dev"]["api_gateway_stage"]),
                "autogen_policy": False,
                "iam_policy_file": "policy.json",
                "environment_variables": settings,
                "lambda_functions": _without_policies(known or stages["dev"]),
            }
        },
    }


def _without_policies(stage: Mapping[str, Any]) -> Document:
    """Return what a stage says of its functions. Who may do what, and what they are told, the template says."""
    ours = ("iam_policy_file", "autogen_policy", "environment_variables")
    return {
        function: {name: value for name, value in settings.items() if name not in ours}
        for function, settings in stage.get("lambda_functions", {}).items()
    }


def merge_template(infra: Path, stage: str) -> Document:
    """Return what is merged into Chalice's template; the stage's name is fixed, as it stands in the event source."""
    data, functions = (json.loads((infra / name).read_text()) for name in ("template.json", "functions.json"))
    merged: Document = {"Description": functions["Description"]}
    for section in _MERGED:
        merged[section] = {**data.get(section, {}), **functions.get(section, {})}
    merged["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    for function in FUNCTIONS:
        merged["Resources"][function]["Properties"]["Environment"] = {"Variables": ENVIRONMENT}
    return merged
