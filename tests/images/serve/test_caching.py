"""Which format a picture is sent in, and how long it may be kept."""

import pytest
from django.test import Client

from accounts.models import Organization
from images.models import Image
from tests.factories import make_album, make_stored_image
from tests.images.links import content_of, opened, signed
from tests.images.samples import oriented

MINI = "c_fit,h_1920,w_1920/c_fill,h_100,w_100/fl_attachment/dpr_auto,q_auto,f_auto"


@pytest.fixture
def photo(organization: Organization) -> Image:
    """Stored lying on its side, upright by its EXIF: 640 x 480."""
    return make_stored_image(make_album(organization), oriented(6, 640, 480))


@pytest.mark.parametrize(
    ("extension", "format"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("avif", "AVIF")]
)
def test_the_extension_decides_the_format_where_the_chain_does_not(
    client: Client, photo: Image, extension: str, format: str
) -> None:
    response = client.get(signed(photo, "c_fit,w_30", extension))
    assert opened(response.content).format == format
    assert response["Content-Type"] == f"image/{format.lower()}"
    assert not response.has_header("Vary")


def test_the_chain_decides_the_format_before_the_extension(client: Client, photo: Image) -> None:
    assert opened(content_of(client, signed(photo, "c_fit,w_30/f_png", "jpg"))).format == "PNG"


@pytest.mark.parametrize("extension", ["gif", "tif", "svg", "php"])
def test_an_extension_that_is_no_format_of_ours_is_refused(client: Client, photo: Image, extension: str) -> None:
    response = client.get(signed(photo, "c_fit,w_30", extension))
    assert (response.status_code, extension in response.content.decode()) == (400, True)


@pytest.mark.parametrize(
    ("accept", "format"),
    [("image/avif,image/webp,*/*", "WEBP"), ("image/*,*/*", "JPEG"), ("", "JPEG")],
)
def test_f_auto_is_webp_for_whoever_accepts_it_and_the_answer_says_that_it_varies(
    client: Client, photo: Image, accept: str, format: str
) -> None:
    response = client.get(signed(photo, "c_fit,w_300/f_auto"), headers={"Accept": accept})
    assert opened(response.content).format == format
    assert (response["Content-Type"], response["Vary"]) == (f"image/{format.lower()}", "Accept")


def test_both_formats_of_f_auto_are_kept_apart(client: Client, photo: Image) -> None:
    url = signed(photo, "c_fit,w_300/f_auto")
    formats = [opened(content_of(client, url, Accept=accept)).format for accept in ("image/webp", "*/*") * 2]
    assert formats == ["WEBP", "JPEG", "WEBP", "JPEG"]


@pytest.mark.parametrize("chain", ["c_fit,w_300", MINI, "fl_attachment"])
def test_a_picture_may_be_cached_for_ever_and_is_not_sent_twice(client: Client, photo: Image, chain: str) -> None:
    first = client.get(signed(photo, chain))
    again = client.get(signed(photo, chain), headers={"If-None-Match": first["ETag"]})
    other = client.get(signed(photo, chain), headers={"If-None-Match": '"another"'})
    assert first["Cache-Control"] == again["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again.get("Vary") == first.get("Vary")
    assert other.status_code == 200


def test_etags_differ_by_chain_and_format(client: Client, photo: Image) -> None:
    answers = [
        client.get(signed(photo, "c_fit,w_300/f_auto"), headers={"Accept": "image/webp"}),
        client.get(signed(photo, "c_fit,w_300/f_auto")),
        client.get(signed(photo, "c_fit,w_301/f_auto")),
        client.get(signed(photo, "fl_attachment")),
    ]
    assert len({answer["ETag"] for answer in answers}) == 4


@pytest.mark.parametrize("chain", ["c_fit,w_300", "fl_attachment"])
def test_head_is_answered_like_get_without_a_body(client: Client, photo: Image, chain: str) -> None:
    head, get = client.head(signed(photo, chain)), client.get(signed(photo, chain))
    assert (head.status_code, head.content if not head.streaming else b"".join(head)) == (200, b"")
    assert [head[name] for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control")] == [
        get[name] for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control")
    ]
