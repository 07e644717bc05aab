"""The payload: the JSON of an image (API: image).

To add a key, declare a field where the key is to stand: stored texts, answers and the OpenAPI description follow, and
the stamp of stored texts changes, so that they are computed again.
"""

from functools import lru_cache

from rest_framework import serializers

from images.fields import (
    ExternalURLsField,
    OriginalURLField,
    PointField,
    SizeField,
    SortedListField,
    ThumbnailsField,
)
from sharinpix.serializers import CompiledSerializer, TimestampField, utc_timestamp


class ImageSerializer(CompiledSerializer):
    """The keys of an image in a resync, in the published order. Sizes are pixels, points degrees, `size` bytes."""

    id = serializers.UUIDField(read_only=True)
    public_id = serializers.UUIDField(read_only=True, source="id", help_text="Equal to id.")
    infos = serializers.DictField(read_only=True, help_text="What the uploader returned, verbatim.")
    exifs = serializers.DictField(read_only=True)
    gps = PointField("gps_html", "gps_exifs", "gps_ip", help_text="The point that counts: the first of these.")
    gps_ip = PointField("gps_ip")
    gps_exifs = PointField("gps_exifs")
    gps_html = PointField("gps_html")
    created_at = TimestampField(read_only=True)
    updated_at = TimestampField(read_only=True)
    taken_at = utc_timestamp(read_only=True, allow_null=True, help_text="By the camera's clock, in UTC.")
    width = serializers.IntegerField(read_only=True)
    height = serializers.IntegerField(read_only=True)
    rotation = serializers.IntegerField(read_only=True, help_text="Degrees, clockwise.")
    crop_x = serializers.FloatField(read_only=True)
    crop_y = serializers.FloatField(read_only=True)
    crop_w = serializers.FloatField(read_only=True)
    crop_h = serializers.FloatField(read_only=True)
    metadatas = serializers.DictField(read_only=True)
    original_url = OriginalURLField()
    original_width = serializers.IntegerField(read_only=True)
    original_height = serializers.IntegerField(read_only=True)
    external_urls = ExternalURLsField()
    filename = serializers.CharField(read_only=True, help_text="Without extension.")
    format = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True, allow_null=True)
    description = serializers.CharField(read_only=True, allow_null=True)
    page = serializers.IntegerField(read_only=True)
    group_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The image that this is a copy of.")
    color = serializers.CharField(read_only=True)
    size = SizeField(read_only=True, source="infos")
    processed = serializers.BooleanField(read_only=True)
    processing_error = serializers.CharField(read_only=True, allow_null=True)
    album_id = serializers.CharField(read_only=True, source="album_name")
    tag_names = SortedListField(child=serializers.CharField(), read_only=True)
    user_sfid = serializers.CharField(read_only=True, allow_null=True)
    thumbnails = ThumbnailsField()


class AlbumImageSerializer(ImageSerializer):
    """The keys of an image in every other answer: those of a resync without tags and the uploader's Salesforce id."""

    tag_names = None  # type: ignore[assignment]  # how DRF leaves out an inherited field
    user_sfid = None  # type: ignore[assignment]


@lru_cache(maxsize=1)
def image_serializer() -> ImageSerializer:
    return ImageSerializer()


@lru_cache(maxsize=1)
def resync_keys() -> tuple[str, ...]:
    """The keys that a resync alone has, in their order."""
    others = AlbumImageSerializer().fields
    return tuple(name for name in image_serializer().fields.keys() if name not in others.keys())  # noqa: SIM118
