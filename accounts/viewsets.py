"""The base class of endpoints that need a token."""

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework.permissions import BasePermission
from rest_framework.viewsets import ViewSet

from accounts.authentication import RenewsToken

Action = TypeVar("Action", bound=Callable[..., Any])


def permitted(*permissions: Callable[[], BasePermission]) -> Callable[[Action], Action]:
    """Sets the permission classes of one action: `@permitted(HasAbility("image_upload"))`."""

    def declare(action: Action) -> Action:
        action.permission_classes = permissions  # type: ignore[attr-defined]
        return action

    return declare


class TokenViewSet(RenewsToken, ViewSet):
    """A ViewSet whose answers carry X-token and whose actions may have permissions of their own (`permitted`)."""

    def get_permissions(self) -> list[Any]:
        action = getattr(self, self.action or "", None)
        return [permission() for permission in getattr(action, "permission_classes", self.permission_classes)]
