"""The OpenAPI description says who may call each operation, from the permission classes that are asked."""

from typing import Any

from drf_spectacular.openapi import AutoSchema


class PermissionSchema(AutoSchema):
    """Adds `x-permissions` to each operation: what a token must be or hold; empty where none is needed."""

    def get_extensions(self) -> dict[str, Any]:
        asked: Any = self.view.get_permissions()
        return {**super().get_extensions(), "x-permissions": [permission.who for permission in asked]}
