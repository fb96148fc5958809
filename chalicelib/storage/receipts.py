"""Receipts as items: signed requests that were seen, and their answers."""

from chalicelib.delivery.records import Receipt
from chalicelib.lti11.messages import Answer, CodeMajor
from chalicelib.storage.attributes import Fields, Item
from chalicelib.storage.conditions import lifetime
from chalicelib.storage.keys import item_key

KIND = "receipt"


def receipt_key(key: str) -> str:
    """Make the key of a receipt's item."""
    return item_key(KIND, key)


def to_item(receipt: Receipt) -> Item:
    """Make the item of a receipt."""
    return {
        "pk": receipt_key(receipt.key),
        "key": receipt.key,
        "digest": receipt.digest,
        "delivery_id": receipt.delivery_id,
        "received_at": receipt.received_at,
        "deadline": receipt.deadline,
        "reference": receipt.reference,
        "answer": written_answer(receipt.answer),
        **lifetime(receipt.expires_at),
    }


def from_item(item: Item) -> Receipt:
    """Read a receipt from its item, expired or not."""
    fields = Fields(item)
    return Receipt(
        key=fields.text("key"),
        digest=fields.text("digest"),
        delivery_id=fields.text("delivery_id"),
        received_at=fields.number("received_at"),
        deadline=fields.number("deadline"),
        reference=fields.text("reference"),
        expires_at=fields.number("expires_at_ms"),
        answer=read_answer(fields.part_or_none("answer")),
    )


def written_answer(answer: Answer | None) -> Item | None:
    """Write an answer as a map."""
    if answer is None:
        return None
    return {
        "code": answer.code,
        "description": answer.description,
        "error_code": answer.error_code,
        "score_text": answer.score_text,
    }


def read_answer(fields: Fields | None) -> Answer | None:
    """Read what ``written_answer`` wrote."""
    if fields is None:
        return None
    return Answer(
        code=fields.choice("code", CodeMajor),
        description=fields.text("description"),
        error_code=fields.text_or_none("error_code"),
        score_text=fields.text_or_none("score_text"),
    )
