"""A network that fails: stands before a server, and does to each connection what it is told."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit


class Fault(NamedTuple):
    """Bytes of the request and of the answer that get through before both sides are cut off; seconds that an answer
    is held back; what is answered in place of the server. Without any of these all is well."""

    request: int | None = None
    answer: int | None = None
    delay: float = 0
    reply: bytes = b""


class Proxy:
    """`endpoint` is where clients connect to. Every connection suffers `fault`, or the next `times` of them do."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self.server = (str(parts.hostname), parts.port or 80)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        self.healed = threading.Event()
        self.fail(Fault())
        threading.Thread(target=self.accept, daemon=True).start()

    def fail(self, fault: Fault, times: int = 1_000_000) -> None:
        """From now on, for new connections; those that are open end."""
        self.fault, self.times = fault, times
        self.healed.clear()
        while self.connections:
            reset(self.connections.pop())

    def accept(self) -> None:
        """Takes connections until it is closed, each in a thread."""
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                fault, self.times = self.fault if self.times > 0 else Fault(), self.times - 1
                threading.Thread(target=self.serve, args=(client, fault), daemon=True).start()

    def serve(self, client: socket.socket, fault: Fault) -> None:
        """Does to one connection what the fault says."""
        self.connections.append(client)
        if fault.reply:
            with suppress(OSError):  # the client has gone
                client.recv(65_536)
                client.sendall(fault.reply)
                client.shutdown(socket.SHUT_WR)
            self.pass_on(client, None, None)
        else:
            server = socket.create_connection(self.server)
            self.connections.append(server)
            threading.Thread(target=self.pass_on, args=(client, server, fault.request), daemon=True).start()
            self.healed.wait(fault.delay)
            self.pass_on(server, client, fault.answer)
            reset(server)
        reset(client)

    def pass_on(self, source: socket.socket, sink: socket.socket | None, limit: int | None) -> None:
        """Copies what one side sends to the other, `limit` bytes at most, then cuts both off."""
        with suppress(OSError):  # it was cut off
            while (left := 65_536 if limit is None else min(limit, 65_536)) and (piece := source.recv(left)):
                if sink:
                    sink.sendall(piece)
                limit = None if limit is None else limit - len(piece)
        if limit == 0 and sink:
            reset(source)
            reset(sink)

    def close(self) -> None:
        """Takes no further connection and ends those that are open."""
        with suppress(OSError):  # closed
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.fail(Fault())
        self.healed.set()


def reset(connection: socket.socket) -> None:
    """Ends a connection as a crash does: without a word, what is on its way is lost."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def before(endpoint: str) -> Iterator[Proxy]:
    """A proxy before that server, closed afterwards."""
    proxy = Proxy(endpoint)
    try:
        yield proxy
    finally:
        proxy.close()
