"""Django's configuration of this package: the checks of `manage.py check --deploy` that belong to no app."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


class SharinpixConfig(AppConfig):
    name = "sharinpix"

    def ready(self) -> None:
        register(check_import_networks, Tags.security, deploy=True)


def check_import_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """An error while IMPORT_ALLOW_NETS is set: it switches off the protection against SSRF."""
    if not settings.IMPORT_ALLOW_NETS:
        return []
    message = "IMPORT_ALLOW_NETS lets imports read from addresses that are not public."
    return [Error(message, hint="Unset it: it is there for tests alone.", id="sharinpix.E001")]
