"""Albums: the lists of images that records of a Salesforce org, or anything else with an id, own."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import User
from albums.imports import models as imports  # noqa: F401  (Django finds models here)
from albums.ordering import positions_after
from albums.querysets import AlbumQuerySet
from albums.uploads import models as uploads  # noqa: F401
from albums.uploads.claims import Sent
from images.models import Image
from images.uploads.models import Upload

MAX_ID = 255


class Album(models.Model):
    """An album is known to the world by `public_id`, any text that fits in one segment of a URL's path."""

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
        """Raises ValidationError for what cannot be one segment of a path: it has 1 to 255 characters, no slash, no
        control character, and is neither `.` nor `..`, which clients resolve away."""
        if not 0 < len(public_id) <= MAX_ID:
            raise ValidationError({"public_id": f"An album's id has 1 to {MAX_ID} characters."})
        if public_id in {".", ".."} or "/" in public_id or any(ord(c) < 32 or ord(c) == 127 for c in public_id):
            raise ValidationError({"public_id": "An album's id holds no slash or control character, nor is it . or .."})

    def clean(self) -> None:
        self.check_public_id(self.public_id)

    def rename(self, public_id: str) -> None:
        """Gives the album another id. Raises ValidationError for an unfit one, IntegrityError for one that is taken."""
        self.check_public_id(public_id)
        with self.images.all().renaming(self):
            self.public_id = public_id
            self.save(update_fields=["public_id"])

    def add(self, upload: Upload, sent: Sent, uploader: User | None) -> Image:
        """Makes the upload's image at the end of the album. The album and the upload are locked; see receive."""
        image = Image(album=self, position=self.next_positions(1)[0], uploader=uploader, **sent.columns(upload))
        twin = self.images.filter(sha256=image.sha256).exclude(sha256="").in_order().first()
        if twin:
            image.infos = {**image.infos, "duplicate_of": str(twin.pk)}
        image.save(force_insert=True)
        upload.image, upload.claimed_at = image, timezone.now()
        upload.save(update_fields=["organization", "image", "claimed_at"])
        if sent.tags:
            image.tag(sent.tags, uploader)
        else:
            Image.objects.refresh([image.pk])
        return image

    def next_positions(self, count: int) -> list[int]:
        """Where the next `count` images go: behind all that are there."""
        last: int | None = self.images.aggregate(last=Max("position"))["last"]
        return positions_after(last, count)
