"""What is sent, followed, kept and refused. The ids are cases of the threat list: headers, redirects, statuses."""

import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sharinpix import env
from sharinpix.fetching import Failed, Fetched, Refused, TooManyFetches, check, fetch, places, post
from sharinpix.fetching.client import limited_to_a_few
from tests.sharinpix.sites import Site, lines, moved, reply, site

pytestmark = pytest.mark.any_database


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.IMPORT_ALLOW_NETS = ["127.0.0.0/8"]


def fetched(url: str, headers: dict[str, str] | None = None, most: int = 1_000) -> tuple[Fetched, bytes]:
    into = BytesIO()
    return fetch(url, headers or {}, into, most=most), into.getvalue()


def headers_of(stranger: Site, number: int = 0) -> dict[str, str]:
    return dict(lines(stranger.requests[number]))


def test_a_picture_is_fetched_with_the_headers_that_belong_to_it() -> None:
    answer = reply(b"picture", "200 OK", "Content-Type: Image/JPEG; charset=x")
    with site(answer) as stranger:
        found, body = fetched(f"{stranger.url}a%20b/Caf%C3%A9 1.jpg?x=y", {"Authorization": "Basic é", "x-key": "1"})
        assert body == b"picture"
        assert found == (f"{stranger.url}a%20b/Caf%C3%A9%201.jpg?x=y", "image/jpeg", 7, "Café 1.jpg")
        assert stranger.requests[0].startswith(b"GET /a%20b/Caf%C3%A9%201.jpg?x=y HTTP/1.1\r\n")
        assert sorted(lines(stranger.requests[0])) == [
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("authorization", "Basic é"),
            ("connection", "close"),
            ("host", f"127.0.0.1:{stranger.port}"),
            ("user-agent", "SharinPix"),
            ("x-key", "1"),
        ]


def test_given_headers_replace_ours_whatever_their_case() -> None:
    with site(reply()) as stranger:
        fetched(stranger.url, {"user-agent": "Mozilla", "ACCEPT": "image/webp"})
        assert [line for line in lines(stranger.requests[0]) if line[0] in {"user-agent", "accept"}] == [
            ("user-agent", "Mozilla"),
            ("accept", "image/webp"),
        ]


@pytest.mark.parametrize(
    "name",
    [
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "HOST", "cookie", "Accept-Encoding", "Expect", "Keep-Alive",
        "Proxy-Authorization", "proxy-connection", "Range", "TE", "Trailer", "Upgrade", "Content-Encoding",
    ],
)  # fmt: skip
def test_headers_that_are_the_connection_s_own_are_refused(name: str) -> None:
    with pytest.raises(Refused, match=f"^The header {name} may not be given.$"):
        check("http://example.com/", {"X-Fine": "1", name: "x"})


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nHost: b"}, {"X": "a\nb"}, {"X": "a\rb"}, {"X": "a\r\n b"}, {"X": "a\0"}, {"X": "a\x7f"}, {"X": "€"}, {"X": "\ud800"},
        {"X\r\nHost": "a"}, {"X:": "a"}, {"": "a"}, {"X Y": "a"}, {" Host": "a"}, {"Host ": "a"}, {"é": "a"}, {"X\n": "a"},
    ],
    ids=repr,
)  # fmt: skip
def test_headers_that_break_out_of_their_line_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"^(The header X holds characters|A header has a malformed name)"):
        check("http://example.com/", headers)
    with pytest.raises(Refused):
        post("http://example.com/", b"", headers)


def test_dns_rebinding_changes_nothing_since_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    monkeypatch.setattr(places, "resolve", lambda host: answers.pop(0))
    with site(reply(b"picture")) as stranger:
        found, _ = fetched(f"http://rebind.example:{stranger.port}/a")
        assert found.url == f"http://rebind.example:{stranger.port}/a"
        assert headers_of(stranger)["host"] == f"rebind.example:{stranger.port}"
        assert len(answers) == 1
        with pytest.raises(Refused, match=r"^The URL may name no port|not public"):
            fetched(f"http://rebind.example:{stranger.port}/a")


