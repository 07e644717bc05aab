"""Servers of strangers: on a loopback port, answering whatever a test likes, well-formed or not."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

TLS_GREETING = b"\x16\x03"

Answer = bytes | Callable[[bytes], Iterable[bytes]]


class Site:
    """`requests` are those that came, head and body as bytes."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.answer, self.context = answer, context
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """Takes connections until it is closed, each in a thread."""
        with suppress(OSError):  # the test is over
            while True:
                connection, _ = self.listener.accept()
                Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Reads one request, notes it and answers."""
        with suppress(OSError), connection:  # they hang up when they have seen enough
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                request = read(connection)
                self.requests.append(request)
                for piece in [self.answer] if isinstance(self.answer, bytes) else self.answer(request):
                    connection.sendall(piece)
                if self.context:
                    connection.unwrap()  # type: ignore[attr-defined]


def read(connection: socket.socket) -> bytes:
    """A request as it came: its head, a blank line, its body."""
    received = b""
    while b"\r\n\r\n" not in received and not received.startswith(TLS_GREETING) and (piece := connection.recv(65_536)):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(dict(lines(head)).get("content-length", "0"))
    while len(body) < length and (piece := connection.recv(65_536)):
        body += piece
    return head + b"\r\n\r\n" + body


def lines(request: bytes) -> list[tuple[str, str]]:
    """The headers of a request, their names in lower case."""
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head)]


@contextmanager
def site(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A server of a stranger that answers so, closed afterwards."""
    found = Site(answer, context)
    try:
        yield found
    finally:
        with suppress(OSError):
            found.listener.shutdown(socket.SHUT_RDWR)
        found.listener.close()


def reply(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer; a header that is given takes the place of the declared length."""
    declared = headers if any("length" in h.lower() or "transfer" in h.lower() for h in headers) else (
        *headers, f"Content-Length: {len(body)}",
    )  # fmt: skip
    return "\r\n".join([f"HTTP/1.1 {status}", *declared, "", ""]).encode() + body


def moved(location: str, status: str = "302 Found") -> bytes:
    """An answer that redirects to the location."""
    return reply(b"", status, f"Location: {location}")


def trickle(data: bytes, gap: float = 0.05) -> Iterator[bytes]:
    """The data byte by byte."""
    for byte in data:
        time.sleep(gap)
        yield bytes([byte])
