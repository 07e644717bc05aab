"""Bodies of requests and answers of uploads (API: create an image, storage files, native upload)."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.fields import empty

from albums.serializers import StoredImageField
from images.uploads.infos import decimal
from sharinpix.errors import Malformed, TooLarge
from sharinpix.request_fields import (
    AlbumIdField,
    ObjectField,
    RequiredTextField,
    TextField,
    UploadedFileField,
    VerbatimField,
    WordsField,
)
from sharinpix.serializers import RequestSerializer


class NewImageSerializer(RequestSerializer):
    """A picture's file as a part of a multipart form, and what is said of it."""

    file = UploadedFileField()
    metadatas = ObjectField("metadata")
    title = TextField()
    description = TextField()
    tags = WordsField()
    location = VerbatimField(help_text="latitude and longitude in degrees.")


class ClaimedUploadSerializer(RequestSerializer):
    """The answer of an upload, of which an image is to be made."""

    cloudinary = VerbatimField(help_text="The answer of an upload, verbatim.")
    metadatas = ObjectField("metadata")
    title = TextField()
    description = TextField()
    tags = WordsField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "cloudinary" not in attrs:
            raise Malformed("Send a file, or the answer of an upload as cloudinary.")
        return attrs


class FileSizeField(serializers.IntegerField):
    """The length of a file in bytes, as a number or its text: from 1 to MAX_UPLOAD. Raises Malformed, TooLarge."""

    def run_validation(self, data: Any = empty) -> int:
        size = decimal(data)
        if size is None or size != int(size) or size < 1:
            raise Malformed("size must be the file's length in bytes.")
        if size > settings.MAX_UPLOAD:
            raise TooLarge()
        return int(size)


class NewStorageFileSerializer(RequestSerializer):
    """A file that a client is about to send to the storage itself."""

    size = FileSizeField(help_text="Bytes, exactly.")
    name = RequiredTextField("name must be the file's name.", max_length=1_024, help_text="With extension.")
    album_id = AlbumIdField()
    type = TextField(max_length=255)
    metas = ObjectField()
    image_metadatas = ObjectField()


class UploadParametersSerializer(serializers.Serializer[dict[str, Any]]):
    """How and where a file is sent."""

    method = serializers.CharField()
    url = serializers.URLField()

    def get_fields(self) -> dict[str, Any]:
        fields = serializers.DictField(help_text="Fields to send before the part named file.")
        return {**super().get_fields(), "fields": fields}  # DRF uses the attribute `fields` itself


class AnnouncedFileSerializer(serializers.Serializer[Any]):
    """A storage file with the parameters of its upload."""

    id = serializers.UUIDField(source="pk")
    organization_id = serializers.UUIDField()
    upload_parameters = UploadParametersSerializer()


class StoredFileSerializer(serializers.Serializer[Any]):
    """A storage file with its image."""

    id = serializers.UUIDField(source="pk")
    organization_id = serializers.UUIDField()
    image = StoredImageField()


class NativeTargetSerializer(serializers.Serializer[dict[str, Any]]):
    """The album that an entry of a native batch names."""

    album_id = TextField("album")


class NativeEntrySerializer(serializers.Serializer[dict[str, Any]]):
    """What an entry says of its picture; which upload it names, and its times, are read by `native`."""

    metadatas = ObjectField("metadata")
    exifs = ObjectField()
    title = TextField()
    description = TextField()
    tags = WordsField()
    auto_tag = WordsField()


class NativeFormSerializer(serializers.Serializer[dict[str, Any]]):
    """Where the mobile app sends its pictures, with signed parameters."""

    url = serializers.URLField()
    expires_at = serializers.IntegerField(help_text="Unix time.")
    params = serializers.DictField()
