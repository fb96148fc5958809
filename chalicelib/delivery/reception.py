"""What happens to a request at an outcome door, in the design's order of checks, up to the answer."""

from dataclasses import dataclass, replace

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.config import Settings
from chalicelib.delivery.acceptance import Acceptance
from chalicelib.delivery.parking import Parking
from chalicelib.delivery.reading import Reading
from chalicelib.delivery.records import Receipt
from chalicelib.delivery.releasing import Releasing
from chalicelib.delivery.requests import AddressedWrite, AuthenticRequest
from chalicelib.delivery.resumption import Resumption
from chalicelib.errors import OutcomeCode, OutcomeFailure, OutcomeUnsupported, RequestRefused, StorageUnavailable
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.answers import answer_failure, answer_unsupported
from chalicelib.lti11.authorization import Authorization, refused_authorization
from chalicelib.lti11.doors import Door, Incoming
from chalicelib.lti11.keys import receipt_key, request_digest, sourcedid_digest
from chalicelib.lti11.messages import Answer, Envelope, Operation, ReadResult
from chalicelib.lti11.outcome import read_outcome, read_sourcedid
from chalicelib.lti11.signature import check_body_hash, check_timestamp, verify_signature
from chalicelib.lti11.tools import BodyHashRule
from chalicelib.storage.ledger import Ledger, Opening, Whereabouts
from chalicelib.storage.secret_use import SecretUseStore
from chalicelib.translation import answers

LARGEST_BODY = 256 * 1024

_EXPLAINED = frozenset({OutcomeCode.PLATFORM_REFUSED.value, OutcomeCode.PLATFORM_UNAVAILABLE.value})
"""Codes whose description goes to the log; others may quote what the tool sent."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a request that got past the signature. ``failure_status`` is the tool's choice."""

    answer: Answer
    reference: str
    message_identifier: str = ""
    operation_name: str = ""
    sourcedid: str = ""
    failure_status: int = 422


