"""Files that are empty, cut short or missing: what readers get, what staff see, and how it heals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from images.delivery import signed_urls
from images.models import Image
from images.processing import work
from images.storage import storage
from tests.factories import make_album, make_stored_image
from tests.images.links import UPRIGHT, content_of, opened, signed
from tests.images.samples import corners, oriented

CHAIN = "c_fit,w_300"
Damage = Callable[[str], None]
pytestmark = pytest.mark.django_db


def path_of(key: str) -> Path:
    return Path(default_storage.path(key))


def empty(key: str) -> None:
    path_of(key).write_bytes(b"")


def cut(key: str) -> None:
    path_of(key).write_bytes(path_of(key).read_bytes()[:-200])


def missing(key: str) -> None:
    path_of(key).unlink()


@pytest.fixture(params=[empty, cut, missing])
def damage(request: pytest.FixtureRequest) -> Damage:
    harm: Damage = request.param
    return harm


@pytest.fixture
def photo(organization: Organization) -> Image:
    """Stored lying on its side, upright by its EXIF: 640 x 480."""
    return make_stored_image(make_album(organization), oriented(6, 640, 480))


def fault_of(image: Image) -> str:
    return Image.objects.get(pk=image.pk).original_fault


@pytest.mark.parametrize("accelerated", ["", "/kept/"])
def test_a_damaged_thumbnail_is_rendered_from_the_original_and_then_stored_anew(
    client: Client, photo: Image, damage: Damage, settings: Any, accelerated: str
) -> None:
    thumbnail = photo.thumbnails.get(variant="mini")
    url = signed_urls.current_delivery().thumbnails(photo)["mini"]
    content = storage.read(str(thumbnail.file))
    damage(str(thumbnail.file))
    settings.X_ACCEL_REDIRECT = accelerated
    response = client.get(url)
    assert response.status_code == 200
    sent = storage.read(response["X-Accel-Redirect"].removeprefix("/kept/")) if accelerated else response.content
    assert sent == content
    assert Image.objects.get().thumbnails_due
    assert work.process(photo.pk)
    again = Image.objects.get()
    assert (again.thumbnails_due, storage.read(str(again.thumbnails.get(variant="mini").file))) == (False, content)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("accelerated", ["", "/kept/"])
def test_a_damaged_derived_file_is_rendered_again(
    client: Client, photo: Image, damage: Damage, settings: Any, extension: str, accelerated: str
) -> None:
    url = signed(photo, CHAIN, extension)
    content = content_of(client, url)
    (key,) = (key for key, _ in storage.files(f"derived/{photo.delivery_id}"))
    damage(key)
    settings.X_ACCEL_REDIRECT = accelerated
    response = client.get(url)
    assert (response.status_code, response["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert storage.read(key) == content


@pytest.mark.parametrize("accelerated", ["", "/kept/"])
def test_a_damaged_original_is_a_placeholder_and_no_download_until_it_is_back(
    client: Client, photo: Image, damage: Damage, settings: Any, accelerated: str
) -> None:
    settings.X_ACCEL_REDIRECT = accelerated
    key, original = str(photo.original), storage.read(str(photo.original))
    etag = client.get(signed(photo, "fl_attachment"))["ETag"]
    damage(key)
    for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-9"}):
        response = client.get(signed(photo, "fl_attachment"), headers=headers)
        assert (response.status_code, response["Cache-Control"]) == (404, "no-store")
        assert not response.has_header("X-Accel-Redirect")
    assert fault_of(photo) == ("missing" if damage is missing else "damaged")
    response = client.get(signed(photo, CHAIN))
    assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
    assert corners(response.content) != UPRIGHT
    assert original is not None
    path_of(key).write_bytes(original)
    response = client.get(signed(photo, CHAIN))
    assert response["Cache-Control"].endswith("immutable")
    assert fault_of(photo) == ""


def test_a_rendition_alone_tells_that_the_original_is_damaged(client: Client, photo: Image, damage: Damage) -> None:
    damage(str(photo.original))
    assert client.get(signed(photo, CHAIN))["Cache-Control"] == "no-cache"
    assert fault_of(photo) == ("missing" if damage is missing else "damaged")


def test_an_original_of_the_right_size_that_is_no_picture_any_more_is_damaged(client: Client, photo: Image) -> None:
    path = path_of(str(photo.original))
    path.write_bytes(bytes(path.stat().st_size))
    assert client.get(signed(photo, CHAIN))["Cache-Control"] == "no-cache"
    assert fault_of(photo) == "damaged"


def test_what_is_stored_whole_is_shown_though_its_original_is_gone(client: Client, photo: Image) -> None:
    before = content_of(client, signed(photo, CHAIN))
    missing(str(photo.original))
    urls = signed_urls.current_delivery().thumbnails(photo)
    assert opened(content_of(client, urls["mini"])).size == (100, 100)
    assert content_of(client, signed(photo, CHAIN)) == before


def test_every_duplicate_of_a_damaged_original_is_known_to_be(client: Client, photo: Image) -> None:
    shared = {name: getattr(photo, name) for name in ("delivery_id", "delivery_version", "original")}
    twin = make_stored_image(photo.album, **shared)
    missing(str(photo.original))
    client.get(signed(photo, "fl_attachment"))
    assert (fault_of(photo), fault_of(twin)) == ("missing", "missing")


def test_a_thumbnail_whose_original_is_gone_too_is_no_endless_work(client: Client, photo: Image) -> None:
    missing(str(photo.original))
    missing(str(photo.thumbnails.get(variant="mini").file))
    url = signed_urls.current_delivery().thumbnails(photo)["mini"]
    assert client.get(url)["Cache-Control"] == "no-cache"
    work.process(photo.pk)
    assert client.get(url)["Cache-Control"] == "no-cache"
    assert not Image.objects.get().thumbnails_due


def test_healthy_pictures_are_read_without_a_write(client: Client, photo: Image) -> None:
    for url in (signed(photo, "fl_attachment"), signed_urls.current_delivery().thumbnails(photo)["mini"]):
        with CaptureQueriesContext(connection) as queries:
            content_of(client, url)
        assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
