"""Multipart bodies within bounds: how large, and in which encoding."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.http import multipartparser
from django.http.multipartparser import MultiPartParserError

ENVELOPE = 3_000_000
"""Bytes that the fields and boundaries around a file may take."""


class PlainParser(multipartparser.Parser):
    """Refuses parts in a transfer encoding: the standard took them out (RFC 7578, 4.7), no client sends them, and
    decoding them has been a door for attacks."""

    def __iter__(self) -> Iterator[Any]:
        for kind, headers, stream in super().__iter__():
            if "content-transfer-encoding" in headers:
                named = headers["content-transfer-encoding"][0].strip().lower()
                if named not in {"binary", "8bit", "7bit"}:
                    raise MultiPartParserError("A part is in a transfer encoding.")
            yield kind, headers, stream


multipartparser.Parser = PlainParser  # type: ignore[misc]  # Django offers no other way in


class Bounded(FileUploadHandler):
    """Stops reading at MAX_UPLOAD; stands before the handler that keeps the file. Raises RequestDataTooBig."""

    received = 0

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:
        if content_length > settings.MAX_UPLOAD + ENVELOPE:
            raise RequestDataTooBig("The body is longer than MAX_UPLOAD_MB.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > settings.MAX_UPLOAD:
            raise RequestDataTooBig("The files are longer than MAX_UPLOAD_MB.")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
