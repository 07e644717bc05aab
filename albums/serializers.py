"""The JSON of albums (API: albums, upload form)."""

from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from images.serializers import AlbumImageSerializer
from sharinpix.serializers import CompiledSerializer


class UploadFormSerializer(serializers.Serializer[dict[str, Any]]):
    """Where pictures for an album are sent, with signed parameters."""

    url = serializers.URLField()
    expires_at = serializers.IntegerField(help_text="Unix time.")
    name = serializers.CharField(help_text="The album's id.")
    id = serializers.CharField()
    params = serializers.DictField(help_text="Fields to send before the part named file.")
    test_url = serializers.CharField()


@extend_schema_field(AlbumImageSerializer(many=True))
class StoredImagesField(serializers.ReadOnlyField):
    """A list of texts of images, without the keys of a resync."""


@extend_schema_field(AlbumImageSerializer)
class StoredImageField(serializers.ReadOnlyField):
    """The text of an image, without the keys of a resync."""


class ConstantField(serializers.IntegerField):
    """A number that is the same for every row."""

    def __init__(self, value: int, **options: Any) -> None:
        super().__init__(source="*", read_only=True, **options)
        self.value = value

    def to_representation(self, row: Any) -> int:
        return self.value


class AlbumAnswer(NamedTuple):
    """The values of AlbumSerializer's fields for one token; `thumbnails` are texts of images."""

    public_id: str
    images_count: int
    upload_form: dict[str, Any] | None
    organization_id: UUID
    thumbnails: list[orjson.Fragment]


class AlbumSerializer(CompiledSerializer):
    """An album as the token sees it, its last images first."""

    id = serializers.CharField(source="public_id")
    public_id = serializers.CharField()
    images_count = serializers.IntegerField()
    views_count = ConstantField(0, help_text="Views are not counted here.")
    upload_form = UploadFormSerializer(allow_null=True)
    organization_id = serializers.UUIDField()
    thumbnails = StoredImagesField(help_text="At most four images, the last ones first.")


@lru_cache(maxsize=1)
def album_serializer() -> AlbumSerializer:
    return AlbumSerializer()
