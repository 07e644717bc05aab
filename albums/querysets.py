"""Queries of albums, and the transaction in which an upload becomes an image of one."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count, Q

from images.models import Image, Upload
from images.uploads.claims import Gone, SentData, claimed_image
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
        self,
        organization_id: UUID,
        public_id: str,
        upload: Upload,
        sent: SentData,
        uploader: "User | None" = None,
        *,
        by_client: bool = True,
        may_take: Callable[[str], bool] = lambda album_id: False,
    ) -> Image:
        """Makes the upload's image in the album of this id, or returns the one that was made of it before.

        Idempotent: concurrent callers block on the upload's row lock and receive the same image, which is processed
        after commit. Without `by_client` the first claim still sets its data and moves it. `may_take` says whether the
        client may take an image out of the album of an id.

        Raises Gone where the image was deleted, Denied for an upload of another organization, one that was swept away
        and one that the client may not take, ValidationError as check_public_id.
        """
        with transaction.atomic():
            found = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk).first()
            if found is None or found.organization_id not in (None, organization_id):
                raise Denied()
            if found.claimed_at:
                return self.claim(found, public_id, sent, uploader, may_take) if by_client else claimed_image(found)
            found.organization_id, found.claim_due = organization_id, not by_client
            image = self.locked(organization_id, public_id).add(found, sent, uploader)
            if not image.processed:
                known = () if found.exifs is None else ("inspected",)
                queue.later("images.tasks.process_image", str(image.pk), *known)
            crash_point("before_commit")
            return image

    def claim(
        self,
        upload: Upload,
        public_id: str,
        sent: SentData,
        uploader: "User | None",
        may_take: Callable[[str], bool],
    ) -> Image:
        """The image that was made of the locked upload before, with the data of its first claim; see receive.

        The image is locked before its album, as everything does that changes an image.
        """
        image = claimed_image(upload)
        without_album = upload.claim_due and not upload.album_name
        if image.album.public_id != public_id and not without_album and not may_take(image.album.public_id):
            raise Denied()
        if not upload.claim_due:
            return image
        with image.changing():
            locked = Image.objects.filter(pk=image.pk).first()
            if locked is None:
                raise Gone()
            self.locked(locked.album.organization_id, public_id).take(locked, upload, sent, uploader)
            upload.claim_due = False
            upload.save(update_fields=["claim_due"])
        return image

    def locked(self, organization_id: UUID, public_id: str) -> "Album":
        """As `named`, its row locked: concurrent inserts would not see each other's positions and duplicates."""
        while True:
            named = self.named(organization_id, public_id)
            if album := self.filter(pk=named.pk).select_for_update(no_key=True).first():
                return album  # else deleted since: it is made again

    def with_counts(self) -> "AlbumQuerySet":
        """With `images_count`: the images that are not trashed."""
        return self.annotate(images_count=Count("images", filter=Q(images__trashed_at__isnull=True)))
