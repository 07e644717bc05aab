"""Models of uploads into albums: announced storage files, and dropped entries of native batches."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from images.storage.keys import new_public_id, original_key
from sharinpix.fields import OrderedJSONField


class StorageFile(models.Model):
    """A file that a client announces, then sends to the storage (API: storage files).

    `key` is the key of the file, made of `delivery_id`; `upload` is null until the file was received.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    album_name = models.CharField("album", max_length=255)
    uploader = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=1_024)
    type = models.CharField(max_length=255, blank=True)
    size = models.PositiveBigIntegerField()
    metas = OrderedJSONField(default=dict)
    image_metadatas = OrderedJSONField(default=dict)
    delivery_id = models.CharField(max_length=255, unique=True, default=new_public_id)
    upload = models.OneToOneField("images.Upload", on_delete=models.CASCADE, null=True, related_name="storage_file")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return original_key(self.delivery_id)

    def infos(self, md5: str) -> dict[str, Any]:
        """The infos of the file's image, in the published order of keys (API: infos)."""
        stem, _, extension = self.name.rpartition(".")
        return {
            "bytes": self.size,
            "color": self.metas.get("color"),
            "exifs": self.metas.get("exifs"),
            "original_filename": stem or self.name,
            "format": extension if stem else "",
            "md5": md5,
        }


class DroppedUpload(models.Model):
    """An entry of a native batch that made no image, or was used in part, with the reason (API: native upload)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, null=True, related_name="+")
    album_name = models.CharField("album", max_length=255, blank=True)
    reason = models.TextField()
    entry = OrderedJSONField(default=dict, help_text="As it came, without its token.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "dropped native upload"
        indexes: ClassVar = [models.Index(fields=["-created_at"], name="dropped_newest")]

    def __str__(self) -> str:
        return self.reason
