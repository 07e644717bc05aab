"""Uploads: originals that were received, whole or in parts."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from images.storage.keys import new_public_id, new_version
from sharinpix.fields import OrderedJSONField

KEY_LENGTH = 255
"""Characters of an Idempotency-Key or X-Unique-Upload-Id."""


class Upload(models.Model):
    """An original that was received. One image is made of it, at `claimed_at`.

    `organization` is the one whose key signed it and the only one that may claim it; null for a native upload, which
    every organization may claim by its public id. `original` is the key of the file, empty where Cloudinary holds it.
    `answer` is the answer to the upload. An upload whose image was deleted stays claimed. `album_name` is the album
    that its signed form names, empty where nothing names one. `claim_due` says that the image was made without a client
    (by the upload itself, or by a webhook), so that the first client that claims it still sets its data.
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
    exifs = OrderedJSONField(null=True, help_text="As read off the file; null where it was not.")
    taken_at = models.DateTimeField(null=True)
    gps_lat = models.FloatField(null=True)
    gps_lng = models.FloatField(null=True)
    answer = OrderedJSONField(default=dict)
    idempotency_key = models.CharField(max_length=KEY_LENGTH, null=True)
    image = models.OneToOneField("images.Image", on_delete=models.SET_NULL, null=True, related_name="upload")
    album_name = models.CharField("album", max_length=255, blank=True)
    claimed_at = models.DateTimeField(null=True)
    claim_due = models.BooleanField(default=False)
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
            # sweeping.remove_unclaimed
            models.Index(fields=["created_at"], name="upload_unclaimed", condition=Q(claimed_at__isnull=True)),
            # sweeping.remove_unknown: the uploads that name a file
            models.Index(fields=["original"], name="upload_original", condition=~Q(original="")),
        ]

    def __str__(self) -> str:
        return self.public_id


class PartialUpload(models.Model):
    """An upload in parts, under an id of the client (X-Unique-Upload-Id). Once `finished`, the row stays for a day, to
    answer a repeated part."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.CharField(max_length=64, help_text="Whose upload it is: the key that signs its parts.")
    upload_id = models.CharField(max_length=KEY_LENGTH)
    total = models.PositiveBigIntegerField()
    public_id = models.CharField(max_length=255, default=new_public_id)
    version = models.BigIntegerField(default=new_version)
    parameters = OrderedJSONField(default=dict)
    finished = models.OneToOneField(Upload, on_delete=models.CASCADE, null=True, related_name="parts_of")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "upload_id"], name="one_partial_upload_per_id"),
        ]
        indexes: ClassVar = [
            # sweeping.remove_unclaimed
            models.Index(fields=["created_at"], name="partial_upload_age"),
        ]

    def __str__(self) -> str:
        return self.upload_id


class NativeUsage(models.Model):
    """What a client sent on a day (UTC) by native uploads, which need no token: see `quotas`."""

    client = models.CharField(max_length=64)
    day = models.DateField()
    requests = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["day", "client"], name="one_usage_per_client_and_day")]

    def __str__(self) -> str:
        return f"{self.client} {self.day}"


class Part(models.Model):
    """A stored part of a partial upload: `size` bytes from `start` on, in the file with the key `file`."""

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
