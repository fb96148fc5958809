"""Canvas in a box: one object that answers requests over one gradebook."""

import threading
from collections.abc import Callable
from dataclasses import replace

from simulator import control, exact_json, fault_panel, gradebook_page, tokens
from simulator.access import AgsCall
from simulator.bearer import named_client
from simulator.codec import from_json, to_json
from simulator.exchange import Request, Response, json_response
from simulator.faults import REFUSED, Fault, answer_instead, spoil
from simulator.keys import fetch_document, key_set, new_private_key
from simulator.model import World
from simulator.outcome_doors import OutcomeCall
from simulator.platform_state import LoggedRequest, PlatformState, new_world, system_clock
from simulator.refusals import RefusedError, not_found, other_origin
from simulator.routes import Found, find_gradebook, find_outcomes, find_service
from simulator.throttle import HIGH_WATER_MARK, TOKEN_COST, cost_headers
from simulator.times import Clock, iso_milliseconds
from simulator.tokens import Assertion, Fetch, TokenRefusedError

_JWKS_PATH = "/api/lti/security/jwks"


class Simulator:
    """Canvas for tests and demonstrations. Thread safe: one lock guards the state, never held while waiting.

    Parameters
    ----------
    clock
        gives the present time with a time zone
    fetch
        gets a tool's key set from its address; OSError when it cannot
    world
        what an earlier run left
    """

    def __init__(self, clock: Clock = system_clock, fetch: Fetch = fetch_document, world: World | None = None) -> None:
        self._state = PlatformState(clock, world if world is not None else new_world())
        self._fetch = fetch
        self._lock = threading.RLock()

    def dump(self) -> str:
        """Write the world as JSON."""
        with self._lock:
            return exact_json.encode(to_json(self._state.world))

    @classmethod
    def load(cls, text: str, clock: Clock = system_clock, fetch: Fetch = fetch_document) -> "Simulator":
        """Make a simulator from what `dump` wrote; ValueError when it is something else."""
        return cls(clock, fetch, from_json(World, exact_json.decode(text)))

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.path.startswith("/_sim/"):
            with self._lock:
                return control.answer(self._state, request)
        if request.path == tokens.TOKEN_PATH and request.method == "POST":
            return self._serve(request, "token", None, lambda: self._grant_token(request))
        found = find_service(request.method, request.path)
        if found is not None:
            return self._serve(request, found.route.fault_path, found.course_id, lambda: self._call(request, found))
        return self._others(request)

    def _others(self, request: Request) -> Response:
        with self._lock:
            down = self._state.faults.down
        if down and find_gradebook(request.method, request.path) is None:
            return REFUSED
        outcomes = find_outcomes(request.method, request.path)
        if outcomes is not None:
            tool_id, door = outcomes

            def take() -> Response:
                return door(OutcomeCall(self._state.world, request, self._state.now, tool_id))

            return self._throttled(f"tool {tool_id}", 0.0, lambda: self._locked(take))
        return self._locked(lambda: self._pages(request))

    def _pages(self, request: Request) -> Response:
        world = self._state.world
        if request.path == _JWKS_PATH and request.method == "GET":
            world.platform_key = world.platform_key or new_private_key()
            return json_response(200, key_set(world.platform_key))
        gradebook = find_gradebook(request.method, request.path)
        if gradebook is None:
            raise not_found()
        course_id, form = gradebook
        origin = request.header("origin")
        if form and origin and origin.partition("://")[2] != request.host:
            raise other_origin()
        if form == "faults":
            return fault_panel.take_switch(world, self._state.faults, request, course_id)
        if form == "grade" and course_id is not None:
            return gradebook_page.take_grade(world, request, course_id, self._state.now)
        return gradebook_page.show(world, course_id, fault_panel.show(self._state.faults, course_id))

    def _locked(self, answer: Callable[[], Response]) -> Response:
        with self._lock:
            try:
                return answer()
            except RefusedError as refused:
                return refused.response

    def _serve(self, request: Request, path: str, course_id: int | None, answer: Callable[[], Response]) -> Response:
        """Answer a call of the tool side: faults, then the throttle, then the call; and write it down."""
        with self._lock:
            counters, now = self._state.counters, self._state.now
            known = course_id if course_id in self._state.world.courses else None
            counters.enter(known, now)
            fault = self._state.faults.take(path, course_id)
        instead = answer_instead(fault)
        # A call that hangs occupies Canvas as one does that is done; any other fault stands before the throttle.
        if instead is not None and not instead.delay_seconds:
            response = instead
        else:
            client = named_client(request) or _assertion_client(request) or "nobody"
            dearer = TOKEN_COST if path == "token" else 0.0
            response = self._throttled(client, dearer, lambda: instead or spoil(answer(), fault))
        with self._lock:
            counters.leave(path, known, response, now)
            self._write_down(request, path, response)
        return response

    def _throttled(self, client: str, dearer: float, answer: Callable[[], Response]) -> Response:
        """Answer unless the client's bucket is full; a request costs and takes what is switched, a token more."""
        with self._lock:
            switches, throttle = self._state.world.switches, self._state.throttle
            on, status = switches.throttle == "real", switches.throttle_status
            cost, seconds = dearer + float(switches.request_cost), float(switches.request_seconds)
            refusal = throttle.enter(client, self._state.now, status) if on else None
        if refusal is not None:
            return refusal
        response = answer()
        response = replace(response, delay_seconds=response.delay_seconds + seconds)
        headers = cost_headers(cost, HIGH_WATER_MARK)
        if on:
            with self._lock:
                running = response.delay_seconds + response.drip_seconds
                headers = throttle.leave(client, self._state.now, cost, running)
        return replace(response, headers=(*response.headers, *headers))

    def _call(self, request: Request, found: Found) -> Response:
        def take_file_fault() -> Fault | None:
            return self._state.faults.take(found.route.fault_path, found.course_id, of_files=True)

        def operate() -> Response:
            call = AgsCall(
                self._state.world,
                request,
                self._state.now,
                found.course_id,
                found.line_item_id,
                found.record_id,
                take_file_fault,
            )
            return found.route.operation(call)

        return self._locked(operate)

    def _grant_token(self, request: Request) -> Response:
        try:
            assertion = tokens.read_assertion(request)
            with self._lock:
                key = replace(tokens.usable_key(self._state.world, assertion))
            # The key set is fetched at each request, and without the lock: its server may be waiting for us.
            jwk = tokens.public_jwk(key, assertion, self._fetch)
            with self._lock:
                return json_response(200, self._grant(request, assertion, jwk))
        except TokenRefusedError as refused:
            return tokens.refusal_response(refused)

    def _grant(self, request: Request, assertion: Assertion, jwk: object) -> dict[str, object]:
        jwk = jwk if isinstance(jwk, dict) else {}
        return tokens.grant(self._state.world, request, assertion, jwk, self._state.now)

    def _write_down(self, request: Request, path: str, response: Response) -> None:
        self._state.logged += 1
        unanswered = response.drop and response.status == 0
        self._state.log.append(
            LoggedRequest(
                self._state.logged,
                request.method,
                request.path,
                request.query,
                None if unanswered else response.status,
                response.drop,
                iso_milliseconds(self._state.now),
                # A token request is its client's proof of identity: nothing of it is kept.
                None if path == "token" else _readable(request.body),
            )
        )


def _readable(body: bytes) -> object:
    if not body:
        return None
    try:
        return exact_json.decode(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _assertion_client(request: Request) -> str | None:
    """Give the client id that a token request claims, for accounting."""
    try:
        return str(tokens.read_assertion(request).claims.get("sub", "")) or None
    except TokenRefusedError:
        return None
