"""The model Image: columns, constraints, and the verbs that change one row."""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import OperationalError, models
from django.db.models import Q
from django.utils import timezone

from images.delivery.signed_urls import edit_of
from images.delivery.variants import stored_chains
from images.fields import Point, point
from images.models.original import HasOriginal
from images.querysets import ImageQuerySet
from images.rendering import FileFacts, PixelFacts
from images.tags.models import Tag, Tagging
from sharinpix import queue
from sharinpix.fields import OrderedJSONField

ROTATIONS = (0, 90, 180, 270)
DEFAULT_SIDE = 3_000
"""Width and height in pixels of an image whose size is unknown (API: image)."""
EDIT_COLUMNS = ("rotation", "crop_x", "crop_y", "crop_w", "crop_h")


def pair_of_degrees(source: str) -> models.CheckConstraint:
    """A constraint: latitude and longitude are both null, or both in range."""
    lat, lng = f"gps_{source}_lat", f"gps_{source}_lng"
    neither = Q(**{f"{lat}__isnull": True, f"{lng}__isnull": True})
    # NOT NULL is written out, since a comparison with NULL is NULL, which a CHECK accepts.
    both = Q(**{f"{lat}__isnull": False, f"{lng}__isnull": False})
    inside = both & Q(**{f"{lat}__range": (-90, 90), f"{lng}__range": (-180, 180)})
    return models.CheckConstraint(condition=neither | inside, name=f"image_gps_{source}_is_a_point")


