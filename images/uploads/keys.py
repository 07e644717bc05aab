"""Whose key signs an upload: Cloudinary's own, or one that is derived for each organization (API: upload form)."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.models import Organization
from images import signing
from sharinpix import env

NATIVE = "0"
"""The api_key of native uploads, which belong to nobody until they are claimed."""


class Signer(NamedTuple):
    """An api_key (digits), the secrets that its signatures are made with, newest first, and the organization that it
    stands for: none for native uploads, and for Cloudinary's own key, which all organizations share."""

    api_key: str
    secrets: tuple[str, ...]
    organization_id: UUID | None = None

    def signed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with their signature and the key, as an upload form holds them."""
        signature = signing.upload_signature(parameters, self.secrets[0])
        return {**parameters, "signature": signature, "api_key": self.api_key}

    def verifies(self, parameters: Mapping[str, Any], signature: str) -> bool:
        return signing.matches(signature, (signing.upload_signature(parameters, secret) for secret in self.secrets))

    def answers(self, public_id: str, version: object, signature: str) -> bool:
        """Whether the signature is that of our own answer to an upload."""
        expected = (signing.answer_signature(public_id, str(version), secret) for secret in self.secrets)
        return signing.matches(signature, expected)

    def notification(self, body: bytes, timestamp: str) -> str:
        return signing.notification_signature(body, timestamp, self.secrets[0])

    def notifies(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether it is the signature of a notification (SHA-1, or SHA-256 where the cloud is set to it)."""
        algorithm = "sha256" if len(signature) == 64 else "sha1"
        expected = (signing.notification_signature(body, timestamp, secret, algorithm) for secret in self.secrets)
        return signing.matches(signature, expected)


def signer_for(organization_id: UUID | None) -> Signer:
    """The key with which forms of this organization are signed; None means native uploads."""
    if settings.DELIVERY == "cloudinary":
        return Signer(settings.CLOUD_API_KEY, tuple(settings.DELIVERY_KEYS))
    api_key = NATIVE if organization_id is None else str(organization_id.int)
    secrets = (env.derived_key(key, f"uploads.{api_key}") for key in settings.SIGNING_KEYS)
    return Signer(api_key, tuple(secrets), organization_id)


def signer_of(api_key: str) -> Signer | None:
    """Who signs with this key at our own endpoint: native uploads or an active organization, or None."""
    if api_key == NATIVE:
        return signer_for(None)
    if not api_key.isascii() or not api_key.isdigit() or len(api_key) > 39 or int(api_key) >= 1 << 128:
        return None
    organization_id = UUID(int=int(api_key))
    known = Organization.objects.filter(pk=organization_id, is_active=True).exists()
    return signer_for(organization_id) if known else None
