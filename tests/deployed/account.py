"""An AWS account on this machine: MiniStack, with the rights of roles enforced, and a stack put up in it."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from engine import Engine, running_engine

from passback.packaging.build import ROOT, Package, build

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

STAGE = "local"
"""The stage that may call a platform on loopback by plain http, and no other difference."""
STACK = f"passback-{STAGE}"
BUCKET = "artefacts"
MACHINE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
NO_METRIC_MATH = {"ShareAlarms": "no"}
"""MiniStack knows none, and fails the whole stack for it; a unit test works out the expression of such an alarm."""
HURRY = {"PASSBACK_FIRST_WAIT": "1", "PASSBACK_LONGEST_WAIT": "2"}


@dataclass(frozen=True)
class Account:
    """The account, and the stack in it."""

    engine: Engine
    outputs: dict[str, str]
    package: Package

    def client(self, service: str) -> Any:
        """Make a client of the account's owner, who may do everything."""
        return client(self.engine, service)

    @property
    def table(self) -> "DynamoDBClient":
        made: DynamoDBClient = self.client("dynamodb")
        return made

    @property
    def queues(self) -> "SQSClient":
        made: SQSClient = self.client("sqs")
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What an operator sets to work with this stage."""
        return {
            **self.engine.environment,
            "PASSBACK_STAGE": STAGE,
            "PASSBACK_TABLE": self.outputs["TableName"],
            "PASSBACK_KMS_KEY": self.outputs["KeyAlias"],
            "PASSBACK_QUEUE": self.outputs["QueueName"],
            "PASSBACK_DEAD_LETTER_QUEUE": self.outputs["DeadLetterQueueName"],
        }

    @property
    def host(self) -> str:
        """The API's host, as a tool names it."""
        return f"{self.outputs['RestAPIId']}.execute-api.127.0.0.1:{self.engine.endpoint.rpartition(':')[2]}"

    @property
    def outcome_url(self) -> str:
        return f"https://{self.host}/api/outcomes"

    @property
    def key_set_url(self) -> str:
        """The key set under a name that needs no resolver."""
        path = f"/restapis/{self.outputs['RestAPIId']}/api/_user_request_/.well-known/jwks.json"
        return f"{self.engine.endpoint}{path}"

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function as AWS does, and wait for its end."""
        return dict(self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event)))

    def log(self, group: str) -> list[str]:
        """Return what a function has written."""
        logs = self.client("logs")
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def client(engine: Engine, service: str) -> Any:
    make: Any = boto3.client  # its stubs know services by literal names only
    return make(
        service,
        endpoint_url=engine.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextmanager
def deployed_account(folder: Path) -> Iterator[Account]:
    """Pack a stage as ``make package`` does, and put it up in an account of its own."""
    work = ROOT / "build" / f"package-test-{MACHINE}"
    package = build(STAGE, folder / "dist", work, architecture=MACHINE, region="us-east-1", settings=HURRY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")  # MiniStack's: what a role may not do is refused
        patch.setenv("CLOUDTRAIL_RECORDING", "1")
        patch.setenv("CLOUDTRAIL_MAX_EVENTS", "100000")
        for name in [name for name in os.environ if name.startswith(("AWS_", "PASSBACK_"))]:
            patch.delenv(name)
        with running_engine(folder) as engine:
            yield Account(engine, put_up(engine, package), package)


def put_up(
    engine: Engine, package: Package, kind: Literal["CREATE", "UPDATE"] = "CREATE", **given: str
) -> dict[str, str]:
    """Do what ``aws cloudformation package`` and ``deploy`` do; returns the stack's outputs."""
    s3 = client(engine, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="code.zip", Body=package.archive.read_bytes())
    template = json.loads(package.template.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            assert resource["Properties"]["CodeUri"] == f"./{package.archive.name}"
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/code.zip"
            told = resource["Properties"]["Environment"]["Variables"]
            told["AWS_SDK_UA_APP_ID"] = resource["Properties"]["FunctionName"]  # says in each call whose it is
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())
    cloudformation, waiting = client(engine, "cloudformation"), {"Delay": 1, "MaxAttempts": 30}
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=kind.lower(),
        ChangeSetType=kind,
        TemplateURL=f"{engine.endpoint}/{BUCKET}/template.json",
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in {**NO_METRIC_MATH, **given}.items()
        ],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName=STACK, ChangeSetName=kind.lower(), WaiterConfig=waiting
    )
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName=kind.lower())
    cloudformation.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName=STACK, WaiterConfig=waiting)
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}