def test_a_connection_that_ends_elsewhere_is_given_up(
    names_lead_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a library that redirects connections."""
    connect = socket.create_connection
    with site(reply(b"picture")) as stranger:
        monkeypatch.setattr(socket, "create_connection", lambda end, wait: connect(("127.0.0.1", stranger.port), wait))
        names_lead_to("8.8.8.8")
        with pytest.raises(Refused, match=r"^a\.example was not reached at the address that it has\.$"):
            fetched("http://a.example/")
        assert stranger.requests in ([], [b"\r\n\r\n"])


def test_the_next_address_is_tried_when_the_first_is_dead(names_lead_to: Callable[..., None]) -> None:
    names_lead_to("127.0.0.2", "127.0.0.1")
    with site(reply(b"picture")) as stranger:
        assert fetched(f"http://a.example:{stranger.port}/")[1] == b"picture"
    with pytest.raises(Failed, match=r"^a\.example cannot be reached: Connection refused\.$"):
        fetched(f"http://a.example:{stranger.port}/")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with site(reply(b"picture")) as stranger, site(reply(b"proxy")) as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert fetched(stranger.url)[1] == b"picture"
        assert proxy.requests == []


FORBIDDEN = {
    "private": ("http://10.0.0.1/", "not public"),
    "metadata": ("http://169.254.169.254/latest/meta-data/", "not public"),
    "private by scheme-relative": ("//[::1]/", "not public"),
    "file": ("file:///etc/passwd", "must begin with http"),
    "data": ("data:text/plain,a", "must begin with http"),
    "userinfo": ("http://a:b@127.0.0.1/", "user name"),
    "port": ("http://8.8.8.8:22/", "no port but"),
    "control character": ("/a\0b", "no URL may hold"),
    "nothing": ("", "without saying where"),
    "malformed": ("http://[/", "malformed"),
    "too long": ("/" + "a" * 8_192, "longer than"),
}


@pytest.mark.parametrize(("location", "words"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_redirect_is_judged_like_the_first_url(monkeypatch: pytest.MonkeyPatch, location: str, words: str) -> None:
    connect, ends = socket.create_connection, []

    def noted(end: tuple[str, int], wait: float) -> socket.socket:
        ends.append(end)
        return connect(end, wait)

    monkeypatch.setattr(socket, "create_connection", noted)
    with site(moved(location)) as stranger, pytest.raises(Refused, match=words):
        fetched(stranger.url)
    assert ends == [("127.0.0.1", stranger.port)]


def test_five_redirects_are_followed_and_no_sixth() -> None:
    def answer(request: bytes) -> list[bytes]:
        left = int(request.split(b" ")[1].rpartition(b"/")[2])
        return [moved(f"../a/{left - 1}", "307 Moved") if left else reply(b"picture")]

    with site(answer) as stranger:
        found, body = fetched(f"{stranger.url}a/5")
        assert (found.url, body) == (f"{stranger.url}a/0", b"picture")
        with pytest.raises(Refused, match=r"^The URL redirects more than 5 times\.$"):
            fetched(f"{stranger.url}a/20")
        assert len(stranger.requests) == 6 + 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_each_kind_of_redirect_is_followed_to_a_location_in_utf8(status: int) -> None:
    def answer(request: bytes) -> list[bytes]:
        return [reply(b"picture") if b"%C3%A9" in request else moved("/é 1.jpg", f"{status} Moved")]

    with site(answer) as stranger:
        assert fetched(stranger.url)[0].filename == "é 1.jpg"


def test_headers_stay_with_the_origin_that_they_were_given_for(names_lead_to: Callable[..., None]) -> None:
    names_lead_to("127.0.0.1")
    secret = {"Authorization": "Bearer secret", "X-Key": "secret"}
    with site(reply(b"picture")) as other, site(moved(f"{other.url}a")) as stranger:
        fetched(stranger.url, secret)
        assert headers_of(stranger)["authorization"] == "Bearer secret"
        assert b"secret" not in other.requests[0]
        stranger.answer = moved(f"http://other.example:{stranger.port}/")  # the same port, another name, and back
        with pytest.raises(Refused, match="more than 5 times"):
            fetched(stranger.url, secret)
        assert [b"secret" in request for request in stranger.requests[1:]] == [True, *[False] * 5]


def test_headers_are_not_given_back_to_their_origin_by_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with site(reply()) as other, site(reply()) as stranger:
        other.answer = moved(f"{stranger.url}last")
        stranger.answer = lambda request: [reply() if b"/last" in request else moved(other.url)]
        fetched(stranger.url, {"X-Key": "secret"})
        assert [b"secret" in request for request in stranger.requests] == [True, False]


def test_headers_survive_a_redirect_within_their_origin() -> None:
    with site(lambda request: [reply() if b"/b" in request else moved("/b")]) as stranger:
        fetched(stranger.url, {"X-Key": "secret"})
        assert [b"secret" in request for request in stranger.requests] == [True, True]


@pytest.mark.parametrize("status", [101, 201, 202, 204, 206, 300, 304, 305, 400, 401, 403, 404, 410, 416, 451, 499])
def test_an_answer_that_is_not_the_picture_is_refused(status: int) -> None:
    with site(reply(b"no", f"{status} Reason")) as stranger:
        with pytest.raises(Refused, match=rf"^127\.0\.0\.1 answered with status {status}\.$"):
            fetched(stranger.url)
        assert len(stranger.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_an_answer_that_may_be_another_one_later_has_failed(status: int) -> None:
    sentence = rf"^127\.0\.0\.1 answered with status {status}\.$"
    with site(reply(b"no", f"{status} Reason")) as stranger, pytest.raises(Failed, match=sentence):
        fetched(stranger.url)


def test_html_in_place_of_a_picture_is_told_by_its_type() -> None:
    with site(reply(b"<html>", "200 OK", "content-type: text/html; charset=utf-8")) as stranger:
        assert fetched(stranger.url)[0].content_type == "text/html"


@pytest.mark.parametrize("given", ["", "image", ";", "image/jpeg/x", "<script>/a", "é/x"])
def test_a_malformed_type_is_none(given: str) -> None:
    with site(reply(b"", "200 OK", f"Content-Type: {given}")) as stranger:
        assert fetched(stranger.url)[0].content_type == ""


NAMES = {
    "plain": ("attachment; filename=a.jpg", "a.jpg"),
    "quoted": ('attachment; filename="a \\"b\\".jpg"', 'a "b".jpg'),
    "RFC 5987": ("inline; filename=a.jpg; filename*=UTF-8''%E2%82%AC.jpg", "€.jpg"),
    "raw UTF-8": ('attachment; filename="€é.jpg"', "€é.jpg"),
    "folders": ('attachment; filename="../../etc/a.jpg"', "a.jpg"),
    "drive": ('attachment; filename="C:\\\\a.jpg"', "a.jpg"),
    "direction and NUL": ("attachment; filename*=UTF-8''a%E2%80%AEgpj%00%0D%0A.jpg", "agpj.jpg"),
    "lone surrogate": ("attachment; filename*=unicode_escape''a%5Cud800b.jpg", "ab.jpg"),
    "unknown encoding": ("attachment; filename*=nonsense''a.jpg", "name of url.jpg"),
    "no text encoding": ("attachment; filename*=idna''%ff.jpg", "name of url.jpg"),
    "empty": ('attachment; filename=""', "name of url.jpg"),
    "none": ("attachment", "name of url.jpg"),
    "too long": (f"attachment; filename={'a' * 2_000}", "name of url.jpg"),
}  # fmt: skip


@pytest.mark.parametrize(("disposition", "name"), NAMES.values(), ids=NAMES)
def test_a_file_has_the_name_that_the_server_or_else_the_url_gives_it(disposition: str, name: str) -> None:
    with site(reply(b"", "200 OK", f"Content-Disposition: {disposition}")) as stranger:
        assert fetched(f"{stranger.url}x/name%20of%20url.jpg?a/b")[0].filename == name


@pytest.mark.parametrize(
    ("path", "name"), [("", None), ("a/", None), ("%2F..%2Fa.jpg", "a.jpg"), ("%00%FF", "\ufffd"), ("%20", None)]
)
def test_a_file_may_have_no_name(path: str, name: str | None) -> None:
    with site(reply()) as stranger:
        assert fetched(f"{stranger.url}{path}")[0].filename == name


def test_a_notification_is_posted_once() -> None:
    with site(reply(b"thanks", "201 Created")) as stranger:
        post(f"{stranger.url}hook?a=b", b'{"id": 1}', {"Content-Type": "application/json"})
        [request] = stranger.requests
        assert request.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
        assert request.endswith(b'\r\n\r\n{"id": 1}')
        assert (headers_of(stranger)["content-type"], headers_of(stranger)["content-length"]) == (
            "application/json",
            "9",
        )


@pytest.mark.parametrize("status", [302, 307, 400, 404, 410])
def test_a_notification_that_is_not_taken_is_refused_and_follows_no_redirect(status: int) -> None:
    with site(moved("/elsewhere", f"{status} Reason")) as stranger:
        with pytest.raises(Refused, match=rf"answered with status {status}\.$"):
            post(stranger.url, b"", {})
        assert len(stranger.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_notification_that_fails_may_be_posted_again(status: int) -> None:
    with site(reply(b"", f"{status} Reason")) as stranger, pytest.raises(Failed, match=rf"status {status}\.$"):
        post(stranger.url, b"", {})


def test_a_notification_is_judged_like_a_picture() -> None:
    with pytest.raises(Refused, match="not public"):
        post("http://10.0.0.1/", b"", {})
    with pytest.raises(Refused, match="this server itself"):
        post("http://testserver/", b"", {})


def test_how_the_answer_to_a_notification_ends_does_not_matter() -> None:
    sent = []

    def endless(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for piece in itertools.repeat(b"a" * 65_536, 3_000):
            sent.append(piece)
            yield piece

    short, broken = b"Content-Length: 100\r\n\r\na", b"Transfer-Encoding: chunked\r\n\r\nzz"
    for answer in (endless, b"HTTP/1.1 200 OK\r\n" + short, b"HTTP/1.1 200 OK\r\n" + broken):
        with site(answer) as stranger:
            post(stranger.url, b"", {})
    assert len(sent) < 1_000  # what the buffers between us hold


def test_no_connection_stays_open() -> None:
    answers = [
        b"picture",
        b"",
        reply(b"picture"),
        reply(b"no", "404 No", "Connection: close"),
        moved("/"),
        reply(b"a", "200 OK", "Content-Length: 9", "Connection: close"),
        reply(b"a" * 2_000, "200 OK", "Connection: close"),
    ]
    problems = []  # kept, and all that hangs on them
    with site(b"") as stranger:
        for stranger.answer in answers:
            try:
                fetched(stranger.url)
            except (Refused, Failed) as error:
                problems.append(error)
        assert len(problems) == len(answers) - 1
        assert open_connections(stranger.port) == []


def open_connections(port: int) -> list[str]:
    """Those to the port that their maker has not closed: in the states ESTABLISHED and CLOSE_WAIT."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[2].endswith(f":{port:04X}") and row[3] in {"01", "08"}]


def test_a_full_disk_has_failed_too() -> None:
    class Full(BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with site(reply(b"picture")) as stranger, pytest.raises(Failed, match=r"No space left on device\.$"):
        fetch(stranger.url, {}, Full(), most=100)


def test_urls_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with site(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\na") as stranger:
        fetched(f"{stranger.url}?signature=secret")
    assert "secret" not in caplog.text


def test_a_process_waits_for_a_few_servers_at_once_and_asks_no_other() -> None:
    with site(reply(b"picture")) as stranger:
        with ExitStack() as others:
            for _ in range(env.THREADS_PER_PROCESS // 4):
                others.enter_context(limited_to_a_few())
            with pytest.raises(TooManyFetches):
                fetched(stranger.url)
            with pytest.raises(TooManyFetches):
                post(stranger.url, b"", {})
            assert stranger.requests == []
        assert fetched(stranger.url)[1] == b"picture"
