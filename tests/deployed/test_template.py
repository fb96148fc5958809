"""The template, held to the code: the same table and queues, no more rights than the code has calls."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.delivery.sqs import WORKER_SECONDS, create_queues
from chalicelib.storage import schema
from passback.failures import CommandFailed
from passback.packaging.build import ROOT, build
from passback.packaging.stage import FUNCTIONS, chalice_config, check_stage, merge_template

ROLES = {"APIHandler": "ApiHandlerRole", "Deliver": "DeliverRole", "EachMinute": "EachMinuteRole"}
TEMPLATE = merge_template(ROOT / "infra", "prod")
RESOURCES = TEMPLATE["Resources"]
DATA = json.loads((ROOT / "infra" / "template.json").read_text())
POLLING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda does with the worker's role before the worker runs (AWS Lambda, "Using Lambda with Amazon SQS")."""


class Recorder:
    """Stands for any AWS client: remembers what it was asked for, and agrees to everything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_args: Any, **fields: Any) -> Any:
            self.asked.append((name, fields))
            if name == "describe_time_to_live":
                return {"TimeToLiveDescription": {}}
            if name == "get_queue_attributes":
                return {"Attributes": {"QueueArn": "arn"}}
            return {"QueueUrl": "url"} if name == "create_queue" else Recorder()

        return call


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def test_the_table_is_the_one_that_the_code_makes() -> None:
    client: Any = Recorder()
    schema.create(client, "x")
    created = next(fields for name, fields in client.asked if name == "create_table")
    declared = properties("Table")
    for name in created.keys() - {"TableName"}:
        assert declared[name] == created[name], name
    ttl = next(fields for name, fields in client.asked if name == "update_time_to_live")
    assert declared["TimeToLiveSpecification"] == ttl["TimeToLiveSpecification"]


def test_the_table_outlives_mistakes() -> None:
    declared = properties("Table")
    assert declared["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert declared["DeletionProtectionEnabled"] is True
    assert declared["SSESpecification"] == {"SSEEnabled": True}
    for name in ("Table", "SecretsKey"):
        assert (RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_queues_are_those_that_the_code_makes() -> None:
    client: Any = Recorder()
    create_queues(client, "main.fifo", "dead.fifo")
    made = {fields["QueueName"]: fields["Attributes"] for name, fields in client.asked if name == "create_queue"}
    for resource, name in (("Deliveries", "main.fifo"), ("DeadLetters", "dead.fifo")):
        declared = properties(resource)
        for attribute, value in made[name].items():
            if attribute == "RedrivePolicy":
                redrive = declared[attribute]
                assert redrive["maxReceiveCount"] == json.loads(value)["maxReceiveCount"]
                assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
            else:
                assert str(declared[attribute]).lower() == value, attribute


def statements(role: str) -> Iterator[tuple[set[str], str]]:
    for policy in properties(role)["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            yield set(statement["Action"]), json.dumps(statement["Resource"])


OWN_KEY = {"Fn::GetAtt": ["SecretsKey", "Arn"]}
KEY = {"Fn::If": ["HasMasterKey", {"Ref": "MasterKeyArn"}, OWN_KEY]}
KEYS = {
    json.dumps(KEY): {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"},
    json.dumps({"Fn::If": ["HasPreviousMasterKey", {"Ref": "PreviousMasterKeyArn"}, KEY]}): {"kms:Decrypt"},
}
"""The key in use, and what the key before may still be used for; where there is none, that gives nothing more."""


@pytest.mark.parametrize("role", ROLES.values())
def test_a_role_is_for_resources_of_the_stack_by_name(role: str) -> None:
    for actions, resource in statements(role):
        assert "*" not in resource + "".join(actions)
        if resource in KEYS:
            assert actions == KEYS[resource]
            continue
        assert re.fullmatch(
            r'\{"Fn::GetAtt": \["\w+", "Arn"\]\}|\{"Fn::Sub": "\$\{Table\.Arn\}/index/listing"\}', resource
        )


def calls(*files: str) -> set[str]:
    """Return the operations of AWS that our code calls in these files, in the words of IAM."""
    transaction = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
    found = set()
    for file in files:
        for name in re.findall(r"client\.([a-z_]+)\(", (ROOT / "chalicelib" / file).read_text()):
            action = "".join(word.title() for word in name.split("_"))
            found |= transaction if action.startswith("Transact") else {action}
    return found


def test_the_roles_together_may_do_what_the_code_does_and_no_more() -> None:
    granted = set().union(*(actions for role in ROLES.values() for actions, _ in statements(role)))
    table = {f"dynamodb:{name}" for name in calls("storage/table.py")} - {"dynamodb:BatchWriteItem"}  # imports only
    queues = {"sqs:GetQueueUrl", "sqs:SendMessage"} | POLLING
    key = {f"kms:{name}" for name in calls("storage/kms.py")}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert granted == table | queues | key | logs
    assert {"SendMessage", "GetQueueUrl"} <= calls("delivery/sqs.py")


def test_what_one_function_does_not_do_its_role_may_not() -> None:
    granted = {
        name: {(action, resource) for actions, resource in statements(role) for action in actions}
        for name, role in ROLES.items()
    }
    by_name = {name: {action for action, _ in pairs} for name, pairs in granted.items()}
    assert not POLLING & (by_name["APIHandler"] | by_name["EachMinute"])
    assert not {action for action in by_name["EachMinute"] if action.startswith("kms:")}
    for name in FUNCTIONS:
        buries = {action for action, resource in granted[name] if "DeadLetters" in resource}
        assert buries == ({"sqs:GetQueueUrl", "sqs:SendMessage"} if name == "Deliver" else set())


def test_the_functions_are_told_all_that_the_stack_has() -> None:
    for function in FUNCTIONS:
        told = properties(function)["Environment"]["Variables"]
        assert told.keys() == {
            "PASSBACK_STAGE",
            "PASSBACK_TABLE",
            "PASSBACK_KMS_KEY",
            "PASSBACK_PREVIOUS_KMS_KEY",
            "PASSBACK_QUEUE",
            "PASSBACK_DEAD_LETTER_QUEUE",
            "PASSBACK_PUBLIC_URLS",
        }
    assert Settings.from_environment({"PASSBACK_PUBLIC_URLS": "https://grades.example.edu "}).public_urls == (
        "https://grades.example.edu",
    )


def test_functions_and_alias_lead_to_one_and_the_same_key() -> None:
    for function in FUNCTIONS:
        told = properties(function)["Environment"]["Variables"]
        assert told["PASSBACK_KMS_KEY"] == KEY
        assert told["PASSBACK_PREVIOUS_KMS_KEY"] == {"Ref": "PreviousMasterKeyArn"}
    assert properties("SecretsKeyAlias")["TargetKeyId"] == {
        "Fn::If": ["HasMasterKey", {"Ref": "MasterKeyArn"}, {"Ref": "SecretsKey"}]
    }


def test_each_function_writes_to_the_log_that_the_stack_keeps() -> None:
    for function, log in {"APIHandler": "ApiLog", "Deliver": "DeliverLog", "EachMinute": "EachMinuteLog"}.items():
        name = properties(function)["FunctionName"]["Fn::Sub"]
        assert properties(log)["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{name}"}
        assert log in RESOURCES[function]["DependsOn"]
        assert log in json.dumps(properties(ROLES[function]))


def test_what_data_is_kept_in_can_stand_alone() -> None:
    mentioned = set(re.findall(r'"(?:Ref": |Fn::GetAtt": \[)"([A-Za-z]+)"', json.dumps(DATA)))
    assert mentioned <= DATA["Resources"].keys() | DATA["Parameters"].keys()
    assert not [one for one in DATA["Resources"].values() if "Serverless" in one["Type"]]
    assert set(DATA["Resources"]) <= set(RESOURCES)


def test_the_stage_of_a_package_cannot_be_changed_when_it_is_put_up() -> None:
    assert TEMPLATE["Parameters"]["Stage"]["AllowedValues"] == ["prod"]
    assert "AllowedValues" not in DATA["Parameters"]["Stage"]


def test_a_stages_own_settings_go_along() -> None:
    stored = json.loads((ROOT / ".chalice" / "config.json").read_text())
    stored["stages"]["prod"] = {
        "environment_variables": {"PASSBACK_SHARDS": "8", "PASSBACK_QUEUE": "another.fifo"},
        "lambda_functions": {"deliver": {"lambda_timeout": 60, "iam_policy_file": "theirs.json"}},
    }
    made = chalice_config(stored, "prod", "arm64", {"PASSBACK_FIRST_WAIT": "1"})
    assert made["lambda_architecture"] == "arm64"
    assert made["stages"]["prod"]["environment_variables"] == {
        "PASSBACK_SHARDS": "8",
        "PASSBACK_FIRST_WAIT": "1",
        "PASSBACK_QUEUE": "passback-prod.fifo",
    }
    assert made["stages"]["prod"]["lambda_functions"] == {"deliver": {"lambda_timeout": 60}}
    unknown = chalice_config(stored, "other", "arm64", {})["stages"]["other"]
    assert unknown["lambda_functions"]["deliver"]["lambda_timeout"] == WORKER_SECONDS


@pytest.mark.parametrize("name", ["", "Prod", "1st", "a_b", "a" * 25, "prod\n"])
def test_a_stages_name_is_looked_at_before_anything_is_built(name: str, tmp_path: Any) -> None:
    with pytest.raises(CommandFailed, match="stage's name"):
        build(name, tmp_path / "out", tmp_path / "work", architecture="arm64", region="eu-west-1")
    assert not list(tmp_path.iterdir())
    check_stage("prod")
