"""Bodies of requests as they arrive: as long as their Content-Length says, or refused (API: request bodies)."""

import io
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest

from sharinpix.errors import Malformed


class CutShort(Malformed, BadRequest):
    """The client went away, or fell silent, in the middle of a body. 400 of the API, and of Django's own pages.

    No OSError: Django's protection of forms (CSRF) takes one for a body that has no token in it.
    """

    sentence = "The body is shorter than its Content-Length."


class WholeBody(io.RawIOBase):
    """A `wsgi.input` whose reads raise CutShort where it ends before `length` bytes; servers let it just end."""

    def __init__(self, source: Any, length: int) -> None:
        self.source, self.left = source, length

    def read(self, size: int | None = -1) -> bytes:
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        found = self.taken(self.source.read, wanted)
        if len(found) < wanted:
            raise CutShort
        return found

    def readline(self, size: int | None = -1) -> bytes:
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        found = self.taken(self.source.readline, wanted)
        if len(found) < wanted and not found.endswith(b"\n"):
            raise CutShort
        return found

    def taken(self, read: Any, wanted: int) -> bytes:
        """What `read` gives. Raises CutShort where the connection was reset, or no byte came for too long."""
        try:
            found: bytes = read(wanted) if wanted else b""
        except OSError as error:
            raise CutShort from error
        self.left -= len(found)
        return found


def whole_body(source: Any, length: int) -> io.IOBase:
    """The body, to be read from the start; a short one has arrived then, so that it is refused before anything is done
    for it, also by a route that does not look at it. Raises CutShort.

    A longer one, which only multipart forms may have, is checked as it is read: it may be a file of 100 MB.
    """
    body = WholeBody(source, length)
    return body if length > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) else io.BytesIO(body.read())
