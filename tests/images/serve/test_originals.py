"""Originals as downloads, the names that they are given, and the placeholders of what cannot be shown."""

import re
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from albums.models import Album
from images.delivery import signed_urls
from images.models import Image
from images.storage import storage
from images.storage.keys import new_public_id, original_key
from tests.factories import make_album, make_image, make_stored_image
from tests.fuzzing import examples
from tests.images.links import UPRIGHT, content_of, is_picture, opened, signed
from tests.images.samples import corners, file_of, oriented, quarters

BROKEN = b"\xff\xd8\xff\xe0 this only begins like a JPEG"
SEND = "fl_attachment/dpr_auto,q_auto,f_auto"
MINI = f"c_fit,h_1920,w_1920/c_fill,h_100,w_100/{SEND}"


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def undecodable(album: Album, content: bytes = BROKEN, **fields: object) -> Image:
    """An image whose original is held and is no picture."""
    public_id = new_public_id()
    storage.write(original_key(public_id), content)
    return make_image(album, delivery_id=public_id, original=original_key(public_id), **fields)


def name_of(disposition: str) -> str:
    """The name that a browser would save under (RFC 6266)."""
    message = Message()
    message["Content-Disposition"] = disposition
    return str(message.get_filename())


@pytest.mark.parametrize(
    ("format", "extension", "content_type"),
    [
        ("JPEG", "jpg", "image/jpeg"),
        ("PNG", "png", "image/png"),
        ("WEBP", "webp", "image/webp"),
        ("AVIF", "avif", "image/avif"),
        ("GIF", "gif", "image/gif"),
        ("TIFF", "tif", "image/tiff"),
        ("BMP", "bmp", "image/bmp"),
    ],
)
def test_an_original_is_sent_byte_for_byte_under_its_true_type(
    client: Client, album: Album, format: str, extension: str, content_type: str
) -> None:
    content = file_of(quarters(), format)
    image = make_stored_image(album, content, format="jpg", filename="Super Image")
    response = client.get(signed(image, "fl_attachment", "jpg"))
    assert b"".join(response) == content
    assert response["Content-Type"] == content_type
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Disposition"] == f'attachment; filename="Super Image.{extension}"'


def test_an_original_keeps_its_metadata_and_its_lying_pixels(client: Client, album: Album) -> None:
    content = oriented(6, 640, 480)
    image = make_stored_image(album, content)
    assert content_of(client, signed_urls.current_delivery().original_url(image)) == content
    assert opened(content).size == (480, 640)


def test_no_browser_runs_an_original(client: Client, album: Album) -> None:
    response = client.get(signed_urls.current_delivery().original_url(make_stored_image(album)))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("extension", ["html", "svg", "png", "exe"])
def test_the_extension_asked_for_changes_nothing_about_an_original(
    client: Client, album: Album, extension: str
) -> None:
    image = make_stored_image(album, filename="photo")
    response = client.get(signed(image, "fl_attachment", extension))
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"] == 'attachment; filename="photo.jpg"'


def test_an_original_that_is_no_picture_is_sent_as_mere_bytes(client: Client, album: Album) -> None:
    page = b"<html><script>alert(1)</script></html>"
    image = undecodable(album, page, format="html", filename="page", processing_error="The file is no picture.")
    response = client.get(signed(image, "fl_attachment"))
    assert (response.status_code, b"".join(response)) == (200, page)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_picture_with_more_steps_than_the_attachment_is_re_encoded(client: Client, album: Album) -> None:
    content = oriented(6, 640, 480)
    sent = content_of(client, signed_urls.current_delivery().thumbnails(make_stored_image(album, content))["original"])
    assert sent != content and opened(sent).size == (640, 480)


NAMES = [
    "Süßer Hund – 日本語",
    'quoted "name" here',
    "back\\slash",
    "line\r\nSet-Cookie: a=b",
    "tab\tand\x0bcontrols\x1b[0m",
    "\u202egpj.exe",
    "😀🇫🇷👩‍👩‍👧",
    "; filename=other.exe",
    "100%41",
    "../../etc/passwd",
    "é" * 255,
    "a ",
]


@pytest.mark.parametrize("chain", ["fl_attachment", MINI])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_name_breaks_the_headers_of_a_download(client: Client, album: Album, chain: str, name: str) -> None:
    response = client.get(signed(make_stored_image(album, filename=name), chain))
    disposition = response["Content-Disposition"]
    assert (response.status_code, response.has_header("Set-Cookie")) == (200, False)
    assert re.fullmatch("attachment; filename(=|\\*=utf-8'')[\t\x20-\x7e]+", disposition)
    extended = disposition.partition("*=utf-8''")[2]
    assert (unquote(extended) if extended else name_of(disposition)) == f"{name}.jpg"


@examples(40)
@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=255))
def test_any_name_makes_one_wellformed_header(album: Album, name: str) -> None:
    image = undecodable(album, filename=name)
    response = Client().get(signed(image, "fl_attachment"))
    assert response.status_code == 200
    assert re.fullmatch("attachment; filename(=|\\*=utf-8'')[\t\x20-\x7e]+", response["Content-Disposition"])


def test_a_download_of_a_nameless_image_is_named_after_its_public_id(client: Client, album: Album) -> None:
    image = make_stored_image(album, filename="")
    wanted = f'attachment; filename="{image.delivery_id}.jpg"'
    for chain in ("fl_attachment", MINI):
        assert client.get(signed(image, chain))["Content-Disposition"] == wanted


