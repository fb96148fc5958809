"""How an explanation is printed: checks, both base strings side by side, their parts; never secret or signature."""

from collections.abc import Sequence
from typing import Any

from passback.check import Check, CheckState
from passback.output import Table, View, Words
from passback.signature.explanation import Explanation
from passback.signature.signing import Signing, first_difference, side_by_side


def explanation_document(found: Explanation) -> dict[str, object]:
    """Return an explanation as JSON-able values."""
    failed = [check for check in found.checks if check.state is CheckState.FAILED]
    document: dict[str, object] = {
        "ok": not failed,
        "checks": [check_document(check) for check in found.checks],
        "causes": [{"code": each.name, "said": each.said, "remedy": each.remedy} for each in found.causes],
        "base_strings": _base_strings(found),
        "body_hash": None
        if found.body_hash is None
        else {"sent": found.body_hash.sent, "sha1": found.body_hash.sha1, "sha256": found.body_hash.sha256},
    }
    if failed:
        document["error"] = {"code": "signature_refused", "message": f"{failed[0].name}: {failed[0].detail}"}
    return document


def explanation_views(found: Explanation) -> list[View]:
    """Return an explanation for people."""
    views: list[View] = [Table(("check", "", "what was found, and what to do"), check_rows(found.checks))]
    if found.ours is not None and found.tools is not None:
        tools, ours = found.tools.base_string, found.ours.base_string
        if tools == ours:
            views.append(Words("Both sign the same base string:", "bold"))
            views.append(Table(("at", "base string"), [row[:2] for row in side_by_side(tools, ours, 100)]))
        else:
            views.append(Words("What the tool signed, and what Passback signs; ^ marks the first difference:", "bold"))
            views.append(Table(("at", "the tool's base string", "Passback's base string"), side_by_side(tools, ours)))
            views.append(Words("The same, part by part:", "bold"))
            views.append(Table(("", "the tool", "Passback"), part_rows(found.tools, found.ours)))
    elif found.ours is not None and _refused(found, "signature"):
        base = found.ours.base_string
        views.append(Words("What Passback signs:", "bold"))
        views.append(Table(("at", "base string"), [row[:2] for row in side_by_side(base, base, 100)]))
    failed = [check for check in found.checks if check.state is CheckState.FAILED]
    refused = f"This request is refused: {', '.join(check.name for check in failed)}."
    views.append(Words(refused, "red") if failed else Words("This request is signed rightly.", "green"))
    return views


def check_document(check: Check) -> dict[str, str]:
    """Return a check as JSON-able values."""
    return {"check": check.name, "state": check.state.value, "detail": check.detail, "remedy": check.remedy}


def check_rows(checks: Sequence[Check]) -> list[tuple[str, str, str]]:
    """Return checks as rows."""
    return [(each.name, each.state.value, " ".join(filter(None, (each.detail, each.remedy)))) for each in checks]


def part_rows(tools: Signing, ours: Signing) -> list[tuple[str, str, str]]:
    """Set the parts of two signings against each other, one a row; different ones are marked."""
    pairs = [("method", tools.method, ours.method), ("URL", tools.uri, ours.uri)]
    names = dict.fromkeys(name for name, _ in (*ours.parameters, *tools.parameters))
    for name in names:
        both = (_values(tools, name), _values(ours, name))
        pairs.append((name[:40], *both))
    return [(f"{name} {'' if one == other else '<-'}".rstrip(), one, other) for name, one, other in pairs]


def _refused(found: Explanation, name: str) -> bool:
    return any(check.name == name and check.state is CheckState.FAILED for check in found.checks)


def _values(signing: Signing, name: str) -> str:
    found = [value for each, value in signing.parameters if each == name]
    return " and ".join(f"{value[:80]}" for value in found) if found else "-"


def _base_strings(found: Explanation) -> dict[str, Any] | None:
    if found.ours is None:
        return None
    ours = found.ours.base_string
    tools = None if found.tools is None else found.tools.base_string
    at = None if tools is None else first_difference(tools, ours)
    return {"passback": ours, "tool": tools, "first_difference": at}