class Image(HasOriginal):
    """An image in an album: what its uploader sent, what was read from the original, and its edit.

    `delivery_id`, `delivery_version` and `delivery_type` name its original in image URLs (API: image URLs).
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
    processing_claim = models.UUIDField(null=True, editable=False, help_text="The claim of the worker that is at it.")
    processing_since = models.DateTimeField(null=True, blank=True, editable=False)
    thumbnails_due = models.BooleanField(
        default=False, editable=False, help_text="Its stored thumbnails are to be rendered, though it is processed."
    )
    tags: "models.ManyToManyField[Tag, Tagging]" = models.ManyToManyField(
        "images.Tag", through="images.Tagging", related_name="images"
    )

    objects = ImageQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # ImageQuerySet.in_order and after: a resync, an album's list; also the album's foreign key
            models.Index(fields=["album", "position", "created_at", "id"], name="image_order"),
            # syncs.reader.ordered_ids: order and visibility of many ids, without reading their wide rows
            models.Index(fields=["id", "album", "position", "created_at", "trashed_at"], name="image_resync"),
            # ImageQuerySet.delivered_as: the images of an image URL
            models.Index(fields=["delivery_id"], name="image_delivery"),
            # albums.sweeping: the rows that name a file
            models.Index(fields=["original"], name="image_original", condition=~Q(original="")),
            # ImageQuerySet.waiting: the queue
            models.Index(
                fields=["created_at"],
                name="image_waiting",
                condition=Q(processed=False, processing_error__isnull=True) & ~Q(original=""),
            ),
            # ImageQuerySet.unrendered: the queue of images without thumbnails
            models.Index(fields=["created_at"], name="image_unrendered", condition=Q(thumbnails_due=True)),
            # the admin's filter: originals that are missing or damaged
            models.Index(fields=["-created_at"], name="image_faulty", condition=~Q(original_fault="")),
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
    def gps_ip(self) -> Point | None:
        return point(self.gps_ip_lat, self.gps_ip_lng)

    @property
    def gps_exifs(self) -> Point | None:
        return point(self.gps_exifs_lat, self.gps_exifs_lng)

    @property
    def gps_html(self) -> Point | None:
        return point(self.gps_html_lat, self.gps_html_lng)

    @property
    def gps(self) -> Point | None:
        """(latitude, longitude) in degrees of the first source that has a point (API: image)."""
        return self.gps_html or self.gps_exifs or self.gps_ip

    @property
    def album_name(self) -> str:
        return self.album.public_id

    @property
    def user_sfid(self) -> str | None:
        return self.uploader.sfid if self.uploader else None

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    def changing(self) -> AbstractContextManager[list[uuid.UUID]]:
        """For every change of a column in the image's payload; see ImageQuerySet.changing."""
        return type(self).objects.changing_ids([self.pk])

    def caption(self, title: str | None, description: str | None) -> None:
        """Sets both texts; an empty one becomes null."""
        with self.changing():
            self.title, self.description = title or None, description or None
            self.save_fields("title", "description")

    @property
    def crop_box(self) -> tuple[float, float, float, float] | None:
        """x, y, width and height of the crop, or None where there is none."""
        box = (self.crop_x, self.crop_y, self.crop_w, self.crop_h)
        return box if any(box) else None

    def clean(self) -> None:
        """Raises ValidationError for a rotation that is no quarter turn and a crop that exceeds the original."""
        if self.rotation not in ROTATIONS:
            raise ValidationError({"rotation": "A rotation is 0, 90, 180 or 270 degrees."})
        x, y, w, h = self.crop_box or (0, 0, 1, 1)
        inside = 0 <= x < x + w <= self.original_width and 0 <= y < y + h <= self.original_height
        if not inside or w < 1 or h < 1:
            raise ValidationError({"crop_w": "The crop must lie inside the original picture."})

    def edit(self, rotation: int, crop: tuple[float, float, float, float] | None) -> None:
        """Sets the rotation (degrees, clockwise) and the crop (x, y, width, height in pixels of the upright original).

        Width and height follow. Stored thumbnails of another edit are deleted; a worker or the next sweep renders new
        ones, and until then delivery renders them on demand. Raises ValidationError; see clean.
        """
        self.rotation = rotation
        self.crop_x, self.crop_y, self.crop_w, self.crop_h = crop or (0.0, 0.0, 0.0, 0.0)
        self.clean()
        with self.changing():
            self.refresh_from_db(fields=["original_width", "original_height"])  # a worker may have corrected them
            self.fit()
            current = stored_chains(edit_of(self)).values()
            self.thumbnails.exclude(chain__in=current).delete()
            self.thumbnails_due = bool(self.original) and self.thumbnails.count() < len(current)
            self.processing_attempts = 0
            self.save_fields(*EDIT_COLUMNS, "width", "height", "processing_attempts", "thumbnails_due")
        queue.later_by_worker("images.tasks.process_image", str(self.pk))

    def fit(self) -> None:
        """Sets width and height by the original's size, the crop and the rotation."""
        crop = self.crop_box
        width, height = (int(crop[2]), int(crop[3])) if crop else (self.original_width, self.original_height)
        self.width, self.height = (height, width) if self.rotation in (90, 270) else (width, height)

    def tag(self, names: Iterable[str], user: Any = None) -> None:
        """Adds these tags of the album's organization to the image; tags that do not exist are made."""
        found = Tag.objects.named(self.album.organization_id, names)
        with self.changing():
            for tag in found:
                Tagging.objects.get_or_create(image=self, tag=tag, defaults={"user": user})

    def set_from_original(self, file_facts: FileFacts | None, pixel_facts: PixelFacts | None = None) -> list[str]:
        """Sets the columns that the original decides, without saving them, and returns their names.

        Where EXIF lacks a value, the one that the client sent stays. With `pixel_facts` the image becomes processed.
        """
        facts: dict[str, Any] = {}
        if file_facts is not None:
            lat, lng = file_facts.gps or (None, None)
            facts |= {"format": file_facts.format, "size": file_facts.bytes, "sha256": file_facts.sha256}
            facts |= {"gps_exifs_lat": lat, "gps_exifs_lng": lng}
            facts |= {"exifs": file_facts.exifs} if file_facts.exifs else {}
            facts |= {"taken_at": file_facts.taken_at} if file_facts.taken_at else {}
        sides = pixel_facts or file_facts
        if sides is not None:
            facts |= {"original_width": sides.width, "original_height": sides.height}
        if pixel_facts is not None:
            facts |= {"color": pixel_facts.color, "palette": pixel_facts.palette, "phash": pixel_facts.phash}
            facts |= {"processed": True, "processing_error": None}
        for name, value in facts.items():
            setattr(self, name, value)
        self.fit()
        return [*facts, "width", "height"]

    def note_bad_thumbnail(self) -> None:
        """Has the stored thumbnails rendered again, since the file of one is missing or damaged; fails no reader."""
        with suppress(OperationalError):
            whole = type(self).objects.filter(pk=self.pk, processed=True, thumbnails_due=False, original_fault="")
            whole.update(thumbnails_due=True, processing_attempts=0)

    def process_again(self) -> None:
        """Makes the image unprocessed and sends it to processing, also after an error."""
        with self.changing():
            self.processed, self.processing_error = False, None
            self.processing_attempts, self.processing_claim, self.processing_since = 0, None, None
            columns = ("processing_attempts", "processing_claim", "processing_since")
            self.save_fields("processed", "processing_error", *columns)
        queue.later("images.tasks.process_image", str(self.pk))

    def save_fields(self, *fields: str) -> None:
        """Saves the columns, and the present time as `updated_at`."""
        self.updated_at = timezone.now()
        self.save(update_fields=[*fields, "updated_at"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Deletes the row and discards its files; see ImageQuerySet.delete."""
        return type(self).objects.filter(pk=self.pk).delete()

    def keep_thumbnails(self, thumbnails: Sequence[Any]) -> None:
        """Replaces the image's Thumbnail rows by these. To be called in a transaction that locks the image."""
        self.thumbnails.all().delete()
        self.thumbnails.bulk_create(thumbnails)
        self.thumbnails_due = False
        self.save(update_fields=["thumbnails_due", "processing_attempts"])  # both of which the deletion has set
