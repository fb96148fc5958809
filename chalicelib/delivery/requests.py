"""A request whose signature held: what acceptance needs to know of it."""

from dataclasses import dataclass

from chalicelib.delivery.records import Cell, Receipt
from chalicelib.errors import RequestRefused
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping


@dataclass(frozen=True, slots=True)
class AuthenticRequest:
    """One signed request of a known tool. Times are milliseconds since 1970.

    ``received_at`` is time R. ``receipt_key`` and ``digest`` recognise the same signed request, ``body_digest`` a
    newly signed one with the same content. The request's receipt means nothing after ``receipt_expires_at``.
    """

    tool: Tool
    received_at: int
    receipt_key: str
    digest: str
    body_digest: str
    receipt_expires_at: int
    reference: str

    def check_same_content(self, receipt: Receipt | None) -> None:
        """Refuse (401) a request whose nonce was used with other content (Canvas LTI 1.1 outcomes, section 7.4)."""
        if receipt is not None and receipt.digest != self.digest:
            raise RequestRefused(401, "Duplicate nonce detected", "nonce used with other content")

    def receipt(self, delivery_id: str, *, deadline: int = 0, answer: Answer | None = None) -> Receipt:
        """Make the receipt of this request: answered, or in progress until the deadline (0: free to come again)."""
        return Receipt(
            key=self.receipt_key,
            digest=self.digest,
            delivery_id=delivery_id,
            received_at=self.received_at,
            deadline=deadline,
            reference=self.reference,
            expires_at=self.receipt_expires_at,
            answer=answer,
        )


@dataclass(frozen=True, slots=True)
class AddressedWrite:
    """A write that a tool asked for, and where it goes."""

    request: AuthenticRequest
    write: Write
    mapping: Mapping
    platform: Platform
    earlier_receipt: Receipt | None = None
    """The request's own receipt whose delivery is no longer known: it is replaced."""

    def repeats(self, cell: Cell, within: int) -> bool:
        """Tell whether this is the cell's newest outcome, signed again within so many milliseconds."""
        newest = cell.newest
        return (
            newest is not None
            and newest.consumer_key == self.request.tool.consumer_key
            and newest.body_digest == self.request.body_digest
            and abs(self.request.received_at - newest.received_at) <= within
        )

    def overtaken(self, cell: Cell) -> bool:
        """Tell whether an outcome that was received later is in the cell already."""
        return cell.newest_received_at is not None and self.request.received_at < cell.newest_received_at
