"""gunicorn's worker with threads, in which half a request holds no thread.

gunicorn gives a connection to a thread at its first byte, and the thread waits for the rest for ever: as many half-sent
requests as there are threads stop it. Here the poller keeps a connection until its headers and the first bytes of its
body are there.
"""

import re
import select
import selectors
import socket
import struct
import time
from functools import partial
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from sharinpix.patches import REQUEST_LINE

MOST_HEADERS = REQUEST_LINE + 65_536
"""Bytes of a request line and headers that are waited for."""
HEADERS = 10
"""Seconds from the first byte until the headers must be there."""
SILENCE = 30
"""Seconds without a byte after which a body ends that holds no thread."""
PAUSE = 15
"""The same of a body that a thread reads."""
STALLED = 60
"""Seconds after which an answer ends that its client does not read."""
AT_ONCE = 262_144
"""Bytes of a body that are waited for without a thread: all of most."""
PARTING = 2
"""Seconds in which a client may hang up after the last answer."""
PIECE = 65_536
MOMENT = 10
"""Milliseconds that a thread waits for what comes next; then the poller does."""
WAITS = 2
"""How often it does so for one request: for its first byte, and for a body that comes in a packet of its own."""

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*\r\n", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class Arriving:
    """What has arrived of a connection's next request; its bytes go to the parser when they are enough to begin."""

    def __init__(self, begun: bytes) -> None:
        self.received = bytearray(begun)
        self.searched = 0
        self.wanted: int | None = None
        """How many bytes are enough; None until the headers are complete."""
        self.deadline = time.monotonic() + HEADERS
        self.waits = WAITS

    def take(self, connection: socket.socket) -> bool:
        """Reads what is there. True when it is enough, or the client sends no more."""
        while not self.enough():
            try:
                piece = connection.recv(PIECE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not self.comes_at_once(connection):
                    return False
                continue
            if not piece:
                return True
            self.received += piece
            if self.wanted is not None:
                self.deadline = time.monotonic() + SILENCE
        return True

    def comes_at_once(self, connection: socket.socket) -> bool:
        """Whether there is more in a moment; a client that takes longer is for the poller."""
        self.waits -= 1
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return self.waits >= 0 and bool(poll.poll(MOMENT))

    def enough(self) -> bool:
        if self.wanted is None and not self.find_end():
            return len(self.received) > MOST_HEADERS
        return len(self.received) >= (self.wanted or 0)

    def check(self) -> None:
        """Raises what gunicorn's parser would raise if it went on reading."""
        if self.wanted is None and len(self.received) > MOST_HEADERS:
            if self.received.find(b"\r\n", 2) < 0:
                raise LimitRequestLine(len(self.received), REQUEST_LINE)
            raise LimitRequestHeaders("limit request headers")

    def find_end(self) -> bool:
        """Looks for the end of the headers in what is new, and sets `wanted`."""
        start = 2 if self.received.startswith(b"\r\n") else 0  # an empty line before a request is ignored
        end = self.received.find(b"\r\n\r\n", max(start, self.searched - 3))
        self.searched = len(self.received)
        if end < 0:
            return False
        headers = bytes(self.received[: end + 2])
        length = LENGTH.search(headers)
        # A client that expects to be told to go on waits for a thread to tell it.
        body = 0 if length is None or EXPECT.search(headers) else min(int(length[1]), AT_ONCE)
        self.wanted, self.deadline = end + 4 + body, time.monotonic() + SILENCE
        return True


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """`worker_class` of gunicorn. Connections with TLS of their own are gunicorn's; a proxy terminates it here."""

    def handle(self, conn: Any) -> Any:
        """Handles the request in this thread where enough of it has arrived, else gives it back to the poller."""
        try:
            if not conn.initialized:
                set_time_limits(conn.sock)
            conn.init()
            if getattr(conn, "arriving", None) is None:
                conn.arriving = Arriving(conn.parser.unreader.take_buffered())
            if not conn.arriving.take(conn.sock):
                return _DEFER
            conn.arriving.check()
        except OSError:  # the client has gone
            return False
        except (LimitRequestLine, LimitRequestHeaders) as error:
            self.handle_error(None, conn.sock, conn.client, error)
            return False
        conn.parser.unreader.unread(bytes(conn.arriving.received))
        conn.arriving = None
        conn.data_ready = True
        return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keeps the connection for more of its request or the next one, or ends it; in the thread of the poller."""
        if not fs.cancelled() and fs.exception() is None and not fs.result():
            self.part(conn)
            return
        super().finish_request(conn, fs)
        arriving = getattr(conn, "arriving", None)
        if arriving is not None and arriving.received and self.alive:  # without a byte it has `keepalive` seconds
            conn.timeout = arriving.deadline

    def part(self, conn: Any) -> None:
        """Ends a connection, so that the client can still read the answer: what it sends now is read, for a while.

        gunicorn waits for that with all connections of the process: two seconds for each client that does not hang up.
        """
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client has gone
            self.nr_conns -= 1
            conn.close()
            return
        conn.timeout = time.monotonic() + PARTING
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.drain, conn))

    def drain(self, conn: Any, client: Any) -> None:
        try:
            if conn.sock.recv(PIECE):
                return
        except BlockingIOError:
            return
        except OSError:  # the client has gone
            pass
        self.forget(conn)

    def forget(self, conn: Any) -> None:
        """Ends a connection that the poller holds."""
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Ends connections whose time is over; gunicorn's own expects them in the order of their ends."""
        now = time.monotonic()
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self.forget(conn)


def set_time_limits(connection: socket.socket) -> None:
    """Of each read and write that waits, by the kernel: Python's would be one for a whole answer, and gunicorn removes
    them."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PAUSE, 0))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED, 0))
