"""Makes the table. The template of the AWS stack declares the same one; here it is for the local stack and tests."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.storage.clients import error_code, unavailable_when_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTING = "listing"
"""The sparse index: only items with ``listing_kind`` and ``listing_order`` are in it."""
TIME_TO_LIVE = "expires_at"


def create(client: "DynamoDBClient", name: str) -> None:
    """Make the table with its index and TTL, and wait until it can be used. A table that is there stays as it is.

    Raises
    ------
    StorageUnavailable
        If the engine cannot be reached or refuses.
    """
    with unavailable_when_refused("CreateTable"):
        try:
            client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "listing_kind", "AttributeType": "S"},
                    {"AttributeName": "listing_order", "AttributeType": "S"},
                ],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": LISTING,
                        "KeySchema": [
                            {"AttributeName": "listing_kind", "KeyType": "HASH"},
                            {"AttributeName": "listing_order", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
            )
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":
                raise
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    with unavailable_when_refused("UpdateTimeToLive"):
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if described.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:  # asking twice is refused
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TIME_TO_LIVE}
            )
