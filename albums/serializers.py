"""What albums and uploads look like on the wire, and images that come from another server."""

import re
from typing import Any

import orjson
from rest_framework import serializers

from images.models import ROTATIONS
from images.serializers import AlbumImageSerializer

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class IdField(serializers.UUIDField):
    """A UUID as the API writes it; Python would take numbers, braces and more for one."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class PointField(serializers.ListField):
    """[latitude, longitude] in degrees on the globe."""

    def __init__(self) -> None:
        super().__init__(child=serializers.FloatField(), min_length=2, max_length=2, allow_null=True, default=None)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        if value and not (-90 <= value[0] <= 90 and -180 <= value[1] <= 180):
            raise serializers.ValidationError("A point is [latitude, longitude] in degrees.")
        return value


def text(**options: Any) -> serializers.CharField:
    return serializers.CharField(trim_whitespace=False, allow_blank=True, **options)


def pixels() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=2**31 - 1)


def crop() -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=2**31, default=0.0)


class SyncedImageSerializer(serializers.Serializer[Any]):
    """One image of an `image_syncs` answer (API: image syncs): what of it is data rather than a consequence of data."""

    id = IdField()
    infos = serializers.DictField(default=dict)
    exifs = serializers.DictField(default=dict)
    metadatas = serializers.JSONField(default=dict)
    gps_ip = PointField()
    gps_exifs = PointField()
    gps_html = PointField()
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
    original_url = text(default="", max_length=4_000)
    filename = text(max_length=255)
    format = text(max_length=32)
    title = text(allow_null=True, default=None)
    description = text(allow_null=True, default=None)
    page = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)
    group_id = IdField(allow_null=True, default=None)
    color = text(max_length=32, default="#7D7D7D")
    processed = serializers.BooleanField()
    processing_error = text(allow_null=True, default=None)
    album_id = text(max_length=255)
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


Described = serializers.Serializer[dict[str, Any]]
"""The following describe requests and answers; the values are made where they are known."""


class UploadFormSerializer(Described):
    url = serializers.URLField()
    expires_at = serializers.IntegerField(help_text="Unix time.")
    name = serializers.CharField(help_text="The album's id.")
    id = serializers.CharField()
    params = serializers.DictField(help_text="Fields to send before the part named file.")
    test_url = serializers.CharField()


class NativeFormSerializer(Described):
    url = serializers.URLField()
    expires_at = serializers.IntegerField(help_text="Unix time.")
    params = serializers.DictField()


class AlbumSerializer(Described):
    id = serializers.CharField()
    public_id = serializers.CharField()
    images_count = serializers.IntegerField()
    views_count = serializers.IntegerField()
    upload_form = UploadFormSerializer(allow_null=True)
    organization_id = serializers.UUIDField()
    thumbnails = AlbumImageSerializer(many=True, help_text="At most four images, the last ones first.")


class NewImageSerializer(Described):
    """Either the answer of an upload as `cloudinary`, or the file itself as a part of a multipart form."""

    cloudinary = serializers.DictField(required=False)
    file = serializers.FileField(required=False)
    metadatas = serializers.DictField(required=False)
    title = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    location = serializers.DictField(required=False, help_text="latitude and longitude in degrees.")


class NewStorageFileSerializer(Described):
    album_id = serializers.CharField()
    name = serializers.CharField(help_text="With extension.")
    type = serializers.CharField(required=False)
    size = serializers.IntegerField(help_text="Bytes, exactly.")
    metas = serializers.DictField(required=False)
    image_metadatas = serializers.DictField(required=False)


class UploadParametersSerializer(Described):
    method = serializers.CharField()
    url = serializers.URLField()
    fields_ = serializers.DictField(help_text="Fields to send before the part named file.")

    def get_fields(self) -> dict[str, Any]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class AnnouncedFileSerializer(Described):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    upload_parameters = UploadParametersSerializer()


class StoredFileSerializer(Described):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    image = AlbumImageSerializer()


class NewImportSerializer(Described):
    album_id = serializers.CharField()
    url = serializers.URLField()
    import_type = serializers.CharField(required=False)
    filename = serializers.CharField(required=False)
    metadatas = serializers.DictField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    headers = serializers.DictField(required=False, help_text="Sent when fetching.")


class ImportSerializer(Described):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    image_id = serializers.UUIDField(allow_null=True)
    import_type = serializers.CharField(allow_null=True)
    album_id = serializers.CharField()
    params = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    status = serializers.ChoiceField(["waiting", "fetching", "done", "failed"])
    attempts = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
