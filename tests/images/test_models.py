"""Images and what may be done to them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from albums import sweeping
from albums.models import Album
from images.delivery import signed_urls
from images.delivery.variants import STORED
from images.models import Image, Tag, Tagging, Thumbnail
from images.processing import work
from images.storage import storage
from tests.factories import make_album, make_image, make_stored_image, remove_discarded
from tests.images.links import TURNED, content_of, opened, signed
from tests.images.samples import corners, oriented

NAN = float("nan")


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


@pytest.fixture
def photo(album: Album) -> Image:
    """Upright 640 x 480, with quarters of four colours."""
    return make_stored_image(album, oriented(6, 640, 480))


def again(image: Image) -> Image:
    return Image.objects.get(pk=image.pk)


def digests_of(image: Image) -> dict[str, str]:
    return dict(image.thumbnails.values_list("variant", "digest"))


def files_of(image: Image) -> dict[str, str]:
    return dict(image.thumbnails.values_list("variant", "file"))


def test_a_caption_sets_both_texts(photo: Image) -> None:
    photo.caption("Title", "Two\nlines 😀")
    assert (again(photo).title, again(photo).description) == ("Title", "Two\nlines 😀")


def test_an_empty_caption_is_none(photo: Image) -> None:
    photo.caption("Title", "Description")
    photo.caption("", "")
    assert (again(photo).title, again(photo).description) == (None, None)


@pytest.mark.parametrize(
    "verb", [lambda image: image.caption("a", "b"), lambda image: image.edit(90, None)], ids=["caption", "edit"]
)
def test_a_change_moves_updated_at_and_not_created_at(photo: Image, verb: Callable[[Image], None]) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    Image.objects.update(created_at=long_ago, updated_at=long_ago)
    begin = timezone.now()
    verb(again(photo))
    assert (again(photo).created_at, again(photo).updated_at >= begin) == (long_ago, True)


def test_a_caption_writes_no_column_but_its_own(photo: Image) -> None:
    stale = again(photo)
    photo.edit(90, None)
    stale.caption("Title", None)
    assert (again(photo).rotation, again(photo).title) == (90, "Title")


@pytest.mark.parametrize(
    ("rotation", "size"), [(0, (640, 480)), (90, (480, 640)), (180, (640, 480)), (270, (480, 640))]
)
def test_a_quarter_turn_swaps_the_sides_and_keeps_the_original_s(
    photo: Image, rotation: int, size: tuple[int, int]
) -> None:
    photo.edit(rotation, None)
    found = again(photo)
    assert (found.rotation, (found.width, found.height)) == (rotation, size)
    assert (found.original_width, found.original_height) == (640, 480)


def test_a_crop_sets_the_size(photo: Image) -> None:
    photo.edit(0, (10, 20, 300, 200))
    assert (again(photo).width, again(photo).height) == (300, 200)
    assert again(photo).crop_box == (10, 20, 300, 200)


def test_a_crop_that_is_turned_swaps_its_sides(photo: Image) -> None:
    photo.edit(270, (10, 20, 300, 200))
    assert (again(photo).width, again(photo).height) == (200, 300)


def test_an_edit_replaces_the_one_before(photo: Image) -> None:
    photo.edit(90, (10, 20, 300, 200))
    photo.edit(0, None)
    found = again(photo)
    assert (found.rotation, found.crop_box, found.width, found.height) == (0, None, 640, 480)


@pytest.mark.parametrize("rotation", [45, -90, 360, 1, 2**40])
def test_a_rotation_that_is_no_quarter_turn_is_refused(photo: Image, rotation: int) -> None:
    with pytest.raises(ValidationError, match="0, 90, 180 or 270"):
        photo.edit(rotation, None)
    assert again(photo).rotation == 0


@pytest.mark.parametrize(
    "crop",
    [
        (-1, 0, 10, 10),
        (0, -0.5, 10, 10),
        (0, 0, 641, 10),
        (0, 0, 10, 481),
        (640, 0, 1, 1),
        (600, 0, 41, 10),
        (0, 0, 0, 10),
        (0, 0, 10, 0.5),
        (1, 1, -1, -1),
        (NAN, 0, 10, 10),
        (0, 0, NAN, 10),
        (0, 0, float("inf"), 10),
        (1e300, 0, 10, 10),
    ],
    ids=str,
)
def test_a_crop_outside_the_picture_is_refused(photo: Image, crop: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValidationError, match="inside the original picture"):
        photo.edit(90, crop)
    assert (again(photo).rotation, again(photo).crop_box) == (0, None)


@pytest.mark.parametrize("crop", [(0, 0, 640, 480), (639, 479, 1, 1), (0.25, 0.75, 10.5, 11.9)], ids=str)
def test_a_crop_inside_the_picture_can_be_shown(
    client: Client, photo: Image, crop: tuple[float, float, float, float]
) -> None:
    photo.edit(0, crop)
    size = (again(photo).width, again(photo).height)
    assert size == (int(crop[2]), int(crop[3]))
    for url in signed_urls.current_delivery().external_urls(photo).values():
        content_of(client, url)
    chain = signed_urls.current_delivery().external_urls(photo)["fill100"]
    assert opened(content_of(client, chain)).width == 300


def test_an_edit_renders_the_stored_thumbnails_anew(client: Client, photo: Image) -> None:
    before = files_of(photo)
    photo.edit(90, None)
    assert files_of(photo) == {}
    assert work.process(photo.pk)
    after = files_of(photo)
    assert set(after) == set(STORED) and not set(after.values()) & set(before.values())
    for thumbnail in photo.thumbnails.all():
        content = storage.read(str(thumbnail.file))
        assert content is not None and corners(content) == TURNED
        assert opened(content).size == (thumbnail.width, thumbnail.height)
        assert (thumbnail.format, thumbnail.bytes) == ("jpg", len(content))
        assert content == content_of(client, signed(photo, thumbnail.chain))


def test_an_edit_leaves_the_earlier_thumbnails_to_a_sweep(photo: Image) -> None:
    before = files_of(photo)
    photo.edit(90, None)
    sweeping.remove_discarded(timedelta(hours=1))
    assert None not in [storage.read(key) for key in before.values()]
    remove_discarded()
    assert [storage.read(key) for key in before.values()] == [None] * len(STORED)
    assert files_of(photo) == {}


def test_an_edit_that_comes_back_within_one_transaction_has_its_thumbnails_again(
    photo: Image, django_capture_on_commit_callbacks: Any
) -> None:
    before = digests_of(photo)
    with django_capture_on_commit_callbacks(execute=True):
        photo.edit(90, None)
        photo.edit(0, None)
    assert work.process(photo.pk)
    assert digests_of(photo) == before
    assert None not in [storage.read(key) for key in files_of(photo).values()]


def test_an_edit_that_changes_nothing_keeps_the_thumbnails(
    photo: Image, django_capture_on_commit_callbacks: Any
) -> None:
    before = digests_of(photo)
    with django_capture_on_commit_callbacks(execute=True):
        photo.edit(0, None)
    assert digests_of(photo) == before
    assert None not in [storage.read(key) for key in files_of(photo).values()]
    assert not again(photo).thumbnails_due


def test_an_image_whose_original_is_elsewhere_can_be_edited(album: Album) -> None:
    image = make_image(album, original_width=640, original_height=480)
    image.edit(90, (0, 0, 10, 20))
    assert (again(image).width, again(image).height, image.thumbnails.count()) == (20, 10, 0)


def test_an_image_whose_original_is_lost_or_broken_can_be_edited(photo: Image) -> None:
    storage.remove([str(photo.original)])
    photo.edit(90, None)
    storage.write(str(photo.original), b"broken")
    photo.edit(180, None)
    assert again(photo).rotation == 180


def test_tags_are_made_on_first_use_and_shared(photo: Image, album: Album, user: User) -> None:
    photo.tag(["b", "a", "b"], user)
    make_image(album).tag(["a", "Ä 😀"])
    assert sorted(again(photo).tag_names) == ["a", "b"]
    assert Tag.objects.filter(organization=album.organization).count() == 3
    assert {tagging.user for tagging in photo.taggings.all()} == {user}


def test_tagging_again_changes_nothing(photo: Image, user: User) -> None:
    photo.tag(["a"])
    photo.tag(["a", "b"], user)
    assert sorted(photo.taggings.values_list("tag__name", "user")) == [("a", None), ("b", user.pk)]


def test_tags_belong_to_the_organization_of_the_album(photo: Image, other_organization: Organization) -> None:
    theirs = Tag.objects.create(organization=other_organization, name="a")
    photo.tag(["a"])
    assert photo.tags.get() != theirs
    with pytest.raises(ValidationError, match="another organization"):
        Tagging(image=photo, tag=theirs).clean()


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"title": "T", "filename": "F"}, "T"), ({"filename": "F"}, "F"), ({"filename": ""}, None)],
)
def test_an_image_is_called_by_its_title_else_its_filename_else_its_id(
    album: Album, fields: dict[str, str], text: str | None
) -> None:
    image = make_image(album, **fields)
    assert str(image) == (text or str(image.pk))


def test_rows_are_named_by_what_they_are(photo: Image) -> None:
    photo.tag(["a"])
    assert str(photo.thumbnails.get(variant="mini")) == f"mini of {photo.pk}"
    assert str(photo.tags.get()) == "a"
    assert str(photo.taggings.get()) == f"{photo.tags.get().pk} on {photo.pk}"


def test_a_point_is_both_degrees_or_none(album: Album) -> None:
    image = make_image(album, gps_html_lat=48.86, gps_html_lng=2.35, gps_ip_lat=0.0, gps_ip_lng=0.0)
    assert (image.gps_html, image.gps_ip, image.gps_exifs) == ((48.86, 2.35), (0.0, 0.0), None)


def test_deleting_an_image_takes_its_thumbnails_and_taggings_along(photo: Image) -> None:
    photo.tag(["a"])
    photo.delete()
    assert (Thumbnail.objects.count(), Tagging.objects.count(), Tag.objects.count()) == (0, 0, 1)


def test_an_album_with_images_cannot_be_deleted(photo: Image) -> None:
    with pytest.raises(models.ProtectedError):
        photo.album.delete()
    assert again(photo).album == photo.album


def test_many_images_without_an_import_key_stand_in_one_album(album: Album) -> None:
    assert make_image(album).import_key is make_image(album).import_key is None
    assert isinstance(make_image(album).pk, uuid.UUID)
