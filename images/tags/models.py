"""Tags, and which images have them."""

import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone


class TagQuerySet(models.QuerySet["Tag"]):
    def named(self, organization_id: uuid.UUID, names: Iterable[str]) -> list["Tag"]:
        """The organization's tags of these names; missing ones are made, in sorted order, which prevents deadlocks."""
        return [self.get_or_create(organization_id=organization_id, name=name)[0] for name in sorted(set(names))]


class Tag(models.Model):
    """A word that an organization gives its images; unique by name in the organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="tag_name_is_unique_in_organization"),
            models.CheckConstraint(condition=~Q(name=""), name="tag_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def changing(self) -> AbstractContextManager[None]:
        """For changes of the name, which the texts of the tag's images hold; see ImageQuerySet.changing_related."""
        return self.images.all().changing_related(self)

    def rename(self, name: str) -> None:
        with self.changing():
            self.name = name
            self.save(update_fields=["name"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with self.changing():
            return super().delete(*args, **kwargs)


class Tagging(models.Model):
    """The relation of an image and a tag, with the user who gave it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey("images.Image", on_delete=models.CASCADE, related_name="taggings")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    user = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "tag"], name="image_has_a_tag_once"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.image_id}"

    def clean(self) -> None:
        if self.tag_id and self.tag.organization_id != self.image.album.organization_id:
            raise ValidationError({"tag": "The tag belongs to another organization."})
