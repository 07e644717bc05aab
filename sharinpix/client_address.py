"""Where a request comes from: the peer of the connection, or what a stated number of trusted proxies say of it."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64
"""Bits of an IPv6 address that one client cannot choose: a provider hands out no smaller network."""


def client_address(request: HttpRequest) -> str:
    """The client's IP address, or "" where it is not known (a server on a Unix socket).

    Each proxy appends the address of its own peer to X-Forwarded-For, so that of TRUSTED_PROXIES the farthest one wrote
    the n-th entry from the right; what stands left of it was sent by the client and is not believed. A shorter list
    passed fewer proxies, and a malformed entry was written by none: both leave the nearest address that is known.
    """
    known = [_parsed(str(request.META.get("REMOTE_ADDR") or ""))]
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR") or "").split(",") if settings.TRUSTED_PROXIES else []
    for entry in reversed(forwarded[-settings.TRUSTED_PROXIES :]):
        if not (found := _parsed(entry)):
            break
        known.append(found)
    return known[-1]


def client_network(request: HttpRequest) -> str:
    """What limits are counted by: the client's IPv4 address, or the first address of its /64, in which one client has
    as many IPv6 addresses as it likes."""
    address = client_address(request)
    return str(ip_network(f"{address}/{IPV6_PREFIX}", strict=False)[0]) if ":" in address else address


def _parsed(entry: str) -> str:
    """The address of an entry, which may have a port, in its one spelling; "" for what is none."""
    host = entry.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return str(found.ipv4_mapped or found) if isinstance(found, IPv6Address) else str(found)
