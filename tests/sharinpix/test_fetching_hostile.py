"""Servers that are slow, endless or lie, and answers of any bytes. The ids are cases of the threat list."""

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sharinpix.fetching import Failed, Refused, check, fetch, places, post
from tests.fuzzing import examples
from tests.sharinpix.sites import moved, reply, site, trickle

pytestmark = pytest.mark.any_database
MOST = 100_000
LATE = r"^127\.0\.0\.1 took longer than 0\.3 seconds\.$"


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.IMPORT_ALLOW_NETS = ["127.0.0.0/8"]


def fetched(url: str) -> bytes:
    into = BytesIO()
    fetch(url, {}, into, most=MOST)
    return into.getvalue()


# Slow ones. Each would come to a good end in a second or two, if it were waited for.


def chunks(request: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from (piece for _ in trickle(b"a" * 20) for piece in (b"1\r\na\r\n",))
    yield b"0\r\n\r\n"


def going_on(request: bytes) -> Iterator[bytes]:
    for _ in trickle(b"a" * 20):
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
    yield reply(b"a")


def after(whole: bytes, slow: bytes = b"a" * 20) -> Callable[[bytes], Iterable[bytes]]:
    return lambda request: itertools.chain([whole], trickle(slow))


SLOW = {
    "status line": lambda request: trickle(reply(b"a")),
    "headers": lambda request: itertools.chain([b"HTTP/1.1 200 OK\r\n"], trickle(b"X-Slow: aaaaaaaaaaaaaaaaaa\r\n\r\n")),
    "1xx": going_on,
    "body of a declared length": after(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"),
    "body until the end": after(b"HTTP/1.1 200 OK\r\n\r\n"),
    "chunks": chunks,
    "chunk size": after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"000000000000000001\r\na\r\n0\r\n\r\n"),
    "trailers": after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X-Slow: aaaaaaaaaaaaaaa\r\n\r\n"),
    "redirects": lambda request: (moved("/") for _ in trickle(b"a", 0.15)),
}  # fmt: skip


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
@pytest.mark.usefixtures("hasty")
def test_whoever_trickles_is_cut_at_the_deadline(answer: Any) -> None:
    with site(answer) as stranger, pytest.raises(Failed, match=LATE):
        fetched(stranger.url)


@pytest.mark.usefixtures("no_long_silence")
def test_a_silent_server_is_left_after_a_while() -> None:
    def answer(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"[: 50 * (b"/body" in request)]
        time.sleep(2)
        yield reply(b"a")

    with site(answer) as stranger:
        for path in ("", "body"):
            with pytest.raises(Failed, match=r"^127\.0\.0\.1 did not answer in time\.$"):
                fetched(stranger.url + path)


@pytest.mark.usefixtures("no_long_silence")
def test_a_server_that_does_not_greet_is_left_too() -> None:
    """TLS that is never answered."""
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Failed, match=r"did not answer in time\.$"):
        fetched(f"https://127.0.0.1:{mute.getsockname()[1]}/")


@pytest.mark.usefixtures("no_long_greeting")
def test_a_host_that_does_not_take_connections_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        with pytest.raises(Failed, match=r"^127\.0\.0\.1 did not answer in time\.$"):
            fetched(f"http://127.0.0.1:{full.getsockname()[1]}/")
        for connection in waiting:
            connection.close()


@pytest.mark.usefixtures("hasty")
def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over, answered = threading.Event(), []

    def resolve(host: str) -> list[str]:
        over.wait(5)
        answered.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(places, "resolve", resolve)
    with site(reply(b"a")) as stranger, pytest.raises(Failed, match=r"^a\.example took longer than 0\.3 seconds\.$"):
        fetched(f"http://a.example:{stranger.port}/")
    assert answered == []
    over.set()


@pytest.mark.usefixtures("hasty")
def test_a_notification_is_cut_at_the_deadline_too() -> None:
    with site(SLOW["status line"]) as stranger, pytest.raises(Failed, match=LATE):
        post(stranger.url, b"", {})
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(Failed, match=LATE):
        post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", b"a" * 50_000_000, {})


# Large ones.


def endless(head: bytes, piece: bytes) -> Callable[[bytes], Iterable[bytes]]:
    """Two hundred megabytes: the end of it for our purposes."""
    return lambda request: itertools.chain([head], itertools.repeat(piece * (65_536 // len(piece)), 3_000))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = {
    "endless": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "endless chunks": endless(CHUNKED, b"1\r\na\r\n"),
    "endless chunk": endless(CHUNKED + b"FFFFFFFFFFFF\r\n", b"a"),
    "chunk of size -1": endless(CHUNKED + b"-1\r\n", b"a"),
    "chunked, and a length that lies": endless(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n") + b"FFFFFF\r\n", b"a"),
    "no length that can be read": endless(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", b"a"),
    "negative length": endless(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"a"),
    "one byte too many": reply(b"a" * (MOST + 1)),
}  # fmt: skip


@pytest.mark.parametrize("answer", LARGE.values(), ids=LARGE)
def test_no_more_is_read_than_is_kept(answer: Any) -> None:
    into = BytesIO()
    tracemalloc.start()
    with site(answer) as stranger, pytest.raises(Refused, match=r"^127\.0\.0\.1 sent more than 100,000 bytes\.$"):
        fetch(stranger.url, {}, into, most=MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert into.tell() <= MOST
    assert peak < 5_000_000


@pytest.mark.parametrize("answer", [endless(b"HTTP/1.1 200 OK\r\nX: ", b"a"), endless(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"), endless(CHUNKED, b"1")])  # fmt: skip
def test_headers_without_end_are_not_read_to_the_end(answer: Any) -> None:
    tracemalloc.start()
    with site(answer) as stranger, pytest.raises(Failed, match=r"^The answer of 127\.0\.0\.1 broke off or cannot be"):
        fetched(stranger.url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_length_that_is_too_much_is_refused_before_anything_is_read() -> None:
    into = BytesIO()
    with (
        site(reply(b"a", "200 OK", f"Content-Length: {MOST + 1}")) as stranger,
        pytest.raises(Refused, match=r"sent more than 100,000 bytes\.$"),
    ):
        fetch(stranger.url, {}, into, most=MOST)
    assert into.tell() == 0


def test_what_is_just_small_enough_is_taken() -> None:
    with site(reply(b"a" * MOST)) as stranger:
        assert len(fetched(stranger.url)) == MOST
        stranger.answer = CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (MOST, b"a" * MOST)
        assert len(fetched(stranger.url)) == MOST
        stranger.answer = b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * MOST
        assert len(fetched(stranger.url)) == MOST


def test_a_length_that_is_too_little_ends_the_body() -> None:
    with site(reply(b"a" * 100, "200 OK", "Content-Length: 10")) as stranger:
        assert fetched(stranger.url) == b"a" * 10


ENCODED = {
    "gzip": "Content-Encoding: gzip",
    "br": "content-encoding: BR",
    "gzip twice": "Content-Encoding: gzip, gzip",
    "unknown": "Content-Encoding: x",
    "on the way": "Transfer-Encoding: gzip, chunked",
    "on the way alone": "Transfer-Encoding: gzip",
}


@pytest.mark.parametrize("header", ENCODED.values(), ids=ENCODED)
def test_a_body_that_comes_encoded_is_refused(header: str) -> None:
    into = BytesIO()
    with (
        site(reply(gzip.compress(b"\0" * 10_000_000), "200 OK", header)) as stranger,
        pytest.raises(Refused, match=r"^127\.0\.0\.1 sent the file encoded, though asked not to\.$"),
    ):
        fetch(stranger.url, {}, into, most=MOST)
    assert into.tell() == 0


def test_identity_is_no_encoding() -> None:
    with site(reply(b"a", "200 OK", "Content-Encoding: Identity")) as stranger:
        assert fetched(stranger.url) == b"a"


SHORT = {
    "body": reply(b"a" * 9, "200 OK", "Content-Length: 10"),
    "no body": reply(b"", "200 OK", "Content-Length: 10"),
    "chunk": CHUNKED + b"A\r\naaa",
    "chunks": CHUNKED + b"1\r\na\r\n",
    "headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "status line": b"HTTP/1.1 20",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "two lengths": reply(b"a", "200 OK", "Content-Length: 1", "Content-Length: 2"),
}


@pytest.mark.parametrize("answer", SHORT.values(), ids=SHORT)
def test_an_answer_that_breaks_off_has_failed(answer: bytes) -> None:
    with (
        site(answer) as stranger,
        pytest.raises(
            Failed, match=r"^The answer of 127\.0\.0\.1 broke off or cannot be read\.$|^127\.0\.0\.1 sent nothing\.$"
        ),
    ):
        fetched(stranger.url)


# Anything at all: nothing comes out but Refused and Failed, each with a sentence.


def ends_well(act: Callable[[], object]) -> None:
    try:
        act()
    except (Refused, Failed) as error:
        assert 10 < len(str(error)) < 500 and str(error).endswith(".")  # noqa: PT017


ANY = examples()
URLS = st.one_of(
    st.text(),
    st.text(st.characters()).map(lambda text: f"http://{text}"),
    st.tuples(st.sampled_from(["http", "https", "HTTP", "ftp"]), st.text(max_size=20), st.text(st.sampled_from("0123456789:８")), st.text())
    .map(lambda parts: "{}://{}:{}/{}".format(*parts)),
    st.lists(st.sampled_from(["http", ":", "//", "/", "@", "[", "]", "::1", "a", ".", "。", "%", "%00", "\\", "?", "#", " ", "\0", "\ud800", "８", "xn--", ":80"]))
    .map(lambda parts: "http://" + "".join(parts)),
)  # fmt: skip
HEADERS = st.dictionaries(st.text(max_size=20), st.text(), max_size=3)


@ANY
@given(URLS, HEADERS)
@example("http://[::1%25", {})
@example("http://" + "a." * 4_000, {})
@example("http://é" + "a" * 8_000, {})
def test_no_url_and_no_header_breaks_anything(names_lead_to: Callable[..., None], url: str, headers: Any) -> None:
    names_lead_to("10.0.0.1")
    ends_well(lambda: check(url, headers))
    ends_well(lambda: fetch(url, headers, BytesIO(), most=1))
    ends_well(lambda: post(url, b"", headers))


@ANY
@given(
    st.text(),
    st.dictionaries(st.from_regex(r"[A-Za-z-]{1,9}", fullmatch=True), st.text(st.characters(max_codepoint=255))),
)
@example("", {"User-Agent": "@@@SKIP_HEADER@@@"})
@example("", {"X": "@@@SKIP_HEADER@@@"})
def test_no_path_and_no_header_breaks_the_request(path: str, headers: dict[str, str]) -> None:
    with site(reply(b"a")) as stranger:
        ends_well(lambda: fetch(f"{stranger.url}{path}", headers, BytesIO(), most=1))
        assert len(stranger.requests) < 2


PARTS = st.sampled_from(
    [
        b"HTTP/1.1 ", b"HTTP/9", b"200 OK", b"302 Found", b"\r\n", b"\n", b"\r", b" ", b":", b"Location: ", b"Location: http://[", b"\xff", b"\0",
        b"Content-Length: ", b"Content-Length: 9999999999999999999", b"Transfer-Encoding: chunked", b"-1", b"0", b"1", b"\r\n\r\n", b"a" * 70_000,
        b"Content-Disposition: attachment; filename*=", b"utf-8''%ff", b"undefined''a", b"punycode'en'%ff", b"filename*0*=", b'"', b";", b"\\",
        b"Content-Type: ", b"Content-Encoding: ", b"\x85", b"\x1c", b"\r\n ", b"=?utf-8?b?", b"1e5", b"Set-Cookie: a=b", b"\xc3\xa9",
    ]
)  # fmt: skip


@ANY
@given(st.one_of(st.binary(), st.lists(PARTS).map(b"".join)), st.booleans())
def test_no_answer_breaks_anything(data: bytes, well_begun: bool) -> None:
    with site((b"HTTP/1.1 200 OK\r\n" if well_begun else b"") + data) as stranger:
        ends_well(lambda: fetched(stranger.url))
        ends_well(lambda: post(stranger.url, b"a", {}))
