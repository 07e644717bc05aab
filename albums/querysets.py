"""Queries of albums, and the transaction in which an upload becomes an image of one."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count, Q

from images.models import Image, Upload
from images.uploads.claims import SentData, claimed_image
from sharinpix import queue
from sharinpix.crash_points import crash_point
from sharinpix.errors import Denied

if TYPE_CHECKING:
    from accounts.models import User
    from albums.models import Album


class AlbumQuerySet(models.QuerySet["Album"]):
    def named(self, organization_id: UUID, public_id: str) -> "Album":
        """The organization's album of this id, made where there is none. Raises ValidationError as check_public_id."""
        album = self.filter(organization_id=organization_id, public_id=public_id).first()
        if album is None:
            self.model.check_public_id(public_id)
            album, _ = self.get_or_create(organization_id=organization_id, public_id=public_id)
        return album

    def receive(
        self, organization_id: UUID, public_id: str, upload: Upload, sent: SentData, uploader: "User | None" = None
    ) -> Image:
        """Makes the upload's image in the album of this id, or returns the one that was made of it before.

        Idempotent: concurrent callers block on the upload's row lock and receive the same image, which is processed
        after commit. Raises Gone where that image was deleted, Denied for an upload of another organization and one
        that the sweep has removed, ValidationError as check_public_id.
        """
        while True:
            with transaction.atomic():
                found = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk).first()
                if found is None or found.organization_id not in (None, organization_id):
                    raise Denied()
                if found.claimed_at:
                    return claimed_image(found)
                found.organization_id = organization_id
                named = self.named(organization_id, public_id)
                # Locked, since concurrent inserts would not see each other's positions and duplicates.
                album = self.filter(pk=named.pk).select_for_update(no_key=True).first()
                if album is None:  # deleted since: make it again
                    continue
                image = album.add(found, sent, uploader)
                if not image.processed:
                    known = () if found.exifs is None else ("inspected",)
                    queue.later("images.tasks.process_image", str(image.pk), *known)
                crash_point("before_commit")
                return image

    def with_counts(self) -> "AlbumQuerySet":
        """With `images_count`: the images that are not trashed."""
        return self.annotate(images_count=Count("images", filter=Q(images__trashed_at__isnull=True)))
