"""Bodies of requests and answers of imports (API: imports)."""

from functools import lru_cache
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from albums.imports.models import Import
from sharinpix import fetching
from sharinpix.errors import Malformed
from sharinpix.request_fields import AlbumIdField, ObjectField, RequiredTextField, TextField, WordsField
from sharinpix.serializers import CompiledSerializer, RequestSerializer, TimestampField

ADDRESS = "url must be an address, and headers an object of texts."


class ImportTypeField(TextField):
    def run_validation(self, data: Any = empty) -> str | None:
        kind: str | None = super().run_validation(data)
        if kind not in (None, "url"):
            raise Malformed("Only imports of the type url are made here.")
        return kind


class WantedPictureSerializer(RequestSerializer):
    """The picture that an import fetches, and its data; also reads the stored `params` of an Import, whose headers have
    no values."""

    url = RequiredTextField(ADDRESS, help_text="An http or https address.")
    headers = ObjectField(help_text="Sent when fetching.")
    filename = TextField()
    metadatas = ObjectField("metadata", filled=True)
    tags = WordsField()


class NewImportSerializer(WantedPictureSerializer):
    """A picture that the server is to fetch into an album."""

    album_id = AlbumIdField()
    import_type = ImportTypeField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises Malformed for a URL or headers that `fetching.check` refuses."""
        url, headers = attrs["url"], attrs["headers"]
        if not all(isinstance(value, str) for value in headers.values()):
            raise Malformed(ADDRESS)
        try:
            fetching.check(url, headers)
        except fetching.Refused as error:
            raise Malformed(str(error)) from error
        return attrs


class ImportSerializer(CompiledSerializer):
    """The eight published keys, then `status`, `attempts` and `error`."""

    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    image_id = serializers.UUIDField(allow_null=True)
    import_type = serializers.CharField(allow_null=True)
    album_id = serializers.CharField(source="album_name")
    params = serializers.DictField()
    created_at = TimestampField()
    updated_at = TimestampField()
    status = serializers.ChoiceField(Import.STATES)
    attempts = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)


@lru_cache(maxsize=1)
def import_serializer() -> ImportSerializer:
    return ImportSerializer()
