"""The cache of derived files, at most DERIVED_CACHE_MB large."""

import logging
from datetime import timedelta

from django.conf import settings

from images.storage import storage
from sharinpix.errors import Full, Unavailable

logger = logging.getLogger(__name__)
FOLDER = "derived"
TRIM_EVERY = 64
"""Derived files that one process writes before it trims the cache again."""
EVICTED_FOR = timedelta(minutes=10)
"""How long an evicted file stays for requests that were told of it: nginx opens it within seconds."""


class DerivedCache:
    """Stores derived files and evicts the oldest above the limit; each can be rendered again."""

    def __init__(self) -> None:
        self.writes = 0

    def put(self, key: str, content: bytes) -> None:
        """Stores a file. A failure is only logged: the rendered picture can be answered without its file."""
        try:
            storage.replace(key, content)
        except (OSError, Full, Unavailable) as error:
            logger.warning("A rendered picture could not be kept: %s", error)
        self.writes += 1
        if self.writes % TRIM_EVERY == 0:
            self.trim(EVICTED_FOR)

    def trim(self, grace: timedelta) -> int:
        """Evicts and removes as FileStore.trim; returns how many files were removed."""
        return storage.trim(FOLDER, settings.DERIVED_CACHE_MB * 1_000_000, grace)


derived = DerivedCache()
