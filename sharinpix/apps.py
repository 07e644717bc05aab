"""What the house itself tells Django: the checks before a deployment that are no app's."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


class House(AppConfig):
    name = "sharinpix"

    def ready(self) -> None:
        register(imports_stay_outside, Tags.security, deploy=True)


def imports_stay_outside(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.IMPORT_ALLOW_NETS:
        return []
    message = "IMPORT_ALLOW_NETS lets whoever may import pictures read from addresses that are not public."
    return [Error(message, hint="Unset it: it is there for tests alone.", id="sharinpix.E001")]
