"""What a stage's functions write raises the alarms that stand in its account, and an alarm reaches who listens.

The emulator makes no metrics of log lines, and looks at no dimensions when it evaluates an alarm: that is done here.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloudwatch import Values, collect, is_raised

from chalicelib.clock import to_milliseconds
from deployed.account import STAGE, Account
from deployed.stack import Deployed, Student, eventually
from passback.local.worker import schedule_event
from passback.packaging.build import ROOT

pytestmark = pytest.mark.engine

FUNCTIONS = [f"passback-{STAGE}{name}" for name in ("", "-deliver", "-each_minute")]


@pytest.fixture(scope="module")
def alarms(account: Account) -> dict[str, Any]:
    found = account.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"passback-{STAGE}-")["MetricAlarms"]
    return {each["AlarmName"].removeprefix(f"passback-{STAGE}-"): each for each in found}


def written(deployed: Deployed, happens: Callable[[], None]) -> Values:
    """Return the metrics that the functions write while something happens."""
    since = to_milliseconds(deployed.services.clock.now())
    happens()
    lines = [line for function in FUNCTIONS for line in deployed.account.log(f"/aws/lambda/{function}")]
    ours = (line for line in lines if line.startswith("{") and '"_aws"' in line)
    return collect(line for line in ours if json.loads(line)["_aws"]["Timestamp"] >= since)


def raised(alarms: dict[str, Any], values: Values) -> set[str]:
    """Say which alarms on our own metrics are raised, had it been so for as long as they look at.

    But for what is parked: other tests here leave outcomes that the schedule comes to in some minutes.
    """
    return {
        name
        for name, alarm in alarms.items()
        if alarm["Namespace"] == "Passback" and is_raised(alarm, [values] * alarm["EvaluationPeriods"])
    } - {"parked"}


def minute(deployed: Deployed) -> None:
    answer = deployed.account.invoke(FUNCTIONS[-1], schedule_event(deployed.services.clock.now(), "us-east-1"))
    assert "FunctionError" not in answer


@pytest.fixture
def well(deployed: Deployed, student: Student) -> Student:
    """Wait until the platform is called as usual: another test may have let it be away."""
    assert eventually(
        lambda: not deployed.outcome(student).post_replace_result(0.4).description, meanwhile=lambda: minute(deployed)
    )
    return student


def test_all_alarms_but_those_of_metric_math_are_there(alarms: dict[str, Any]) -> None:
    template = json.loads((ROOT / "infra" / "template.json").read_text())
    declared = [one for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    by_math = [one for one in declared if "Metrics" in one["Properties"]]
    assert len(alarms) == len(declared) - len(by_math)


def test_a_quiet_minute_raises_none_and_a_schedule_that_stands_its_own(
    deployed: Deployed, alarms: dict[str, Any], well: Student
) -> None:
    def quiet() -> None:
        minute(deployed)
        assert deployed.outcome(well).post_replace_result(0.5).is_success()

    assert raised(alarms, written(deployed, quiet)) == set()
    assert raised(alarms, written(deployed, lambda: None)) == {"schedule-stands"}


def test_wrong_signatures_and_missing_mappings_raise_theirs(
    deployed: Deployed, alarms: dict[str, Any], well: Student
) -> None:
    def wrong() -> None:
        minute(deployed)
        for number in range(20):
            assert deployed.outcome(well, secret="another").post_replace_result(0.5).post_response.status_code == 401
            nobody = Student(f"nobody {number}", "")
            assert deployed.outcome(nobody).post_replace_result(0.5).post_response.status_code == 422

    assert raised(alarms, written(deployed, wrong)) == {"unauthorised", "unmapped"}


def test_a_raised_alarm_reaches_who_listens(account: Account, alarms: dict[str, Any]) -> None:
    queues, topics = account.queues, account.client("sns")
    url = queues.create_queue(QueueName="listener")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    publishes = {"Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **publishes}]}
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    topics.subscribe(TopicArn=account.outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
    heard: list[str] = []

    def listen() -> bool:
        for message in queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            heard.append(json.loads(json.loads(message["Body"])["Message"])["AlarmName"])
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(heard) >= len(alarms)

    for alarm in alarms.values():
        account.client("cloudwatch").set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="a try"
        )
    assert eventually(listen)
    assert sorted(heard) == sorted(alarm["AlarmName"] for alarm in alarms.values())


def test_the_dashboard_is_there(account: Account) -> None:
    body = account.client("cloudwatch").get_dashboard(DashboardName=f"passback-{STAGE}")["DashboardBody"]
    listed = json.loads(body)["widgets"][1]["properties"]["alarms"]
    assert f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:passback-{STAGE}-dead-letters" in listed
