"""An image is made of an upload: what its uploader sent with it, and who may claim it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework.exceptions import APIException, PermissionDenied

from accounts.tokens import SharinpixToken
from images import delivery, infos
from images.models import Image
from images.uploads.keys import signer_for
from images.uploads.models import Upload
from sharinpix.api import Malformed


class Gone(APIException):
    """409: the upload became an image once, which was deleted; no second one is made of it."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"
    default_detail = "The image of this upload was deleted."


@dataclass(frozen=True)
class Sent:
    """What comes with an upload: its infos (verbatim), and what else the client says of the picture."""

    infos: dict[str, Any]
    metadatas: dict[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    title: str | None = None
    description: str | None = None
    exifs: dict[str, Any] | None = None
    taken_at: datetime | None = None
    location: tuple[float, float] | None = None

    def columns(self, upload: Upload) -> dict[str, Any]:
        """The columns of the new image. What was read off a file of ours counts more than what is said of it."""
        said = infos.columns(self.infos)
        lat, lng = self.location or (said["gps_html_lat"], said["gps_html_lng"])
        read: dict[str, Any] = {}
        if upload.original:
            sides = {"width": upload.width, "height": upload.height}
            read = {
                **sides,
                **{f"original_{name}": value for name, value in sides.items()},
                "format": upload.format,
                "size": upload.bytes,
                "filename": said["filename"] or upload.filename,
            }
        return {
            **said,
            **read,
            "infos": self.infos,
            "exifs": said["exifs"] if self.exifs is None else self.exifs,
            "taken_at": self.taken_at or said["taken_at"],
            "gps_html_lat": lat,
            "gps_html_lng": lng,
            "metadatas": self.metadatas,
            "title": self.title,
            "description": self.description,
            "delivery_id": upload.public_id,
            "delivery_version": upload.version,
            "delivery_type": upload.type,
            "original": upload.original,
            "sha256": upload.sha256,
            "processed": not upload.original,  # Cloudinary has processed what we do not hold
        }


def claimed_image(upload: Upload) -> Image:
    """The image of a claimed upload. Raises Gone."""
    if upload.image is None:
        raise Gone()
    return upload.image


def claimable(answer: Any, token: SharinpixToken) -> Upload:
    """The upload that a Cloudinary answer tells of, which its own signature proves (API: create an image).

    Raises Malformed for what is no such answer and PermissionDenied for one that we or Cloudinary did not give to the
    token's organization.
    """
    if not isinstance(answer, dict):
        raise Malformed("cloudinary must hold the answer of the upload.")
    public_id, version, signature = (answer.get(name) for name in ("public_id", "version", "signature"))
    if not (isinstance(public_id, str) and isinstance(signature, str) and isinstance(version, str | int)):
        raise Malformed("The answer of the upload has a public_id, a version and a signature.")
    if not signer_for(token.organization_id).answers(public_id, version, signature):
        raise PermissionDenied()
    return known_upload(answer, token.organization_id)


def known_upload(answer: dict[str, Any], organization_id: Any) -> Upload:
    """The row of an upload whose signature was verified. One at Cloudinary is known from its first claim on."""
    public_id, version = infos.text(answer.get("public_id"), 256), infos.decimal(answer.get("version"))
    if not 0 < len(public_id) <= 255 or version is None or not version.is_integer() or not 0 <= version < 2**53:
        raise Malformed("The answer of the upload has a public_id, a version and a signature.")
    which = {"public_id": public_id, "version": int(version)}
    found = Upload.objects.filter(**which).first()
    if found is None and settings.DELIVERY == "cloudinary":
        kind = answer.get("type")
        columns = {
            "organization_id": organization_id,
            "type": kind if kind in delivery.TYPES else "authenticated",
            "answer": answer,
        }
        try:
            with transaction.atomic():
                found = Upload.objects.create(**which, **columns)
        except IntegrityError:  # the other road was first
            found = Upload.objects.get(**which)
    if found is None or found.organization_id != organization_id:
        raise PermissionDenied()
    return found
