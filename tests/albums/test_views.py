"""The album endpoints over HTTP."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, Secret, User
from albums.models import Album
from images.models import Image
from tests.albums.uploads.sending import ALBUM, IMG35, by_plain_upload, picture_file
from tests.factories import jpeg, make_album, make_image

URL = f"/api/v1/albums/{ALBUM}"
ALBUM7 = ["id", "public_id", "images_count", "views_count", "upload_form", "organization_id", "thumbnails"]
ACCESS15 = [
    f"X-access-{name}"
    for name in (
        "image_delete image_upload image_share image_rotate image_crop stats image_copy paste share "
        "image_duplicate create_tag image_download image_annotate fullscreen einstein_box"
    ).split()
]
PERSONS = {"image_delete", "image_upload", "image_rotate", "image_crop", "image_download", "stats"}


def access(**abilities: Any) -> dict[str, Any]:
    return {"abilities": {ALBUM: {"Access": abilities}}}


def told_access(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("X-access-")}


def test_an_album_is_there_on_first_look(api: Client, organization: Organization) -> None:
    response = api.get(URL)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    found = response.json()
    assert list(found) == ALBUM7
    assert (found["id"], found["public_id"], found["images_count"], found["views_count"]) == (ALBUM, ALBUM, 0, 0)
    assert (found["organization_id"], found["thumbnails"]) == (str(organization.pk), [])
    assert Album.objects.get().public_id == ALBUM
    assert api.get(URL).status_code == 200 and Album.objects.count() == 1


def test_an_album_shows_its_last_four_images_and_counts_all(api: Client, organization: Organization) -> None:
    album = make_album(organization, ALBUM)
    images = [make_image(album) for _ in range(6)]
    images[-1].trashed_at = images[-1].created_at
    images[-1].save()
    found = api.get(URL).json()
    assert found["images_count"] == 5
    assert [image["id"] for image in found["thumbnails"]] == [str(image.pk) for image in images[4:0:-1]]
    assert all(list(image) == IMG35 for image in found["thumbnails"])


@pytest.mark.parametrize("path", [URL, f"{URL}/images"])
def test_what_an_album_holds_is_read_with_as_many_queries_for_50_images_as_for_1(
    api: Client, organization: Organization, path: str
) -> None:
    album = make_album(organization, ALBUM)
    make_image(album)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get(path).status_code == 200
        return len(captured)

    count()
    once = count()
    for _ in range(50):
        make_image(album)
    assert count() == once
    assert once <= 6


def test_the_headers_tell_what_a_person_may_do(api: Client) -> None:
    told = told_access(api.get(URL))
    assert list(told) == ACCESS15
    granted = {name.removeprefix("X-access-") for name, value in told.items() if value == "true"}
    assert granted == PERSONS
    assert {name for name, value in told.items() if value == ""} == {"X-access-fullscreen", "X-access-einstein_box"}
    assert set(told.values()) == {"true", "false", ""}


def test_the_headers_tell_what_a_secret_grants(api_of: Any, secret: Secret) -> None:
    told = told_access(api_of(secret, **access(share=True, fullscreen=True, paste="true", stats=1)).get(URL))
    assert list(told) == ACCESS15
    assert {name for name, value in told.items() if value == "true"} == {"X-access-share", "X-access-fullscreen"}
    assert set(told_access(api_of(secret, admin=True).get(URL)).values()) == {"true"}


def test_a_bare_secret_sees_an_empty_album_and_makes_none(
    api_of: Any, secret: Secret, organization: Organization
) -> None:
    bare = api_of(secret)
    for _ in range(2):
        response = bare.get(URL)
        assert response.status_code == 200
        found = response.json()
        assert (found["images_count"], found["thumbnails"], found["upload_form"]) == (0, [], None)
        assert bare.get(f"{URL}/images").json() == []
        assert Album.objects.count() == Image.objects.count()
        if not Image.objects.exists():
            make_image(make_album(organization, ALBUM))  # and of one that is there it sees no more


@pytest.mark.parametrize(
    ("claims", "makes", "lists", "uploads"),
    [
        ({"admin": True}, True, True, True),
        (access(image_upload=True), True, False, True),
        (access(image_list=True), False, True, False),
        (access(image_list=True, image_upload=True), True, True, True),
        (access(image_upload="true", image_list=1), False, False, False),
        ({"abilities": {"another": {"Access": {"image_upload": True, "image_list": True}}}}, False, False, False),
        ({"abilities": [ALBUM]}, False, False, False),
        ({"admin": "true"}, False, False, False),
        ({}, False, False, False),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_secret_does_in_an_album_what_its_token_grants(
    api_of: Any, api: Client, secret: Secret, claims: dict[str, Any], makes: bool, lists: bool, uploads: bool
) -> None:
    client = api_of(secret, **claims)
    assert client.get(URL).status_code == 200
    assert Album.objects.exists() == makes
    image = by_plain_upload(api, jpeg())
    found = client.get(URL).json()
    assert found["images_count"] == len(found["thumbnails"]) == int(lists)
    assert (found["upload_form"] is not None) == uploads
    assert [one["id"] for one in client.get(f"{URL}/images").json()] == [image["id"]] * lists
    response = client.post(f"{URL}/images", {"file": picture_file(jpeg())})
    assert response.status_code == (200 if uploads else 401)
    assert Image.objects.count() == 1 + uploads
    if not uploads:
        assert response.content == b"" and response.headers["X-message"] == "Access denied"
        assert "X-token" not in response.headers


def test_an_album_of_another_organization_looks_like_one_of_ours_that_is_empty(
    api: Client, other_organization: Organization
) -> None:
    make_image(make_album(other_organization, ALBUM))
    assert api.get(f"{URL}/images").json() == []
    found = api.get(URL).json()
    assert (found["images_count"], found["thumbnails"]) == (0, [])
    assert found["organization_id"] != str(other_organization.pk)
    assert Album.objects.filter(public_id=ALBUM).count() == 2


def test_the_images_of_an_album_come_in_its_order_with_35_keys(api: Client, organization: Organization) -> None:
    album = make_album(organization, ALBUM)
    last, first = make_image(album, position=9), make_image(album, position=1)
    first.tag(['a","thumbnails":{'])
    make_image(make_album(organization))
    for path in (f"{URL}/images", f"{URL}/images/"):
        response = api.get(path)
        assert response.status_code == 200
        assert [image["id"] for image in response.json()] == [str(first.pk), str(last.pk)]
        assert all(list(image) == IMG35 for image in response.json())


def test_a_long_album_is_listed_whole(api: Client, organization: Organization) -> None:
    album = make_album(organization, ALBUM)
    Image.objects.bulk_create([Image(album=album, position=number, processed=True) for number in range(1_001)])
    Image.objects.store_representations(list(Image.objects.values_list("pk", flat=True)))
    found = orjson.loads(b"".join(api.get(f"{URL}/images")))
    assert len(found) == 1_001
    assert all(list(image) == IMG35 for image in found)


def test_a_person_makes_an_album_without_naming_it(api: Client) -> None:
    response = api.post("/api/v1/albums")
    assert response.status_code == 200
    found = response.json()
    assert list(found) == ALBUM7
    assert Album.objects.get().public_id == found["id"]
    assert (found["images_count"], found["thumbnails"]) == (0, [])
    assert found["upload_form"]["name"] == found["id"]


def test_a_secret_makes_unnamed_albums_only_as_an_admin(api_of: Any, secret: Secret) -> None:
    assert api_of(secret, **access(image_upload=True)).post("/api/v1/albums/").status_code == 401
    assert not Album.objects.exists()
    assert api_of(secret, admin=True).post("/api/v1/albums/").status_code == 200


UNFIT = ["\0", "a\0b", "\x01", "a\n", "\x7f", ".", "..", "x" * 256, "x" * 1_000_000]
FIT = ["\U0001f600" * 255, "x" * 255, "a b", "%2F", "' OR 1=1--", "\u202egnp", "<script>", "a&b=c", "...", "é"]
EVERY_WAY = [("get", ""), ("get", "/"), ("get", "/images"), ("get", "/images/"), ("post", "/images")]


@pytest.mark.parametrize("album_id", UNFIT, ids=lambda text: ascii(text[:8]))
def test_an_id_that_no_album_can_have_is_400_whatever_is_asked_of_it(api: Client, album_id: str) -> None:
    for method, path in EVERY_WAY:
        sent = {"file": picture_file(jpeg())} if method == "post" else None
        response = getattr(api, method)(f"/api/v1/albums/{quote(album_id, safe='')}{path}", sent)
        assert response.status_code == 400, (method, path)
        assert response.json()["error"]["fields"].keys() == {"public_id"}
    for body in (
        {"album_id": album_id, "name": "a.jpg", "size": 9},
        {"album_id": album_id, "url": "http://a.example/"},
    ):
        path = "imports" if "url" in body else "storage_files"
        found = api.post(f"/api/v1/{path}", body, content_type="application/json")
        # A NUL is taken out of a body, since nothing could keep it.
        expected = 200 if "\0" in album_id and len(album_id) > 1 else 400
        assert found.status_code == expected, path
    assert not Album.objects.filter(public_id=album_id.replace("\0", "")).exclude(public_id="ab").exists()


@pytest.mark.parametrize("album_id", FIT, ids=lambda text: ascii(text[:8]))
@pytest.mark.django_db(transaction=True)
def test_an_album_may_have_any_other_id(api: Client, album_id: str) -> None:
    for method, path in EVERY_WAY:
        sent = {"file": picture_file(jpeg())} if method == "post" else None
        response = getattr(api, method)(f"/api/v1/albums/{quote(album_id, safe='')}{path}", sent)
        assert response.status_code == 200, (method, path)
    assert Image.objects.get().album.public_id == album_id
    form = api.get(f"/api/v1/albums/{quote(album_id, safe='')}").json()["upload_form"]
    assert (form["name"], form["params"]["tags"]) == (album_id, album_id)


@pytest.mark.parametrize("path", ["/api/v1/albums/a%2Fb", "/api/v1/albums/a%2Fb/images", "/api/v1/albums//images"])
def test_an_id_is_one_segment_of_the_path(api: Client, path: str) -> None:
    assert api.get(path).status_code == 404
    assert not Album.objects.exists()


def test_who_is_nobody_is_denied_whatever_he_asks(client: Client, db: None) -> None:
    for album_id in (ALBUM, "%00", "."):
        for method, path in EVERY_WAY:
            response = getattr(client, method)(f"/api/v1/albums/{album_id}{path}")
            assert (response.status_code, response.content) == (401, b"")
            assert response.headers["X-message"] == "Access denied"


NEW_ROUTES = [
    ("get", URL, None),
    ("get", f"{URL}/images", None),
    ("post", "/api/v1/albums", None),
    ("post", "/api/v1/storage_files", {"album_id": ALBUM, "name": "a.jpg", "size": 9}),
    ("post", "/api/v1/storages/any/storage_files", {"album_id": ALBUM, "name": "a.jpg", "size": 9}),
    ("post", "/api/v1/imports", {"album_id": ALBUM, "url": "http://a.example/a.jpg"}),
]


@pytest.mark.parametrize(("method", "path", "body"), NEW_ROUTES)
def test_every_success_has_a_new_token_and_the_standard_headers(api: Client, method: str, path: str, body: Any) -> None:
    response = getattr(api, method)(path, body, content_type="application/json") if body else getattr(api, method)(path)
    assert response.status_code == 200
    assert response.headers["X-token"].count(".") == 2
    assert response.headers["Cache-Control"] == "no-cache, no-store"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Request-Id"] and response.headers["X-Runtime"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"album_id": "a"}', b'{"cloudinary": null}', b"[]", b"3", b"{"])
def test_an_upload_without_file_and_answer_is_malformed(api: Client, body: bytes) -> None:
    response = api.post(f"{URL}/images", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "malformed"
    assert not Image.objects.exists() and not Album.objects.exists()


def test_a_user_token_names_the_uploader(api: Client, user: User, transactional_db: None) -> None:
    by_plain_upload(api, jpeg())
    assert Image.objects.get().uploader == user
