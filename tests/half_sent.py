"""Requests over raw sockets: whole ones, and what stays of them when the client goes away."""

import contextlib
import socket
import time


def request(method: str, path: str, body: bytes, *, length: int | None = None, **headers: str) -> bytes:
    """The bytes of a request; `length` is what it says of its body, whatever that is."""
    length = len(body) if length is None else length
    named = {"Host": "localhost", "Content-Length": str(length), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def multipart(**fields: str | bytes) -> tuple[str, bytes]:
    """Content-Type and body of a form, in the given order; bytes are a file."""
    parts = []
    for name, value in fields.items():
        file = '; filename="a.jpg"' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        parts.append(f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n")
    return "multipart/form-data; boundary=x", b"".join(parts) + b"--x--\r\n"


def opened(port: int, data: bytes = b"") -> socket.socket:
    """A connection on which the bytes were sent, and on which nothing follows."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(data)
    return connection


def exchange(port: int, data: bytes) -> bytes:
    """What is answered to the bytes by a server that is told that nothing follows."""
    with opened(port) as connection:
        with contextlib.suppress(OSError):  # it refused them before it had them all
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """Everything that comes until the server ends the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            found += piece
    return found


def status(answer: bytes) -> int:
    """The status of an answer; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def ended(connection: socket.socket, seconds: float) -> bool:
    """Whether the server ends the connection within that time, with an answer or without."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(OSError):
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(65_536):
                return True
        return False
    return time.monotonic() < deadline
