"""Claims: what a client sends with an upload, and which upload a token may claim (API: create an image)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.tokens import SharinpixToken
from images.delivery import signed_urls
from images.models import Image
from images.uploads import infos
from images.uploads.keys import organization_signer
from images.uploads.models import Upload
from sharinpix.errors import Conflict, Denied, Malformed

CLAIMED = (
    "infos",
    "exifs",
    "taken_at",
    "gps_html_lat",
    "gps_html_lng",
    "metadatas",
    "title",
    "description",
    "filename",
)
"""Columns of an image that its client decides, also where it was made before the client claimed it."""


class Gone(Conflict):
    """The image of the upload was deleted; no second one is made of it (409)."""

    sentence = "The image of this upload was deleted."


@dataclass(frozen=True)
class SentData:
    """The data that a client sends for the image of an upload: its infos (verbatim) and other columns.

    `location` is (latitude, longitude) in degrees, `taken_at` is aware.
    """

    infos: dict[str, Any]
    metadatas: dict[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    title: str | None = None
    description: str | None = None
    exifs: dict[str, Any] | None = None
    taken_at: datetime | None = None
    location: tuple[float, float] | None = None

    def claimed_columns(self, upload: Upload) -> dict[str, Any]:
        """The columns that a claim sets of an image that was made without one."""
        columns = self.columns(upload)
        return {name: columns[name] for name in CLAIMED}

    def columns(self, upload: Upload) -> dict[str, Any]:
        """The columns of the new image. Values that were read from the file override those that the client sent."""
        said = infos.columns(self.infos)
        lat, lng = self.location or (said["gps_html_lat"], said["gps_html_lng"])
        exifs = said["exifs"] if self.exifs is None else self.exifs
        return {
            **said,
            **(columns_read(upload, said["filename"]) if upload.original else {}),
            "infos": self.infos,
            "exifs": upload.exifs or exifs,
            "taken_at": upload.taken_at or self.taken_at or said["taken_at"],
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
            "processed": not upload.original,  # Cloudinary has processed an original that it alone holds
        }


def columns_read(upload: Upload, filename: str) -> dict[str, Any]:
    """The columns of an image that were read from its upload's file."""
    sides = {"width": upload.width, "height": upload.height}
    return {
        **sides,
        **{f"original_{name}": value for name, value in sides.items()},
        "gps_exifs_lat": upload.gps_lat,
        "gps_exifs_lng": upload.gps_lng,
        "format": upload.format,
        "size": upload.bytes,
        "filename": filename or upload.filename,
    }


def claimed_image(upload: Upload) -> Image:
    """The image of a claimed upload. Raises Gone where it was deleted."""
    if upload.image is None:
        raise Gone()
    return upload.image


def claimable(answer: Any, token: SharinpixToken) -> Upload:
    """The upload of an answer that a client hands in; its signature is verified (API: create an image).

    Raises Malformed for a value that is no such answer, Denied for a wrong signature and another organization's upload.
    """
    if not isinstance(answer, dict):
        raise Malformed("cloudinary must hold the answer of the upload.")
    public_id, version, signature = (answer.get(name) for name in ("public_id", "version", "signature"))
    if not (isinstance(public_id, str) and isinstance(signature, str) and isinstance(version, str | int)):
        raise Malformed("The answer of the upload has a public_id, a version and a signature.")
    if not organization_signer(token.organization_id).verifies_answer(public_id, version, signature):
        raise Denied()
    return known_upload(answer, token.organization_id)


def known_upload(answer: dict[str, Any], organization_id: Any) -> Upload:
    """The row of an upload whose signature was verified; for an upload to Cloudinary it is made here.

    Raises Malformed, and Denied where there is none, or one of another organization.
    """
    public_id, version = infos.text_of(answer.get("public_id"), 256), infos.decimal(answer.get("version"))
    if not 0 < len(public_id) <= 255 or version is None or not version.is_integer() or not 0 <= version < 2**53:
        raise Malformed("The answer of the upload has a public_id, a version and a signature.")
    which = {"public_id": public_id, "version": int(version)}
    found = Upload.objects.filter(**which).first()
    if found is None and settings.DELIVERY == "cloudinary":
        kind = answer.get("type")
        columns = {
            "organization_id": organization_id,
            "type": kind if kind in signed_urls.TYPES else "authenticated",
            "answer": answer,
        }
        try:
            with transaction.atomic():
                found = Upload.objects.create(**which, **columns)
        except IntegrityError:  # a concurrent request was first
            found = Upload.objects.get(**which)
    if found is None or found.organization_id != organization_id:
        raise Denied()
    return found
