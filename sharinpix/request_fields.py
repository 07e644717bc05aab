"""Fields of request serializers, for the ways in which clients write values (API: request bodies).

Their `run_validation` raises Malformed, whose sentence is answered with 400.
"""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from sharinpix.errors import Malformed

LONGEST_WORD = 255
MOST_WORDS = 100


NOTHING: tuple[Any, ...] = (None, "", [])
"""Values that count as no object; the list is PHP's empty array."""


class Named:
    """A field that is also known under the names in `aliases`; the first that is sent counts, or with `filled` the
    first that holds something."""

    aliases: tuple[str, ...] = ()
    filled = False

    def get_value(self, dictionary: Any) -> Any:
        names = (self.field_name, *self.aliases)  # type: ignore[attr-defined]
        sent = [dictionary[name] for name in names if name in dictionary]
        counting = [value for value in sent if value not in NOTHING] if self.filled else sent
        return counting[0] if counting else empty


class ObjectField(Named, serializers.DictField):
    """An object, unchanged; {} where none is sent, or NOTHING."""

    def __init__(self, *aliases: str, filled: bool = False, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.aliases, self.filled = aliases, filled

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty or data in NOTHING:
            return {}
        if not isinstance(data, dict):
            raise Malformed(f"{self.field_name} must be an object.")
        return data


class TextField(Named, serializers.CharField):
    """A text as it was written, cut at `max_length`; None where none is sent, or an empty one."""

    def __init__(self, *aliases: str, **options: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, **options})
        self.aliases, self.filled = aliases, True

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty or data is None:
            return None
        if not isinstance(data, str):
            raise Malformed(f"{self.field_name} must be a text.")
        return data[: self.max_length] or None


class AlbumIdField(serializers.CharField):
    """A text that names an album, which need not exist; whether it can be an album's id is checked by the model."""

    def run_validation(self, data: Any = empty) -> Any:
        if not isinstance(data, str) or not data:
            raise Malformed("album_id must name an album.")
        return data


class WordsField(serializers.ListField):
    """The words of a list or of one text with commas, stripped, each once: at most 100 of at most 255 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=serializers.CharField(), required=False, **options)

    def run_validation(self, data: Any = empty) -> Any:
        data = None if data is empty else data
        words = data.split(",") if isinstance(data, str) else [] if data is None else data
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(words) > MOST_WORDS:
            raise Malformed(f"{self.field_name} must be a list of at most {MOST_WORDS} texts.")
        found = list(dict.fromkeys(word.strip() for word in words if word.strip()))
        if any(len(word) > LONGEST_WORD for word in found):
            raise Malformed(f"A tag has at most {LONGEST_WORD} characters.")
        return found


class RequiredTextField(TextField):
    """A text that must be there; `sentence` says so where it is not."""

    def __init__(self, sentence: str, **options: Any) -> None:
        super().__init__(required=True, allow_null=False, **options)
        self.sentence = sentence

    def run_validation(self, data: Any = empty) -> str:
        text: str | None = super().run_validation(data)
        if not text:
            raise Malformed(self.sentence)
        return text


@extend_schema_field({"type": "object", "additionalProperties": {}})
class VerbatimField(serializers.JSONField):
    """An object, as it was sent; absent where none is. Anything else is its reader's to refuse."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty:
            raise serializers.SkipField()
        return data


class UploadedFileField(serializers.FileField):
    """A part of a multipart form that has a file name; None for anything else. Its content is not checked here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def run_validation(self, data: Any = empty) -> Any:
        return data if isinstance(data, UploadedFile) else None
