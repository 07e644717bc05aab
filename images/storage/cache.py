"""The cache of derived files, at most DERIVED_CACHE_MB large."""

import logging

from django.conf import settings

from images.storage import storage
from sharinpix.errors import Full, Unavailable

logger = logging.getLogger(__name__)
FOLDER = "derived"
TRIM_EVERY = 64
"""Derived files that one process writes before it trims the cache again."""


class DerivedCache:
    """Stores derived files and removes the oldest above the limit; each can be rendered again."""

    def __init__(self) -> None:
        self.writes = 0

    def put(self, key: str, content: bytes) -> None:
        """Stores a file. A failure is only logged: the rendered picture can be answered without its file."""
        try:
            storage.write(key, content)
        except (OSError, Full, Unavailable) as error:
            logger.warning("A rendered picture could not be kept: %s", error)
        self.writes += 1
        if self.writes % TRIM_EVERY == 0:
            storage.trim(FOLDER, settings.DERIVED_CACHE_MB * 1_000_000)


derived = DerivedCache()
