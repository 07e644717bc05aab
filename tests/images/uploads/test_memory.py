"""Uploads over the shipped server, as large as they may be."""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import cloudinary.utils
import pytest

from tests.factories import jpeg
from tests.images.uploads.sending import BOUNDARY, field, file_part
from tests.servers import Web, web

CHUNK = os.urandom(1 << 20)
GROWTH = 10_000  # KB


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web(WEB_CONCURRENCY="1") as running:
        yield running


def workers(server: Web) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"sweep" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def resident(server: Web) -> int:
    """KB that the workers hold in memory."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in workers(server)]
    return sum(int(line.split()[1]) for status in statuses for line in status.splitlines() if line.startswith("VmRSS:"))


@pytest.fixture
def peak(server: Web) -> Callable[[Callable[[], Any]], tuple[Any, int]]:
    """peak(work): what the work returns, and by how many KB the workers grew at most while it went on."""

    def measured(work: Callable[[], Any]) -> tuple[Any, int]:
        before, over, most = resident(server), Event(), [0]

        def watch() -> None:
            while not over.is_set():
                most[0] = max(most[0], resident(server))
                time.sleep(0.01)

        watcher = Thread(target=watch)
        watcher.start()
        try:
            return work(), most[0] - before
        finally:
            over.set()
            watcher.join()

    return measured


def form(server: Web, **parameters: Any) -> bytes:
    key = urlsplit(server.manage("create_upload_key"))
    fields = {"timestamp": int(time.time()), "type": "authenticated", **parameters}
    fields["signature"] = cloudinary.utils.api_sign_request(fields, key.password)
    fields["api_key"] = key.username
    line = f"--{BOUNDARY}\r\n".encode()
    return b"".join(line + field(name, value) + b"\r\n" for name, value in fields.items())


def post(server: Web, fields: bytes, size: int, *, cut: int = 0, headers: Any = None) -> tuple[int, dict[str, Any]]:
    """Sends a picture of that many bytes, in a body that ends `cut` bytes before it should."""
    picture = jpeg(640, 480)
    head = fields + f"--{BOUNDARY}\r\n".encode() + file_part(b"a.jpg", picture)
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    connection.putrequest("POST", "/v1_1/sharinpix/auto/upload")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + size - len(picture) + len(tail)))
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders(head)
    left = size - len(picture) - cut
    while left > 0:
        connection.send(CHUNK[:left])
        left -= len(CHUNK)
    if cut:
        connection.sock.shutdown(1)
    else:
        connection.send(tail)
    response = connection.getresponse()
    return response.status, json.loads(response.read() or b"{}")


@contextmanager
def hung_up() -> Iterator[list[int]]:
    """The statuses that the block notes; none where the server ends the connection without reading to the end."""
    statuses: list[int] = []
    with suppress(ConnectionError, http.client.HTTPException):
        yield statuses


def test_a_large_upload_stays_out_of_the_servers_memory(server: Web, peak: Any) -> None:
    fields = form(server, colors=1)
    assert post(server, fields, 50_000)[0] == 200  # whatever is imported or allocated once is there
    (status, told), growth = peak(lambda: post(server, fields, 100_000_000))
    assert (status, told["bytes"]) == (200, 100_000_000), told
    assert growth < GROWTH


def test_the_last_of_large_parts_stays_out_of_the_servers_memory(server: Web, peak: Any) -> None:
    fields, total, first = form(server), 90_000_000, 60_000_000

    def part(start: int, size: int) -> tuple[int, dict[str, Any]]:
        span = f"bytes {start}-{start + size - 1}/{total}"
        return post(server, fields, size, headers={"X-Unique-Upload-Id": "large", "Content-Range": span})

    assert part(0, first)[1]["done"] is False
    (status, told), growth = peak(lambda: part(first, total - first))
    assert (status, told["bytes"]) == (200, total), told
    assert growth < GROWTH


def test_a_body_over_the_limit_is_refused_without_being_kept(server: Web) -> None:
    incoming = Path(server.environment["DATA_DIR"]) / "incoming"
    with hung_up() as outcome:
        outcome.append(post(server, form(server), 105_000_000)[0])
    assert outcome in ([], [413])
    assert list(incoming.iterdir()) == []


def test_a_body_that_ends_early_leaves_nothing(server: Web) -> None:
    incoming, media = (Path(server.environment["DATA_DIR"]) / name for name in ("incoming", "media"))
    before = {path for path in media.rglob("*") if path.is_file()}
    with hung_up() as outcome:
        outcome.append(post(server, form(server), 5_000_000, cut=1_000_000)[0])
    assert outcome in ([], [400])
    assert list(incoming.iterdir()) == []
    assert {path for path in media.rglob("*") if path.is_file()} == before


def test_a_body_in_chunks_is_never_taken_for_an_empty_one(server: Web) -> None:
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    body = iter([form(server), b"more"])
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", "/v1_1/sharinpix/auto/upload", body, headers, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 411
    assert response.headers["X-message"]