@pytest.mark.parametrize("chain", ["c_fit,w_300", MINI])
def test_a_derived_download_has_the_extension_of_what_is_sent(client: Client, album: Album, chain: str) -> None:
    image = make_stored_image(album, file_of(quarters()), filename="photo")
    response = client.get(signed(image, f"{chain}/fl_attachment,f_webp"))
    assert response["Content-Disposition"] == 'attachment; filename="photo.webp"'
    assert opened(response.content).format == "WEBP"


@pytest.mark.parametrize("chain", ["c_fit,w_300", MINI])
def test_a_processing_error_shows_the_placeholder_and_is_not_cached(client: Client, album: Album, chain: str) -> None:
    image = undecodable(album, processing_error="The picture's file is damaged.")
    response = client.get(signed(image, chain))
    assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
    assert opened(response.content).size[0] in {100, 300}
    assert not response.has_header("ETag")


def test_a_processing_error_hides_even_an_original_that_could_be_shown(client: Client, album: Album) -> None:
    image = make_stored_image(album, oriented(6), processing_error="The picture has too many pixels.")
    for chain in ("c_fit,w_300", MINI):
        response = client.get(signed(image, chain))
        assert (response["Cache-Control"], corners(response.content) == UPRIGHT) == ("no-cache", False)


@pytest.mark.parametrize("content", [BROKEN, b"", oriented(1)[:-300], b"GIF89a/*"], ids=["junk", "empty", "cut", "gif"])
def test_an_original_that_turns_out_corrupt_shows_the_placeholder(client: Client, album: Album, content: bytes) -> None:
    response = client.get(signed(undecodable(album, content), MINI))
    assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
    assert opened(response.content).size == (100, 100)


def test_an_original_beyond_the_limits_of_the_server_shows_the_placeholder(
    client: Client, album: Album, settings: Any
) -> None:
    image = make_stored_image(album, oriented(1, 1000, 1001))
    settings.MAX_MEGAPIXELS = 1
    response = client.get(signed(image, "c_fit,w_300"))
    assert (response["Cache-Control"], corners(response.content) == UPRIGHT) == ("no-cache", False)
    settings.MAX_MEGAPIXELS = 2
    assert corners(content_of(client, signed(image, "c_fit,w_300"))) == UPRIGHT


def test_a_corrupt_original_leaves_nothing_in_the_cache(client: Client, album: Album) -> None:
    image = undecodable(album)
    content_of(client, signed(image, MINI))
    storage.remove([str(image.original)])
    storage.write(str(image.original), oriented(6))
    assert client.get(signed(image, MINI))["Cache-Control"].endswith("immutable")


@pytest.mark.parametrize("name", signed_urls.PLACEHOLDERS)
def test_the_placeholders_are_pictures_under_any_chain(client: Client, name: str) -> None:
    here = signed_urls.current_delivery()
    for chain, width in (("", None), ("c_fit,w_300", 300), (MINI, 100), ("fl_attachment", None)):
        response = client.get(here.url(chain, name, kind="authenticated", version=None))
        assert (response.status_code, response["Cache-Control"]) == (200, "no-cache")
        assert width in {None, opened(response.content).width}


def test_the_two_placeholders_are_different_pictures(client: Client) -> None:
    here = signed_urls.current_delivery()
    urls = [here.url("c_fit,w_300", name, kind="authenticated", version=None) for name in signed_urls.PLACEHOLDERS]
    assert len({content_of(client, url) for url in urls}) == 2


def test_a_placeholder_needs_a_signature_too(client: Client) -> None:
    url = signed_urls.current_delivery().url("c_fit,w_300", "raw_placeholder", kind="authenticated", version=None)
    response = client.get(url.replace("w_300", "w_4000"))
    assert (response.status_code, is_picture(response.content)) == (401, False)


def test_every_url_of_an_image_without_a_delivery_id_shows_the_placeholder(client: Client, album: Album) -> None:
    image = make_image(album, delivery_id="", delivery_version=None)
    here = signed_urls.current_delivery()
    urls = [here.original_url(image), *here.external_urls(image).values(), *here.thumbnails(image).values()]
    assert [url for url in urls if not is_picture(content_of(client, url))] == []


def test_a_head_of_an_original_closes_its_file(client: Client, album: Album) -> None:
    response = client.head(signed(make_stored_image(album), "fl_attachment"))
    assert response.status_code == 200
    file = BytesIO(b"".join(response)) if response.streaming else BytesIO(response.content)
    assert file.read() == b""


@pytest.mark.parametrize("name", ["original_url", "fill100", "mini"])
def test_nginx_is_told_which_file_to_send_where_that_is_set_up(
    client: Client, album: Album, settings: Any, name: str
) -> None:
    here, image = signed_urls.current_delivery(), make_stored_image(album)
    external, thumbnails = here.external_urls(image), here.thumbnails(image)
    url = {"original_url": here.original_url(image), "fill100": external["fill100"], "mini": thumbnails["mini"]}[name]
    plain: Any = client.get(url)
    content = plain.getvalue()
    settings.X_ACCEL_REDIRECT = "/kept/"
    handed = client.get(url)
    assert handed.status_code == 200 and handed.content == b""
    assert storage.read(unquote(handed["X-Accel-Redirect"].removeprefix("/kept/"))) == content
    for header in ("Content-Type", "ETag", "Cache-Control", "Vary", "Content-Disposition", "Content-Security-Policy"):
        assert handed.headers.get(header) == plain.headers.get(header)
