"""``passback setup`` on a local AWS: what it makes, twice; what it goes on with; what it refuses, and leaves alone."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import gateway_event

import app as app_module
from chalicelib import services as service_graph
from chalicelib.clock import SystemClock
from chalicelib.lti11.tools import Tool, Unmapped
from chalicelib.services import Services
from deployed.account import NO_METRIC_MATH
from deployed.checkout import Checkout, checkout
from passback.cli import cli
from passback.connection import connect_operator
from passback.outcome_message import XML_TYPE, OutcomeMessage, sign, write_pox
from passback.session import Session

pytestmark = pytest.mark.engine

STACK = "passback-prod-data"
BROKEN_QUEUE = {"DeadLetters": {"MessageRetentionPeriod": 1}}
"""SQS takes no fewer than 60 seconds."""
HERE = [word for name, value in NO_METRIC_MATH.items() for word in ("--parameter", f"{name}={value}")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with checkout(tmp_path_factory.mktemp("setup")) as one:
        yield one


@pytest.fixture(scope="module")
def first(place: Checkout) -> dict[str, Any]:
    """Set stage prod up."""
    return done(place, "--stage", "prod", "--yes")


def done(place: Checkout, *words: str) -> dict[str, Any]:
    result = setup(place, *words)
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refused(place: Checkout, *words: str, **variables: str) -> str:
    """Run what must fail; returns the one sentence, or few, that it says."""
    result = setup(place, *words, **variables)
    assert result.exit_code != 0
    assert "Traceback" not in result.stderr
    message: str = json.loads(result.stdout)["error"]["message"]
    return message


def setup(place: Checkout, *words: str, **variables: str) -> Result:
    """Run the command in this process, which takes a third of the time."""
    session = Session(environment={"PATH": "", "HOME": str(place.folder), **place.engine.environment, **variables})
    arguments = ["setup", *words, *([] if "--destroy" in words else HERE), "--json", "--project-dir", str(place.folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())  # commands set the AWS variables that botocore reads
        return CliRunner().invoke(cli, arguments, obj=session)


def status(place: Checkout, stack: str) -> str | None:
    stacks = place.client("cloudformation").describe_stacks()["Stacks"]
    return next((one["StackStatus"] for one in stacks if one["StackName"] == stack), None)


def written(place: Checkout) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.file("").iterdir() if path.is_file()}


def group(place: Checkout, name: str) -> dict[str, Any]:
    groups = place.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(one for one in groups if one["logGroupName"] == name)


def change_template(place: Checkout, properties: dict[str, dict[str, Any]]) -> None:
    path = place.folder / "infra" / "template.json"
    document = json.loads(path.read_text())
    for resource, changed in properties.items():
        document["Resources"][resource]["Properties"] |= changed
    path.write_text(json.dumps(document))


@pytest.fixture
def own_template(place: Checkout) -> Iterator[Checkout]:
    """Let a test change the template."""
    path = place.folder / "infra" / "template.json"
    kept = path.read_text()
    yield place
    path.write_text(kept)


def test_a_plan_makes_nothing(place: Checkout) -> None:
    document = done(place, "--stage", "planned", "--plan")
    assert {"Table", "Deliveries", "DeadLetters", "SecretsKey", "Dashboard"} <= {
        change["resource"] for change in document["changes"] if change["action"] == "make"
    }
    assert document["applied"] is False
    assert status(place, "passback-planned-data") is None
    assert not list(place.file("").glob("*planned*"))


def test_who_says_no_has_made_nothing(place: Checkout) -> None:
    result = place.run("passback", "setup", "--stage", "declined", text="n\n")
    assert result.returncode == 130
    assert "in account 000000000000, region us-east-1. Go on?" in result.stderr
    assert "Nothing was changed." in result.stderr
    nobody = place.run("passback", "setup", "--stage", "declined")
    assert nobody.returncode == 2
    assert "nobody here to ask: add --yes." in nobody.stderr
    assert status(place, "passback-declined-data") is None


def test_it_makes_what_chalice_does_not(place: Checkout, first: dict[str, Any]) -> None:
    table = place.client("dynamodb").describe_table(TableName="passback-prod")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    queues = place.client("sqs")
    for name in (first["outputs"]["QueueName"], first["outputs"]["DeadLetterQueueName"]):
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert (attributes["FifoQueue"], attributes["MessageRetentionPeriod"]) == ("true", "1209600")
    key = place.client("kms").describe_key(KeyId="alias/passback-prod")["KeyMetadata"]
    assert key["Arn"] == first["outputs"]["KeyArn"]
    alarms = place.client("cloudwatch").describe_alarms(AlarmNamePrefix="passback-prod")["MetricAlarms"]
    assert alarms
    assert first["next"][:2] == [f"cd {place.folder} && . .chalice/prod.env", "chalice deploy --stage prod"]


def test_the_policies_name_this_stack_and_nothing_beside(place: Checkout, first: dict[str, Any]) -> None:
    arns = [value for name, value in first["outputs"].items() if name.endswith("Arn")]
    for name in ("api", "deliver", "each-minute"):
        policy = json.loads(place.file(f"policy-prod-{name}.json").read_text())
        for statement in policy["Statement"]:
            resource = statement["Resource"].removesuffix("/index/listing")
            assert resource in arns
            # A log group's ARN is that of its streams, by its end: it names the group whole.
            assert "*" not in resource.removesuffix(":*") + "".join(statement["Action"])


def test_a_second_time_there_is_nothing_to_do(place: Checkout, first: dict[str, Any]) -> None:
    before = written(place)
    again = place.run("passback", "setup", "--stage", "prod")
    assert "Nothing to do: the stage is as it has to be." in again.stdout, again.stderr
    assert again.returncode == 0
    document = done(place, "--stage", "prod", "--plan")
    assert (document["changes"], document["files"], document["applied"]) == ([], [], False)
    assert written(place) == before
    assert first["outputs"] == done(place, "--stage", "prod", "--yes")["outputs"]


def test_it_is_not_made_a_second_time_elsewhere(place: Checkout, first: dict[str, Any]) -> None:
    before = written(place)
    for words in (("--plan",), ("--destroy", "--confirm", "prod")):
        said = refused(place, "--stage", "prod", *words, AWS_REGION="eu-west-1")
        assert said.startswith("Stage prod is in region us-east-1, as .chalice says")
    assert written(place) == before


def test_a_removed_queue_is_named_and_the_command_that_is_said_brings_it_back(
    place: Checkout, first: dict[str, Any]
) -> None:
    queues, name = place.client("sqs"), first["outputs"]["QueueName"]
    url = queues.get_queue_url(QueueName=name)["QueueUrl"]
    before = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    queues.delete_queue(QueueUrl=url)
    said = refused(place, "--stage", "prod", "--yes")
    assert f"CloudFormation does not notice. Queue {name} was removed: make it again" in said
    words = shlex.split(said[said.index("`") + 1 : said.rindex("`")])
    assert words[:5] == ["aws", "sqs", "create-queue", "--queue-name", name]
    queues.create_queue(QueueName=name, Attributes=json.loads(words[words.index("--attributes") + 1]))
    after = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {key: after[key] for key in after if "Timestamp" not in key} == {
        key: before[key] for key in before if "Timestamp" not in key
    }
    assert done(place, "--stage", "prod", "--plan")["changes"] == []


def test_the_command_line_works_with_what_was_made(place: Checkout, first: dict[str, Any]) -> None:
    script = """
      . .chalice/prod.env
      printf secret | passback tool add --key a-tool --secret-stdin
      passback tool list
      passback status
    """
    result = place.shell(script)
    assert result.returncode == 0, result.stderr
    assert "a-tool" in result.stdout


def test_one_setting_is_changed_and_the_rest_stays(place: Checkout, first: dict[str, Any]) -> None:
    config = json.loads(place.file("config.json").read_text())
    config["stages"]["prod"]["environment_variables"]["PASSBACK_SHARDS"] = "8"
    config["stages"]["prod"]["tags"] = {"cost": "grades"}
    place.file("config.json").write_text(json.dumps(config))
    document = done(
        place, "--stage", "prod", "--yes", "--parameter", "LogRetentionDays=90", "--worker-concurrency", "5"
    )
    assert {change["resource"] for change in document["changes"]} == {"ApiLog", "DeliverLog", "EachMinuteLog"}
    assert document["files"] == [
        {
            "path": ".chalice/config.json",
            "differences": ['stages.prod.environment_variables.PASSBACK_WORKER_CONCURRENCY: "20" -> "5"'],
        }
    ]
    config["stages"]["prod"]["environment_variables"]["PASSBACK_WORKER_CONCURRENCY"] = "5"
    assert json.loads(place.file("config.json").read_text()) == config
    assert group(place, "/aws/lambda/passback-prod-deliver")["retentionInDays"] == 90
    assert done(place, "--stage", "prod", "--plan")["changes"] == []  # the parameter is kept


def test_a_failed_creation_is_gone_on_with(own_template: Checkout) -> None:
    place, whole = own_template, (own_template.folder / "infra" / "template.json").read_text()
    change_template(place, BROKEN_QUEUE)
    said = refused(place, "--stage", "resumed", "--yes")
    assert said.startswith("DeadLetters failed: ")
    assert said.endswith("What was made stays; once the cause is put right, the same command goes on from there.")
    assert status(place, "passback-resumed-data") == "CREATE_FAILED"
    made = group(place, "/aws/lambda/passback-resumed")
    (place.folder / "infra" / "template.json").write_text(whole)
    assert done(place, "--stage", "resumed", "--yes")["applied"] is True
    assert status(place, "passback-resumed-data") == "UPDATE_COMPLETE"
    assert group(place, "/aws/lambda/passback-resumed")["creationTime"] == made["creationTime"]
    assert done(place, "--stage", "resumed", "--plan")["changes"] == []


def test_a_failed_change_is_taken_back(own_template: Checkout, first: dict[str, Any]) -> None:
    place, whole = own_template, (own_template.folder / "infra" / "template.json").read_text()
    change_template(place, BROKEN_QUEUE)
    said = refused(place, "--stage", "prod", "--yes")
    assert "The stack is as it was before" in said
    (place.folder / "infra" / "template.json").write_text(whole)
    assert status(place, STACK) == "UPDATE_ROLLBACK_COMPLETE"
    assert done(place, "--stage", "prod", "--plan")["changes"] == []


def test_no_plan_puts_another_table_in_the_place_of_the_data(own_template: Checkout, first: dict[str, Any]) -> None:
    change_template(own_template, {"Table": {"TableName": "another"}})
    said = refused(own_template, "--stage", "prod", "--yes")
    assert said.startswith("This plan would put another Table in the place of passback-prod")
    assert "TableName" in said


def test_a_rolled_back_creation_is_cleared_away_and_made_anew(own_template: Checkout) -> None:
    place = own_template
    whole = (place.folder / "infra" / "template.json").read_text()
    change_template(place, BROKEN_QUEUE)
    cloudformation = place.client("cloudformation")
    name = "passback-cleared-data"
    body = (place.folder / "infra" / "template.json").read_text()
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in NO_METRIC_MATH.items()]
    given.append({"ParameterKey": "Stage", "ParameterValue": "cleared"})
    cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=given)
    with pytest.raises(Exception, match="Waiter StackCreateComplete failed"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert status(place, name) == "ROLLBACK_COMPLETE"
    (place.folder / "infra" / "template.json").write_text(whole)
    assert done(place, "--stage", "cleared", "--plan")["removes_stack"] is True
    assert status(place, name) == "ROLLBACK_COMPLETE"
    assert done(place, "--stage", "cleared", "--yes")["applied"] is True
    assert done(place, "--stage", "cleared", "--plan")["changes"] == []


def test_table_and_key_outlive_the_stack_and_are_taken_over(place: Checkout) -> None:
    before = done(place, "--stage", "kept", "--yes")["outputs"]
    services_of(place, "kept", before).tools.add(Tool("kept-tool", ("its secret",)))
    assert "--confirm kept" in refused(place, "--stage", "kept", "--destroy")
    assert "'prod' was typed" in refused(place, "--stage", "kept", "--destroy", "--confirm", "prod")
    removed = place.run("passback", "setup", "--stage", "kept", "--destroy", text="kept\n")
    assert removed.returncode == 0, removed.stderr
    assert "delete-table --table-name passback-kept" in removed.stdout
    files = "policy-kept-each-minute.json, stage kept in .chalice/config.json. Keep it if"
    assert files in " ".join(removed.stdout.split())
    assert status(place, "passback-kept-data") is None
    document = done(place, "--stage", "kept", "--yes")
    taken = {change["resource"] for change in document["changes"] if change["action"] == "take over"}
    assert taken == {"Table", "SecretsKey"}
    assert document["outputs"] == before
    tool = services_of(place, "kept", before).tools.get("kept-tool")
    assert tool is not None
    assert tool.secrets == ("its secret",)
    assert done(place, "--stage", "kept", "--plan")["changes"] == []


def test_a_kept_table_without_its_key_is_not_taken_for_whole(place: Checkout) -> None:
    outputs = done(place, "--stage", "keyless", "--yes")["outputs"]
    done(place, "--stage", "keyless", "--destroy", "--confirm", "keyless")
    keys = place.client("kms")
    keys.schedule_key_deletion(KeyId=outputs["KeyArn"], PendingWindowInDays=7)
    said = refused(place, "--stage", "keyless", "--yes")
    assert "is PendingDeletion. Make it usable again (`aws kms cancel-key-deletion`" in said
    keys.cancel_key_deletion(KeyId=outputs["KeyArn"])
    keys.enable_key(KeyId=outputs["KeyArn"])
    twin = keys.create_key(Description=keys.describe_key(KeyId=outputs["KeyArn"])["KeyMetadata"]["Description"])
    assert "say --key with one of" in refused(place, "--stage", "keyless", "--yes")
    keys.schedule_key_deletion(KeyId=twin["KeyMetadata"]["KeyId"], PendingWindowInDays=7)
    assert done(place, "--stage", "keyless", "--yes")["outputs"] == outputs


def test_a_stage_with_deliveries_under_way_is_not_removed(place: Checkout) -> None:
    outputs = done(place, "--stage", "busy", "--yes")["outputs"]
    services = services_of(place, "busy", outputs)
    services.tools.add(Tool("a-tool", ("secret",), unmapped=Unmapped.PARK))
    park(services)
    said = refused(place, "--stage", "busy", "--destroy", "--confirm", "busy")
    assert said.startswith("1 delivery is under way")
    assert status(place, "passback-busy-data") == "CREATE_COMPLETE"
    removed = done(place, "--stage", "busy", "--destroy", "--confirm", "busy", "--with-undelivered")
    assert [kept["resource"].split()[0] for kept in removed["kept"]] == ["table", "key"]


def services_of(place: Checkout, stage: str, outputs: dict[str, str]) -> Services:
    settings = {"STAGE": stage, "TABLE": outputs["TableName"], "KMS_KEY": outputs["KeyAlias"]}
    settings |= {"QUEUE": outputs["QueueName"], "DEAD_LETTER_QUEUE": outputs["DeadLetterQueueName"]}
    environment = place.engine.environment | {f"PASSBACK_{name}": value for name, value in settings.items()}
    return connect_operator(environment, SystemClock())


def park(services: Services) -> None:
    """Let an outcome without a mapping come in by the app."""
    message = OutcomeMessage("replaceResult", "nobody has mapped it", "1", score="0.5")
    signed = sign("https://grades.example.edu/outcomes", write_pox(message), XML_TYPE, "a-tool", "secret")
    service_graph.use(services)
    try:
        event = gateway_event(signed.url, signed.headers, signed.body, services.clock.now())
        answer = app_module.app(event, None)
    finally:
        service_graph.use(None)
    assert "queued for delivery" in answer["body"], answer["body"]
