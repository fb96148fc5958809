"""What ``passback setup`` writes for Chalice: the stage in ``.chalice/config.json``, its policies, its variables."""

import json
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.delivery.sqs import WORKER_SECONDS
from passback.failures import CommandFailed
from passback.packaging.stage import ARCHITECTURES, ENVIRONMENT
from passback.setup.domain import Domain
from passback.setup.references import Values, resolve

Document = dict[str, Any]

ROLES = {"api_handler": "ApiHandlerRole", "deliver": "DeliverRole", "each_minute": "EachMinuteRole"}
"""Chalice's name of each function, and the role of infra/functions.json that says what it may do."""
_FILES = {"api_handler": "api", "deliver": "deliver", "each_minute": "each-minute"}
_USUAL = {
    "api_gateway_stage": "api",
    "api_gateway_endpoint_type": "REGIONAL",
    "lambda_memory_size": 1024,
    "lambda_timeout": 29,
}
"""What a stage gets unless somebody has said otherwise, for the stage or for all."""
_NEW = {"lambda_architecture": ARCHITECTURES[0]}
"""What only a new stage gets: functions that are there are not moved to another processor unasked."""
_PUBLIC_URLS, _CONCURRENCY = "PASSBACK_PUBLIC_URLS", "PASSBACK_WORKER_CONCURRENCY"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen on the command line for Chalice; None: as it is, or the usual."""

    domain: Domain | None = None
    public_urls: tuple[str, ...] | None = None
    worker_concurrency: int | None = None
    architecture: str | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is to be written, and what differs in it."""

    path: Path
    content: str
    differences: tuple[str, ...]


def read_config(project: Path) -> Document:
    """Read Chalice's configuration.

    Raises
    ------
    CommandFailed
        If there is none, or it cannot be read: then this is not the folder of Passback's code.
    """
    path = project / ".chalice" / "config.json"
    try:
        (project / "infra" / "template.json").stat()
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CommandFailed(
            "no_project",
            f"{project} is not the folder of Passback's code, from which `chalice deploy` is run too: go there, or "
            "name it "
            "with --project-dir.",
        ) from None
    except ValueError as problem:
        raise CommandFailed(
            "bad_config", f"{path} is not JSON ({problem}): put it right, then run this again."
        ) from None
    stages = stored.get("stages", {}) if isinstance(stored, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(each, dict) for each in stages.values()):
        raise CommandFailed("bad_config", f"{path} is not a configuration of Chalice: its stages are no JSON objects.")
    return dict(stored)


def read_functions(project: Path) -> Document:
    """Read ``infra/functions.json``: who may do what."""
    return dict(json.loads((project / "infra" / "functions.json").read_text(encoding="utf-8")))


def stored_domain(config: Mapping[str, Any], stage: str) -> Domain | None:
    """Return the domain that a stage has already."""
    custom = config.get("stages", {}).get(stage, {}).get("api_gateway_custom_domain") or {}
    name = custom.get("domain_name")
    return Domain(name, custom.get("certificate_arn", "")) if name else None


def network_parameters(
    config: Mapping[str, Any], stage: str, choices: Choices
) -> tuple[dict[str, str], dict[str, bool]]:
    """Return what a stage of Chalice says of names, as parameters and condition of infra/functions.json."""
    domain = choices.domain or stored_domain(config, stage)
    stored = config.get("stages", {}).get(stage, {}).get("environment_variables", {}).get(_PUBLIC_URLS, "").split()
    urls = list(choices.public_urls) if choices.public_urls is not None else stored
    own = f"https://{domain.name}" if domain else ""
    others = " ".join(url for url in urls if url != own)
    return {"DomainName": domain.name if domain else "", "PublicUrls": others}, {"HasDomain": domain is not None}


def stored_key(config: Mapping[str, Any], stage: str) -> str | None:
    """Return the KMS key that a stage's functions have sealed with, if Chalice was told one."""
    found = config.get("stages", {}).get(stage, {}).get("environment_variables", {}).get("PASSBACK_KMS_KEY")
    return str(found) if found else None


