"""Attempts to make Passback call a host that its operator did not register."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.clock import Deadline, SystemClock
from chalicelib.errors import HostRefused
from chalicelib.lti13.hosts import check_addresses, check_url
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import Reply
from chalicelib.lti13.transport import Transport, make_client

CLOCK = SystemClock()
PUBLIC = "203.0.114.7"
SCHOOL = Platform(
    name="school",
    profile="canvas",
    issuer="https://canvas.instructure.com",
    client_id="10000000000042",
    token_url="https://good.example/login/oauth2/token",
    audience="https://good.example/login/oauth2/token",
    hosts=("good.example", "bücher.example", "port.example:8443", "198.51.101.7", "[2606:4700::1111]"),
)
CAMPUS = replace(SCHOOL, allow_private=True)


@dataclass
class Names:
    """A resolver under an attacker's control: each question gets the next answer."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def send(platform: Platform, url: str, *addresses: str, local: bool = False) -> list[httpx.Request]:
    """Try to call a URL whose name stands for these addresses; return what went out."""
    sent: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    http = httpx.Client(transport=httpx.MockTransport(take))
    transport = Transport(http, CLOCK, Names([list(addresses or (PUBLIC,))]), local=local)
    try:
        transport.send(platform, "POST", url, {"Authorization": "Bearer t"}, b"", Deadline.after(CLOCK, 5))
    except HostRefused:
        assert sent == []
        raise
    return sent


@pytest.mark.parametrize(
    "url",
    [
        # another host, in many disguises
        "https://evil.example/",
        "https://good.example.evil.example/",
        "https://evil-good.example/",
        "https://sub.good.example/",
        "https://goodxexample/",
        "https://good/",
        "https://good.example@evil.example/",
        "https://good@evil.example/",
        "https://good.example:443@evil.example/",
        "https://good.example%40evil.example/",
        "https://evil.example#good.example",
        "https://evil.example/#@good.example/",
        "https://evil.example?@good.example/",
        "https://evil.example;good.example/",
        "https://evil.example,good.example/",
        "https://good.example\u3002evil.example/",
        # user names, even before the right host
        "https://user:password@good.example/",
        "https://@good.example/",
        # what parsers disagree on
        "https://good.example\\@evil.example/",
        "https://evil.example\\.good.example/",
        "https:\\\\good.example\\",
        "https:/good.example/",
        "https:good.example/",
        "https:///good.example/",
        "https://",
        "https:// good.example/",
        "//good.example/",
        "/path",
        "good.example/",
        "",
        "https://good.example /",
        "https://good.example/ b",
        "https://good.example/a\\b",
        "https://good.example/\t",
        "https://good.example/\r\nX-Evil: 1",
        "https://good.example/\x00",
        "https://good.example/\x7f",
        "https://good.example/\u2028",
        "https://go\nod.example/",
        "\x01https://good.example/",
        " https://good.example/",
        "https://good.example/#fragment",
        "https://good.example/#",
        "https://%67ood.example/",
        "https://good.example../",
        "https://.good.example/",
        "https://good..example/",
        "https://[good.example]/",
        "https://[::1",
        # other schemes
        "http://good.example/",
        "ftp://good.example/",
        "file:///etc/passwd",
        "gopher://good.example/",
        "javascript:alert(1)",
        "httpss://good.example/",
        # other ports
        "https://good.example:80/",
        "https://good.example:8443/",
        "https://good.example:0/",
        "https://good.example:65536/",
        "https://good.example:-1/",
        "https://good.example:443:443/",
        "https://good.example:4e2/",
        "https://good.example:" + "9" * 5000 + "/",
        "https://port.example/",
        # look-alikes
        "https://gооd.example/",  # Cyrillic
        "https://ｇｏｏｄ.example/",  # full width
        "https://good.examp1e/",
        "https://xn--gd-zqaa.example/",
        # too long for a name
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://good.example/" + "a" * 70_000,
    ],
)
def test_a_url_that_is_not_plainly_on_a_registered_host_is_refused(url: str) -> None:
    with pytest.raises(HostRefused):
        send(SCHOOL, url)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://good.example/", "good.example"),
        ("https://good.example", "good.example"),
        ("https://good.example?a=b", "good.example"),
        ("HTTPS://GOOD.Example/", "good.example"),
        ("https://good.example:443/", "good.example"),
        ("https://good.example:/", "good.example"),
        ("https://good.example./", "good.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://XN--BCHER-KVA.example/", "xn--bcher-kva.example"),
        ("https://port.example:8443/", "port.example:8443"),
        ("https://good.example/a@b:c//d?e=https://evil.example/&f=@", "good.example"),
    ],
)
def test_the_other_ways_to_write_a_registered_host_are_understood(url: str, authority: str) -> None:
    (sent,) = send(SCHOOL, url)
    assert sent.headers["host"] == authority


