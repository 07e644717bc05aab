"""Parts of files, validators, OPTIONS and Accept (RFC 9110)."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from images.models import Image
from images.serve.ranges import SMALL
from images.storage import storage
from tests.factories import make_album, make_stored_image
from tests.images.links import content_of, signed
from tests.images.samples import file_of, oriented, quarters

ORIGINAL, DERIVED = "fl_attachment", "c_fit,w_300"
pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(organization: Organization) -> Image:
    return make_stored_image(make_album(organization), oriented(6, 640, 480))


def body_of(response: Any) -> bytes:
    return b"".join(response)


@pytest.mark.parametrize("chain", [ORIGINAL, DERIVED])
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(0, None)),
        ("Bytes = 3 - 4 ", slice(3, 5)),
    ],
)
def test_a_range_is_answered_with_that_part(client: Client, photo: Image, chain: str, asked: str, part: slice) -> None:
    whole = content_of(client, signed(photo, chain))
    response = client.get(signed(photo, chain), headers={"Range": asked})
    start, stop, _ = part.indices(len(whole))
    assert (response.status_code, body_of(response)) == (206, whole[part])
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert response["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("chain", [ORIGINAL, DERIVED])
@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=99999999-999999999"])
def test_a_range_outside_the_file_is_416(client: Client, photo: Image, chain: str, asked: str) -> None:
    size = len(content_of(client, signed(photo, chain)))
    response = client.get(signed(photo, chain), headers={"Range": asked})
    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{size}")
    assert (response["Cache-Control"], body_of(response)) == ("no-cache", b"")


@pytest.mark.parametrize(
    "asked",
    ["bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4", "bytes=٣-", "0-1", "x" * 9_000],
)
def test_what_is_no_single_range_gets_the_whole_file(client: Client, photo: Image, asked: str) -> None:
    whole = content_of(client, signed(photo, ORIGINAL))
    response = client.get(signed(photo, ORIGINAL), headers={"Range": asked})
    assert (response.status_code, body_of(response), response["Accept-Ranges"]) == (200, whole, "bytes")


def test_a_part_of_a_large_original_is_streamed(client: Client, organization: Organization) -> None:
    content = file_of(quarters(1_000, 900), "BMP")
    image = make_stored_image(make_album(organization), content)
    assert len(content) > 2 * SMALL
    response = client.get(signed(image, ORIGINAL), headers={"Range": f"bytes=7-{SMALL + 99}"})
    assert response.streaming
    assert (body_of(response), response["Content-Length"]) == (content[7 : SMALL + 100], str(SMALL + 93))


@pytest.mark.parametrize("chain", [ORIGINAL, DERIVED])
def test_if_range_gives_the_whole_of_another_file(client: Client, photo: Image, chain: str) -> None:
    first = client.get(signed(photo, chain))
    known = {"etag": first["ETag"], "moment": first["Last-Modified"]}
    for name in ("etag", "moment"):
        response = client.get(signed(photo, chain), headers={"Range": "bytes=0-3", "If-Range": known[name]})
        assert response.status_code == 206
    for other in ('"other"', f"W/{first['ETag']}", "Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"):
        response = client.get(signed(photo, chain), headers={"Range": "bytes=0-3", "If-Range": other})
        assert response.status_code == 200


@pytest.mark.parametrize("chain", [ORIGINAL, DERIVED])
def test_last_modified_is_a_validator_too(client: Client, photo: Image, chain: str) -> None:
    first = client.get(signed(photo, chain))
    again = client.get(signed(photo, chain), headers={"If-Modified-Since": first["Last-Modified"]})
    assert (again.status_code, again["ETag"]) == (304, first["ETag"])
    old = client.get(signed(photo, chain), headers={"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"})
    assert old.status_code == 200


def test_head_ignores_a_range(client: Client, photo: Image) -> None:
    response = client.head(signed(photo, ORIGINAL), headers={"Range": "bytes=0-3"})
    assert (response.status_code, response["Content-Length"]) == (
        200,
        str(len(storage.read(str(photo.original)) or b"")),
    )


@pytest.mark.parametrize("path", ["/assets/blank.jpg", "/proxy/a.jpg", "/images/{id}/thumbnails/mini-00000000000.jpg"])
def test_options_names_the_methods(client: Client, photo: Image, path: str) -> None:
    for url in (path.format(id=photo.pk), signed(photo, DERIVED), "/sharinpix/image/nonsense"):
        response = client.options(url)
        assert (response.status_code, response["Allow"], response.content) == (200, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp", "webp"),
        ("IMAGE/WebP", "webp"),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "webp"),
        ("image/webp;q=0.9, image/png", "webp"),
        ("image/webp;q=0.5, image/*;q=0.5", "webp"),
        ("image/webp;q=0", "jpeg"),
        ("image/webp; q=0.0, */*", "jpeg"),
        ("image/webp;q=0.5, image/jpeg", "jpeg"),
        ("image/webp;q=0.5, image/*", "jpeg"),
        ("image/webpx", "jpeg"),
        ("application/image/webp", "jpeg"),
        ("text/html;x=image/webp", "jpeg"),
        ("image/*", "jpeg"),
        ("*/*", "jpeg"),
        (";;,,image/webp", "webp"),
    ],
)
def test_accept_is_read_as_http_says(client: Client, photo: Image, accept: str, kind: str) -> None:
    response = client.get(signed(photo, f"{DERIVED}/f_auto"), headers={"Accept": accept})
    assert (response["Content-Type"], response["Vary"]) == (f"image/{kind}", "Accept")
