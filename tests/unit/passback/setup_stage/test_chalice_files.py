"""What is written for Chalice: the stage, least rights, nobody else's settings touched."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from chalice.cli.factory import CLIFactory

from chalicelib.delivery.sqs import WORKER_SECONDS
from passback.failures import CommandFailed
from passback.packaging.build import ROOT
from passback.setup.domain import Domain
from passback.setup.project import (
    Choices,
    FileChange,
    file_changes,
    network_parameters,
    read_config,
    read_functions,
    write,
)
from passback.setup.references import values_of
from passback.setup.template import LARGEST_BODY, read_parameters, read_template

STACK = "arn:aws:cloudformation:eu-central-1:111122223333:stack/passback-prod-data/1"
OUTPUTS = {
    "TableName": "passback-prod",
    "QueueName": "passback-prod.fifo",
    "DeadLetterQueueName": "passback-prod-dead.fifo",
    "KeyAlias": "alias/passback-prod",
    **{f"{name}Arn": f"arn:aws:x:{name}" for name in ("Table", "Queue", "DeadLetterQueue", "Key")},
    **{f"{name}LogArn": f"arn:aws:logs:{name}:*" for name in ("Api", "Deliver", "EachMinute")},
}
DOMAIN = Domain("grades.example.edu", "arn:aws:acm:eu-central-1:1:certificate/a")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (".chalice", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("deploy*"))
    return tmp_path


def changes(project: Path, choices: Choices | None = None, stage: str = "prod") -> list[FileChange]:
    chosen = choices or Choices()
    config, template = read_config(project), read_template(project)
    parameters, conditions = network_parameters(config, stage, chosen)
    parameters |= dict.fromkeys((name for name in template.document["Parameters"] if name != "Stage"), "")
    conditions |= dict.fromkeys((name for name in template.document.get("Conditions", {})), False)
    values = values_of(template.document, OUTPUTS, {"Stage": stage, **parameters}, STACK, conditions)
    return file_changes(project, config, read_functions(project), stage, values, chosen)


def written(project: Path, choices: Choices | None = None, stage: str = "prod") -> dict[str, Any]:
    write(changes(project, choices, stage))
    found: dict[str, Any] = json.loads((project / ".chalice" / "config.json").read_text())["stages"][stage]
    return found


def test_chalice_reads_what_the_stage_needs(project: Path) -> None:
    written(project)
    config = CLIFactory(str(project), environ={}).create_config_obj("prod")
    assert (config.api_gateway_endpoint_type, config.api_gateway_stage, config.autogen_policy) == (
        "REGIONAL",
        "api",
        False,
    )
    policies, limits = {}, {}
    for name in ("api_handler", "deliver", "each_minute"):
        scoped = config.scope("prod", name)
        policies[name], limits[name] = scoped.iam_policy_file, (scoped.lambda_memory_size, scoped.lambda_timeout)
        assert (project / ".chalice" / scoped.iam_policy_file).exists()
    assert len(set(policies.values())) == 3
    assert limits == {
        "api_handler": (1024, 29),
        "deliver": (1024, WORKER_SECONDS),
        "each_minute": (1024, WORKER_SECONDS),
    }
    told = config.environment_variables
    assert told["PASSBACK_KMS_KEY"] == OUTPUTS["KeyArn"]
    assert told["PASSBACK_WORKER_CONCURRENCY"] == "20"
    assert "PASSBACK_PUBLIC_URLS" not in told


def test_policies_are_those_of_the_whole_template_with_this_stacks_names(project: Path) -> None:
    written(project)
    functions = read_functions(project)["Resources"]
    for role, name in (("ApiHandlerRole", "api"), ("DeliverRole", "deliver"), ("EachMinuteRole", "each-minute")):
        told = json.loads((project / ".chalice" / f"policy-prod-{name}.json").read_text())["Statement"]
        said = [
            one for each in functions[role]["Properties"]["Policies"] for one in each["PolicyDocument"]["Statement"]
        ]
        assert [one["Action"] for one in told] == [one["Action"] for one in said]
        for statement in told:
            resources = statement["Resource"]
            for resource in [resources] if isinstance(resources, str) else resources:
                assert resource.removesuffix("/index/listing") in OUTPUTS.values()


def test_other_stages_and_the_operators_own_settings_stay(project: Path) -> None:
    path = project / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["stages"]["prod"] = {
        "lambda_memory_size": 2048,
        "tags": {"cost": "grades"},
        "environment_variables": {
            "PASSBACK_SHARDS": "8",
            "PASSBACK_TABLE": "another",
            "PASSBACK_WORKER_CONCURRENCY": "9",
        },
        "lambda_functions": {"deliver": {"lambda_timeout": 120, "xray": True}, "their_own": {"lambda_timeout": 5}},
    }
    path.write_text(json.dumps(config))
    stage = written(project)
    assert (stage["lambda_memory_size"], stage["tags"]) == (2048, {"cost": "grades"})
    variables = stage["environment_variables"]
    assert (variables["PASSBACK_SHARDS"], variables["PASSBACK_WORKER_CONCURRENCY"]) == ("8", "9")
    assert variables["PASSBACK_TABLE"] == "passback-prod"
    deliver = {"lambda_timeout": 120, "xray": True, "iam_policy_file": "policy-prod-deliver.json"}
    assert stage["lambda_functions"]["deliver"] == deliver
    assert stage["lambda_functions"]["their_own"] == {"lambda_timeout": 5}
    now = json.loads(path.read_text())
    assert now["stages"]["dev"] == config["stages"]["dev"]
    assert {name: now[name] for name in now if name != "stages"} == {
        name: config[name] for name in config if name != "stages"
    }


def test_what_differs_is_told_and_a_second_time_nothing_does(project: Path) -> None:
    assert next(one for one in changes(project) if one.path.name == "config.json").differences == ("stages.prod: new",)
    written(project)
    assert changes(project) == []
    (only,) = changes(project, Choices(worker_concurrency=5))
    assert only.differences == ('stages.prod.environment_variables.PASSBACK_WORKER_CONCURRENCY: "20" -> "5"',)


def test_the_stage_of_the_repository_can_be_written_anew(project: Path) -> None:
    before = json.loads((project / ".chalice" / "config.json").read_text())["stages"]["dev"]
    stage = written(project, stage="dev")
    assert before.keys() <= stage.keys()
    assert stage["lambda_functions"]["api_handler"] == {"iam_policy_file": "policy-dev-api.json"}


def test_a_domain_is_told_to_chalice_and_to_the_functions_and_stays(project: Path) -> None:
    stage = written(project, Choices(domain=DOMAIN, public_urls=("https://old.example.edu/x",)))
    assert stage["api_gateway_custom_domain"] == {
        "tls_version": "TLS_1_2",
        "domain_name": DOMAIN.name,
        "certificate_arn": DOMAIN.certificate,
    }
    urls = stage["environment_variables"]["PASSBACK_PUBLIC_URLS"]
    assert urls == "https://grades.example.edu https://old.example.edu/x"
    assert changes(project) == []
    stage = written(project, Choices(public_urls=()))
    assert stage["environment_variables"]["PASSBACK_PUBLIC_URLS"] == "https://grades.example.edu"


def described(project: Path, stage: dict[str, Any], **of_all: str) -> None:
    """Let the operator have written this for stage prod, and for all stages."""
    path = project / ".chalice" / "config.json"
    config = json.loads(path.read_text()) | of_all
    config["stages"]["prod"] = stage
    path.write_text(json.dumps(config))


def test_a_new_stage_runs_on_arm(project: Path) -> None:
    described(project, {"environment_variables": {"PASSBACK_SHARDS": "8"}})
    assert written(project)["lambda_architecture"] == "arm64"
    assert CLIFactory(str(project), environ={}).create_config_obj("prod").lambda_architecture == "arm64"
    assert changes(project) == []
    assert written(project, Choices(architecture="x86_64"))["lambda_architecture"] == "x86_64"
    assert changes(project) == []


def test_another_processor_for_a_new_stage_is_kept(project: Path) -> None:
    assert written(project, Choices(architecture="x86_64"), "other")["lambda_architecture"] == "x86_64"
    described(project, {"lambda_architecture": "x86_64"})
    assert written(project)["lambda_architecture"] == "x86_64"
    described(project, {}, lambda_architecture="x86_64")
    assert written(project)["lambda_architecture"] == "x86_64"


def test_a_stage_that_was_set_up_before_keeps_its_processor(project: Path) -> None:
    stage = written(project)
    del stage["lambda_architecture"]
    described(project, stage)
    assert changes(project) == []
    assert written(project, Choices(architecture="arm64"))["lambda_architecture"] == "arm64"


def test_functions_that_are_there_keep_their_processor(project: Path) -> None:
    (project / ".chalice" / "deployed").mkdir()
    (project / ".chalice" / "deployed" / "prod.json").write_text("{}")
    assert "lambda_architecture" not in written(project)


def test_a_shell_reads_the_variables(project: Path) -> None:
    written(project, Choices(domain=DOMAIN, public_urls=("https://old.example.edu/$(x)'",)))
    lines = (project / ".chalice" / "prod.env").read_text().splitlines()
    assert lines[:2] == ["export AWS_REGION=eu-central-1", "export AWS_DEFAULT_REGION=eu-central-1"]
    assert "export PASSBACK_KMS_KEY=alias/passback-prod" in lines
    assert lines[-1] == """export PASSBACK_PUBLIC_URLS='https://grades.example.edu https://old.example.edu/$(x)'"'"''"""


def test_a_shell_of_another_stage_forgets_what_this_one_has_not(project: Path) -> None:
    written(project)
    script = ". .chalice/prod.env; echo ${PASSBACK_PUBLIC_URLS-none} ${PASSBACK_PREVIOUS_KMS_KEY-none} $PASSBACK_STAGE"
    other = {"PASSBACK_PUBLIC_URLS": "https://other", "PASSBACK_PREVIOUS_KMS_KEY": "old", "PASSBACK_STAGE": "other"}
    told = subprocess.run(["bash", "-euc", script], cwd=project, env=other, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["none", "none", "prod"]


def test_how_many_answer_at_once_can_be_limited_for_good(project: Path) -> None:
    described(project, {"lambda_functions": {"api_handler": {"reserved_concurrency": 50}}})
    written(project)
    config = CLIFactory(str(project), environ={}).create_config_obj("prod")
    assert config.scope("prod", "api_handler").reserved_concurrency == 50
    assert config.scope("prod", "deliver").reserved_concurrency is None


@pytest.mark.parametrize("text", ["{", "[]", '{"stages": {"dev": []}}', '{"stages": 1}'])
def test_a_broken_configuration_is_not_written_over(project: Path, text: str) -> None:
    path = project / ".chalice" / "config.json"
    path.write_text(text)
    with pytest.raises(CommandFailed, match=r"is not JSON|is not a configuration of Chalice"):
        read_config(project)
    assert path.read_text() == text


@pytest.mark.parametrize("missing", [".chalice", "infra"])
def test_another_folder_is_told_from_the_projects(project: Path, missing: str) -> None:
    shutil.rmtree(project / missing)
    with pytest.raises(CommandFailed, match="is not the folder of Passback's code"):
        read_config(project)


def test_the_repositorys_configuration_is_in_the_form_that_setup_writes() -> None:
    text = (ROOT / ".chalice" / "config.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_chalices_note_of_a_deployment_can_be_kept_in_the_repository() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", ".chalice/deployed/prod.json", ".chalice/deployments/x.zip"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ignored.returncode not in (0, 1):
        pytest.skip("this is no repository of git")
    assert ignored.stdout.split() == [".chalice/deployments/x.zip"]


def test_the_template_fits_into_a_request() -> None:
    assert len(read_template(ROOT).body.encode()) <= LARGEST_BODY


def test_parameters_are_those_of_the_template() -> None:
    template = read_template(ROOT)
    assert read_parameters(["LogRetentionDays=90"], template) == {"LogRetentionDays": "90"}
    for wrong in ("LogRetentionDays", "Stage=x", "Nothing=1"):
        with pytest.raises(CommandFailed, match="is no parameter: write NAME=VALUE"):
            read_parameters([wrong], template)
    kept = template.parameters("prod", {"LogRetentionDays": "90"}, {"Stage": "prod", "AlarmEmail": "x@example.edu"})
    assert {"ParameterKey": "AlarmEmail", "UsePreviousValue": True} in kept
    assert {"ParameterKey": "LogRetentionDays", "ParameterValue": "90"} in kept
    assert [one for one in kept if one["ParameterKey"] == "Stage"] == [
        {"ParameterKey": "Stage", "ParameterValue": "prod"}
    ]
