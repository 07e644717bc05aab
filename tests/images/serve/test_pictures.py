"""Delivery URLs: what is behind them, for whom, and how it may be cached."""

import re
from io import BytesIO

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image as Pillow

from accounts.models import Organization
from albums.models import Album
from images.delivery import signed_urls
from images.delivery.variants import STORED, names_of
from images.models import Image
from images.storage import storage
from tests.factories import make_album, make_image, make_stored_image
from tests.images.links import TURNED, UPRIGHT, content_of, flipped, is_picture, opened, signed
from tests.images.samples import corners, file_of, oriented, profile, quarters

SIZES = {
    # What each URL promises of an upright original of 640 x 480.
    "fill100": (300, 225),
    "fit2000": (2000, 1500),
    "mini": (100, 100),
    "large": (200, 200),
    "full": (1920, 1440),
    "original": (640, 480),
    "full_no_sharinpix": (1920, 1440),
}


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


@pytest.fixture
def photo(album: Album) -> Image:
    """Stored lying on its side, upright by its EXIF: 640 x 480."""
    return make_stored_image(album, oriented(6, 640, 480))


def urls_of(image: Image) -> list[tuple[str, str]]:
    here = signed_urls.current_delivery()
    return [*here.external_urls(image).items(), *here.thumbnails(image).items()]


def test_every_url_shows_the_upright_picture_at_the_promised_size(client: Client, photo: Image) -> None:
    found = {(name, url): content_of(client, url) for name, url in urls_of(photo)}
    assert len(found) == len(names_of("external_urls")) + len(names_of("thumbnails"))
    assert {name for name, _ in found} == set(SIZES), "SIZES names each variant with the size that it promises"
    for (name, url), content in found.items():
        assert (opened(content).size, corners(content)) == (SIZES[name], UPRIGHT), url


def test_every_url_shows_the_rotation_and_the_unedited_ones_do_not(client: Client, photo: Image) -> None:
    photo.edit(90, None)
    turned = {"fill100": (300, 400), "fit2000": (1500, 2000), "full": (1440, 1920)}
    for name, url in urls_of(photo):
        content = content_of(client, url)
        unedited = name in {"original", "full_no_sharinpix"}
        wanted = SIZES[name] if unedited else turned.get(name, SIZES[name])
        assert (opened(content).size, corners(content)) == (wanted, UPRIGHT if unedited else TURNED), url


def test_every_url_shows_the_crop_before_the_rotation(client: Client, photo: Image) -> None:
    photo.edit(90, (0, 240, 640, 240))  # the lower half: blue beside yellow, turned to blue above yellow
    for name, url in urls_of(photo):
        found = corners(content_of(client, url))
        unedited = name in {"original", "full_no_sharinpix"}
        assert found == (UPRIGHT if unedited else ("blue", "blue", "yellow", "yellow")), url


def test_a_change_of_any_character_of_a_signature_shows_no_picture(client: Client, photo: Image) -> None:
    here = signed_urls.current_delivery()
    urls = [here.original_url(photo), *here.thumbnails(photo).values(), here.external_urls(photo)["fill100"]]
    tried = 0
    for url in urls:
        for changed in flipped(url, "s--", "--/"):
            response = client.get(changed)
            assert (response.status_code, is_picture(response.content)) == (401, False), changed
            tried += 1
    assert tried == len(urls) * 8


@pytest.mark.parametrize("other", "!~ .+%é\x7f")
def test_a_character_that_no_signature_has_shows_no_picture_either(client: Client, photo: Image, other: str) -> None:
    url = signed(photo, "c_fit,w_300")
    place = url.index("s--") + 3
    response = client.get(url[:place] + re.sub("[%]", "%25", other) + url[place + 1 :])
    assert response.status_code == 401


@pytest.mark.parametrize("other", "/?#")
def test_a_character_that_ends_the_path_within_a_signature_is_refused(client: Client, photo: Image, other: str) -> None:
    url = signed(photo, "c_fit,w_300")
    place = url.index("s--") + 6
    assert client.get(url[:place] + other + url[place + 1 :]).status_code == 400


def test_a_signature_of_another_chain_shows_no_picture(client: Client, photo: Image) -> None:
    url = signed(photo, "c_fit,w_300").replace("c_fit,w_300", "c_fit,w_301")
    assert client.get(url).status_code == 401


@pytest.mark.parametrize(
    ("chain", "piece"),
    [
        ("c_fit,w_4097", "w_4097"),
        ("c_fill,h_100,w_100000", "w_100000"),
        ("c_fit,dpr_3,w_2000", "w_2000"),
        ("e_blur:2000", "e_blur:2000"),
        ("c_fit,w_300/l_text:Arial:hi", "l_text"),
        ("a_45", "a_45"),
        ("c_fit", "c_fit"),
        ("c_crop,h_10,w_10,x_-1,y_0", "x_-1"),
        ("$secret_1", "$secret_1"),
        ("//", "step"),
    ],
)
def test_a_chain_outside_the_grammar_is_refused_with_a_sentence(
    client: Client, photo: Image, chain: str, piece: str
) -> None:
    response = client.get(signed(photo, chain))
    sentence = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert piece in sentence and sentence.endswith(".")


