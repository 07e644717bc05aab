"""Upload keys, which sign uploads: Cloudinary's, or one that is derived for each organization (API: upload form)."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.models import Organization
from images.delivery import signing
from sharinpix.key_derivation import derived_key

NATIVE = "0"
"""The api_key of native uploads, which belong to no organization until they are claimed."""


class Signer(NamedTuple):
    """An api_key (digits), the secrets of its signatures, newest first, and its organization: None for native uploads,
    and for Cloudinary's key, which all organizations share."""

    api_key: str
    secrets: tuple[str, ...]
    organization_id: UUID | None = None

    def signed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with `signature` and `api_key`, as in an upload form."""
        signature = signing.upload_signature(parameters, self.secrets[0])
        return {**parameters, "signature": signature, "api_key": self.api_key}

    def verifies(self, parameters: Mapping[str, Any], signature: str) -> bool:
        return signing.matches(signature, (signing.upload_signature(parameters, secret) for secret in self.secrets))

    def verifies_answer(self, public_id: str, version: object, signature: str) -> bool:
        """Whether the signature is that of the answer to an upload."""
        expected = (signing.answer_signature(public_id, str(version), secret) for secret in self.secrets)
        return signing.matches(signature, expected)

    def notification_signature(self, body: bytes, timestamp: str) -> str:
        return signing.notification_signature(body, timestamp, self.secrets[0])

    def verifies_notification(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether the signature is that of a notification: SHA-1, or SHA-256 if it has 64 digits."""
        algorithm = "sha256" if len(signature) == 64 else "sha1"
        expected = (signing.notification_signature(body, timestamp, secret, algorithm) for secret in self.secrets)
        return signing.matches(signature, expected)


def organization_signer(organization_id: UUID | None) -> Signer:
    """The upload key of an organization, or for None that of native uploads; with Cloudinary always its key."""
    if settings.DELIVERY == "cloudinary":
        return Signer(settings.CLOUD_API_KEY, tuple(settings.DELIVERY_KEYS))
    api_key = NATIVE if organization_id is None else str(organization_id.int)
    secrets = (derived_key(key, f"uploads.{api_key}") for key in settings.SIGNING_KEYS)
    return Signer(api_key, tuple(secrets), organization_id)


def signer_with_key(api_key: str) -> Signer | None:
    """The upload key with this `api_key`: of native uploads or of an active organization; None for another one."""
    if api_key == NATIVE:
        return organization_signer(None)
    if not api_key.isascii() or not api_key.isdigit() or len(api_key) > 39 or int(api_key) >= 1 << 128:
        return None
    organization_id = UUID(int=int(api_key))
    known = Organization.objects.filter(pk=organization_id, is_active=True).exists()
    return organization_signer(organization_id) if known else None
