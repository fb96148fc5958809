"""A request whose signature held: what acceptance needs to know of it, and the delivery that it becomes."""

from dataclasses import dataclass

from chalicelib.delivery import line
from chalicelib.delivery.records import Cell, Delivery, Receipt
from chalicelib.errors import RequestRefused
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer, Operation, ReplaceResult, Write
from chalicelib.lti11.tools import OnDelay, Tool
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping
from chalicelib.translation.refusals import ordering_timestamp


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
        newest = line.newest(cell)
        follows = self.follows(cell, within)
        return follows and newest is not None and newest.body_digest == self.request.body_digest

    def follows(self, cell: Cell, within: int) -> bool:
        """Tell whether the cell's newest outcome came from the same tool within so many milliseconds."""
        newest = line.newest(cell)
        return (
            newest is not None
            and newest.consumer_key == self.request.tool.consumer_key
            and abs(self.request.received_at - newest.received_at) <= within
        )

    def says_the_same(self, earlier: Delivery) -> bool:
        """Tell whether an earlier outcome says the same in other words: most tools number each message anew."""
        same_sourcedid = earlier.sourcedid_digest == sourcedid_digest(self.mapping.sourcedid)
        return same_sourcedid and earlier.write is not None and earlier.write == self.write


def new_delivery(wanted: AddressedWrite, cell: Cell, identifiers: Identifiers) -> Delivery:
    """Make the delivery of an outcome for its cell, as the next that the cell accepts."""
    request, profile = wanted.request, PROFILES[wanted.platform.profile]
    replaces = isinstance(wanted.write, ReplaceResult)
    return Delivery(
        id=identifiers.delivery_id(request.received_at),
        cell=cell.key,
        consumer_key=request.tool.consumer_key,
        sourcedid_digest=sourcedid_digest(wanted.mapping.sourcedid),
        context=wanted.mapping.context,
        operation=Operation.REPLACE_RESULT if replaces else Operation.DELETE_RESULT,
        write=wanted.write,
        received_at=request.received_at,
        timestamp=ordering_timestamp(request.received_at, cell.newest_timestamp, profile),
        number=cell.accepted + 1,
        reference=request.reference,
        body_digest=request.body_digest,
        receipt_key=request.receipt_key,
        queueable=request.tool.on_delay is OnDelay.QUEUE,
    )
