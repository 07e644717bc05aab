"""The stored original of an image: its columns, and whether its file is what was received."""

import hashlib
from contextlib import suppress
from typing import ClassVar, Literal

from django.core.files.base import File
from django.db import OperationalError, models

from images.storage import storage

Fault = Literal["missing", "damaged"]


class FaultyOriginal(Exception):
    """The stored original is missing, or is not the file that was received. str() is a sentence."""

    SENTENCES: ClassVar[dict[str, str]] = {
        "missing": "The original is not in the storage.",
        "damaged": "The original in the storage is not the file that was received.",
    }

    def __init__(self, fault: Fault) -> None:
        super().__init__(self.SENTENCES[fault])
        self.fault = fault


class HasOriginal(models.Model):
    """`original` is the key of the file, empty where only Cloudinary holds it; `size` its bytes as they were received.

    Duplicates share an original.
    """

    original = models.FileField(max_length=255, blank=True, editable=False)
    original_fault = models.CharField(
        "fault of the original", max_length=16, blank=True, editable=False, help_text="missing or damaged."
    )
    size = models.BigIntegerField(null=True, blank=True, editable=False, help_text="Bytes of the original.")
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)

    class Meta:
        abstract = True

    def open_original(self) -> File[bytes]:
        """The original, open for reading. Raises FaultyOriginal."""
        file = storage.opened(str(self.original))
        try:
            self.check_original(None if file is None else file.size)
        except FaultyOriginal:
            if file is not None:
                file.close()
            raise
        assert file is not None
        return file

    def check_original(self, size: int | None) -> None:
        """Raises FaultyOriginal unless `size`, the file's bytes in the storage or None without a file, is that of the
        file that was received."""
        if size is None:
            raise FaultyOriginal("missing")
        if size == 0 or self.size not in (None, size):
            raise FaultyOriginal("damaged")

    def look_at_original(self, *, digest: bool) -> None:
        """Raises FaultyOriginal where the file is missing or of another size, with `digest` also of another content."""
        if not digest or not self.sha256:
            self.check_original(storage.stored_size(str(self.original)))
            return
        with self.open_original() as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise FaultyOriginal("damaged")

    def note_original(self, fault: Fault | None) -> None:
        """Has staff see that the original is missing or damaged, or is no longer.

        Readers of pictures call this too: it writes only where the fault is new or gone, and fails no reader.
        """
        if self.original_fault == (fault or ""):
            return
        self.original_fault = fault or ""
        with suppress(OperationalError):  # the database is away or busy: the next reader will note it
            rows = type(self)._default_manager.filter(original=self.original).exclude(original="")
            rows.update(original_fault=self.original_fault)
