"""Uploads: stored originals, and the parts of one that comes in pieces."""

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils import timezone

from images import storage
from sharinpix.fields import OrderedJSONField

if TYPE_CHECKING:
    from images.models import Image

KEY_LENGTH = 255
"""Characters of an Idempotency-Key or X-Unique-Upload-Id."""


class Upload(models.Model):
    """An original that arrived. An image is made of it once: that is its claim.

    `organization` is the one whose key signed it and the only one that may claim it; none for a native upload, which
    whoever knows its public id may claim. `original` is the file's key, empty where Cloudinary holds it. `answer` is
    what the uploader was told. A claimed upload whose image was deleted stays claimed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, null=True, related_name="uploads", db_index=False
    )
    public_id = models.CharField(max_length=255)
    version = models.BigIntegerField()
    type = models.CharField(max_length=32, default="authenticated")
    original = models.CharField(max_length=255, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    format = models.CharField(max_length=32, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    md5 = models.CharField("MD5", max_length=32, blank=True)
    answer = OrderedJSONField(default=dict)
    idempotency_key = models.CharField(max_length=KEY_LENGTH, null=True)
    image = models.OneToOneField("images.Image", on_delete=models.SET_NULL, null=True, related_name="upload")
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "version"], name="upload_is_claimed_once"),
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="upload_answers_a_retry"),
            models.CheckConstraint(condition=~Q(public_id=""), name="upload_has_a_public_id"),
            models.CheckConstraint(
                condition=Q(image__isnull=True) | Q(claimed_at__isnull=False), name="upload_with_image_is_claimed"
            ),
        ]
        indexes: ClassVar = [
            # sweeping.unclaimed: what nobody came for
            models.Index(fields=["created_at"], name="upload_unclaimed", condition=Q(claimed_at__isnull=True)),
            # sweeping.unknown: is the file an upload's
            models.Index(fields=["original"], name="upload_original", condition=~Q(original="")),
        ]

    def __str__(self) -> str:
        return self.public_id

    @classmethod
    def unclaimed(cls, public_id: str, kind: str, version: int | None) -> "Image | None":
        """An upload that waits for its image, as the image that delivery shows: its answer names its URL already."""
        waiting = cls.objects.filter(public_id=public_id, type=kind, version=version, claimed_at=None)
        upload = waiting.exclude(original="").first()
        if upload is None:
            return None
        facts = {name: getattr(upload, name) for name in ("filename", "format", "sha256", "original")}
        delivery = {"delivery_id": public_id, "delivery_version": version, "delivery_type": kind}
        return apps.get_model("images", "Image")(**facts, **delivery)


class PartialUpload(models.Model):
    """An upload that comes in parts under an id of the client's (X-Unique-Upload-Id); the first part decides its
    public id. Once whole it stays as what a repeated last part is answered from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.CharField(max_length=64, help_text="Whose upload it is: the key that signs its parts.")
    upload_id = models.CharField(max_length=KEY_LENGTH)
    total = models.PositiveBigIntegerField()
    public_id = models.CharField(max_length=255, default=storage.new_public_id)
    version = models.BigIntegerField(default=storage.new_version)
    parameters = OrderedJSONField(default=dict)
    finished = models.OneToOneField(Upload, on_delete=models.CASCADE, null=True, related_name="parts_of")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "upload_id"], name="one_partial_upload_per_id"),
        ]

    def __str__(self) -> str:
        return self.upload_id


class Part(models.Model):
    """A stored piece of a partial upload: `size` bytes from `start` on."""

    of = models.ForeignKey(PartialUpload, on_delete=models.CASCADE, related_name="parts")
    start = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    file = models.CharField(max_length=255, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["of", "start"], name="part_is_kept_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="part_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.start}+{self.size}"