@pytest.mark.parametrize(
    "url", ["https://198.51.101.7/", "https://[2606:4700::1111]/", "https://[2606:4700:0:0::1111]/"]
)
def test_a_registered_address_needs_no_resolver(url: str) -> None:
    (sent,) = send(SCHOOL, url, "127.0.0.1")  # what the resolver would say
    assert sent.extensions["addresses"][0] in ("198.51.101.7", "2606:4700::1111")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "1.2.3.0x4",
        "good.example.1",
        "0x",
        "256.1.1.1",
    ],
)
def test_numbers_that_some_read_as_an_address_are_refused_even_when_registered(host: str) -> None:
    with pytest.raises(HostRefused):
        send(replace(SCHOOL, hosts=(host,)), f"https://{host}/", local=True)


@pytest.mark.parametrize("entry", ["", "evil.example/good", "a@good.example", "[", "good.example:x", "*.example", "*"])
def test_a_damaged_entry_in_the_registration_opens_nothing(entry: str) -> None:
    with pytest.raises(HostRefused):
        send(replace(SCHOOL, hosts=(entry,)), "https://sub.example/")


NEVER = [
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "0.1.2.3",
    "169.254.169.254",  # instance metadata: AWS, Azure, Google and others
    "169.254.170.2",  # container credentials
    "100.100.100.200",  # Alibaba's metadata
    "168.63.129.16",  # Azure's, a public address
    "192.0.0.192",  # Oracle's
    "fd00:ec2::254",  # AWS's over IPv6, which looks private
    "fd00:ec2::23",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "64:ff9b:1::a00:1",
    "5f00::1",
    "4000::1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",  # 169.254.169.254 as 6to4
    "2002:7f00:1::",
    "2002:a00:1::",
    "::127.0.0.1",
    "::10.0.0.1",
    "2001:0:7f00:1::",  # Teredo
    "not-an-address",
    "",
    "2130706433",
    "0177.0.0.1",
]
LOOPBACK = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("platform", [SCHOOL, CAMPUS], ids=["school", "campus"])
def test_some_addresses_are_refused_always(platform: Platform, local: bool, address: str) -> None:
    with pytest.raises(HostRefused):
        send(platform, "https://good.example/", address, local=local)


@pytest.mark.parametrize("address", LOOPBACK)
@pytest.mark.parametrize("platform", [SCHOOL, CAMPUS], ids=["school", "campus"])
def test_loopback_is_for_the_local_stack_only(platform: Platform, address: str) -> None:
    with pytest.raises(HostRefused, match="loopback"):
        send(platform, "https://good.example/", address)
    assert len(send(platform, "https://good.example/", address, local=True)) == 1


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("local", [False, True])
def test_private_addresses_are_for_registrations_that_allow_them(local: bool, address: str) -> None:
    with pytest.raises(HostRefused, match="private"):
        send(SCHOOL, "https://good.example/", address, local=local)
    assert len(send(CAMPUS, "https://good.example/", address, local=local)) == 1


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_called(address: str) -> None:
    assert len(send(SCHOOL, "https://good.example/", address)) == 1


