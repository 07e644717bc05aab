"""Serializer fields of the payload that are more than a column: each names the columns that it reads."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from images.delivery import signed_urls

Point = tuple[float, float]
POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "nullable": True}


def point(lat: float | None, lng: float | None) -> Point | None:
    return None if lat is None or lng is None else (lat, lng)


class RowField(serializers.Field[Any, Any, Any, Any]):
    """A read-only field that is computed from several columns of a row."""

    columns: tuple[str, ...] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(source="*", read_only=True, **options)


@extend_schema_field(POINT)
class PointField(RowField):
    """[latitude, longitude] in degrees, or null, from the columns `<source>_lat` and `<source>_lng`.

    Of several sources the first with a point counts.
    """

    def __init__(self, *sources: str, **options: Any) -> None:
        super().__init__(**options)
        self.pairs = [(f"{source}_lat", f"{source}_lng") for source in sources]
        self.columns = tuple(column for pair in self.pairs for column in pair)

    def to_representation(self, row: Any) -> Point | None:
        for lat, lng in self.pairs:
            if found := point(getattr(row, lat), getattr(row, lng)):
                return found
        return None


def urls(names: list[str]) -> dict[str, Any]:
    """The JSON Schema of an object that holds a URL under each of the names."""
    properties = {name: {"type": "string", "format": "uri"} for name in names}
    return {"type": "object", "properties": properties, "required": names}


@extend_schema_field({"type": "string", "format": "uri"})
class OriginalURLField(RowField):
    columns = signed_urls.COLUMNS

    def to_representation(self, row: signed_urls.DeliveredImage) -> str:
        return signed_urls.current_delivery().original_url(row)


@extend_schema_field(urls([name for name, _ in signed_urls.EXTERNAL_URLS]))
class ExternalURLsField(RowField):
    columns = signed_urls.COLUMNS

    def to_representation(self, row: signed_urls.DeliveredImage) -> dict[str, str]:
        return signed_urls.current_delivery().external_urls(row)


@extend_schema_field(urls(signed_urls.THUMBNAILS))
class ThumbnailsField(RowField):
    columns = signed_urls.COLUMNS

    def to_representation(self, row: signed_urls.DeliveredImage) -> dict[str, str]:
        return signed_urls.current_delivery().thumbnails(row)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}], "nullable": True})
class SizeField(serializers.Field[Any, Any, Any, Any]):
    """`infos.bytes`, as the uploader typed it."""

    def to_representation(self, infos: dict[str, Any]) -> Any:
        return infos.get("bytes")


class SortedListField(serializers.ListField):
    def to_representation(self, value: list[str]) -> list[str]:
        return sorted(value)
