"""What data is kept in, put up by itself, for those who put the functions up by Chalice."""

import pytest
from botocore.exceptions import ClientError

from deployed.account import NO_METRIC_MATH, Account
from passback.packaging.build import ROOT

pytestmark = pytest.mark.engine

STACK = "passback-alone-data"
STAGE = [
    {"ParameterKey": name, "ParameterValue": value} for name, value in {"Stage": "alone", **NO_METRIC_MATH}.items()
]


def test_it_stands_alone_and_a_second_time_changes_nothing(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    body = (ROOT / "infra" / "template.json").read_text()
    cloudformation.create_stack(StackName=STACK, TemplateBody=body, Parameters=STAGE)
    waiting = {"Delay": 1, "MaxAttempts": 30}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig=waiting)
    found = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
    assert (outputs["TableName"], outputs["QueueName"]) == ("passback-alone", "passback-alone.fifo")
    table = account.table.describe_table(TableName="passback-alone")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    with pytest.raises(ClientError, match="No updates"):
        cloudformation.update_stack(StackName=STACK, TemplateBody=body, Parameters=STAGE)
