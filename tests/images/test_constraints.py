"""Each constraint of the images' tables, broken once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from albums.models import Album
from images.models import Image, Tag, Tagging, Thumbnail
from tests.factories import make_album, make_image


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def thumbnail(image: Image, **fields: Any) -> Thumbnail:
    facts = {"variant": "mini", "chain": "c", "width": 1, "height": 1, "format": "jpg", "bytes": 1, "file": "f"}
    return Thumbnail.objects.create(image=image, **(facts | fields))


def twice(make: Callable[[], object]) -> None:
    make()
    make()


VIOLATIONS: dict[str, Callable[[Image], object]] = {
    "image_is_imported_once_into_an_album": lambda image: twice(lambda: make_image(image.album, import_key="k")),
    "image_rotation_is_a_quarter_turn": lambda image: make_image(image.album, rotation=45),
    "image_crop_is_not_negative": lambda image: make_image(image.album, crop_x=-1),
    "image_gps_ip_is_a_point": lambda image: make_image(image.album, gps_ip_lat=1.0),
    "image_gps_exifs_is_a_point": lambda image: make_image(image.album, gps_exifs_lat=90.1, gps_exifs_lng=0.0),
    "image_gps_html_is_a_point": lambda image: make_image(image.album, gps_html_lat=0.0, gps_html_lng=180.1),
    "image_delivery_type_is_known": lambda image: make_image(image.album, delivery_type="fetch"),
    "image_original_has_a_delivery_id": lambda image: make_image(image.album, delivery_id="", original="a/b"),
    "one_thumbnail_per_image_and_variant": lambda image: twice(lambda: thumbnail(image)),
    "thumbnail_has_a_file": lambda image: thumbnail(image, file=""),
    "tag_name_is_unique_in_organization": lambda image: twice(
        lambda: Tag.objects.create(organization=image.album.organization, name="a")
    ),
    "tag_has_a_name": lambda image: Tag.objects.create(organization=image.album.organization, name=""),
    "image_has_a_tag_once": lambda image: twice(lambda: Tagging.objects.create(image=image, tag=Tag.objects.get())),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_database_refuses_what_breaks_an_invariant(album: Album, name: str) -> None:
    image = make_image(album)
    if name == "image_has_a_tag_once":
        Tag.objects.create(organization=album.organization, name="a")
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        VIOLATIONS[name](image)
    # SQLite names the columns of a unique constraint, not the constraint.
    assert name in str(refused.value) or (connection.vendor == "sqlite" and "UNIQUE" in str(refused.value))


def test_every_constraint_is_among_those_broken_here() -> None:
    found = {constraint.name for model in (Image, Thumbnail, Tag, Tagging) for constraint in model._meta.constraints}
    assert found == set(VIOLATIONS)
