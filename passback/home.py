"""The local stack's folder, ``PASSBACK_HOME``: its state, its key, and which stack is running from it."""

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from passback.failures import CommandFailed


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A local stack that is running: where its parts listen. Written when it is ready, removed at a clean stop."""

    process_id: int
    port: int
    simulator_port: int | None
    engine_port: int
    table: str

    @property
    def base_url(self) -> str:
        """Return the address of Passback."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator_url(self) -> str | None:
        """Return the address of the simulator; None when it runs without."""
        return f"http://127.0.0.1:{self.simulator_port}" if self.simulator_port else None

    @property
    def engine_url(self) -> str:
        """Return the address of the local DynamoDB engine."""
        return f"http://127.0.0.1:{self.engine_port}"


@dataclass(frozen=True, slots=True)
class Home:
    """The files below ``PASSBACK_HOME``."""

    path: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Home":
        """Find the folder: ``PASSBACK_HOME``, else ``~/.passback``. It need not exist."""
        named = environment.get("PASSBACK_HOME")
        return cls(Path(named).expanduser().absolute() if named else Path.home() / ".passback")

    @property
    def engine_state(self) -> Path:
        """Return the folder of the engine's state."""
        return self.path / "engine"

    @property
    def key_file(self) -> Path:
        """Return the file of the local master key."""
        return self.path / "master.key"

    @property
    def simulator_state(self) -> Path:
        """Return the file of the simulator's state."""
        return self.path / "simulator.json"

    @property
    def demo(self) -> Path:
        """Return the file that remembers the demo class; no secret is in it."""
        return self.path / "demo.json"

    @property
    def logs(self) -> Path:
        """Return the folder of the children's logs."""
        return self.path / "logs"

    @property
    def lock(self) -> Path:
        """Return the file that a running stack holds locked."""
        return self.path / "lock"

    @property
    def stack(self) -> Path:
        """Return the file that names the running stack."""
        return self.path / "stack.json"

    def create(self) -> None:
        """Make the folder, readable by its owner only: the master key lies in it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self.engine_state.mkdir(mode=0o700, exist_ok=True)

    def running_stack(self) -> RunningStack | None:
        """Return the stack that runs from this folder; None when its process or its engine is gone."""
        try:
            stack = RunningStack(**read_json(self.stack))
        except (OSError, ValueError, TypeError):
            return None
        return stack if _is_alive(stack.process_id) and _accepts(stack.engine_port) else None

    def write_stack(self, stack: RunningStack) -> None:
        """Say that this stack is running."""
        write_json(self.stack, asdict(stack))

    def remove_stack(self) -> None:
        """Say that no stack is running."""
        self.stack.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object.

    Raises
    ------
    OSError, ValueError
        If there is no such file, or no JSON object in it.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return document


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON object, whole or not at all, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def local_environment(home: Home, stack: RunningStack, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which Passback works on a local stack: its engine, its key, made-up credentials.

    Whatever the person's own environment says of AWS accounts is left out, so that nothing local can reach one.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    exempt = kept.get("NO_PROXY") or kept.get("no_proxy") or ""
    kept |= {
        "PASSBACK_STAGE": "local",
        "PASSBACK_TABLE": stack.table,
        "PASSBACK_KEY_FILE": str(home.key_file),
        "AWS_ENDPOINT_URL": stack.engine_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        # The engine listens on loopback: a proxy in the person's environment must not stand before it.
        "NO_PROXY": ",".join(filter(None, (exempt, "127.0.0.1", "localhost"))),
    }
    for name in ("PASSBACK_KMS_KEY", "PASSBACK_PREVIOUS_KMS_KEY", "PASSBACK_QUEUE", "PASSBACK_DEAD_LETTER_QUEUE"):
        kept.pop(name, None)  # the engine is this stack's alone, so its queues need no names of their own
    kept.pop("no_proxy", None)
    return kept


def adopt_aws_environment(environment: Mapping[str, str]) -> None:
    """Make this process's own AWS variables those of ``environment``: botocore reads credentials from nowhere else."""
    names = ("NO_PROXY", "no_proxy")
    for name in list(os.environ):
        if (name.startswith("AWS_") or name in names) and name not in environment:
            del os.environ[name]
    os.environ.update({name: text for name, text in environment.items() if name.startswith("AWS_") or name in names})


_AWS_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
)


def working_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that a command works in: AWS as configured, or the local stack that runs from home.

    Raises
    ------
    CommandFailed
        If no stack runs and no AWS is configured.
    """
    home = Home.from_environment(environment)
    local_or_unsaid = environment.get("PASSBACK_STAGE") in {None, "", "local"}
    if local_or_unsaid and not environment.get("AWS_ENDPOINT_URL"):
        stack = home.running_stack()
        if stack is not None:
            return local_environment(home, stack, environment)
        if environment.get("PASSBACK_STAGE") == "local" or not _aws_is_configured(environment):
            raise CommandFailed(
                "no_stack",
                f"No local stack runs from {home.path} and no AWS is configured: start one with `passback serve`. "
                "For a deployed stage name your AWS credentials (AWS_PROFILE), then let `. .chalice/STAGE.env`, which "
                "`passback setup` writes, set AWS_REGION, PASSBACK_STAGE, PASSBACK_TABLE and PASSBACK_KMS_KEY.",
            )
    result = dict(environment)
    if environment.get("PASSBACK_STAGE") == "local" and home.key_file.exists():
        result.setdefault("PASSBACK_KEY_FILE", str(home.key_file))
    return result


def _aws_is_configured(environment: Mapping[str, str]) -> bool:
    if any(environment.get(name) for name in _AWS_VARIABLES):
        return True
    folder = Path(environment.get("HOME", "")) / ".aws"
    return bool(environment.get("HOME")) and any((folder / name).exists() for name in ("config", "credentials"))


def _is_alive(process_id: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(process_id, 0)
        except PermissionError:
            return True  # somebody else's process: the engine's port decides
        return True
    return False


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False
