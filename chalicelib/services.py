"""The object graph: built once per container from the environment; tests build their own."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib import telemetry
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import Settings
from chalicelib.delivery.acceptance import Acceptance
from chalicelib.delivery.attempt import Attempt
from chalicelib.delivery.clearing import Clearing
from chalicelib.delivery.reception import Reception
from chalicelib.delivery.resumption import Resumption
from chalicelib.delivery.takeover import Takeover
from chalicelib.identifiers import Identifiers
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.keys import Signer
from chalicelib.lti13.tokens import TokenSource
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.storage.clients import make_client
from chalicelib.storage.deliveries import DeliveryStore
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.mappings import MappingStore
from chalicelib.storage.platforms import PlatformStore
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.sealing import Sealer
from chalicelib.storage.signing_keys import SigningKeyStore
from chalicelib.storage.table import Table
from chalicelib.storage.tokens import TokenStore
from chalicelib.storage.tools import ToolStore


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that doors and the command line use."""

    settings: Settings
    clock: Clock
    identifiers: Identifiers
    table: Table
    tools: ToolStore
    platforms: PlatformStore
    mappings: MappingStore
    signing_keys: SigningKeyStore
    deliveries: DeliveryStore
    ledger: Ledger
    transport: Transport
    tokens: TokenSource
    signer: Signer
    ags: AgsClient
    reception: Reception


_current: Services | None = None


def current() -> Services:
    """Return the container's services, built from the environment at the first call."""
    global _current
    if _current is None:
        telemetry.start()
        _current = build_services(os.environ)
    return _current


def use(services: Services | None) -> None:
    """Put other services in place (tests, the local stack); None: build anew when needed."""
    global _current
    _current = services


def build_services(environment: Mapping[str, str], clock: Clock | None = None) -> Services:
    """Build the graph from ``PASSBACK_*`` and the ordinary AWS variables; touches no network.

    Raises
    ------
    SetupError
        If a setting is missing or wrong.
    """
    clock = clock or SystemClock()
    settings = Settings.from_environment(environment)
    transport = Transport(make_http_client(clock), clock, local=settings.is_local)
    table = Table(make_client(settings, environment), settings.table)
    return connect(settings, clock, transport, table, make_sealer(settings, environment))


def connect(settings: Settings, clock: Clock, transport: Transport, table: Table, sealer: Sealer) -> Services:
    """Build the graph over what reaches the outside: the seams that tests put something else into."""
    tools, signing_keys = ToolStore(table, sealer), SigningKeyStore(table, sealer)
    ledger = Ledger(table, tools)
    signer = Signer(signing_keys.list, clock)
    tokens = TokenSource(transport, signer, TokenStore(table, sealer), clock)
    ags = AgsClient(transport, tokens)
    identifiers = Identifiers(secrets.token_bytes)
    attempt = Attempt(ledger, ags, clock)
    takeover = Takeover(ledger, ags, attempt, clock, settings.lease)
    clearing = Clearing(ledger, takeover, clock)
    platforms = PlatformStore(table)
    resumption = Resumption(ledger, platforms, takeover, clearing, clock)
    acceptance = Acceptance(ledger, attempt, clearing, resumption, clock, identifiers, settings.lease)
    return Services(
        settings=settings,
        clock=clock,
        identifiers=identifiers,
        table=table,
        tools=tools,
        platforms=platforms,
        mappings=MappingStore(table),
        signing_keys=signing_keys,
        deliveries=DeliveryStore(table),
        ledger=ledger,
        transport=transport,
        tokens=tokens,
        signer=signer,
        ags=ags,
        reception=Reception(settings, ledger, acceptance, resumption, ags, clock, identifiers),
    )
