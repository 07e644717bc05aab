"""Clients that stop in the middle of a request hold nothing of the shipped server, with nginx in front and without."""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from sharinpix import env
from tests.factories import jpeg
from tests.half_sent import ended, exchange, multipart, opened, request, rest, status
from tests.nginx import BEHIND, HOST, Front, installed, nginx
from tests.servers import Web, web

pytestmark = pytest.mark.any_database
HEAD = b"POST /api/v1/image_syncs HTTP/1.1\r\nHost: localhost\r\n"
HALVES = {
    "nothing": b"",
    "a byte": b"P",
    "an empty line": b"\r\n",
    "two empty lines": b"\r\n\r\n",
    "headers": HEAD + b"Authorization: Token ",
    "a long line": b"GET /api/v1/image_syncs?ids[]=" + b"a" * 300_000,
    "a body": HEAD + b"Content-Length: 5000\r\n\r\n{",
    "a long body": HEAD + b"Content-Length: 90000000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
}
MANY = 2 * 2 * env.THREADS_PER_PROCESS  # twice as many as two processes have threads


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web(WEB_CONCURRENCY="2") as running:
        running.manage("demo")
        yield running


@pytest.fixture(scope="module")
def token(server: Web) -> str:
    return server.manage("create_token", "demo@example.com")


def resync(token: str) -> bytes:
    return request(
        "POST", "/api/v1/image_syncs", b"{}", Content_Type="application/json", Authorization=f"Token {token}"
    )


def is_answered(port: int, data: bytes, seconds: float = 4) -> bool:
    """Whether the server answers; by default before any limit of its own has passed."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(data)
        with contextlib.suppress(TimeoutError):
            return status(rest(connection)) == 200
    return False


@pytest.mark.parametrize("name", HALVES)
def test_half_a_request_holds_no_thread(server: Web, token: str, name: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(opened(server.port, HALVES[name]))
        assert is_answered(server.port, resync(token))


def test_half_sent_uploads_hold_threads_for_a_short_while(server: Web, token: str) -> None:
    kind, form = multipart(file=jpeg(64, 48) + bytes(600_000), title="Roof")
    half = request("POST", "/storage_files", form, Content_Type=kind)[:400_000]
    with contextlib.ExitStack() as stack:
        for _ in range(env.THREADS_PER_PROCESS):  # all may come to one process
            stack.enter_context(opened(server.port, half))
        assert is_answered(server.port, resync(token), seconds=20)


def test_a_request_that_comes_byte_by_byte_is_answered(server: Web, token: str) -> None:
    data = resync(token)
    with opened(server.port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(data)):
            connection.sendall(data[index : index + 1])
        assert status(rest(connection)) == 200


def test_two_requests_that_come_together_are_both_answered(server: Web, token: str) -> None:
    data = resync(token).replace(b"Connection: close\r\n", b"")
    assert exchange(server.port, data + data).count(b"HTTP/1.1 200") == 2


def test_clients_that_do_not_hang_up_hold_nothing(server: Web, token: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(opened(server.port, resync(token)))
        assert is_answered(server.port, resync(token))


def test_headers_that_do_not_come_and_silent_bodies_end(server: Web) -> None:
    """A body that began may pause; one whose first bytes a thread has taken is answered as cut."""
    picture = jpeg(64, 48)
    kind, form = multipart(file=picture + bytes(300_000), title="Roof")
    large = request("POST", "/storage_files", form, length=90_000_000, Content_Type=kind)
    with (
        opened(server.port, HALVES["headers"]) as headers,
        opened(server.port, HALVES["a body"]) as body,
        opened(server.port, large) as upload,
    ):
        time.sleep(20)
        assert ended(headers, 1)
        assert not ended(body, 1)
        assert ended(body, 20)
        upload.settimeout(30)
        assert status(rest(upload)) == 400


def test_headers_without_end_are_refused(server: Web, token: str) -> None:
    with opened(server.port) as connection:
        with contextlib.suppress(OSError):  # it hangs up while they are sent
            connection.sendall(HEAD + b"X-A: " + b"a" * 1_000_000)
            connection.sendall(b"a" * 1_000_000)
        assert status(rest(connection)) in {0, 431}
    assert is_answered(server.port, resync(token))


def test_a_client_that_waits_to_be_told_to_send_its_body_is_told(server: Web, token: str) -> None:
    head, _, body = resync(token).partition(b"\r\n\r\n")
    with opened(server.port, head + b"\r\nExpect: 100-continue\r\n\r\n") as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert status(rest(connection)) == 200


def test_a_server_of_another_host_is_listened_for_only_if_asked(server: Web) -> None:
    assert f"http://127.0.0.1:{server.port}" in server.output()


def test_slow_sites_of_strangers_leave_most_threads_to_others() -> None:
    """Uploads by URL from a site that takes connections and stays silent: some wait for it, the others are told so."""
    with (
        web(WEB_CONCURRENCY="1", IMPORT_ALLOW_NETS="127.0.0.0/8") as server,
        socket.create_server(("127.0.0.1", 0), backlog=100) as site,
        contextlib.ExitStack() as stack,
    ):
        server.manage("demo")
        token = server.manage("create_token", "demo@example.com")
        path, form = upload_form(server, token)
        kind, body = multipart(**form, file_url=f"http://127.0.0.1:{site.getsockname()[1]}/a.jpg")
        upload = request("POST", path, body.replace(b'"file_url"', b'"file"'), Content_Type=kind)
        waiting = [stack.enter_context(opened(server.port, upload)) for _ in range(env.THREADS_PER_PROCESS + 8)]
        assert is_answered(server.port, resync(token))
        answers = [rest(connection) for connection in waiting]
        refused = [answer for answer in answers if b"\r\nRetry-After: 5\r\n" in answer]
        assert {status(answer) for answer in refused} == {503}
        assert len(answers) - len(refused) == env.THREADS_PER_PROCESS // 4


def upload_form(server: Web, token: str) -> tuple[str, dict[str, str]]:
    answer = exchange(server.port, request("GET", "/api/v1/albums/001A", b"", Authorization=f"Token {token}"))
    form = json.loads(answer.partition(b"\r\n\r\n")[2])["upload_form"]
    return form["url"].removeprefix(server.url), {name: str(value) for name, value in form["params"].items()}


@installed
def test_behind_nginx_two_hundred_half_sent_requests_do_not_matter() -> None:
    with web(**BEHIND) as server, nginx(server) as front, contextlib.ExitStack() as stack:
        server.manage("demo")
        token = server.manage("create_token", "demo@example.com")
        for index in range(200):
            half = list(HALVES.values())[index % len(HALVES)].replace(b"localhost", HOST.encode())
            stack.enter_context(half_sent(front, half))
        connection = http.client.HTTPSConnection("127.0.0.1", front.https, context=front.tls(), timeout=4)
        headers = {"Host": HOST, "Authorization": f"Token {token}"}
        connection.request("GET", "/api/v1/image_syncs", headers=headers)
        assert len(json.load(connection.getresponse())) > 3
        connection.close()


def half_sent(front: Front, data: bytes) -> ssl.SSLSocket:
    connection = front.tls().wrap_socket(socket.create_connection(("127.0.0.1", front.https), timeout=30))
    connection.sendall(data)
    return connection
