"""May you: permission classes. Whether something exists for you is the querysets' `visible_to`."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.tokens import SharinpixToken

if TYPE_CHECKING:  # the framework imports this module while it makes its views
    from rest_framework.views import APIView


class HasToken(BasePermission):
    """Any verified token, a person's or a secret's."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, SharinpixToken)
