"""Permission classes (API: abilities). Which rows exist for a token is decided by querysets, such as `visible_to`.

A view or an action declares its classes; `who` names in words the tokens that a class permits. They are checked before
the request is validated, so that a denial comes before every 400 or 422.
"""

from typing import TYPE_CHECKING, Self

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.tokens import SharinpixToken
from sharinpix.errors import Malformed
from sharinpix.parsers import fields_of

if TYPE_CHECKING:  # DRF's settings import this module while rest_framework.views is imported
    from rest_framework.views import APIView


class HasToken(BasePermission):
    """Any verified token, a person's or a secret's."""

    who = "any token"

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, SharinpixToken) and self.allows(request.auth, request, view)

    def allows(self, token: SharinpixToken, request: Request, view: "APIView") -> bool:
        return True


class IsPersonOrAdmin(HasToken):
    """A person's token, or a secret's that claims `admin: true`."""

    who = "people and admin secrets"

    def allows(self, token: SharinpixToken, request: Request, view: "APIView") -> bool:
        return token.is_persons_or_admin


class PermissionWithArgument(HasToken):
    """An instance that stands where DRF expects a class: DRF calls it without arguments, and gets the instance."""

    def __call__(self) -> Self:
        return self


class HasAbility(PermissionWithArgument):
    """A token with the ability in the album of the URL or, where the URL names none, of the body's `album_id`.

    Raises Malformed where neither names one and the token has the ability in some album.
    """

    def __init__(self, ability: str) -> None:
        self.ability = ability
        self.who = f"`{ability}` in the album"

    def allows(self, token: SharinpixToken, request: Request, view: "APIView") -> bool:
        if token.albums_granting(self.ability) == []:
            return False  # whatever the body says, or whether it can be read
        album_id = view.kwargs.get("album_id") or fields_of(request).get("album_id")
        if not isinstance(album_id, str) or not album_id:
            raise Malformed("album_id must name an album.")
        return token.allows(self.ability, album_id)


class HasAbilitySomewhere(PermissionWithArgument):
    """A token with the ability in at least one album."""

    def __init__(self, ability: str) -> None:
        self.ability = ability
        self.who = f"`{ability}` in any album"

    def allows(self, token: SharinpixToken, request: Request, view: "APIView") -> bool:
        return token.albums_granting(self.ability) != []