def test_no_picture_has_a_side_above_4096_pixels(client: Client, album: Album) -> None:
    tall = make_stored_image(album, file_of(quarters(10, 100)))
    assert opened(content_of(client, signed(tall, "c_scale,w_4096"))).size == (410, 4096)


@pytest.mark.parametrize(
    "fields",
    [
        {"delivery_id": "abcdefghij0123456789"},
        {"delivery_type": "private"},
        {"delivery_type": "fetch"},
        {"delivery_version": 123124},
        {"delivery_version": None},
        {"delivery_version": 10**17},
    ],
    ids=str,
)
def test_no_url_but_the_image_s_own_shows_it(client: Client, photo: Image, fields: dict[str, object]) -> None:
    for name, value in fields.items():
        setattr(photo, name, value)
    response = client.get(signed(photo, "c_fit,w_300"))
    assert (response.status_code, is_picture(response.content)) == (404, False)


def test_a_trashed_image_is_not_shown(client: Client, photo: Image) -> None:
    Image.objects.update(trashed_at=timezone.now())
    assert [url for _, url in urls_of(photo) if client.get(url, follow=True).status_code != 404] == []


def test_an_image_whose_original_is_elsewhere_is_not_shown(client: Client, album: Album) -> None:
    image = make_image(album)
    assert [url for _, url in urls_of(image) if client.get(url, follow=True).status_code != 404] == []


def test_a_missing_thumbnail_is_rendered_from_the_original(client: Client, photo: Image) -> None:
    storage.remove(photo.thumbnails.values_list("file", flat=True))
    assert opened(content_of(client, signed_urls.current_delivery().thumbnails(photo)["mini"])).size == (100, 100)


def test_stored_thumbnails_are_served_as_they_are_without_rendering(client: Client, photo: Image) -> None:
    storage.remove([str(photo.original)])  # nothing could be rendered
    urls = signed_urls.current_delivery().thumbnails(photo)
    for thumbnail in photo.thumbnails.all():
        assert content_of(client, urls[thumbnail.variant]) == storage.read(str(thumbnail.file))
    assert photo.thumbnails.count() == len(STORED)


def test_a_stored_thumbnail_of_another_chain_is_not_served(client: Client, photo: Image) -> None:
    unedited = signed_urls.current_delivery().thumbnails(photo)["full"]
    photo.edit(90, None)
    assert corners(content_of(client, unedited)) == UPRIGHT


def test_a_rendered_picture_is_kept_and_served_again_without_its_original(client: Client, photo: Image) -> None:
    first = content_of(client, signed(photo, "c_fit,w_300"))
    storage.remove([str(photo.original)])
    assert content_of(client, signed(photo, "c_fit,w_300")) == first


def test_derived_pictures_carry_no_metadata(client: Client, album: Album) -> None:
    exif = Pillow.Exif()
    exif[0x010E] = "secret words"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 0.0), 3: "E", 4: (2.0, 20.0, 0.0)})
    content = file_of(quarters(), "JPEG", exif=exif, comment=b"secret words", icc_profile=profile())
    image = make_stored_image(album, content)
    assert b"secret words" in content and image.gps_exifs == pytest.approx((48.85, 2.3333), abs=1e-3)
    for _, url in urls_of(image):
        picture = content_of(client, url)
        told = {"exif", "comment", "icc_profile", "xmp", "photoshop"} & set(opened(picture).info)
        assert (b"secret words" in picture, told) == (False, set()), url


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_pictures_are_only_read(client: Client, photo: Image, method: str) -> None:
    assert client.generic(method, signed(photo, "c_fit,w_300")).status_code == 405


def test_a_picture_says_how_long_it_is_and_is_never_sniffed(client: Client, photo: Image) -> None:
    response = client.get(signed(photo, "c_fit,w_300"))
    assert int(response["Content-Length"]) == len(response.content)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not response.has_header("Content-Disposition")
    assert Pillow.open(BytesIO(response.content)).format == "JPEG"


def test_an_image_that_is_not_processed_yet_is_shown_behind_its_blank(client: Client, album: Album) -> None:
    image = make_stored_image(album, oriented(6, 640, 480), processed=False)
    image.thumbnails.all().delete()
    for name, url in urls_of(image):
        content = content_of(client, url.removeprefix("/assets/blank.jpg#"))
        assert (opened(content).size, corners(content)) == (SIZES[name], UPRIGHT), url


def test_the_blank_picture_exists(client: Client) -> None:
    assert is_picture(content_of(client, "/assets/blank.jpg"))


def test_urls_of_an_older_key_still_show_the_picture_after_a_rotation(
    client: Client, photo: Image, settings: object
) -> None:
    old = signed(photo, "c_fit,w_300")
    settings.DELIVERY_KEYS = ["newest", *settings.DELIVERY_KEYS]  # type: ignore[attr-defined]
    new = signed(photo, "c_fit,w_300")
    assert (new != old, content_of(client, old)) == (True, content_of(client, new))


def test_long_signatures_open_the_same_picture(client: Client, photo: Image, settings: object) -> None:
    short = signed(photo, "c_fit,w_300")
    settings.LONG_SIGNATURES = True  # type: ignore[attr-defined]
    long = signed(photo, "c_fit,w_300")
    assert re.search("/s--[A-Za-z0-9_-]{32}--/", long)
    assert content_of(client, long) == content_of(client, short)
    assert [url for url in flipped(long, "s--", "--/") if client.get(url).status_code != 401] == []
