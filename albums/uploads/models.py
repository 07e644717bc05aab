"""Files on their way into an album: storage files, and what native uploads could not use."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from images import storage
from sharinpix.fields import OrderedJSONField


class StorageFile(models.Model):
    """A file that a client announced, and sends to the storage itself (API: storage files).

    The file lies at `originals/` under `delivery_id`; `upload` is there once it has come.
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
    delivery_id = models.CharField(max_length=255, unique=True, default=storage.new_public_id)
    upload = models.OneToOneField("images.Upload", on_delete=models.CASCADE, null=True, related_name="storage_file")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return storage.original_key(self.delivery_id)

    def infos(self, md5: str) -> dict[str, Any]:
        """In the published order of keys (API: infos)."""
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
    """An entry of a native batch of which no image was made, or not all of it used; the app is told nothing of it."""

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
