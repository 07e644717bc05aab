"""Links that outlive edits: thumbnail links and their proxy form."""

import uuid
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from albums.models import Album
from images.delivery import signed_urls, signing
from images.models import Image
from tests.factories import make_album, make_stored_image
from tests.images.links import content_of, flipped, is_picture, opened
from tests.images.samples import oriented

KINDS = ["mini", "thumbnail", "full", "original"]
VARIANTS = {"mini": "mini", "thumbnail": "large", "full": "full", "original": "original"}
HOST = "testserver"


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


@pytest.fixture
def photo(album: Album) -> Image:
    return make_stored_image(album, oriented(6, 64, 48))


def link(image_id: object, kind: str = "mini") -> str:
    return signed_urls.current_delivery().thumbnail_path(str(image_id), kind)


def proxied(address: str, image_id: object, kind: str = "mini") -> str:
    signature = signing.proxy_signature(str(image_id), kind, signed_urls.current_delivery().link_keys[0])
    return f"/proxy/photo.jpg?s={signature}&url={address}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_thumbnail_link_redirects_to_the_current_picture(client: Client, photo: Image, kind: str) -> None:
    response = client.get(link(photo.id, kind))
    location = signed_urls.current_delivery().thumbnails(photo)[VARIANTS[kind]]
    assert (response.status_code, response["Location"]) == (302, location)
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response.content.decode() == (
        f'<html><body>You are being <a href="{location}">redirected</a>.</body></html>'
    )
    assert "no-cache" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert not response.has_header("Access-Control-Allow-Origin")


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_url_redirects_to_the_same_picture_and_is_not_cached(client: Client, photo: Image, kind: str) -> None:
    response = client.get(signed_urls.current_delivery().proxy_url(str(photo.id), kind, "super-image.png"))
    assert (response.status_code, response["Location"]) == (302, client.get(link(photo.id, kind))["Location"])
    assert response["Cache-Control"] == "no-cache"


def test_links_follow_an_edit(client: Client, photo: Image) -> None:
    url = signed_urls.current_delivery().proxy_url(str(photo.id), "full", "photo.jpg")
    before = opened(content_of(client, url)).size
    photo.edit(90, None)
    assert (before, opened(content_of(client, url)).size) == ((1920, 1440), (1440, 1920))
    assert "/a_90/" in client.get(link(photo.id, "full"))["Location"]


def test_links_never_begin_with_blank(client: Client, album: Album) -> None:
    image = make_stored_image(album, processed=False)
    assert client.get(link(image.id))["Location"].startswith("http://testserver/sharinpix/")


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_any_character_of_a_thumbnail_signature_is_an_invalid_url(
    client: Client, photo: Image, kind: str
) -> None:
    found = [client.get(changed) for changed in flipped(link(photo.id, kind), f"/{kind}-", ".jpg")]
    assert len(found) == 11
    for response in found:
        assert (response.status_code, response.content) == (400, b"Invalid url")
        assert response["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_any_character_of_either_signature_of_a_proxy_url_shows_no_picture(
    client: Client, photo: Image, kind: str
) -> None:
    url = signed_urls.current_delivery().proxy_url(str(photo.id), kind, "photo.jpg")
    changed = [*flipped(url, "?s=", "&"), *flipped(url, f"thumbnails/{kind}-", ".jpg")]
    found = [client.get(each) for each in changed]
    assert len(found) == 7 + 11
    assert {(response.status_code, response.content) for response in found} == {(400, b"Invalid url")}


def test_the_signature_of_one_kind_does_not_open_another(client: Client, photo: Image) -> None:
    for kind in KINDS:
        others = [link(photo.id, kind).replace(f"/{kind}-", f"/{other}-") for other in KINDS if other != kind]
        assert [client.get(url).status_code for url in others] == [400] * 3


@pytest.mark.parametrize(
    "tail",
    [
        "mini-{0}00.jpg",
        "mini-{0}.png",
        "mini-{0}",
        "MINI-{0}.jpg",
        "mini-{0}.jpg.jpg",
        "huge-{0}.jpg",
        "mini-.jpg",
        "%0a",
    ],
)
def test_a_link_of_another_form_is_an_invalid_url(client: Client, photo: Image, tail: str) -> None:
    signature = link(photo.id).rpartition("-")[2].removesuffix(".jpg")
    response = client.get(f"/images/{photo.id}/thumbnails/{tail.format(signature)}")
    assert (response.status_code, response.content) == (400, b"Invalid url")


def test_a_valid_link_to_no_image_is_an_empty_404_of_the_type_of_a_picture(
    client: Client, organization: object
) -> None:
    nobody = uuid.uuid4()
    for url in (link(nobody), signed_urls.current_delivery().proxy_url(str(nobody), "mini", "photo.jpg")):
        response = client.get(url)
        assert (response.status_code, response["Content-Type"], response.content) == (404, "image/jpeg", b"")


