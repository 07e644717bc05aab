"""Stored files: their keys are made by the server, and a file is written once, durably, before a row names it.

`storage` is the backend of the settings, local disk or S3; other modules use no other (see FileStore).
"""

from typing import cast

from django.core.files.storage import default_storage

from images.storage.base import FileStore
from images.storage.keys import new_public_id, new_version

__all__ = ["new_public_id", "new_version", "storage"]  # migrations import the first two from here
storage = cast(FileStore, default_storage)
