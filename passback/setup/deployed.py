"""What ``chalice deploy`` has put up for a stage: its functions, as AWS has them, and its own note of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passback.setup.account import Account
from passback.setup.refusals import is_code

_SUFFIXES = ("", "-deliver", "-each_minute")


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of a stage that are up, each with what it is told by variables."""

    stage: str
    up: Mapping[str, Mapping[str, str]]

    @property
    def all_up(self) -> bool:
        """Tell whether none is missing."""
        return len(self.up) == len(_SUFFIXES)

    def know(self, config: Mapping[str, Any]) -> bool:
        """Tell whether all are up and told what the stage's configuration says."""
        stage = config.get("stages", {}).get(self.stage, {})
        described = stage.get("lambda_functions", {})
        own = {name for one in described.values() for name in one.get("environment_variables", {})}
        told = {name: text for name, text in stage.get("environment_variables", {}).items() if name not in own}
        return self.all_up and all(told.items() <= variables.items() for variables in self.up.values())


def functions_of(account: Account, stage: str) -> Functions:
    """Ask AWS for the functions of a stage."""
    from botocore.exceptions import ClientError

    up = {}
    for name in (f"passback-{stage}{suffix}" for suffix in _SUFFIXES):
        try:
            found = account.client("lambda").get_function_configuration(FunctionName=name)
        except ClientError as error:
            if not is_code(error, "ResourceNotFoundException"):
                raise
        else:
            up[name] = dict(found.get("Environment", {}).get("Variables", {}))
    return Functions(stage, up)


def note_lost(project: Path, functions: Functions) -> str | None:
    """Say that Chalice's note of a deployment is missing while functions are up; None if all is well."""
    path = Path(".chalice") / "deployed" / f"{functions.stage}.json"
    if not functions.up or (project / path).exists():
        return None
    return (
        f"The functions of stage {functions.stage} are up, and {path} is missing, in which `chalice deploy` noted what "
        "it made: bring the file back from your repository, or from where it was deployed last, before the next "
        "`chalice deploy`, which without it makes a second API, or stops at the domain (docs/deploy.md)."
    )
