"""The host and the addresses of a URL, and whether the server may connect to them."""

import re
import socket
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings
from django.http.request import validate_host

MAX_URL = 8_192
PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|[0-9a-f:]*:[0-9a-f:.]*")
CONTROLS = re.compile(r"[\0-\x1f\x7f]")
SAFE_IN_TARGET = "%/:?@!$&'()*+,;=[]~"

OPEN_IPV6 = ip_network("2000::/3")
NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 "
        "168.63.129.16/32 "  # the hosts of Azure's machines, inside a public range
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20"  # Teredo and its neighbours, examples, 6to4
    ).split()
)


class Refused(Exception):
    """The URL, a header or the answer is not accepted; trying again cannot help. str() is a sentence."""


class Place(NamedTuple):
    """A parsed URL: what to connect to, and the target of the request."""

    scheme: str
    host: str  # ASCII, lower case; IPv6 without brackets
    port: int
    target: str  # path and query, ASCII

    @classmethod
    def parse(cls, url: str, base: str = "") -> "Place":
        """The place of an absolute URL, or of one that is relative to `base`. Raises Refused."""
        url = url.strip()
        if len(url) > MAX_URL:
            raise Refused(f"The URL is longer than {MAX_URL:,} characters.")
        if CONTROLS.search(url):
            raise Refused("The URL holds characters that no URL may hold.")
        try:
            parts = urlsplit(urljoin(base, url))
            port = parts.port
            host = (parts.hostname or "").encode("idna").decode().lower().removesuffix(".")
            target = quote(parts.path or "/", SAFE_IN_TARGET)
            if parts.query:
                target += f"?{quote(parts.query, SAFE_IN_TARGET)}"
        except ValueError as error:
            raise Refused("The URL is malformed.") from error
        if parts.scheme not in PORTS:
            raise Refused("The URL must begin with http:// or https://.")
        if "@" in parts.netloc:
            raise Refused("The URL may not hold a user name or a password.")
        if len(host) > 253 or not HOST.fullmatch(host):
            raise Refused("The URL names no host, or a malformed one.")
        return cls(parts.scheme, host, PORTS[parts.scheme] if port is None else port, target)

    @property
    def name(self) -> str:
        """The host as URLs write it: IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def netloc(self) -> str:
        return self.name if self.port == PORTS[self.scheme] else f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def admitted(url: str, base: str = "") -> Place:
    """The place of a URL whose name may be resolved. Raises Refused; opens no socket."""
    place = Place.parse(url, base)
    if not settings.IMPORT_ALLOW_NETS:  # else it depends on the address
        check_port(place)
    if is_ours(place):
        raise Refused(f"{place.host} is this server itself.")
    return place


def check_port(place: Place) -> None:
    if place.port not in PORTS.values():
        raise Refused("The URL may name no port but 80 and 443.")


def is_ours(place: Place) -> bool:
    """Whether the place is an address of this server, of its proxy URLs, its delivery or its bucket."""
    bases = [settings.PUBLIC_URL, settings.PROXY_URL, settings.S3_ENDPOINT_URL]
    if settings.DELIVERY == "local":
        bases.append(settings.DELIVERY_URL)
    ends = {Place.parse(base).origin[1:] for base in bases if base}
    names = set(settings.ALLOWED_HOSTS) - {"*", "localhost", "127.0.0.1", "[::1]"}  # refused by their addresses
    return place.origin[1:] in ends or validate_host(place.name, names)


def addresses(place: Place, wait: float) -> list[IPv4Address | IPv6Address]:
    """The addresses of the place in the system's order, all of them allowed.

    Raises Refused if one is not, TimeoutError after `wait` seconds, OSError or ValueError as the resolver does.
    """
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolve(place.host))
        except (OSError, ValueError) as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()  # getaddrinfo() has no timeout
    found = list(dict.fromkeys(plain(text) for text in answer.result(wait)))
    allowed = [ip_network(network) for network in settings.IMPORT_ALLOW_NETS]
    for address in found:
        if not any(address in network for network in allowed):
            check_port(place)
            if not is_public(address):
                raise Refused(f"{place.host} leads to an address that is not public.")
    return found


def resolve(host: str) -> list[str]:
    """The addresses of a name, or of a number in any notation that the system reads. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def plain(text: str) -> IPv4Address | IPv6Address:
    """The address; of an IPv4-mapped one (::ffff:0:0/96) the IPv4 address, since the system connects to that."""
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the public internet.

    Not `is_global`, which differs between releases of Python and lets multicast and embedded IPv4 addresses pass.
    Other addresses that embed IPv4 (NAT64, 6to4, Teredo, IPv4-compatible) are refused whatever they hold.
    """
    return (address.version == 4 or address in OPEN_IPV6) and not any(address in network for network in NOT_PUBLIC)
