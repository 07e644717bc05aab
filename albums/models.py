"""Albums: ordered lists of images, each under the id of a Salesforce record or of anything else."""

from contextlib import AbstractContextManager
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import User
from albums.imports import models as imports  # noqa: F401  (Django finds models here)
from albums.ordering import positions_after
from albums.querysets import AlbumQuerySet
from albums.uploads import models as uploads  # noqa: F401
from images.models import Image, Tag, Tagging, Upload
from images.uploads.claims import SentData
from sharinpix.errors import Conflict

MAX_ID = 255


class Album(models.Model):
    """An album. Clients name it by `public_id`, any text that can be one segment of a path (API: albums)."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="albums")
    public_id = models.CharField("id", max_length=MAX_ID)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AlbumQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "public_id"], name="album_id_is_unique_in_organization"),
            models.CheckConstraint(
                condition=~Q(public_id__in=["", ".", ".."]) & ~Q(public_id__contains="/"),
                name="album_id_is_a_path_segment",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @staticmethod
    def check_public_id(public_id: str) -> None:
        """Raises ValidationError for an id that cannot be one segment of a path: it has 1 to 255 characters, no slash,
        no control character, and is neither `.` nor `..`, which clients remove from URLs."""
        if not 0 < len(public_id) <= MAX_ID:
            raise ValidationError({"public_id": f"An album's id has 1 to {MAX_ID} characters."})
        if public_id in {".", ".."} or "/" in public_id or any(ord(c) < 32 or ord(c) == 127 for c in public_id):
            raise ValidationError({"public_id": "An album's id holds no slash or control character, nor is it . or .."})

    def clean(self) -> None:
        self.check_public_id(self.public_id)

    def rename(self, public_id: str) -> None:
        """Gives the album another id. Raises ValidationError as check_public_id, Conflict for a taken id."""
        self.check_public_id(public_id)
        before = self.public_id
        with self.changing():
            self.public_id = public_id
            try:
                self.save(update_fields=["public_id"])
            except IntegrityError:
                self.public_id = before
                raise Conflict("Another album of the organization has this id.") from None

    def changing(self) -> AbstractContextManager[None]:
        """For changes of `public_id`, which the texts of the album's images hold; see changing_related."""
        return self.images.all().changing_related(self)

    def add(self, upload: Upload, sent: SentData, uploader: User | None) -> Image:
        """Makes the upload's image at the end of the album. The caller has locked both rows; see receive.

        Processing stores the text of the representation; of an image that is processed already it is stored here.
        """
        image = Image(album=self, position=self.next_positions(1)[0], uploader=uploader, **sent.columns(upload))
        self.note_duplicate(image)
        image.save(force_insert=True)
        upload.image, upload.claimed_at = image, timezone.now()
        upload.save(update_fields=["organization", "image", "claimed_at", "claim_due"])
        for tag in Tag.objects.named(self.organization_id, sent.tags):
            Tagging.objects.create(image=image, tag=tag, user=uploader)
        if image.processed:
            Image.objects.store_representations([image.pk])
        return image

    def take(self, image: Image, upload: Upload, sent: SentData, uploader: User | None) -> None:
        """Sets the data of an image that was made without a client, and moves it to the end of this album if it is in
        another. To be called inside `image.changing()`, with the image as it is now."""
        columns = sent.claimed_columns(upload)
        for name, value in columns.items():
            setattr(image, name, value)
        if image.album_id != self.pk:
            image.album, image.position = self, self.next_positions(1)[0]
        image.uploader = image.uploader or uploader
        self.note_duplicate(image)
        image.save_fields(*columns, "album", "position", "uploader")
        for tag in Tag.objects.named(self.organization_id, sent.tags):
            Tagging.objects.get_or_create(image=image, tag=tag, defaults={"user": uploader})

    def note_duplicate(self, image: Image) -> None:
        """Names in the image's infos the first earlier image of the same bytes in this album, without saving."""
        same = self.images.filter(sha256=image.sha256, created_at__lte=image.created_at).exclude(sha256="")
        if twin := same.exclude(pk=image.pk).in_order().first():
            image.infos = {**image.infos, "duplicate_of": str(twin.pk)}

    def next_positions(self, count: int) -> list[int]:
        """Positions for `count` new images at the end of the album."""
        last: int | None = self.images.aggregate(last=Max("position"))["last"]
        return positions_after(last, count)
