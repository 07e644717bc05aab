"""Which albums: the questions that are asked of many rows."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count, Q
from rest_framework.exceptions import PermissionDenied

from albums.uploads.claims import Sent, claimed_image
from images import tasks
from images.models import Image
from images.uploads.models import Upload
from sharinpix import faults, queue

if TYPE_CHECKING:
    from accounts.models import User
    from albums.models import Album


class AlbumQuerySet(models.QuerySet["Album"]):
    def named(self, organization_id: UUID, public_id: str) -> "Album":
        """The organization's album of this id, made where there is none. Raises ValidationError for an unfit id."""
        album = self.filter(organization_id=organization_id, public_id=public_id).first()
        if album is None:
            self.model.check_public_id(public_id)
            album, _ = self.get_or_create(organization_id=organization_id, public_id=public_id)
        return album

    def receive(
        self, organization_id: UUID, public_id: str, upload: Upload, sent: Sent, uploader: "User | None" = None
    ) -> Image:
        """Makes the upload's image in the album of this id, or returns the one that was made of it before.

        It is the upload's claim: who else comes for it meanwhile waits, and gets the same image, which is processed
        after commit. Raises Gone where that image was deleted, PermissionDenied for an upload of another organization
        and one that was swept away, ValidationError for an unfit album id.
        """
        while True:
            with transaction.atomic():
                found = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk).first()
                if found is None or found.organization_id not in (None, organization_id):
                    raise PermissionDenied()
                if found.claimed_at:
                    return claimed_image(found)
                found.organization_id = organization_id
                named = self.named(organization_id, public_id)
                # Two at once would not see each other's positions and duplicates.
                album = self.filter(pk=named.pk).select_for_update(no_key=True).first()
                if album is None:  # deleted in this very moment
                    continue
                image = album.add(found, sent, uploader)
                queue.later(tasks.process, str(image.pk))
                faults.point("before_commit")
                return image

    def with_counts(self) -> "AlbumQuerySet":
        """With `images_count`: the images that are not trashed."""
        return self.annotate(images_count=Count("images", filter=Q(images__trashed_at__isnull=True)))
