"""Images, their stored thumbnails and their tags."""

import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from images import processing, tasks
from images.querysets import ImageQuerySet, Place
from images.rendering import Examined
from images.representation import Facts, point
from images.tags.models import Tag as Tag
from images.tags.models import Tagging as Tagging
from images.uploads import models as uploads  # noqa: F401  (Django finds models here)
from sharinpix import queue
from sharinpix.fields import OrderedJSONField

ROTATIONS = (0, 90, 180, 270)
DEFAULT_SIDE = 3_000
"""Width and height of an image that told us neither (API: image)."""


def pair_of_degrees(source: str) -> models.CheckConstraint:
    """Both degrees of a point, inside the globe, or neither."""
    lat, lng = f"gps_{source}_lat", f"gps_{source}_lng"
    neither = Q(**{f"{lat}__isnull": True, f"{lng}__isnull": True})
    # Said out loud, since a comparison with NULL is NULL, and a CHECK lets that pass.
    both = Q(**{f"{lat}__isnull": False, f"{lng}__isnull": False})
    inside = both & Q(**{f"{lat}__range": (-90, 90), f"{lng}__range": (-180, 180)})
    return models.CheckConstraint(condition=neither | inside, name=f"image_gps_{source}_is_a_point")


class Image(models.Model):
    """A picture in an album: what its uploader said of it, what we read off it, and how staff edited it.

    `delivery_id`, `delivery_version` and `delivery_type` name its original on the delivery side (API: image URLs);
    `original` is the key of the file where our own storage holds it. Duplicates share both.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    album = models.ForeignKey("albums.Album", on_delete=models.PROTECT, related_name="images", db_index=False)
    position = models.BigIntegerField(default=0, editable=False)
    uploader = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="images"
    )
    group_id = models.UUIDField(null=True, blank=True, editable=False, help_text="The image that this is a copy of.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    taken_at = models.DateTimeField(null=True, blank=True, editable=False)
    trashed_at = models.DateTimeField(null=True, blank=True, editable=False)

    title = models.TextField(null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    filename = models.CharField(max_length=255, blank=True, editable=False)
    format = models.CharField(max_length=32, blank=True, editable=False)
    page = models.PositiveIntegerField(default=1, editable=False)
    color = models.CharField(max_length=32, default="#7D7D7D", editable=False)
    size = models.BigIntegerField(null=True, blank=True, editable=False, help_text="Bytes of the original.")

    infos = OrderedJSONField(default=dict, blank=True, editable=False)
    exifs = OrderedJSONField(default=dict, blank=True, editable=False)
    metadatas = OrderedJSONField(default=dict, blank=True, editable=False)
    gps_ip_lat = models.FloatField(null=True, blank=True, editable=False)
    gps_ip_lng = models.FloatField(null=True, blank=True, editable=False)
    gps_exifs_lat = models.FloatField(null=True, blank=True, editable=False)
    gps_exifs_lng = models.FloatField(null=True, blank=True, editable=False)
    gps_html_lat = models.FloatField(null=True, blank=True, editable=False)
    gps_html_lng = models.FloatField(null=True, blank=True, editable=False)

    width = models.PositiveIntegerField(default=DEFAULT_SIDE, editable=False)
    height = models.PositiveIntegerField(default=DEFAULT_SIDE, editable=False)
    original_width = models.PositiveIntegerField(default=DEFAULT_SIDE, editable=False)
    original_height = models.PositiveIntegerField(default=DEFAULT_SIDE, editable=False)
    rotation = models.PositiveSmallIntegerField(default=0, choices=[(r, f"{r}°") for r in ROTATIONS])
    crop_x = models.FloatField(default=0.0)
    crop_y = models.FloatField(default=0.0)
    crop_w = models.FloatField(default=0.0)
    crop_h = models.FloatField(default=0.0)

    delivery_id = models.CharField(max_length=255, blank=True, editable=False)
    delivery_version = models.BigIntegerField(null=True, blank=True, editable=False)
    delivery_type = models.CharField(max_length=32, default="authenticated", editable=False)
    original = models.FileField(max_length=255, blank=True, editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    import_key = models.CharField(
        max_length=64,
        null=True,
        editable=False,
        help_text="SHA-256 of relative path and content in an imported folder.",
    )
    palette = OrderedJSONField(default=list, blank=True, editable=False, help_text="[colour, percent], largest first.")
    phash = models.CharField("perceptual hash", max_length=16, blank=True, editable=False)
    processed = models.BooleanField(default=False, editable=False)
    processing_error = models.TextField(null=True, blank=True, editable=False)
    processing_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    processing_since = models.DateTimeField(null=True, blank=True, editable=False)
    tags: "models.ManyToManyField[Tag, Tagging]" = models.ManyToManyField(
        "images.Tag", through="images.Tagging", related_name="images"
    )

    objects = ImageQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # ImageQuerySet.in_order and after: a resync, an album's list; also the album's foreign key
            models.Index(fields=["album", "position", "created_at", "id"], name="image_order"),
            # reader.ordered_ids: order and visibility of many ids, without reading their wide rows
            models.Index(fields=["id", "album", "position", "created_at", "trashed_at"], name="image_resync"),
            # ImageQuerySet.delivered_as: who shows this picture
            models.Index(fields=["delivery_id"], name="image_delivery"),
            # ImageQuerySet.forget_files: is the file still somebody's
            models.Index(fields=["original"], name="image_original", condition=~Q(original="")),
            # ImageQuerySet.waiting: the queue
            models.Index(
                fields=["created_at"],
                name="image_waiting",
                condition=Q(processed=False, processing_error__isnull=True) & ~Q(original=""),
            ),
            # Album.add: the same bytes in the same album
            models.Index(fields=["album", "sha256"], name="image_duplicates", condition=~Q(sha256="")),
            # the admin's list, newest first
            models.Index(fields=["-created_at", "id"], name="image_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["album", "import_key"], name="image_is_imported_once_into_an_album"),
            models.CheckConstraint(condition=Q(rotation__in=ROTATIONS), name="image_rotation_is_a_quarter_turn"),
            models.CheckConstraint(
                condition=Q(crop_x__gte=0, crop_y__gte=0, crop_w__gte=0, crop_h__gte=0),
                name="image_crop_is_not_negative",
            ),
            pair_of_degrees("ip"),
            pair_of_degrees("exifs"),
            pair_of_degrees("html"),
            models.CheckConstraint(
                condition=Q(delivery_type__in=["authenticated", "private", "upload"]),
                name="image_delivery_type_is_known",
            ),
            models.CheckConstraint(
                condition=Q(original="") | ~Q(delivery_id=""), name="image_original_has_a_delivery_id"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.filename or str(self.pk)

    @property
    def gps_ip(self) -> tuple[float, float] | None:
        return point(self.gps_ip_lat, self.gps_ip_lng)

    @property
    def gps_exifs(self) -> tuple[float, float] | None:
        return point(self.gps_exifs_lat, self.gps_exifs_lng)

    @property
    def gps_html(self) -> tuple[float, float] | None:
        return point(self.gps_html_lat, self.gps_html_lng)

    @property
    def place(self) -> Place:
        return Place(self.album_id, self.position, self.created_at, self.id)

    @property
    def album_name(self) -> str:
        return self.album.public_id

    @property
    def user_sfid(self) -> str | None:
        return self.uploader.sfid if self.uploader else None

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    def facts(self) -> Facts:
        """What the image prints, as `representation` takes it."""
        return Facts._make(getattr(self, name) for name in Facts._fields)

    def changing(self) -> AbstractContextManager[list[uuid.UUID]]:
        """The door for every change of what the image prints; see ImageQuerySet.changing."""
        return type(self).objects.changing_ids([self.pk])

    def caption(self, title: str | None, description: str | None) -> None:
        """Sets both texts; an empty one is none."""
        with self.changing():
            self.title, self.description = title or None, description or None
            self.changed("title", "description")

    @property
    def crop_box(self) -> tuple[float, float, float, float] | None:
        """x, y, width and height of the crop, or None where there is none."""
        box = (self.crop_x, self.crop_y, self.crop_w, self.crop_h)
        return box if any(box) else None

    def clean(self) -> None:
        """Raises ValidationError for a rotation that is no quarter turn and a crop that leaves the picture."""
        if self.rotation not in ROTATIONS:
            raise ValidationError({"rotation": "A rotation is 0, 90, 180 or 270 degrees."})
        x, y, w, h = self.crop_box or (0, 0, 1, 1)
        inside = 0 <= x < x + w <= self.original_width and 0 <= y < y + h <= self.original_height
        if not inside or w < 1 or h < 1:
            raise ValidationError({"crop_w": "The crop must lie inside the original picture."})

    def edit(self, rotation: int, crop: tuple[float, float, float, float] | None) -> None:
        """Sets the rotation (degrees, clockwise) and the crop (x, y, width, height in pixels of the upright original).

        Width and height follow, and the stored thumbnails are rendered anew. Raises ValidationError; see clean.
        """
        self.rotation = rotation
        self.crop_x, self.crop_y, self.crop_w, self.crop_h = crop or (0.0, 0.0, 0.0, 0.0)
        self.clean()
        thumbnails = processing.rendered_again(self)
        with self.changing():
            self.refresh_from_db(fields=["original_width", "original_height"])  # processing may have told meanwhile
            self.fit()
            self.changed("rotation", "crop_x", "crop_y", "crop_w", "crop_h", "width", "height")
            processing.keep_thumbnails(self, thumbnails)

    def fit(self) -> None:
        """Sets width and height to what original size, crop and rotation make of them."""
        crop = self.crop_box
        width, height = (int(crop[2]), int(crop[3])) if crop else (self.original_width, self.original_height)
        self.width, self.height = (height, width) if self.rotation in (90, 270) else (width, height)

    def tag(self, names: Iterable[str], user: Any = None) -> None:
        """Gives the image these tags of its album's organization beside those that it has; missing ones are made."""
        found = Tag.objects.named(self.album.organization_id, names)
        with self.changing():
            for tag in found:
                Tagging.objects.get_or_create(image=self, tag=tag, defaults={"user": user})

    def learn(self, examined: Examined, *others: str) -> None:
        """Takes over what was read off the original. Where the file is silent, what its uploader said stands."""
        facts = processing.facts_of(examined)
        for name, silent in (("exifs", not examined.exifs), ("taken_at", examined.taken_at is None)):
            if silent:
                del facts[name]
        for name, value in facts.items():
            setattr(self, name, value)
        self.fit()
        self.changed(*facts, *others)

    def process_again(self) -> None:
        """Puts the image back into the queue, whatever became of it there."""
        with self.changing():
            self.processed, self.processing_error = False, None
            self.processing_attempts, self.processing_since = 0, None
            self.changed("processed", "processing_error", "processing_attempts", "processing_since")
        queue.later(tasks.process, str(self.pk))

    def changed(self, *fields: str) -> None:
        self.updated_at = timezone.now()
        self.save(update_fields=[*fields, "updated_at"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """With its files, after commit; see ImageQuerySet.delete."""
        return type(self).objects.filter(pk=self.pk).delete()


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

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "variant"], name="one_thumbnail_per_image_and_variant"),
            models.CheckConstraint(condition=~Q(file=""), name="thumbnail_has_a_file"),
        ]

    def __str__(self) -> str:
        return f"{self.variant} of {self.image_id}"


class Representation(models.Model):
    """The text of an image's representation, as it stands in answers; believed while its stamp is the present one."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="representation")
    stamp = models.CharField(max_length=16)
    document = models.TextField()

    def __str__(self) -> str:
        return f"of {self.image_id}"
