"""Imports albums from another server, by its answer of image_syncs (API: image syncs).

Ids, order, tags, users and timestamps are kept. Originals are not fetched, so the images are not processed; the
original of an image that has one here already stays.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Organization, User
from albums.folders.serializers import SyncedImageSerializer
from albums.models import Album
from images.models import Image, Tag, Tagging

BATCH = 500
MAX_DELIVERY_ID = 255
ORIGINAL_URL = re.compile(
    r".*/image/(?P<kind>authenticated|private|upload)/(?:s--[^/]+--/)?(?:.*/)?v(?P<version>[0-9]{1,18})/(?P<id>[^/]+)\.\w+"
)
AS_THEY_ARE = (
    "id infos exifs metadatas created_at updated_at taken_at width height original_width original_height rotation "
    "crop_x crop_y crop_w crop_h filename format title description page group_id color processed processing_error"
).split()


@dataclass
class SyncReport:
    """Counts of new and of updated images; `refused` are (image by number in the array or by id, reason)."""

    created: int = 0
    updated: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class SyncImport:
    """Imports documents into one organization; albums, users and tags that it lacks are made."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.report = SyncReport()
        self.albums: dict[str, Album] = {}
        self.users: dict[str, User] = {}
        self.tags: dict[str, Tag] = {}

    def run(self, documents: Sequence[Any]) -> SyncReport:
        """Imports the images of one array, in one transaction; of an id that repeats the last counts."""
        read = [found for number, document in enumerate(documents, 1) if (found := self.read(number, document))]
        unique = list({fields["id"]: fields for fields in read}.values())
        allowed = self.allowed(unique)
        with transaction.atomic():
            positions = self.positions(allowed)
            for batch in range(0, len(allowed), BATCH):
                self.store(allowed[batch : batch + BATCH], positions)
        return self.report

    def read(self, number: int, document: Any) -> dict[str, Any] | None:
        """The validated fields of one document; None where it is refused."""
        serializer = SyncedImageSerializer(data=document)
        try:
            if not serializer.is_valid():
                name, problems = next(iter(serializer.errors.items()))
                self.refuse(f"image {number}", f"{name}: {first(problems)}")
                return None
            Album.check_public_id(serializer.validated_data["album_id"])
        except ValidationError as error:
            self.refuse(f"image {number}", error.messages[0])
            return None
        return dict(serializer.validated_data)

    def refuse(self, image: str, reason: str) -> None:
        self.report.refused.append((image, reason))

    def allowed(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The images without those whose id another organization has; these are refused."""
        foreign = set(
            Image.objects.filter(id__any=[fields["id"] for fields in found])
            .exclude(album__organization=self.organization)
            .values_list("id", flat=True)
        )
        for fields in found:
            if fields["id"] in foreign:
                self.refuse(str(fields["id"]), "the id belongs to another organization")
        return [fields for fields in found if fields["id"] not in foreign]

    def positions(self, found: list[dict[str, Any]]) -> dict[Any, int]:
        """Image id -> position, in the array's order in each album; unchanged if they are in that order already."""
        by_album: dict[str, list[Any]] = {}
        for fields in found:
            by_album.setdefault(fields["album_id"], []).append(fields["id"])
        positions: dict[Any, int] = {}
        for public_id, ids in by_album.items():
            album = self.album(public_id)
            standing = dict(album.images.in_order().filter(id__any=ids).values_list("id", "position"))
            if list(standing) == ids:
                positions |= standing
            else:
                positions |= dict(zip(ids, album.next_positions(len(ids)), strict=True))
        return positions

    def store(self, found: list[dict[str, Any]], positions: dict[Any, int]) -> None:
        held = Image.objects.in_bulk([fields["id"] for fields in found])
        created: list[Image] = []
        updated: list[Image] = []
        for fields in found:
            image = held.get(fields["id"])
            (updated if image else created).append(self.filled(image or Image(), fields, positions[fields["id"]]))
        with Image.objects.filter(id__any=list(held)).changing():
            Image.objects.bulk_create(created)
            Image.objects.bulk_update(updated, CHANGED)
            self.store_tags(found)
        Image.objects.store_representations([image.pk for image in created])
        self.report.created += len(created)
        self.report.updated += len(updated)

    def filled(self, image: Image, fields: dict[str, Any], position: int) -> Image:
        for name in AS_THEY_ARE:
            setattr(image, name, fields[name])
        for name in ("gps_ip", "gps_exifs", "gps_html"):
            lat, lng = fields[name] or (None, None)
            setattr(image, f"{name}_lat", lat)
            setattr(image, f"{name}_lng", lng)
        size = fields["infos"].get("bytes")
        image.size = size if isinstance(size, int) and 0 <= size < 2**63 else None
        image.album = self.album(fields["album_id"])
        image.uploader = self.user(fields["user_sfid"]) if fields["user_sfid"] else None
        image.position = position
        original = original_of(fields["original_url"])
        if original and not image.original:
            image.delivery_id, image.delivery_version, image.delivery_type = original
        return image

    def store_tags(self, found: list[dict[str, Any]]) -> None:
        """Each image has the tags of its document and no others."""
        wanted = {(fields["id"], self.tag(name).pk) for fields in found for name in fields["tag_names"]}
        present = Tagging.objects.filter(image__id__any=[fields["id"] for fields in found])
        gone = [tagging.pk for tagging in present if (tagging.image_id, tagging.tag_id) not in wanted]
        Tagging.objects.filter(id__any=gone).delete()
        new = wanted - {(tagging.image_id, tagging.tag_id) for tagging in present}
        Tagging.objects.bulk_create([Tagging(image_id=image, tag_id=tag) for image, tag in sorted(new)])

    def album(self, public_id: str) -> Album:
        if public_id not in self.albums:
            self.albums[public_id] = Album.objects.named(self.organization.pk, public_id)
        return self.albums[public_id]

    def user(self, sfid: str) -> User:
        """The organization's user with this Salesforce id; a new one is inactive and cannot log in."""
        if sfid not in self.users:
            found = User.objects.filter(organization=self.organization, sfid=sfid).first()
            self.users[sfid] = found or User.objects.create_user(None, organization=self.organization, sfid=sfid)
        return self.users[sfid]

    def tag(self, name: str) -> Tag:
        if name not in self.tags:
            self.tags[name], _ = Tag.objects.get_or_create(organization=self.organization, name=name)
        return self.tags[name]


CHANGED = [name for name in AS_THEY_ARE if name != "id"] + (
    "gps_ip_lat gps_ip_lng gps_exifs_lat gps_exifs_lng gps_html_lat gps_html_lng size album uploader position "
    "delivery_id delivery_version delivery_type"
).split()


def original_of(url: str) -> tuple[str, int, str] | None:
    """(public id, version, type) of an image URL; None for another URL, and for an id that is no path segment."""
    found = ORIGINAL_URL.fullmatch(url)
    public_id = unquote(found["id"]) if found else ""
    if not found or len(public_id) > MAX_DELIVERY_ID or "/" in public_id or "\0" in public_id:
        return None
    return public_id, int(found["version"]), found["kind"]


def first(problems: Any) -> str:
    """The first message in the nested errors of a serializer."""
    while isinstance(problems, dict | list) and problems:
        problems = next(iter(problems.values())) if isinstance(problems, dict) else problems[0]
    return str(problems)