def test_a_link_to_a_trashed_image_is_as_one_to_no_image(client: Client, photo: Image) -> None:
    Image.objects.update(trashed_at=timezone.now())
    response = client.get(link(photo.id))
    assert (response.status_code, response["Content-Type"], response.content) == (404, "image/jpeg", b"")


@pytest.mark.parametrize(
    "image_id",
    ["0", "image.jpg", "%00", "' OR 1=1--", "{3BAFD689-308A-47C2-A945-B71C0F7A6361}", "../" * 9, "1" * 99_999],
)
def test_a_link_to_what_is_no_id_is_not_found(client: Client, organization: object, image_id: str) -> None:
    tail = link(image_id).rpartition("/")[2]
    response = client.get(f"/images/{quote(image_id, safe='%')}/thumbnails/{tail}")
    assert response.status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "evil.example.com{0}",
        "http://testserver{0}",
        "//testserver{0}",
        "testserver:80{0}",
        "testserver@evil.example.com{0}",
        "evil.example.com/testserver{0}",
        "testserver.evil.example.com{0}",
        "TESTSERVER{0}",
        "127.0.0.1{0}",
        "testserver{0}?x=1",
        "testserver{0}%23",
        "testserver/{0}",
        "testserver/x/..{0}",
        " testserver{0}",
        "testserver{0}%0a",
        "file:///etc/passwd",
        "",
    ],
)
def test_the_proxy_knows_no_address_but_its_own(client: Client, photo: Image, address: str) -> None:
    response = client.get(proxied(address.format(link(photo.id)), photo.id))
    assert (response.status_code, response.content) == (400, b"Invalid url")


def test_the_proxy_demands_both_signatures(client: Client, photo: Image, album: Album) -> None:
    other = make_stored_image(album)
    here = f"{HOST}{link(photo.id)}"
    assert client.get(proxied(here, photo.id)).status_code == 302
    wrong = [
        proxied(here, other.id),
        proxied(here, photo.id, "full"),
        proxied(f"{HOST}/images/{photo.id}/thumbnails/mini-00000000000.jpg", photo.id),
        proxied(here.replace("/mini-", "/full-"), photo.id, "full"),
        f"/proxy/photo.jpg?url={here}",
        f"/proxy/photo.jpg?s=&url={here}",
        f"/proxy/photo.jpg?s=%ff%00é&url={here}",
        f"/proxy/photo.jpg?s={link(photo.id)[-15:-4]}&url={here}",
    ]
    assert [client.get(url).status_code for url in wrong] == [400] * len(wrong)


def test_the_proxy_never_fetches(client: Client, photo: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    assert client.get(proxied("evil.example.com" + link(photo.id), photo.id)).status_code == 400
    # With PostgreSQL the driver connects below Python's sockets, so the good URL is still answered.
    assert client.get(signed_urls.current_delivery().proxy_url(str(photo.id), "mini", "photo.jpg")).status_code == 302


@pytest.mark.parametrize("slug", ["super-image.png", "x", "%0d%0aSet-Cookie:a=b", "é😀.jpg", "a" * 5_000])
def test_the_slug_of_a_proxy_url_says_nothing(client: Client, photo: Image, slug: str) -> None:
    url = proxied(f"{HOST}{link(photo.id)}", photo.id).replace("photo.jpg", slug)
    response = client.get(url)
    assert (response.status_code, response.has_header("Set-Cookie")) == (302, False)


def test_links_signed_with_an_older_key_still_lead_to_the_picture(
    client: Client, photo: Image, settings: object
) -> None:
    old = [link(photo.id), signed_urls.current_delivery().proxy_url(str(photo.id), "mini", "photo.jpg")]
    settings.SIGNING_KEYS = ["newest", *settings.SIGNING_KEYS]  # type: ignore[attr-defined]
    assert [client.get(url).status_code for url in old] == [302, 302]
    settings.SIGNING_KEYS = ["newest"]  # type: ignore[attr-defined]
    assert [client.get(url).status_code for url in old] == [400, 400]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_links_are_only_read(client: Client, photo: Image, method: str) -> None:
    urls = [
        link(photo.id),
        signed_urls.current_delivery().proxy_url(str(photo.id), "mini", "photo.jpg"),
        "/assets/blank.jpg",
    ]
    assert [client.generic(method, url).status_code for url in urls] == [405] * 3


def test_head_of_a_link_redirects_too(client: Client, photo: Image) -> None:
    response = client.head(link(photo.id))
    assert (response.status_code, response.content) == (302, b"")
    assert response["Location"] == client.get(link(photo.id))["Location"]


def test_no_picture_is_behind_an_invalid_url(client: Client, photo: Image) -> None:
    assert not is_picture(client.get(f"/images/{photo.id}/thumbnails/mini-{'0' * 11}.jpg").content)
