"""The right to give tags to an uploaded image (API: tags)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rest_framework.request import Request

from accounts.permissions import PermissionWithArgument
from accounts.tokens import SharinpixToken
from images.models import Tag
from sharinpix.parsers import fields_of
from sharinpix.request_fields import WordsField

if TYPE_CHECKING:  # not at run time: see accounts.permissions
    from rest_framework.views import APIView


class MayGiveTags(PermissionWithArgument):
    """A token that may give an image of the album all the tags that the request names."""

    who = "for tags that the organization lacks: `image_tag` in the album, or the right to make them"

    def allows(self, token: SharinpixToken, request: Request, view: "APIView") -> bool:
        fields = fields_of(request)
        words = WordsField()
        words.field_name = "tags"
        names = words.run_validation(fields.get("tags"))
        album_id = view.kwargs.get("album_id") or str(fields.get("album_id"))
        return not usable_tags(token, album_id, names)[1]


def usable_tags(token: SharinpixToken, album_id: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tags that the token may give an image that it uploads into the album, and the others.

    A tag that the organization lacks needs `image_tag` in the album, or the right to make it.
    """
    if token.allows("image_tag", album_id):
        return list(names), []
    known = set(
        Tag.objects.filter(organization_id=token.organization_id, name__in=names).values_list("name", flat=True)
    )
    usable = [name for name in names if name in known or token.may_create_tag(name)]
    return usable, [name for name in names if name not in usable]
