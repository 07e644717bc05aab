"""Images, thumbnails and tags in the admin; Django's autodiscovery imports this module."""

from images.admin.images import ImageAdmin
from images.admin.thumbnails import ThumbnailAdmin
from images.tags.admin import TagAdmin, TaggingAdmin

__all__ = ["ImageAdmin", "TagAdmin", "TaggingAdmin", "ThumbnailAdmin"]
