"""Conditional writes as DynamoDB takes them, and what its refusals of them mean."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.errors import StorageConflict
from chalicelib.storage.attributes import Item, encode, encode_item
from chalicelib.storage.clients import error_code, unavailable_when_refused
from chalicelib.storage.conditions import Check, Condition, Put, Remove, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        ConditionCheckTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
        UpdateItemInputTypeDef,
    )


def transaction_part(table: str, write: Write) -> "TransactWriteItemTypeDef":
    """Make one member of a TransactWriteItems."""
    match write:
        case Put():
            return {"Put": put_request(table, write)}
        case Check():
            return {"ConditionCheck": _check_request(table, write)}
        case Remove():
            return {"Delete": {"TableName": table, "Key": {"pk": {"S": write.pk}}}}


def _check_request(table: str, check: Check) -> "ConditionCheckTypeDef":
    request: ConditionCheckTypeDef = {
        "TableName": table,
        "Key": {"pk": {"S": check.pk}},
        "ConditionExpression": check.condition.expression,
        "ExpressionAttributeNames": placeholders(check.condition.names),
    }
    values = condition_values(check.condition)
    if values:  # as in put_request
        request["ExpressionAttributeValues"] = values
    return request


def put_request(table: str, put: Put) -> "PutTypeDef":
    """Make a PutItem, or the Put of a transaction: they have the same members."""
    request: PutTypeDef = {
        "TableName": table,
        "Item": encode_item(put.item),
        "ConditionExpression": put.condition.expression,
        "ExpressionAttributeNames": placeholders(put.condition.names),
    }
    values = condition_values(put.condition)
    if values:  # DynamoDB refuses an empty map here
        request["ExpressionAttributeValues"] = values
    return request


def update_request(table: str, pk: str, settings: Item, condition: Condition) -> "UpdateItemInputTypeDef":
    """Make an UpdateItem that sets attributes under a condition."""
    values = encode_item(settings)
    return {
        "TableName": table,
        "Key": {"pk": {"S": pk}},
        "UpdateExpression": _set_clause(values),
        "ConditionExpression": condition.expression,
        "ExpressionAttributeNames": placeholders((*values, *condition.names)),
        "ExpressionAttributeValues": {**_new_values(values), **condition_values(condition)},
    }


def add_request(
    table: str, pk: str, name: str, by: int, *, at_most: int | None, settings: Item
) -> "UpdateItemInputTypeDef":
    """Make an UpdateItem that adds to a number and sets attributes along, unless the sum is above ``at_most``."""
    values = encode_item(settings)
    request: UpdateItemInputTypeDef = {
        "TableName": table,
        "Key": {"pk": {"S": pk}},
        "UpdateExpression": f"ADD #{name} :by {_set_clause(values)}",
        "ExpressionAttributeNames": placeholders((name, *values)),
        "ExpressionAttributeValues": {":by": encode(by), **_new_values(values)},
        "ReturnValues": "UPDATED_NEW",
    }
    if at_most is not None:
        # A condition cannot add up, so that the stored number is compared with what is left below the limit.
        fits_alone = f"attribute_not_exists(#{name}) OR " if by <= at_most else ""
        request["ConditionExpression"] = f"{fits_alone}#{name} <= :left"
        request["ExpressionAttributeValues"] = {**request["ExpressionAttributeValues"], ":left": encode(at_most - by)}
    return request


def _set_clause(values: Iterable[str]) -> str:
    settings = ", ".join(f"#{name} = :new_{name}" for name in values)
    return f"SET {settings}" if settings else ""


def _new_values(values: "dict[str, AttributeValueTypeDef]") -> "dict[str, AttributeValueTypeDef]":
    return {f":new_{name}": value for name, value in values.items()}


def placeholders(names: Iterable[str]) -> dict[str, str]:
    """Give each attribute its ``#name``, so that none meets a reserved word (DynamoDB, reserved words)."""
    return {f"#{name}": name for name in names}


def condition_values(condition: Condition) -> "dict[str, AttributeValueTypeDef]":
    """Give each value of a condition its ``:name``."""
    return {f":{name}": value for name, value in encode_item(condition.values).items()}


def conditionally(kind: str, token: str, operation: str, send: Callable[[], object]) -> frozenset[str]:
    """Send one conditional write. The answer is empty, or the kind if a transaction on the item stands in its way.

    A condition that fails on an item with this ``token`` fails on our own write, whose answer was lost.

    Raises
    ------
    StorageConflict
        If the condition does not hold.
    """
    with unavailable_when_refused(operation):
        try:
            send()
        except ClientError as error:
            code = error_code(error)
            if code == "TransactionConflictException":
                return frozenset({kind})
            if code != "ConditionalCheckFailedException":
                raise
            if _stored_token(error) != token:
                raise StorageConflict(frozenset({kind})) from None
    return frozenset()


def _stored_token(error: ClientError) -> str | None:
    stored: Any = error.response.get("Item", {})
    token: str | None = stored.get("write_token", {}).get("S")
    return token


def cancellation_codes(error: ClientError) -> list[str]:
    """List why each item of a cancelled transaction was not written, in their order; ``None`` for no reason of its own.

    (DynamoDB API, TransactionCanceledException.)
    """
    reasons: Any = error.response.get("CancellationReasons", [])
    return [str(reason.get("Code")) for reason in reasons]


def kinds_with(writes: Sequence[Write], reasons: Sequence[str], wanted: str) -> frozenset[str]:
    """Name the kinds of the writes that were cancelled for this reason."""
    return frozenset(write.kind for write, reason in zip(writes, reasons, strict=False) if reason == wanted)
