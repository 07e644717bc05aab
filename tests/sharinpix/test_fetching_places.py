"""Where a URL may lead. The ids are the rows and cases of the threat list: schemes, addresses, own hosts."""

import re
import socket
from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharinpix.fetching import Failed, Refused, check, fetch, places
from tests.sharinpix.sites import reply, site

pytestmark = pytest.mark.any_database
AT_FIRST_SIGHT = {
    "file": ("file:///etc/passwd", "must begin with http"),
    "ftp": ("ftp://example.com/a.jpg", "must begin with http"),
    "gopher": ("gopher://example.com/", "must begin with http"),
    "data": ("data:image/png;base64,AAAA", "must begin with http"),
    "dict": ("dict://example.com:11211/", "must begin with http"),
    "javascript": ("javascript:alert(1)", "must begin with http"),
    "no scheme": ("example.com/a.jpg", "must begin with http"),
    "scheme-relative": ("//example.com/a.jpg", "must begin with http"),
    "empty": ("", "must begin with http"),
    "missing host": ("http:///a.jpg", "names no host"),
    "missing slashes": ("http:a.jpg", "names no host"),
    "host of dots": ("http://../", "malformed"),
    "userinfo": ("http://a@b/", "user name"),
    "userinfo with password": ("http://example.com:80@10.0.0.1/", "user name"),
    "empty userinfo": ("http://@example.com/", "user name"),
    "backslash and userinfo": ("http://example.com\\@10.0.0.1/", "user name"),
    "backslash in the host": ("http://10.0.0.1\\.example.com/", "malformed"),
    "port 22": ("http://example.com:22/", "no port but 80 and 443"),
    "port 8080": ("https://example.com:8080/", "no port but 80 and 443"),
    "port 0": ("http://example.com:0/", "no port but 80 and 443"),
    "port 65536": ("http://example.com:65536/", "malformed"),
    "port of letters": ("http://example.com:http/", "malformed"),
    "port of foreign digits": ("http://example.com:８０/", "malformed"),
    "open bracket": ("http://[::1/", "malformed"),
    "no IPv6": ("http://[1:2]/", "malformed"),
    "scoped IPv6": ("http://[fe80::1%25eth0]/", "malformed"),
    "CR LF": ("http://example.com/\r\nHost: a", "no URL may hold"),
    "NUL": ("http://example.com/\0", "no URL may hold"),
    "tab in the scheme": ("ht\ttp://example.com/", "no URL may hold"),
    "space in the host": ("http://exam ple.com/", "malformed"),
    "percent in the host": ("http://exam%70le.com/", "malformed"),
    "slash hidden in the host": ("http://℀.com/", "malformed"),
    "lone surrogate": ("http://example.com/\ud800", "malformed"),
    "label of 64": (f"http://{'a' * 64}.com/", "malformed"),
    "host of 254": (f"http://{'a.' * 126}ab/", "malformed"),
    "8,193 characters": ("http://example.com/".ljust(8_193, "a"), "longer than 8,192"),
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were looked up; every one is at 10.0.0.1."""
    names: list[str] = []

    def resolve(host: str) -> list[str]:
        names.append(host)
        return ["10.0.0.1"]

    monkeypatch.setattr(places, "resolve", resolve)
    return names


@pytest.mark.parametrize(("url", "words"), AT_FIRST_SIGHT.values(), ids=AT_FIRST_SIGHT)
def test_what_is_wrong_at_first_sight_is_refused_without_a_lookup(asked: list[str], url: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        check(url)
    assert str(refusal.value).endswith(".")
    with pytest.raises(Refused, match=words):
        fetch(url, {}, BytesIO(), most=1)
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "HTTPS://EXAMPLE.com:443/a b.jpg?c=d e&f=%20#g", "http://example.com:443/", " http://example.com/\n",
        "https://bücher.example/é.jpg", "http://example.com./", "http://my_bucket.example.com/", "http://[2606:4700::1111]/",
        "http://8.8.8.8/", "http://example.com/".ljust(8_192, "a"),
    ],
    ids=lambda url: url[:24],
)  # fmt: skip
def test_what_looks_right_passes_without_a_lookup(asked: list[str], url: str) -> None:
    check(url)
    assert asked == []


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("http://example.com:443/a b.jpg?c=d e&f=%20#g", "http://example.com:443/a%20b.jpg?c=d%20e&f=%20"),
        ("https://bücher。example/é", "https://xn--bcher-kva.example/%C3%A9"),
        ("http://example.com./a?", "http://example.com/a"),
        ("http://[2606:4700::1111]:81/", "http://[2606:4700::1111]:81/"),
    ],
)
def test_a_place_is_written_in_ascii(url: str, written: str) -> None:
    assert places.Place.parse(url).url == written
    assert places.Place.parse(written).url == written


NOT_PUBLIC = [
    "127.0.0.1", "169.254.169.254", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "localhost", "localhost.",
    "LOCALHOST", "127。0。0。1", "127．0．0．1", "１２７.０.０.１", "①②⑦.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "100.64.0.1",
    "100.100.100.200", "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::8.8.8.8]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:db8::1]", "[fe80::1]",
    "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[3fff::1]", "[5f00::1]", "[100::1]", "[ff02::1]", "[ff0e::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_a_host_that_is_not_public_is_refused_after_resolution(host: str) -> None:
    """With the system's own resolver, which reads numbers in more notations than one would think."""
    check(f"http://{host}/")
    with pytest.raises(Refused, match=r"leads to an address that is not public\.$"):
        fetch(f"http://{host}/", {}, BytesIO(), most=1)


@pytest.mark.parametrize("address", [host.strip("[]") for host in NOT_PUBLIC if re.fullmatch(r"\[.+\]|[1-9]\d*(\.\d+){3}", host, re.A)])  # fmt: skip
def test_a_name_is_refused_if_one_of_its_addresses_is_not_public(
    names_lead_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    names_lead_to("8.8.8.8", "2606:4700::1111", address)
    monkeypatch.setattr(socket, "create_connection", lambda *arguments: pytest.fail("It was connected to."))
    with pytest.raises(Refused, match="not public"):
        fetch("https://pictures.example.org/", {}, BytesIO(), most=1)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert places.is_public(ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_holds_for_local(address: Any) -> None:
    if places.is_public(address):
        assert address.is_global and not address.is_multicast and not address.is_reserved


def test_a_mapped_address_is_the_one_that_it_holds() -> None:
    assert places.plain("::ffff:8.8.8.8") == ip_address("8.8.8.8")
    assert places.plain("2606:4700::1111") == ip_address("2606:4700::1111")


def test_a_name_without_an_address_may_get_one_later(
    names_lead_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(places, "resolve", unknown)
    with pytest.raises(Failed, match=r"^no\.example cannot be reached: Name or service not known\.$"):
        fetch("http://no.example/", {}, BytesIO(), most=1)
    names_lead_to()
    with pytest.raises(Failed, match=r"^no\.example cannot be reached: it has no address\.$"):
        fetch("http://no.example/", {}, BytesIO(), most=1)


def test_allowed_networks_open_their_addresses_and_ports_and_no_others(
    names_lead_to: Callable[..., None], settings: Any
) -> None:
    settings.IMPORT_ALLOW_NETS = ["127.0.0.0/8", "fd00::/8"]
    with site(reply(b"picture")) as stranger:
        check(stranger.url)
        assert fetch(stranger.url, {}, BytesIO(), most=100).bytes == 7
        names_lead_to("127.0.0.1", "10.0.0.1")
        with pytest.raises(Refused, match="no port but"):
            fetch(f"http://a.example:{stranger.port}/", {}, BytesIO(), most=100)
        with pytest.raises(Refused, match="not public"):
            fetch("http://a.example/", {}, BytesIO(), most=100)
        names_lead_to("8.8.8.8")
        with pytest.raises(Refused, match="no port but"):
            fetch(f"http://a.example:{stranger.port}/", {}, BytesIO(), most=100)
        assert len(stranger.requests) == 1


OWN = {
    "PUBLIC_URL": "https://pictures.example.com/a.jpg",
    "PUBLIC_URL over http": "http://pictures.example.com/a.jpg",  # by ALLOWED_HOSTS
    "in capitals": "https://PICTURES.example.com/",
    "with its port": "https://pictures.example.com:443/",
    "with a dot": "https://pictures.example.com./",
    "with wide dots": "https://pictures。example．com/",
    "PROXY_URL": "http://proxy.example.com/x.jpg?url=",
    "DELIVERY_URL": "https://cdn.example.com/",
    "S3_ENDPOINT_URL": "http://storage.example.com:443/bucket/originals",
    "ALLOWED_HOSTS": "http://other.example.com/",
    "ALLOWED_HOSTS by pattern": "https://a.b.example.net/",
    "ALLOWED_HOSTS by address": "https://198.41.0.4/",
    "ALLOWED_HOSTS by IPv6 address": "https://[2606:4700::9]/",
}


@pytest.fixture
def ours(settings: Any) -> Any:
    settings.PUBLIC_URL = "https://pictures.example.com"
    settings.PROXY_URL = "http://proxy.example.com/proxy"
    settings.DELIVERY_URL = "https://cdn.example.com"
    settings.S3_ENDPOINT_URL = "http://storage.example.com:443"
    settings.ALLOWED_HOSTS = [
        "pictures.example.com", "localhost", "127.0.0.1", "*", "other.example.com", ".example.net", "198.41.0.4", "[2606:4700::9]",
    ]  # fmt: skip
    return settings


@pytest.mark.parametrize("url", OWN.values(), ids=OWN)
def test_our_own_hosts_are_refused_at_first_sight(ours: Any, asked: list[str], url: str) -> None:
    with pytest.raises(Refused, match=r" is this server itself\.$"):
        check(url)
    assert asked == []


def test_hosts_beside_ours_are_not_ours(ours: Any) -> None:
    for url in ("http://cdn.example.com/", "https://storage.example.com:80/", "https://example.com/", "http://proxy.example.com:443/"):  # fmt: skip
        check(url)
    ours.DELIVERY = "cloudinary"  # whose host then stands in DELIVERY_URL
    check("https://cdn.example.com/")


def test_a_redirect_to_our_own_host_is_refused(ours: Any) -> None:
    ours.IMPORT_ALLOW_NETS = ["127.0.0.0/8"]
    with (
        site(b"HTTP/1.1 302 Found\r\nLocation: https://pictures.example.com/\r\n\r\n") as stranger,
        pytest.raises(Refused, match="this server itself"),
    ):
        fetch(stranger.url, {}, BytesIO(), most=1)
