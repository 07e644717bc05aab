"""Renders derived files on demand, each once, and stores them; slots bound how many a host renders at once."""

from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.db import connection

from images import decoding
from images.limits import picture_limits
from images.models import Image
from images.rendering import written_format
from images.serve.wanted import Wanted
from images.storage import storage
from images.storage.cache import derived
from images.storage.gate import gate
from images.storage.keys import writing
from sharinpix.errors import Unavailable
from sharinpix.locks import FileLock

WAIT = 10  # seconds that a request waits for a lock or a slot


class Busy(Unavailable):
    """No slot got free in time, or too many requests wait for one; answered 503."""

    sentence = "Too many pictures are being rendered. Please try again."


def derived_file(wanted: Wanted, row: Image, key: str) -> tuple[File[bytes], str]:
    """A derived file, open, and its format; rendered where none is stored, or a damaged one.

    Raises Busy, FaultyOriginal and PictureError.
    """
    if stored := whole_derived_file(key):
        return stored
    return render_once(wanted, row, key)


def whole_derived_file(key: str) -> tuple[File[bytes], str] | None:
    file = storage.opened(key)
    if file is None:
        return None
    extension = written_format(cast(BinaryIO, file))
    if extension is None:
        file.close()
        return None
    return file, extension


def render_once(wanted: Wanted, row: Image, key: str) -> tuple[File[bytes], str]:
    """Renders a derived file and stores it under the key; concurrent requests for it wait, and read the stored file."""
    with gate.entered(Busy, patience=0):
        if not connection.in_atomic_block:
            connection.close()  # do not hold one during a wait of seconds
        with writing(key, WAIT) as held:
            if not held:
                raise Busy
            return whole_derived_file(key) or render_in_slot(wanted, row, key)


def render_in_slot(wanted: Wanted, row: Image, key: str) -> tuple[File[bytes], str]:
    """Renders in one of the slots of the host, half as many as there are web processes, and stores the file."""
    slots = [f"render-{slot}" for slot in range(max(1, settings.WEB_CONCURRENCY // 2))]
    with FileLock(*slots, wait=WAIT) as free:
        if not free:
            raise Busy
        with row.open_original() as original:
            found = decoding.render(
                cast(BinaryIO, original),
                wanted.transformation,
                extension=wanted.extension,
                webp=wanted.webp,
                limits=picture_limits(),
            )
    row.note_original(None)
    derived.put(key, found.content)
    return ContentFile(found.content), found.format
