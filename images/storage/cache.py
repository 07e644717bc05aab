"""Rendered pictures, kept as long as there is room for them."""

import logging

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from images.storage.local import LocalStorage
from sharinpix.api import Full, Unavailable
from sharinpix.locks import FileLock

logger = logging.getLogger(__name__)
TRIM_EVERY = 64
"""Derived files written by one process between two looks at the size of their cache."""


class DerivedCache:
    """Rendered pictures, by key. A cache: any of them can be dropped, and the oldest are when they grow too many.

    On S3 a lifecycle rule on `derived/` does the dropping.
    """

    def __init__(self) -> None:
        self.writes = 0

    def put(self, key: str, content: bytes) -> None:
        """Keeps a file if that can be done: a full disk is no reason to withhold what was rendered."""
        try:
            default_storage.save(key, ContentFile(content))
        except (OSError, Full, Unavailable) as error:
            logger.warning("A rendered picture could not be kept: %s", error)
        self.writes += 1
        if self.writes % TRIM_EVERY == 0 and isinstance(default_storage, LocalStorage):
            self.trim(settings.DERIVED_CACHE_MB * 1_000_000)

    def trim(self, limit: int) -> None:
        """Removes the oldest files until nine tenths of the limit (bytes) are left. One process at a time does it."""
        assert isinstance(default_storage, LocalStorage)
        with FileLock("trim", wait=0) as held:
            if not held:
                return
            kept = sorted((stat.st_mtime, stat.st_size, key) for key, stat in default_storage.stats("derived"))
            total = sum(size for _, size, _ in kept)
            if total <= limit:
                return
            for _, size, key in kept:
                default_storage.delete(key)
                total -= size
                if total <= limit * 0.9:
                    return


derived = DerivedCache()
