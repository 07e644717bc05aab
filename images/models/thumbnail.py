"""The models beside Image: stored thumbnails, and the text of the representation."""

import hashlib
import uuid
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from images.models.image import Image
from images.storage import storage
from images.storage.models import DiscardedFile


class ThumbnailQuerySet(models.QuerySet["Thumbnail"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        """Deletes the rows and discards their files; the images are to be rendered (ImageQuerySet.unrendered)."""
        with transaction.atomic():
            # Images are locked before thumbnails, by id, as workers and edits do it.
            owners = Image.objects.filter(pk__in=set(self.values_list("image_id", flat=True))).order_by("pk")
            images = list(owners.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
            files = set(self.values_list("file", flat=True))
            deleted = super().delete()
            work = Image.objects.filter(pk__in=images).exclude(original="")
            work.update(thumbnails_due=True, processing_attempts=0)
            DiscardedFile.objects.discard(files)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Thumbnail(models.Model):
    """The stored file of one named variant of an image, made under one chain (API: image URLs)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="thumbnails")
    variant = models.CharField(max_length=32)
    chain = models.TextField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    format = models.CharField(max_length=8)
    bytes = models.PositiveBigIntegerField()
    digest = models.CharField("SHA-256", max_length=64)
    file = models.FileField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ThumbnailQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "variant"], name="one_thumbnail_per_image_and_variant"),
            models.CheckConstraint(condition=~Q(file=""), name="thumbnail_has_a_file"),
        ]
        indexes: ClassVar = [
            # sweeping.remove_unknown: the thumbnails that name a file
            models.Index(fields=["file"], name="thumbnail_file"),
        ]

    def __str__(self) -> str:
        return f"{self.variant} of {self.image_id}"

    def is_whole(self, *, digest: bool = False) -> bool:
        """Whether its file is there and has the size, with `digest` also the content, that was stored."""
        if not digest:
            return storage.stored_size(str(self.file)) == self.bytes
        content = storage.read(str(self.file))
        return content is not None and hashlib.sha256(content).hexdigest() == self.digest

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Deletes the row and discards its file; see ThumbnailQuerySet.delete."""
        return type(self).objects.filter(pk=self.pk).delete()


class Representation(models.Model):
    """The stored text of an image: ImageSerializer's output as JSON. Current if its stamp is `stamp()`."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="representation")
    stamp = models.CharField(max_length=16)
    document = models.TextField()
    resync_spans = models.TextField(
        default="[]", help_text="[[start, end]]: bytes that answers but a resync leave out."
    )

    def __str__(self) -> str:
        return f"of {self.image_id}"