@pytest.mark.parametrize("bad", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
@pytest.mark.parametrize("first", [True, False])
def test_one_bad_address_among_good_ones_refuses_the_name(bad: str, first: bool) -> None:
    addresses = [bad, PUBLIC, "8.8.8.8"] if first else [PUBLIC, "8.8.8.8", bad]
    with pytest.raises(HostRefused):
        send(SCHOOL, "https://good.example/", *addresses)


@pytest.mark.parametrize("literal", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"])
def test_a_registered_address_is_checked_like_any_other(literal: str) -> None:
    with pytest.raises(HostRefused):
        send(replace(SCHOOL, hosts=(literal,)), f"https://{literal}/")


def test_plain_http_goes_to_loopback_only_and_only_in_the_local_stack() -> None:
    assert len(send(SCHOOL, "http://good.example/", "127.0.0.1", local=True)) == 1
    for platform, address in ((SCHOOL, PUBLIC), (CAMPUS, "10.0.0.1")):
        with pytest.raises(HostRefused):
            send(platform, "http://good.example/", address, local=True)
    with pytest.raises(HostRefused):
        send(SCHOOL, "http://good.example/", "127.0.0.1")


def test_a_refusal_shows_neither_path_nor_query() -> None:
    with pytest.raises(HostRefused) as raised:
        send(SCHOOL, "https://evil.example/secret-path?secret=1")
    assert "evil.example" in str(raised.value)
    assert "secret" not in str(raised.value)


@contextlib.contextmanager
def listening(address: str, port: int = 0, location: str = "") -> Iterator[tuple[int, list[str]]]:
    """Listen at an address; give the port and what was asked for."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.send_response(307 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer((address, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


def call(platform: Platform, url: str, names: Names) -> Reply:
    with make_client(CLOCK) as http:
        transport = Transport(http, CLOCK, names, local=True)
        return transport.send(platform, "POST", url, {}, b"", Deadline.after(CLOCK, 5))


def test_a_name_that_changes_between_check_and_connection_is_still_called_where_it_was_checked() -> None:
    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    with listening("127.0.0.1") as (port, checked), listening("127.0.0.2", port) as (_, rebound):
        platform = replace(SCHOOL, hosts=(f"good.example:{port}",))
        assert call(platform, f"http://good.example:{port}/", names).status == 200
    assert (checked, rebound) == (["/"], [])
    assert names.asked == ["good.example"]


def test_the_machines_own_resolver_is_not_asked_behind_the_checked_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    original = socket.getaddrinfo

    def watching(host: str, *rest: int, **options: int) -> object:
        asked.append(host)
        return original(host, *rest, **options)

    with listening("127.0.0.1") as (port, _):
        monkeypatch.setattr(socket, "getaddrinfo", watching)
        call(replace(SCHOOL, hosts=(f"good.example:{port}",)), f"http://good.example:{port}/", Names([["127.0.0.1"]]))
    assert set(asked) <= {"127.0.0.1"}


def test_a_redirect_is_not_followed_not_even_to_a_registered_host() -> None:
    with contextlib.ExitStack() as servers:
        other, elsewhere = servers.enter_context(listening("127.0.0.2"))
        port, _ = servers.enter_context(listening("127.0.0.1", location=f"http://other.example:{other}/"))
        platform = replace(SCHOOL, hosts=(f"good.example:{port}", f"other.example:{other}"))
        names = Names([["127.0.0.1"], ["127.0.0.2"]])
        assert call(platform, f"http://good.example:{port}/", names).status == 307
    assert elsewhere == []


PIECES = st.sampled_from(
    [
        *("https://", "http://", "//", *"/\\@:#?%.[]; \t\n。é\u200b", "443", "80", "%2e", "%40"),
        *("good.example", "evil.example", "GOOD.EXAMPLE", "127.0.0.1", "::1", "2130706433"),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_is_let_through_is_on_a_registered_host_for_another_parser_too(url: str) -> None:
    platform = replace(SCHOOL, hosts=("good.example",))
    with contextlib.suppress(HostRefused):
        accepted = check_url(platform, url, local=False)
        read = urlsplit(str(accepted))
        assert (read.scheme, read.netloc, accepted.host) == ("https", "good.example", "good.example")


@example(IPv6Address("2002:100::"))
@given(st.ip_addresses())
def test_any_address_at_all_is_refused_or_globally_reachable(address: IPv4Address | IPv6Address) -> None:
    target = check_url(SCHOOL, "https://good.example/", local=False)
    with contextlib.suppress(HostRefused):
        assert check_addresses(SCHOOL, target, [str(address)], local=False) == (str(address),)
        assert address.is_global
        assert not address.is_multicast


def test_an_address_that_carries_another_is_called_as_it_is() -> None:
    # Behind DNS64 the IPv4 address that was checked cannot be reached but through the IPv6 one.
    (sent,) = send(SCHOOL, "https://good.example/", "64:ff9b::808:808")
    assert sent.extensions["addresses"] == ("64:ff9b::808:808",)
