"""What a shell has to know of a deployed stage, and the one sentence that names all of it that is missing."""

from collections.abc import Mapping
from pathlib import Path

from passback.failures import CommandFailed

_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE")
_KEY = ("PASSBACK_KMS_KEY", "PASSBACK_KEY_FILE")


def require_stage(environment: Mapping[str, str]) -> None:
    """See that no command begins without a key or without a region, only to ask for the other one then.

    Raises
    ------
    CommandFailed
        If there is no key for secrets, or no region; the local stack has both by itself.
    """
    if environment.get("PASSBACK_STAGE") == "local":
        return
    region = _any(environment, _REGION) or _has_profile(environment)
    key = _any(environment, _KEY)
    if region and key:
        return
    named = {name: bool(environment.get(name)) for name in ("PASSBACK_STAGE", "PASSBACK_TABLE")}
    there = {"AWS_REGION": region, **named, "PASSBACK_KMS_KEY": key}
    missing = ", ".join(name for name, is_there in there.items() if not is_there)
    raise CommandFailed(
        "not_set",
        f"This shell does not know the stage: {missing} not set. `. .chalice/STAGE.env`, which `passback setup` "
        "writes, sets all of them; for a stage of one template see docs/deploy.md.",
    )


def _any(environment: Mapping[str, str], names: tuple[str, ...]) -> bool:
    return any(environment.get(name) for name in names)


def _has_profile(environment: Mapping[str, str]) -> bool:
    """Tell whether there is a file of profiles; whether it names a region, boto3 finds out."""
    home = environment.get("HOME")
    return bool(home) and (Path(home or "") / ".aws" / "config").exists()
