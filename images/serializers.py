"""What an image looks like on the wire. The values come from `representation`; the fields describe them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from images import delivery
from images.models import Image
from images.representation import represent

POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "nullable": True}
EXTERNAL_URLS = ("fill100", "fit2000", "mini", "large", "full")
THUMBNAILS = ("original", "full_no_sharinpix", "full", "large", "mini")


def urls(names: tuple[str, ...]) -> dict[str, Any]:
    properties = {name: {"type": "string", "format": "uri"} for name in names}
    return {"type": "object", "properties": properties, "required": list(names)}


@extend_schema_field(POINT)
class PointField(serializers.ReadOnlyField):
    """[latitude, longitude] in degrees, or null."""


@extend_schema_field(POINT)
class GPSField(serializers.ReadOnlyField):
    """The point that counts: gps_html, else gps_exifs, else gps_ip."""

    def to_representation(self, image: Image) -> tuple[float, float] | None:
        return image.gps_html or image.gps_exifs or image.gps_ip


@extend_schema_field(urls(EXTERNAL_URLS))
class ExternalURLsField(serializers.ReadOnlyField):
    def to_representation(self, image: Image) -> dict[str, str]:
        return delivery.current().external_urls(image)


@extend_schema_field(urls(THUMBNAILS))
class ThumbnailsField(serializers.ReadOnlyField):
    def to_representation(self, image: Image) -> dict[str, str]:
        return delivery.current().thumbnails(image)


@extend_schema_field({"type": "string", "format": "uri"})
class OriginalURLField(serializers.ReadOnlyField):
    def to_representation(self, image: Image) -> str:
        return delivery.current().original_url(image)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}], "nullable": True})
class SizeField(serializers.ReadOnlyField):
    """`infos.bytes`, as the uploader typed it."""

    def to_representation(self, infos: dict[str, Any]) -> Any:
        return infos.get("bytes")


class ImageSerializer(serializers.Serializer[Image]):
    """The 37 keys of an image in a resync, in the published order."""

    id = serializers.UUIDField(read_only=True)
    public_id = serializers.UUIDField(read_only=True, source="id", help_text="Equal to id.")
    infos = serializers.DictField(read_only=True, help_text="What the uploader returned, verbatim.")
    exifs = serializers.DictField(read_only=True)
    gps = GPSField(source="*")
    gps_ip = PointField()
    gps_exifs = PointField()
    gps_html = PointField()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    taken_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="By the camera's clock, in UTC.")
    width = serializers.IntegerField(read_only=True)
    height = serializers.IntegerField(read_only=True)
    rotation = serializers.IntegerField(read_only=True, help_text="Degrees, clockwise.")
    crop_x = serializers.FloatField(read_only=True)
    crop_y = serializers.FloatField(read_only=True)
    crop_w = serializers.FloatField(read_only=True)
    crop_h = serializers.FloatField(read_only=True)
    metadatas = serializers.DictField(read_only=True)
    original_url = OriginalURLField(source="*")
    original_width = serializers.IntegerField(read_only=True)
    original_height = serializers.IntegerField(read_only=True)
    external_urls = ExternalURLsField(source="*")
    filename = serializers.CharField(read_only=True, help_text="Without extension.")
    format = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True, allow_null=True)
    description = serializers.CharField(read_only=True, allow_null=True)
    page = serializers.IntegerField(read_only=True)
    group_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The image that this is a copy of.")
    color = serializers.CharField(read_only=True)
    size = SizeField(source="infos")
    processed = serializers.BooleanField(read_only=True)
    processing_error = serializers.CharField(read_only=True, allow_null=True)
    album_id = serializers.CharField(read_only=True, source="album_name")
    tag_names = serializers.ListField(child=serializers.CharField(), read_only=True)
    user_sfid = serializers.CharField(read_only=True, allow_null=True)
    thumbnails = ThumbnailsField(source="*")

    def to_representation(self, image: Image) -> dict[str, Any]:
        return represent(image.facts(), delivery.current(), timezone.get_default_timezone())


class AlbumImageSerializer(ImageSerializer):
    """The 35 keys of an image in every other answer."""

    def get_fields(self) -> dict[str, Any]:
        return {name: field for name, field in super().get_fields().items() if name not in {"tag_names", "user_sfid"}}
