"""The object graph: built once per container from the environment; tests build their own."""

import os
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib import telemetry
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import Settings
from chalicelib.delivery.abandoning import Abandoning
from chalicelib.delivery.acceptance import Acceptance
from chalicelib.delivery.attempt import Attempt
from chalicelib.delivery.awaiting import Awaiting
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.closing import Closing
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.gauges import Gauges
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.parking import Parking
from chalicelib.delivery.queue import Queue
from chalicelib.delivery.queueing import Queueing
from chalicelib.delivery.reading import Reading
from chalicelib.delivery.reception import Reception
from chalicelib.delivery.releasing import Releasing
from chalicelib.delivery.requeue import Requeue
from chalicelib.delivery.resumption import Resumption
from chalicelib.delivery.schedule import Schedule
from chalicelib.delivery.settling import Settling
from chalicelib.delivery.sqs import SqsQueue
from chalicelib.delivery.turns import Turns
from chalicelib.delivery.work import Work
from chalicelib.identifiers import Identifiers
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.signing import Signer
from chalicelib.lti13.tokens import TokenSource
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.storage.clients import make_client, make_session, make_sqs_client
from chalicelib.storage.deliveries import DeliveryStore
from chalicelib.storage.health import HealthStore
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.lots import LotStore
from chalicelib.storage.mappings import MappingStore
from chalicelib.storage.platforms import PlatformStore
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.sealing import Sealer
from chalicelib.storage.secret_use import SecretUseStore
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
    lots: LotStore
    signing_keys: SigningKeyStore
    deliveries: DeliveryStore
    ledger: Ledger
    transport: Transport
    token_store: TokenStore
    tokens: TokenSource
    signer: Signer
    ags: AgsClient
    queue: Queue
    health: HealthStore
    secret_use: SecretUseStore
    reception: Reception
    releasing: Releasing
    work: Work
    schedule: Schedule
    gauges: Gauges
    requeue: Requeue
    abandoning: Abandoning


_current: Services | None = None


def current() -> Services:
    """Return the container's services, built from the environment at the first call."""
    global _current
    if _current is None:
        telemetry.start()
        _current = build_services(os.environ)
        telemetry.name_stage(_current.settings.stage)
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
    pace = Pace(clock)
    transport = Transport(make_http_client(clock), clock, local=settings.is_local, observe=pace.observe)
    session = make_session()
    table = Table(make_client(settings, environment, session), settings.table)
    queue = SqsQueue(
        lambda: make_sqs_client(settings, environment, session), settings.queue, settings.dead_letter_queue
    )
    return connect(settings, clock, transport, table, make_sealer(settings, environment, session), queue, pace)


def connect(
    settings: Settings,
    clock: Clock,
    transport: Transport,
    table: Table,
    sealer: Sealer,
    queue: Queue,
    pace: Pace,
    chance: Callable[[], float] = random.random,
) -> Services:
    """Build the graph over what reaches the outside: the seams that tests put something else into."""
    tools, platforms, signing_keys = ToolStore(table, sealer), PlatformStore(table), SigningKeyStore(table, sealer)
    ledger, health, identifiers = Ledger(table, tools), HealthStore(table), Identifiers(secrets.token_bytes)
    signer = Signer(signing_keys.list, clock)
    token_store = TokenStore(table, sealer)
    tokens = TokenSource(transport, signer, token_store, clock)
    ags = AgsClient(transport, tokens)

    rules, lease = settings.retries, settings.lease
    gate = Gate(health, clock, chance)
    calls = Calls(queue, ledger, clock, settings.shards)
    closing = Closing(ledger, gate, calls, rules, clock, chance)
    attempt = Attempt(ledger, ags, gate, closing, clock)
    turns = Turns(ledger, attempt, Settling(ledger, ags, attempt, clock), closing, clock)
    queueing = Queueing(ledger, calls, rules, clock, chance)
    awaiting = Awaiting(ledger, turns, queueing, gate, clock, lease)
    resumption = Resumption(ledger, awaiting, clock)
    acceptance = Acceptance(ledger, turns, awaiting, queueing, resumption, gate, clock, identifiers, lease)
    reading, lots = Reading(ledger, ags, gate, clock), LotStore(table)
    parking = Parking(ledger, lots, resumption, clock, identifiers)
    releasing = Releasing(ledger, lots, platforms, calls, rules, clock)
    secret_use = SecretUseStore(table, clock)
    return Services(
        settings=settings,
        clock=clock,
        identifiers=identifiers,
        table=table,
        tools=tools,
        platforms=platforms,
        mappings=MappingStore(table),
        lots=lots,
        signing_keys=signing_keys,
        deliveries=DeliveryStore(table),
        ledger=ledger,
        transport=transport,
        token_store=token_store,
        tokens=tokens,
        signer=signer,
        ags=ags,
        queue=queue,
        health=health,
        secret_use=secret_use,
        reception=Reception(
            settings, ledger, acceptance, resumption, reading, parking, releasing, secret_use, clock, identifiers
        ),
        releasing=releasing,
        work=Work(ledger, turns, gate, pace, queue, clock, settings.worker_budget, settings.worker_lease),
        schedule=Schedule(ledger, platforms, health, calls, releasing, rules, clock, settings.schedule_budget),
        gauges=Gauges(ledger, platforms, health, lots, clock),
        requeue=Requeue(ledger, calls, rules, clock),
        abandoning=Abandoning(ledger, calls, clock),
    )