def master_keys(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the KMS keys that a stack was told of; a stack of before it could be told has its own only."""
    return {name: parameters.get(name, "") for name in ("MasterKeyArn", "PreviousMasterKeyArn")}


def file_changes(
    project: Path, config: Mapping[str, Any], functions: Mapping[str, Any], stage: str, values: Values, choices: Choices
) -> list[FileChange]:
    """Return the files that differ from what the stack says, with their new content."""
    folder = project / ".chalice"
    wanted: dict[Path, str] = {}
    for function, role in ROLES.items():
        policies = functions["Resources"][role]["Properties"]["Policies"]
        statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
        policy = {"Version": "2012-10-17", "Statement": resolve(statements, values)}
        wanted[folder / policy_file(stage, function)] = _text(policy)
    wanted[folder / f"{stage}.env"] = operator_variables(values)
    usual = _USUAL | _NEW if _is_new(project, config, stage) else _USUAL
    new = _configured(config, functions, stage, usual, values, choices)
    wanted[folder / "config.json"] = _text(new)
    changes = []
    for path, content in wanted.items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        same = json.loads(before) == json.loads(content) if before and path.suffix == ".json" else before == content
        if not same:
            differences = tuple(_differences(config, new)) if path.name == "config.json" else ()
            changes.append(FileChange(path, content, differences))
    return changes


def write(changes: list[FileChange]) -> None:
    """Write the files, each whole or not at all; the configuration last, as it names the others."""
    for change in changes:
        handle, name = tempfile.mkstemp(dir=change.path.parent, prefix=f".{change.path.name}")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(change.content)
            mode = change.path.stat().st_mode & 0o777 if change.path.exists() else 0o644
            Path(name).chmod(mode)
            Path(name).replace(change.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def policy_file(stage: str, function: str) -> str:
    """Return the name of a function's policy file, below ``.chalice``."""
    return f"policy-{stage}-{_FILES[function]}.json"


def operator_variables(values: Values) -> str:
    """Return what an operator's shell reads; no secret is in it.

    What the stage does not have is taken away: the shell may have it from another stage.
    """
    settings = {
        "AWS_REGION": values.text("AWS::Region"),
        # Chalice reads this one only.
        "AWS_DEFAULT_REGION": values.text("AWS::Region"),
        **_settings(values),
        "PASSBACK_KMS_KEY": values.text("SecretsKeyAlias"),
    }
    return "".join(
        f"export {name}={shlex.quote(text)}\n" if text else f"unset {name}\n" for name, text in settings.items()
    )


def _settings(values: Values) -> dict[str, str]:
    """Return what the functions are told of the stack, as in the whole template."""
    return {name: str(resolve(value, values)).strip() for name, value in ENVIRONMENT.items()}


def _is_new(project: Path, config: Mapping[str, Any], stage: str) -> bool:
    """Tell whether a stage was neither set up nor deployed from here, whatever its operator has written for it."""
    described = config.get("stages", {}).get(stage, {}).get("lambda_functions", {}).get("api_handler", {})
    deployed = project / ".chalice" / "deployed" / f"{stage}.json"
    return described.get("iam_policy_file") != policy_file(stage, "api_handler") and not deployed.exists()


def _configured(
    config: Mapping[str, Any],
    functions: Mapping[str, Any],
    stage: str,
    usual: Mapping[str, Any],
    values: Values,
    choices: Choices,
) -> Document:
    """Return the configuration with the stage as it has to be; whatever else stands in it stays."""
    stages = config.get("stages", {})
    before = stages.get(stage, {})
    after: Document = {name: config.get(name, value) for name, value in usual.items()} | before
    after["autogen_policy"] = False
    if choices.architecture is not None:
        after["lambda_architecture"] = choices.architecture
    if choices.domain is not None:
        kept = before.get("api_gateway_custom_domain", {})
        after["api_gateway_custom_domain"] = {
            "tls_version": "TLS_1_2",
            **kept,
            "domain_name": choices.domain.name,
            "certificate_arn": choices.domain.certificate,
        }
    variables = {**before.get("environment_variables", {}), **_settings(values)}
    workers = str(functions["Parameters"]["WorkerConcurrency"]["Default"])
    chosen = choices.worker_concurrency
    variables[_CONCURRENCY] = str(chosen) if chosen is not None else variables.get(_CONCURRENCY, workers)
    after["environment_variables"] = {name: text for name, text in variables.items() if text or name not in ENVIRONMENT}
    described = dict(before.get("lambda_functions", {}))
    for function in ROLES:
        limits = {} if function == "api_handler" else {"lambda_timeout": WORKER_SECONDS}
        described[function] = {**limits, **described.get(function, {}), "iam_policy_file": policy_file(stage, function)}
    after["lambda_functions"] = described
    return {**config, "stages": {**stages, stage: after}}


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Say what differs, by path."""
    if before is None and isinstance(after, dict):
        yield f"{path}: new"
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        if before != after:
            yield f"{path}: {_short(before)} -> {_short(after)}"
        return
    for name in {**before, **after}:
        yield from _differences(before.get(name), after.get(name), f"{path}.{name}".lstrip("."))


def _short(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
