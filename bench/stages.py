"""Where the time of one outcome goes: the functions of each stage, wrapped from outside."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import app
from bench.stopwatch import Stopwatch, replaced
from chalicelib.lti11.answers import write_pox
from chalicelib.lti11.authorization import read_authorization
from chalicelib.lti11.envelope import read_envelope
from chalicelib.lti11.outcome import read_outcome
from chalicelib.lti11.signature import check_body_hash, check_timestamp, verify_signature
from chalicelib.lti13.ags import AgsClient
from chalicelib.storage.ledger import Ledger
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import ordering_timestamp

Answerer = Callable[[Any, Any], Any]

SIGNATURE = "signature"
XML = "XML"
TRANSLATION = "translation"
RECORDS = "table: records"
REQUESTS = "table: requests"
AGS = "AGS"
REST = "everything else"

STAGES = {
    SIGNATURE: "header, signature, body hash, time window",
    XML: "request read and checked, answer written",
    TRANSLATION: "which AGS call, and what it says",
    RECORDS: "items to records and back, tool secret opened",
    REQUESTS: "the DynamoDB client, with the engine's own time",
    AGS: "token, host checks and POST, with the simulator's own time",
    REST: "Chalice, event unpacked, outcome accepted, cell and delivery, log line",
}
"""The stages in the order of the report, and what is in each."""

_FUNCTIONS: dict[str, tuple[Callable[..., object], ...]] = {
    SIGNATURE: (read_authorization, verify_signature, check_body_hash, check_timestamp),
    XML: (read_envelope, read_outcome, write_pox),
    TRANSLATION: (next_step, ordering_timestamp),
}
_METHODS: dict[str, tuple[tuple[type, str], ...]] = {
    RECORDS: ((Ledger, "opening"), (Ledger, "pointing"), (Ledger, "commit")),
    AGS: ((AgsClient, "post_score"),),
}


@contextmanager
def timed_stages(watch: Stopwatch, client: Any) -> Iterator[Answerer]:
    """Wrap every stage; gives the app, wrapped as the stage that holds all others.

    Raises
    ------
    LookupError
        If a function is not where it is looked for: then the report would lie.
    """
    with ExitStack() as stack:
        for stage, functions in _FUNCTIONS.items():
            for function in functions:
                stack.enter_context(replaced(function, watch.timed(stage, function), "chalicelib"))
        for stage, methods in _METHODS.items():
            for owner, name in methods:
                stack.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        # All of the client's methods come through this one.
        call = watch.timed(REQUESTS, client._make_api_call)
        stack.enter_context(patch.object(client, "_make_api_call", call))
        yield watch.timed(REST, app.app)
