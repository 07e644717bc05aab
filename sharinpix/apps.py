"""Django's configuration of this package: the checks of `manage.py check --deploy` that belong to no app."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register


class SharinpixConfig(AppConfig):
    name = "sharinpix"

    def ready(self) -> None:
        register(check_import_networks, Tags.security, deploy=True)
        register(check_trusted_proxies, Tags.security, deploy=True)


def check_import_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """An error while IMPORT_ALLOW_NETS is set: it switches off the protection against SSRF."""
    if not settings.IMPORT_ALLOW_NETS:
        return []
    message = "IMPORT_ALLOW_NETS lets imports read from addresses that are not public."
    return [Error(message, hint="Unset it: it is there for tests alone.", id="sharinpix.E001")]


def check_trusted_proxies(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A note while no proxy is trusted although one must stand in front: it is what speaks https."""
    if settings.TRUSTED_PROXIES or not settings.PUBLIC_URL.startswith("https://"):
        return []
    message = "Behind a proxy all clients have its address, and limits count them as one."
    return [Info(message, hint="Set TRUSTED_PROXIES to the number of proxies in front.", id="sharinpix.I001")]
