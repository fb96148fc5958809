"""What ``.chalice`` says of a stage: where it is, so that no second one is made elsewhere, and in which files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed
from passback.setup.project import ROLES, policy_file, stored_key

_REGION = re.compile(r"^export AWS_REGION=([a-z0-9-]+)$", re.MULTILINE)


def refuse_elsewhere(project: Path, config: Mapping[str, Any], stage: str, account: str, region: str) -> None:
    """Refuse an account or region that is not the stage's own.

    Raises
    ------
    CommandFailed
        If the stage is elsewhere; it says where.
    """
    their_region, their_account = _stored(project, config, stage)
    if their_region not in ("", region):
        raise CommandFailed(
            "stage_elsewhere",
            f"Stage {stage} is in region {their_region}, as .chalice says, and AWS_REGION or the profile says {region}:"
            f" export AWS_REGION={their_region}, or choose another name for a stage in {region}.",
        )
    if their_account not in ("", account):
        raise CommandFailed(
            "stage_elsewhere",
            f"Stage {stage} is in account {their_account}, as .chalice/config.json says, and these credentials are of "
            f"account {account}: set AWS_PROFILE to a profile of {their_account}, or choose another name for a stage "
            f"in {account}.",
        )


def files_of(project: Path, config: Mapping[str, Any], stage: str) -> list[str]:
    """Return what is written of a stage, by path below the project."""
    names = [f"{stage}.env", *(policy_file(stage, function) for function in ROLES), f"deployed/{stage}.json"]
    found = [f".chalice/{name}" for name in names if (project / ".chalice" / name).exists()]
    return [*found, *([f"stage {stage} in .chalice/config.json"] if stage in config.get("stages", {}) else [])]


def _stored(project: Path, config: Mapping[str, Any], stage: str) -> tuple[str, str]:
    """Return region and account as far as they are said: the key's ARN says both, the variables say the region."""
    parts = (stored_key(config, stage) or "").split(":")
    if len(parts) == 6 and parts[0] == "arn":
        return parts[3], parts[4]
    variables = project / ".chalice" / f"{stage}.env"
    found = _REGION.search(variables.read_text(encoding="utf-8")) if variables.exists() else None
    return (found[1] if found else ""), ""
