"""The client's address, as the peer and a stated number of trusted proxies tell it."""

from typing import Any

import pytest
from django.test import RequestFactory

from sharinpix.client_address import client_address, client_network

pytestmark = pytest.mark.any_database

PROXY = "10.0.0.9"


def address(forwarded: str | None = None, peer: str = PROXY) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory(REMOTE_ADDR=peer, headers=headers).get("/"))


def test_without_trusted_proxies_the_peer_is_the_client_whatever_the_header_says(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address() == address("198.51.100.7") == PROXY


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.1, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.1, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "10.0.0.1", "10.0.0.1"),
        (3, "203.0.113.1,198.51.100.7,10.0.0.1,10.0.0.2", "198.51.100.7"),
    ],
)
def test_the_farthest_trusted_proxy_names_the_client_and_what_the_client_wrote_is_not_believed(
    settings: Any, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address(forwarded) == expected


@pytest.mark.parametrize(
    "forwarded",
    [
        None,
        "",
        " ",
        ",",
        "unknown",
        "198.51.100.7,",
        "_hidden",
        "1.2.3",
        "256.1.1.1",
        "a" * 5_000,
        "[",
        "::1::",
        "\x01",
    ],
)
def test_a_header_that_no_proxy_wrote_leaves_the_peer(settings: Any, forwarded: str | None) -> None:
    settings.TRUSTED_PROXIES = 1
    assert address(forwarded) == PROXY


def test_a_malformed_entry_leaves_the_nearest_address_that_is_known(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 2
    assert address("198.51.100.7, unknown, 10.0.0.1") == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:DB8:0::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_each_address_has_one_spelling(settings: Any, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = 1
    assert address(forwarded) == expected


def test_a_server_on_a_unix_socket_knows_no_peer(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address(peer="") == ""


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("198.51.100.7", "198.51.100.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("", "")],
)
def test_one_client_with_many_ipv6_addresses_counts_once(settings: Any, peer: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = 0
    assert client_network(RequestFactory(REMOTE_ADDR=peer).get("/")) == expected
