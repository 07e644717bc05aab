"""Organizations with one row of everything, whose texts tell whose they are (no tests in here)."""

from collections.abc import Callable
from typing import NamedTuple

from django.db.models import Model

from accounts.models import Organization, Secret, User
from albums.imports.models import Import
from albums.models import Album
from albums.uploads.models import DroppedUpload
from images.models import Image, Tag, Tagging, Thumbnail
from tests.factories import make_album, make_image


class Tenant(NamedTuple):
    """One row of everything, named after its organization."""

    organization: Organization
    user: User
    secret: Secret
    album: Album
    image: Image
    thumbnail: Thumbnail
    tag: Tag
    tagging: Tagging
    fetched: Import
    dropped: DroppedUpload

    def row(self, model: type[Model]) -> Model:
        """The one row of this model."""
        return next(row for row in self if type(row) is model)


def tenant(
    organization: Organization, name: str, make: Callable[..., Image] = make_image, album_id: str = ""
) -> Tenant:
    """One row of everything for the organization."""
    user = User.objects.create_user(f"{name}@example.com", organization=organization, fullname=f"{name} person")
    album = make_album(organization, album_id or f"{name} album")
    image = make(album, filename=f"{name} picture", title=f"{name} title", uploader=user)
    image.tag([f"{name} tag"], user)
    file = {"format": "jpg", "bytes": 1, "file": "nowhere"}
    thumbnail = image.thumbnails.first() or Thumbnail.objects.create(
        image=image, variant="mini", chain=name, width=1, height=1, **file
    )
    return Tenant(
        organization,
        user,
        Secret.issue(organization, f"{name} secret")[0],
        album,
        image,
        thumbnail,
        image.tags.get(),
        image.taggings.get(),
        Import.objects.create(
            organization=organization,
            album_name=f"{name} album",
            params={"url": f"https://{name}.example/"},
            image=image,
            status="failed",
        ),
        DroppedUpload.objects.create(organization=organization, album_name=f"{name} album", reason=f"{name} reason"),
    )
