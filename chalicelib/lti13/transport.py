"""The only place that opens connections to platforms. Every call keeps to the rules on hosts, sizes and time.

``PlatformUnavailable`` tells whether the request may have had an effect; a URL that the registration does not allow is
``HostRefused``. Redirects are answers like any other: nothing here follows them.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from chalicelib import metrics
from chalicelib.clock import Clock, Deadline
from chalicelib.errors import PlatformUnavailable, Trouble
from chalicelib.lti13.bodies import read_body
from chalicelib.lti13.connections import PinnedTransport
from chalicelib.lti13.hosts import check_addresses, check_url, literal_address
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import MalformedAnswer, Reply, is_throttled

Resolve = Callable[[str, int], Sequence[str]]
"""Gives all addresses of a (host, port), or raises OSError."""
Observe = Callable[[Platform, Reply, float], None]
"""Is told of every answer, and of the seconds that it took."""

# What httpx raises before anything of the request was sent.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.LocalProtocolError)
# h11's text for a first line that is no status line, such as Moodle's "HTTP/1.0 0 " (Moodle 4.5, Scores).
_NO_STATUS_LINE = "illegal status line"

FAIR_TIME = 1.0
"""Seconds: a platform that had less than this and did not answer is not to blame; we came late."""


def make_client(clock: Clock, tls: ssl.SSLContext | None = None) -> httpx.Client:
    """Make the HTTP client for a :class:`Transport`; one per container.

    It ignores proxies and other settings of the environment, follows no redirect, keeps no cookie.

    Parameters
    ----------
    tls
        Which certificates to trust; by default those of public authorities.
    """
    for name in ("httpx", "httpcore"):  # they log URLs, and a results URL names a student
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.Client(  # nosec B113  # the deadline bounds every operation
        transport=PinnedTransport(clock, tls),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113  # the deadline bounds every operation
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": "Passback", "Accept-Encoding": "identity"},
    )


def system_resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the machine's resolver gives for a name.

    Raises
    ------
    OSError
        If there are none, or the resolver does not answer.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Transport:
    """Sends requests to registered hosts, at checked addresses, within a deadline.

    Parameters
    ----------
    http
        From :func:`make_client`; tests bring a client with another transport.
    resolve
        Asked once per request; the connection goes to what it answered.
    local
        Whether this is the local stack, where loopback and, to it, plain http are allowed.
    observe
        Told of every answer: its headers tell how much of a quota is left (Canvas AGS, section 9).
    """

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        resolve: Resolve = system_resolve,
        *,
        local: bool = False,
        observe: Observe | None = None,
    ) -> None:
        self._http = http
        self._clock = clock
        self._resolve = resolve
        self._local = local
        self._observe = observe

    def send(
        self,
        platform: Platform,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        deadline: Deadline,
    ) -> Reply:
        """Send one request and return the answer, whatever its status.

        Raises
        ------
        HostRefused
            If the URL, or an address its name stands for, is not one that the registration allows.
        PlatformUnavailable
            If no whole answer came in time. ``maybe_applied`` is False when nothing was sent, and for a GET.
        MalformedAnswer
            If the answer began with no HTTP status line; also a ``PlatformUnavailable``.
        """
        started, token = self._clock.monotonic(), url == platform.token_url
        try:
            reply = self._send(platform, method, url, headers, content, deadline)
        except PlatformUnavailable:
            metrics.add_call(platform.name, "none", self._clock.monotonic() - started, token=token)
            raise
        metrics.add_call(platform.name, _kind(reply), self._clock.monotonic() - started, token=token)
        return reply

    def _send(
        self,
        platform: Platform,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        deadline: Deadline,
    ) -> Reply:
        target = check_url(platform, url, local=self._local)
        too_late = Trouble.UNREACHABLE if deadline.remaining() >= FAIR_TIME else Trouble.OURS
        addresses = self._addresses(platform, target, deadline, too_late)
        if deadline.passed:
            raise PlatformUnavailable("no time left to call the platform", maybe_applied=False, cause=too_late)
        request = self._http.build_request(
            method,
            target,
            headers=dict(headers),
            content=content,
            extensions={"addresses": addresses, "deadline": deadline},
        )
        started = self._clock.monotonic()
        reply = self._exchange(request, deadline, too_late)
        if self._observe is not None:
            self._observe(platform, reply, self._clock.monotonic() - started)
        return reply

    def _exchange(self, request: httpx.Request, deadline: Deadline, too_late: Trouble) -> Reply:
        changes_something = request.method != "GET"
        status = None
        try:
            response = self._http.send(request, stream=True)
            status = response.status_code
            try:
                body = read_body(response, deadline)
            finally:
                response.close()
        except _NOT_SENT as failure:
            raise PlatformUnavailable(
                f"no connection: {failure}", maybe_applied=False, cause=_cause(failure, too_late)
            ) from failure
        except httpx.RemoteProtocolError as failure:
            # Not its text in the reason: it quotes what the platform sent.
            kind = MalformedAnswer if _NO_STATUS_LINE in str(failure) else PlatformUnavailable
            raise kind(
                "broken or no HTTP answer",
                maybe_applied=changes_something,
                status=status,
                cause=_cause(failure, too_late),
            ) from failure
        except httpx.HTTPError as failure:
            reason = "no answer in time" if isinstance(failure, httpx.TimeoutException) else f"no answer: {failure}"
            raise PlatformUnavailable(
                reason, maybe_applied=changes_something, status=status, cause=_cause(failure, too_late)
            ) from failure
        phrase: bytes = response.extensions.get("reason_phrase", b"")
        return Reply(response.status_code, phrase.decode("utf-8", "replace"), dict(response.headers), body)

    def _addresses(
        self, platform: Platform, target: httpx.URL, deadline: Deadline, too_late: Trouble
    ) -> tuple[str, ...]:
        literal = literal_address(target)
        port = target.port or (443 if target.scheme == "https" else 80)
        found = [literal] if literal else self._resolved(target.raw_host.decode("ascii"), port, deadline, too_late)
        return check_addresses(platform, target, found, local=self._local)

    def _resolved(self, host: str, port: int, deadline: Deadline, too_late: Trouble) -> Sequence[str]:
        """Resolve a name within the deadline: the system's resolver takes no time-out, so it runs beside us."""
        found: list[Sequence[str]] = []
        failures: list[OSError] = []

        def look_up() -> None:
            try:
                found.append(self._resolve(host, port))
            except OSError as failure:
                failures.append(failure)

        thread = threading.Thread(target=look_up, name="resolve", daemon=True)
        thread.start()
        thread.join(deadline.remaining())
        if found and found[0]:
            return found[0]
        why = failures[0] if failures else "no answer in time" if thread.is_alive() else "no address"
        cause = too_late if thread.is_alive() else Trouble.UNREACHABLE
        raise PlatformUnavailable(f"the name {host} cannot be resolved: {why}", maybe_applied=False, cause=cause)


def _kind(reply: Reply) -> str:
    """Name an answer for the metrics."""
    if is_throttled(reply):
        return "throttled"
    return "ok" if reply.status < 400 else "refused" if reply.status < 500 else "error"


def _cause(failure: httpx.HTTPError, too_late: Trouble) -> Trouble:
    """Tell what a failed exchange says about the platform. A request that we cannot write says nothing."""
    if isinstance(failure, httpx.LocalProtocolError):
        return Trouble.OURS
    return too_late if isinstance(failure, httpx.TimeoutException) else Trouble.UNREACHABLE
