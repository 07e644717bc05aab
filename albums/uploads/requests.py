"""What clients write into the bodies of upload requests, read with care."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request

from accounts.tokens import SharinpixToken
from images.models import Tag
from sharinpix.api import Malformed

LONGEST_KEY = 255
MOST_TAGS = 100


class KeyReused(APIException):
    """422: another request came under the same Idempotency-Key."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "unprocessable"
    default_detail = "The Idempotency-Key was used for another request."


def object_in(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object under the first of the names that is there; {} where none is, and for PHP's empty array."""
    value = next((fields[name] for name in names if name in fields), None)
    if value in (None, "", []):
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{names[0]} must be an object.")
    return value


def text_in(fields: Mapping[str, Any], name: str) -> str | None:
    """The text under the name, or None where there is none or an empty one."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"{name} must be a text.")
    return value or None


def album_id_in(fields: Mapping[str, Any]) -> str:
    value = fields.get("album_id")
    if not isinstance(value, str) or not value:
        raise Malformed("album_id must name an album.")
    return value


def words_in(fields: Mapping[str, Any], name: str) -> list[str]:
    """The words of a list, or of one text with commas, without blanks and repetitions."""
    value = fields.get(name)
    words = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(words) > MOST_TAGS:
        raise Malformed(f"{name} must be a list of at most {MOST_TAGS} texts.")
    found = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    if any(len(word) > LONGEST_KEY for word in found):
        raise Malformed(f"A tag has at most {LONGEST_KEY} characters.")
    return found


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise Malformed(f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.")
    return key


def usable_tags(token: SharinpixToken, album_id: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the tags that the token may give an image that it uploads, and the others.

    A tag that its organization lacks takes the right to tag there or to make tags (API: abilities, tags).
    """
    if token.allows("image_tag", album_id):
        return list(names), []
    known = set(
        Tag.objects.filter(organization_id=token.organization_id, name__in=names).values_list("name", flat=True)
    )
    usable = [name for name in names if name in known or token.may_create_tag(name)]
    return usable, [name for name in names if name not in usable]


def allowed_tags(token: SharinpixToken, album_id: str, names: Sequence[str]) -> list[str]:
    """The tags, all of them. Raises PermissionDenied where the token may not give one."""
    usable, refused = usable_tags(token, album_id, names)
    if refused:
        raise PermissionDenied()
    return usable


def demand_upload(token: SharinpixToken, album_id: str) -> None:
    """Raises PermissionDenied unless the token may upload into the album."""
    if not token.allows("image_upload", album_id):
        raise PermissionDenied()
