"""How a plan and a finished setup are shown, to people and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passback.output import Facts, Table, View
from passback.setup.changes import Change
from passback.setup.project import FileChange

_ACTIONS = {"Add": "make", "Modify": "change", "Remove": "remove", "Import": "take over", "Dynamic": "change"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage is."""

    stage: str
    stack: str
    account: str
    region: str


def place_document(place: Place) -> dict[str, Any]:
    """Return where a stage is, for scripts."""
    return {"stage": place.stage, "stack": place.stack, "account": place.account, "region": place.region}


def place_view(place: Place) -> View:
    """Return where a stage is, for people."""
    return Facts(
        [
            ("stage", place.stage),
            ("account", place.account),
            ("region", place.region),
            ("stack", place.stack),
        ]
    )


def plan_document(changes: Sequence[Change], files: Sequence[FileChange], project: Path) -> dict[str, Any]:
    """Return a plan for scripts."""
    return {
        "changes": [
            {"action": _action(each), "resource": each.resource, "type": each.kind, "properties": list(each.what)}
            for each in changes
        ],
        "files": [{"path": _below(each.path, project), "differences": list(each.differences)} for each in files],
    }


def plan_views(changes: Sequence[Change], files: Sequence[FileChange], project: Path) -> list[View]:
    """Return a plan for people."""
    views: list[View] = []
    if changes:
        rows = [(_action(each), each.resource, each.kind, ", ".join(each.what)) for each in changes]
        views.append(Table(("plan", "resource", "type", "what"), rows))
    if files:
        written = [("write", _below(each.path, project), "; ".join(each.differences)) for each in files]
        views.append(Table(("plan", "file", "what"), written))
    return views


def outputs_view(outputs: Mapping[str, str], domain: str | None, target: str | None) -> View:
    """Return the names that the stack has given, and what the domain's DNS record names; ARNs are for scripts."""
    named = sorted((name, text) for name, text in outputs.items() if not name.endswith("Arn"))
    return Facts([*named, (f"DNS record of {domain}", target)] if domain is not None and target is not None else named)


def _action(change: Change) -> str:
    action = _ACTIONS.get(change.action, change.action)
    return f"{action}, by a new one" if change.replaces else action


def _below(path: Path, project: Path) -> str:
    return str(path.relative_to(project))
