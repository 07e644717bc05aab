"""Django's upload handlers: how many bytes a multipart body may bring."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

ENVELOPE = 3_000_000
"""Bytes that the fields and boundaries around a file may take."""


class BoundedUploadHandler(FileUploadHandler):
    """Raises RequestDataTooBig above MAX_UPLOAD bytes of files; stands before the handler that stores them."""

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
