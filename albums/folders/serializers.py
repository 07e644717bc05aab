"""Reads images from an image_syncs answer of another server."""

from typing import Any

import orjson
from rest_framework import serializers

from images.models import ROTATIONS
from sharinpix.serializers import IdField


class PointOnGlobeField(serializers.ListField):
    """[latitude, longitude] in degrees, or null."""

    def __init__(self) -> None:
        super().__init__(child=serializers.FloatField(), min_length=2, max_length=2, allow_null=True, default=None)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        if value and not (-90 <= value[0] <= 90 and -180 <= value[1] <= 180):
            raise serializers.ValidationError("A point is [latitude, longitude] in degrees.")
        return value


def verbatim_text(**options: Any) -> serializers.CharField:
    return serializers.CharField(trim_whitespace=False, allow_blank=True, **options)


def pixels() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=2**31 - 1)


def crop() -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=2**31, default=0.0)


class SyncedImageSerializer(serializers.Serializer[Any]):
    """One image of an image_syncs answer (API: image): the keys that are stored, not those computed from others."""

    id = IdField()
    infos = serializers.DictField(default=dict)
    exifs = serializers.DictField(default=dict)
    metadatas = serializers.JSONField(default=dict)
    gps_ip = PointOnGlobeField()
    gps_exifs = PointOnGlobeField()
    gps_html = PointOnGlobeField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    taken_at = serializers.DateTimeField(allow_null=True, default=None)
    width = pixels()
    height = pixels()
    original_width = pixels()
    original_height = pixels()
    rotation = serializers.ChoiceField(ROTATIONS, default=0)
    crop_x = crop()
    crop_y = crop()
    crop_w = crop()
    crop_h = crop()
    original_url = verbatim_text(default="", max_length=4_000)
    filename = verbatim_text(max_length=255)
    format = verbatim_text(max_length=32)
    title = verbatim_text(allow_null=True, default=None)
    description = verbatim_text(allow_null=True, default=None)
    page = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)
    group_id = IdField(allow_null=True, default=None)
    color = verbatim_text(max_length=32, default="#7D7D7D")
    processed = serializers.BooleanField()
    processing_error = verbatim_text(allow_null=True, default=None)
    album_id = verbatim_text(max_length=255)
    tag_names = serializers.ListField(
        child=serializers.CharField(max_length=255, trim_whitespace=False), default=list, max_length=1_000
    )
    user_sfid = serializers.CharField(max_length=255, trim_whitespace=False, allow_null=True, default=None)

    def validate(self, attrs: Any) -> Any:
        for name in ("infos", "exifs", "metadatas"):
            try:
                orjson.dumps(attrs[name])
            except TypeError as error:
                raise serializers.ValidationError({name: "It is nested too deeply to be kept."}) from error
        return attrs
