"""A plan of CloudFormation's: what a change set does to each resource, and what it must never do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from passback.failures import CommandFailed
from passback.setup.template import KEY, TABLE


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set does to one resource."""

    action: str
    resource: str
    kind: str
    physical: str
    replaces: bool
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed. ``for_review``: the stack is there for its sake only."""

    id: str
    stack_id: str
    changes: tuple[Change, ...]
    for_review: bool


def read_changes(found: Mapping[str, Any]) -> Iterator[Change]:
    """Give the changes of a change set, as CloudFormation describes it."""
    for each in found.get("Changes", []):
        one = each["ResourceChange"]
        targets = (detail.get("Target", {}) for detail in one.get("Details", []))
        what = sorted({target.get("Name") or target.get("Attribute", "") for target in targets} - {""})
        yield Change(
            one["Action"],
            one["LogicalResourceId"],
            one["ResourceType"],
            one.get("PhysicalResourceId", ""),
            one.get("Replacement") in ("True", "Conditional"),
            tuple(what or one.get("Scope", [])),
        )


def refuse_loss(changes: Sequence[Change]) -> None:
    """Refuse what would leave the data behind.

    Raises
    ------
    CommandFailed
        If table or key would be replaced or removed.
    """
    for change in changes:
        if change.resource in (TABLE, KEY) and (change.replaces or change.action == "Remove"):
            raise CommandFailed(
                "would_lose",
                f"This plan would put another {change.resource} in the place of {change.physical}, without what is "
                "in it: it "
                f"is not done. Has {', '.join(change.what) or 'it'} been changed in infra/template.json?",
            )
