"""What a decoder process and its parent say to each other: pickled, framed by length, with one file descriptor."""

import pickle
import socket
import struct
import time
from io import BytesIO
from typing import Any

_LENGTH = struct.Struct("!Q")
_ANSWERS = {
    ("images.rendering.inspection", "FileFacts"),
    ("images.rendering.examination", "PixelFacts"),
    ("images.rendering.examination", "Examined"),
    ("images.rendering.encoding", "Rendition"),
    ("datetime", "datetime"),
    ("datetime", "timezone"),
    ("datetime", "timedelta"),
}
"""The classes that an answer may hold."""


def send_message(connection: socket.socket, content: bytes, descriptor: int | None = None) -> None:
    socket.send_fds(connection, [_LENGTH.pack(len(content))], [] if descriptor is None else [descriptor])
    connection.sendall(content)


def receive_message(connection: socket.socket, deadline: float | None = None) -> tuple[bytearray, list[int]]:
    """One message and the descriptors that came with it. Raises EOFError, and TimeoutError at `deadline`."""
    _wait_until(connection, deadline)
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
    if not head:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        _wait_until(connection, deadline)
        count = connection.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return content, descriptors


def _wait_until(connection: socket.socket, deadline: float | None) -> None:
    connection.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))


class _Answers(pickle.Unpickler):
    """Makes no objects but those of an answer: a decoder that a file has taken over could send anything."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ANSWERS:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer.")
        return super().find_class(module, name)


def answer_in(content: bytes | bytearray) -> Any:
    return _Answers(BytesIO(content)).load()
