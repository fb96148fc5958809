"""Which URLs may be called: only hosts of the registration, at addresses that are fit to be called.

The URL is parsed once, by the parser whose result is also sent, so that no two readings of it can differ.
"""

import ipaddress
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import httpx

from chalicelib.errors import HostRefused
from chalicelib.lti13.registrations import Platform

Address = IPv4Address | IPv6Address

_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?]+)")
_NAME = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
# A name that ends in a number is an IPv4 address to some resolvers: 2130706433, 0x7f.1, 0177.0.0.1
# (WHATWG URL, "ends in a number").
_NUMERIC_ENDING = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, section 2.4; all else is special
_PRIVATE = tuple(
    ip_network(network)  # RFC 1918, RFC 6598 (behind a provider's NAT), RFC 4193
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# Instance metadata and credentials of the cloud vendors, where they are not link-local anyway: AWS over IPv6 (with its
# resolver and time service), Alibaba, Azure, Oracle. Some of them look private, some public.
_METADATA = tuple(
    ip_network(network) for network in ("fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")
)


def check_url(platform: Platform, url: str, *, local: bool) -> httpx.URL:
    """Return a URL in the form in which it may be sent: registered host, https, nothing that could be read two ways.

    Parameters
    ----------
    local
        Whether this is the local stack, where http is allowed (to loopback only, see ``check_addresses``).

    Raises
    ------
    HostRefused
        If the URL is not one that this platform's registration allows.
    """
    scheme = _checked_scheme(url, local=local)
    parsed = _parsed(url)
    if parsed is None or parsed.port == 0:
        raise HostRefused("The URL cannot be read.")
    host = _normal_host(parsed)
    if host is None:
        raise HostRefused("The URL's host is not a plain name or address.")
    if (host, parsed.port) not in _registered(platform, scheme):
        shown = host if parsed.port is None else f"{host}:{parsed.port}"
        raise HostRefused(f"The host {shown} is not registered for platform {platform.name!r}.")
    return parsed.copy_with(host=host)


def check_addresses(platform: Platform, target: httpx.URL, addresses: Sequence[str], *, local: bool) -> tuple[str, ...]:
    """Return the addresses that a name stands for, all of them checked: one bad address refuses the name.

    Loopback is for the local stack only; private addresses are for registrations that allow them. Link-local,
    multicast, metadata and all other special addresses are refused always.

    Raises
    ------
    HostRefused
        If an address may not be called.
    """
    for text in addresses:
        address = _address(text)
        reason = "not an address" if address is None else _refusal(address, platform.allow_private, local)
        if address is not None and reason is None and target.scheme == "http" and not address.is_loopback:
            reason = "not loopback, and http is for loopback only"
        if reason is not None:
            raise HostRefused(f"The host {target.host} stands for an address that may not be called ({reason}).")
    return tuple(addresses)


def literal_address(target: httpx.URL) -> str | None:
    """Return the host of a checked URL if it is an address itself, so that there is no name to resolve."""
    host = target.raw_host.decode("ascii")
    return None if _address(host) is None else host


def _checked_scheme(url: str, *, local: bool) -> str:
    if not url.isprintable() or " " in url or "\\" in url or "#" in url:
        raise HostRefused("The URL has a blank, a control character, a backslash or a fragment.")
    start = _AUTHORITY.match(url)
    scheme = start["scheme"].lower() if start else ""
    if start is None or scheme not in (("https", "http") if local else ("https",)):
        raise HostRefused("The URL is not an https URL.")
    if "@" in start["authority"]:
        raise HostRefused("The URL has a user name before its host.")
    return scheme


def _parsed(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError):  # ValueError: a port of thousands of digits
        return None


def _normal_host(parsed: httpx.URL) -> str | None:
    """Return the host as it is compared and sent: lower case, punycode, no trailing dot, addresses canonical."""
    host = parsed.raw_host.decode("ascii").removesuffix(".")
    if "%" in host:  # a percent-encoded name, or an address with a zone
        return None
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host if _NAME.fullmatch(host) and not _NUMERIC_ENDING.fullmatch(host) else None


def _registered(platform: Platform, scheme: str) -> set[tuple[str, int | None]]:
    entries = [_parsed(f"{scheme}://{entry}") for entry in platform.hosts]
    hosts = [(_normal_host(entry), entry.port) for entry in entries if entry is not None]
    return {(host, port) for host, port in hosts if host is not None}


def _address(text: str) -> Address | None:
    """Read an address; of an IPv6 form that only carries an IPv4 address give that one: there the call will end."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _refusal(address: Address, allow_private: bool, local: bool) -> str | None:
    if address.is_loopback:
        return None if local else "loopback"
    if any(address in network for network in _METADATA):
        return "instance metadata"
    if any(address in network for network in _PRIVATE):
        return None if allow_private else "private"
    if address.is_link_local or address.is_multicast or address.is_unspecified or not address.is_global:
        return "link-local, multicast or reserved"
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or address.sixtofour is not None):
        return "reserved"  # 6to4 carries any IPv4 address, and is given up (RFC 7526)
    return None