class Reception:
    """Takes requests at the doors."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        acceptance: Acceptance,
        resumption: Resumption,
        reading: Reading,
        parking: Parking,
        releasing: Releasing,
        secret_use: SecretUseStore,
        clock: Clock,
        identifiers: Identifiers,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._acceptance = acceptance
        self._resumption = resumption
        self._reading = reading
        self._parking = parking
        self._releasing = releasing
        self._secret_use = secret_use
        self._clock = clock
        self._identifiers = identifiers

    def receive(self, incoming: Incoming, door: Door, reference: str) -> Received:
        """Check a request, do what it asks, and say what to answer.

        Raises RequestRefused for what is not an outcome of a known tool, and StorageUnavailable when the table
        cannot be read before anything was promised.
        """
        deadline = Deadline.after(self._clock, self._settings.inline_budget)
        if len(incoming.body) > LARGEST_BODY:
            raise RequestRefused(413, "Request body too large", f"{len(incoming.body)} bytes")
        authorization, parameters = door.authorization(incoming)
        key = receipt_key(authorization.consumer_key, authorization.timestamp, authorization.nonce)
        opening = self._ledger.opening(authorization.consumer_key, key, self._clock.now())
        request = self._authentic(incoming, door, authorization, parameters, opening, key, reference)
        door.check_content_type(incoming)
        return self._outcome(incoming, door, request, opening, deadline)

    def _authentic(
        self,
        incoming: Incoming,
        door: Door,
        authorization: Authorization,
        parameters: tuple[tuple[str, str], ...],
        opening: Opening,
        key: str,
        reference: str,
    ) -> AuthenticRequest:
        """Check signature, body hash, time and receipt. An unknown key does the same work and gets the same no."""
        tool, settings = opening.tool, self._settings
        url = verify_signature(
            "POST", incoming.urls, authorization, parameters, tool.secrets if tool is not None else ()
        )
        if url is None or tool is None:
            raise refused_authorization("unknown consumer key" if tool is None else "signature does not match")
        rule = tool.body_hash if door.demands_body_hash else BodyHashRule.IF_PRESENT
        check_body_hash(authorization, incoming.body, rule)
        check_timestamp(authorization, self._clock.now(), settings.past_window, settings.future_window)
        request = AuthenticRequest(
            tool=tool,
            received_at=incoming.received_at,
            receipt_key=key,
            digest=request_digest(url, incoming.body),
            body_digest=door.body_digest(incoming),
            receipt_expires_at=(authorization.timestamp + settings.past_window + 1) * 1000,
            reference=reference,
        )
        request.check_same_content(opening.receipt)
        if len(tool.secrets) > 1:
            older = verify_signature("POST", [url], authorization, parameters, tool.secrets[-1:]) is not None
            self._secret_use.note(tool, older=older)
        return request

    def _outcome(
        self, incoming: Incoming, door: Door, request: AuthenticRequest, opening: Opening, deadline: Deadline
    ) -> Received:
        received = Received(answers.success(), request.reference, failure_status=request.tool.failure_status)
        try:
            envelope = door.envelope(incoming)
            received = replace(
                received,
                message_identifier=envelope.message_identifier,
                operation_name=envelope.operation_name,
                sourcedid=envelope.sourcedid or "",
            )
            where = self._ledger.whereabouts(request.tool.consumer_key, read_sourcedid(envelope))
            return self._deliver(received, request, envelope, where, opening, deadline)
        except OutcomeFailure as failure:
            return self._said(received, request, answer_failure(failure))
        except OutcomeUnsupported as unsupported:
            return self._said(received, request, answer_unsupported(unsupported))
        except StorageUnavailable as problem:
            reads = received.operation_name == Operation.READ_RESULT
            return self._said(received, request, answers.storage_unavailable(reads=reads), why=str(problem))

    def _deliver(
        self,
        received: Received,
        request: AuthenticRequest,
        envelope: Envelope,
        where: Whereabouts,
        opening: Opening,
        deadline: Deadline,
    ) -> Received:
        receipt, pointing = opening.receipt, where.pointing
        if receipt is not None and receipt.answer is not None:
            answer = self._answer_now(receipt, receipt.answer, deadline)
            return self._said(replace(received, reference=receipt.reference), request, answer, repeat=True)
        if pointing is None:
            refused_or_parked = self._parking.answer(request, envelope, where.lot, receipt, deadline)
            if refused_or_parked is not None:
                return self._said(received, request, refused_or_parked)
            return self._look_again(received, request, envelope, where, opening, deadline)
        outcome = read_outcome(envelope, self._clock.now())
        platform = pointing.platform
        if platform is None:
            return self._said(received, request, answers.platform_missing())
        if self._releasing.release([(where.lot, pointing.mapping)], deadline):  # before it, what was received before it
            return self._look_again(received, request, envelope, where, opening, deadline)
        if isinstance(outcome, ReadResult):
            answer = self._reading.read(platform, pointing.cell, pointing.health, deadline)
            return self._said(received, request, answer)
        if receipt is not None:
            resumed = self._resumption.resume(receipt.delivery_id, deadline)
            if resumed is not None:
                return self._said(replace(received, reference=receipt.reference), request, resumed, repeat=True)
        wanted = AddressedWrite(request, outcome, pointing.mapping, platform, earlier_receipt=receipt)
        answer = self._acceptance.deliver(wanted, pointing.cell, pointing.health, deadline)
        return self._said(received, request, answer)

    def _answer_now(self, receipt: Receipt, stored: Answer, deadline: Deadline) -> Answer:
        """Return the stored answer of a request that came again; what was queued then may have ended by now."""
        if stored != answers.queued():
            return stored
        return self._resumption.resume(receipt.delivery_id, deadline) or stored

    def _look_again(
        self,
        received: Received,
        request: AuthenticRequest,
        envelope: Envelope,
        where: Whereabouts,
        opening: Opening,
        deadline: Deadline,
    ) -> Received:
        """Go on with what the table holds now: a mapping appeared, or what was parked left for its cell."""
        if deadline.passed:
            return self._said(received, request, answers.cell_busy())
        where = self._ledger.whereabouts(where.lot.consumer_key, where.lot.sourcedid)
        return self._deliver(received, request, envelope, where, opening, deadline)

    def _said(
        self, received: Received, request: AuthenticRequest, answer: Answer, *, repeat: bool = False, why: str = ""
    ) -> Received:
        """Write the one line of this outcome into the log; ``why`` is what the tool is not told."""
        explained = why or (answer.description if answer.error_code in _EXPLAINED else "")
        telemetry.event(
            "outcome",
            reference=received.reference,
            tool=request.tool.consumer_key,
            sourcedid=sourcedid_digest(received.sourcedid) if received.sourcedid else None,
            operation=received.operation_name[:40],
            code=answer.code,
            error=answer.error_code,
            why=explained[:300] or None,
            repeat=True if repeat else None,
            milliseconds=to_milliseconds(self._clock.now()) - request.received_at,
        )
        return replace(received, answer=answer)
