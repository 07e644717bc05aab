"""Loads the answer of `image_syncs`: how an album moves in from another server.

Ids, order, tags, people and timestamps are kept. No network and no original is touched, so the rows are not work
for processing; where we hold an image's original already, that stays.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Organization, User
from albums.models import Album
from albums.serializers import SyncedImageSerializer
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
class Report:
    """How many were new and how many refreshed; who was refused (by place in the array) and why."""

    created: int = 0
    updated: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class SyncImport:
    """Takes documents into one organization; albums, people and tags that it does not know are made."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.report = Report()
        self.albums: dict[str, Album] = {}
        self.users: dict[str, User] = {}
        self.tags: dict[str, Tag] = {}

    def run(self, documents: Sequence[Any]) -> Report:
        read = [found for number, document in enumerate(documents, 1) if (found := self.read(number, document))]
        unique = list({fields["id"]: fields for fields in read}.values())
        allowed = self.allowed(unique)
        with transaction.atomic():
            positions = self.positions(allowed)
            for batch in range(0, len(allowed), BATCH):
                self.store(allowed[batch : batch + BATCH], positions)
        return self.report

    def read(self, number: int, document: Any) -> dict[str, Any] | None:
        """The validated fields of one document, or None with the reason noted."""
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

    def refuse(self, who: str, reason: str) -> None:
        self.report.refused.append((who, reason))

    def allowed(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without the images whose id another organization holds."""
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
        """The array's order in each album. Images that stand in that order already stay where they are."""
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
        Image.objects.refresh([image.pk for image in created])
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
        """The organization's person of this Salesforce id; one that is only mentioned can do nothing."""
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
    """Public id, version and type in a delivery URL; None for another URL, and for an id that no path can carry."""
    found = ORIGINAL_URL.fullmatch(url)
    public_id = unquote(found["id"]) if found else ""
    if not found or len(public_id) > MAX_DELIVERY_ID or "/" in public_id or "\0" in public_id:
        return None
    return public_id, int(found["version"]), found["kind"]


def first(problems: Any) -> str:
    """The first sentence in what a serializer found, however deep."""
    while isinstance(problems, dict | list) and problems:
        problems = next(iter(problems.values())) if isinstance(problems, dict) else problems[0]
    return str(problems)
