"""Which albums: the questions that are asked of many rows."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Q

if TYPE_CHECKING:
    from accounts.models import Organization
    from albums.models import Album


class AlbumQuerySet(models.QuerySet["Album"]):
    def named(self, organization: "Organization", public_id: str) -> "Album":
        """The organization's album of this id, made where there is none. Raises ValidationError for an unfit id."""
        album = self.filter(organization=organization, public_id=public_id).first()
        if album is None:
            self.model.check_public_id(public_id)
            album, _ = self.get_or_create(organization=organization, public_id=public_id)
        return album

    def with_counts(self) -> "AlbumQuerySet":
        """With `images_count`: the images that are not trashed."""
        return self.annotate(images_count=Count("images", filter=Q(images__trashed_at__isnull=True)))
