"""Plain uploads: one request with the file makes the image."""

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pillow

from accounts.models import Organization, Secret
from albums.models import Album
from images.delivery.variants import STORED
from images.models import Image, Tag
from images.storage import storage
from images.storage.keys import original_key
from images.uploads.models import Upload
from tests.albums.uploads.sending import ALBUM, IMG35, by_plain_upload, nothing_kept, picture_file, stored
from tests.factories import jpeg, make_album
from tests.images.rendering.test_hostile import FILES
from tests.images.samples import animation, file_of, oriented, png_claiming, quarters
from tests.payloads import assert_same_payload
from tests.threads import together

URL = f"/api/v1/albums/{ALBUM}/images"
PICTURE = jpeg(640, 480)
races = pytest.mark.django_db(transaction=True)


def send(api: Client, content: bytes = PICTURE, name: str = "a.jpg", key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(URL, {"file": picture_file(content, name), **fields}, headers=headers)


def originals() -> int:
    return len([key for key in stored() if "/originals/" in key])


@races
def test_one_request_makes_the_image(api: Client) -> None:
    sent: dict[str, Any] = {"title": "A house", "description": "Ours", "tags[]": ["b", "a"], "metadatas[floor][side]": "2",
            "location[latitude]": "48.5", "location[longitude]": "2.25"}  # fmt: skip
    response = send(api, PICTURE, "Façade nord.JPG", **sent)
    assert response.status_code == 200
    image = response.json()
    assert list(image) == IMG35
    assert list(image["infos"]) == [
        "bytes", "created_at", "etag", "format", "height", "resource_type", "tags", "type", "width", "original_filename", "location",
    ]  # fmt: skip
    assert (image["title"], image["description"], image["metadatas"]) == ("A house", "Ours", {"floor": {"side": "2"}})
    assert (image["filename"], image["format"], image["size"]) == ("Façade nord", "jpg", len(PICTURE))
    assert (image["width"], image["height"], image["gps"]) == (640, 480, [48.5, 2.25])
    assert (image["infos"]["tags"], image["infos"]["location"]) == ([ALBUM], {"latitude": "48.5", "longitude": "2.25"})
    assert (image["processed"], image["processing_error"]) == (True, None)
    row = Image.objects.get()
    assert sorted(row.tag_names) == ["a", "b"]
    assert storage.read(str(row.original)) == PICTURE
    assert row.thumbnails.count() == len(STORED)


@races
def test_images_come_in_the_order_of_their_upload(api: Client) -> None:
    sent = [send(api, jpeg(color=color)).json()["id"] for color in ("red", "green", "blue")]
    assert [image["id"] for image in api.get(URL).json()] == sent


def test_a_tag_that_the_organization_lacks_takes_the_right_to_make_it(
    api_of: Any, secret: Secret, organization: Organization, transactional_db: None
) -> None:
    Tag.objects.create(organization=organization, name="known")

    def status(tag: str, **claims: Any) -> int:
        granted = {"abilities": {ALBUM: {"Access": {"image_upload": True, **claims.pop("access", {})}}, **claims}}
        return int(send(api_of(secret, **granted), tags=tag).status_code)

    with nothing_kept():
        assert status("new") == status("known,new") == status("new", tags={"create": 1}) == 401
    assert status("known") == 200
    assert status("new 1", tags={"create": True}) == status("new 2", tags={"create": "true"}) == 200
    assert status("new 3", access={"image_tag": True}) == 200
    assert set(Tag.objects.values_list("name", flat=True)) == {"known", "new 1", "new 2", "new 3"}


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    return buffer.getvalue()


REFUSED = {
    "no byte": (b"", 400),
    "one byte": (b"\xff", 400),
    "HTML": (b"<!doctype html><script>alert(1)</script>", 400),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 400),
    "PDF": (file_of(quarters(), "PDF"), 400),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", 400),
    "ICO": (file_of(quarters(), "ICO"), 400),
    "HTML after a PNG's first bytes": (b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", 400),
    "GIFAR": (b"GIF89a/*<script>alert(1)</script>*/", 400),
    "ZIP": (zipped(), 400),
    "16,000² pixels": (png_claiming(16_000, 16_000), 413),
    "30,000² pixels": (png_claiming(30_000, 30_000), 413),
    "501 frames": (animation(501), 413),
    "100 megapixels in all frames": (animation(5, 5_000, 4_001), 413),
}


@pytest.mark.parametrize(("content", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_picture_or_too_large_a_one_is_refused_and_leaves_nothing(
    api: Client, content: bytes, status: int, transactional_db: None
) -> None:
    with nothing_kept():
        response = send(api, content)
    assert response.status_code == status
    assert response.headers["X-message"].endswith(".")
    assert response.json()["error"]["message"] == response.headers["X-message"]
    assert not Album.objects.exists()


def exif(tags: dict[int, Any]) -> bytes:
    found = Pillow.Exif()
    for tag, value in tags.items():
        found[tag] = value
    return file_of(quarters(), "JPEG", exif=found)


ACCEPTED = {
    **FILES,
    "another extension": FILES["webp"],
    "9,000² pixels": file_of(Pillow.new("1", (9_000, 9_000)), "PNG"),
    "500 frames": animation(500),
    "JPEG and ZIP": PICTURE + zipped(),
    "JPEG with a script": file_of(quarters(), "JPEG", comment=b"<script>alert(1)</script>"),
    **{f"mode {mode}": file_of(quarters().convert(mode), "TIFF") for mode in ("1", "L", "CMYK", "LAB", "P")},
    "16 bits": file_of(Pillow.new("I;16", (64, 48)), "PNG"),
    **{f"orientation {number}": oriented(number) for number in range(1, 9)},
    **{f"orientation {number}": exif({0x0112: number}) for number in (0, 9)},
    "no date": exif({0x0132: "0000:00:00 00:00:00", 0x9003: "0000:00:00 00:00:00\0\0"}),
    "a long comment": exif({0x9286: b"ASCII\0\0\0" + b"x" * 60_000}),
}


@pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED.keys())
@races
def test_what_is_a_picture_is_kept_byte_for_byte_and_shown(api: Client, content: bytes) -> None:
    image = send(api, content, "picture.jpg").json()
    assert (image["processed"], image["processing_error"]) == (True, None)
    row = Image.objects.get()
    assert storage.read(str(row.original)) == content
    original = Client().get(image["original_url"].removeprefix("http://testserver"))
    assert b"".join(original) == content
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    assert original.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert original.headers["Content-Type"].startswith("image/")
    shown = Client().get(image["thumbnails"]["large"].rpartition("#")[2].removeprefix("http://testserver"))
    assert b"<script>" not in b"".join(shown) and shown.status_code == 200


def test_the_content_decides_the_format_whatever_the_name(api: Client, transactional_db: None) -> None:
    image = send(api, FILES["webp"], "picture.jpg").json()
    assert (image["format"], image["infos"]["format"], image["filename"]) == ("webp", "webp", "picture")


@pytest.mark.parametrize("cut", [PICTURE[: len(PICTURE) // 2], PICTURE[:-2]], ids=["half", "all but two bytes"])
@races
def test_a_truncated_picture_keeps_its_row_and_shows_a_placeholder(api: Client, cut: bytes) -> None:
    response = send(api, cut)
    assert response.status_code == 200
    image = response.json()
    assert image["processed"] is True
    assert image["processing_error"].startswith("truncated")
    assert storage.read(str(Image.objects.get().original)) == cut
    for url in (*image["external_urls"].values(), *image["thumbnails"].values()):
        shown: Any = Client().get(url.removeprefix("http://testserver"), follow=True)
        assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg"), url
        assert "no-cache" in shown.headers["Cache-Control"]


NAMES = [
    "../../x.jpg",
    "C:\\x.jpg",
    "n" * 300 + ".jpg",
    "a\r\nSet-Cookie: a=b.jpg",
    "\u202egpj.exe",
    "😀.jpg",
    ".htaccess",
    "a\0b.jpg",
    "é" * 200,
    "<script>.jpg",
    'a"b.jpg',
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@races
def test_a_name_is_a_label_and_never_a_path(api: Client, name: str) -> None:
    # As a hostile client writes it: Python's own would escape it.
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    written = name.replace('"', '\\"').encode()
    response = api.post(URL, body % (written, PICTURE), content_type="multipart/form-data; boundary=x")
    if response.status_code == 400:  # a part whose header is broken, or none at all
        assert "\n" in name
        return
    image = response.json()
    assert image["filename"].isprintable() and len(image["filename"].encode()) <= 255
    assert not {"/", "\\"} & set(image["filename"])
    row = Image.objects.get()
    assert row.original.name == original_key(row.delivery_id)
    original = Client().get(image["original_url"].removeprefix("http://testserver"))
    assert "Set-Cookie" not in original.headers and original.status_code == 200


@pytest.mark.parametrize("name", ["", ".", "..", "/", "../"])
def test_a_part_without_a_name_is_no_file(api: Client, name: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n' % (
        name.encode(),
        PICTURE,
    )
    with nothing_kept():
        assert api.post(URL, body, content_type="multipart/form-data; boundary=x").status_code == 400


def test_a_file_over_the_limit_is_413_and_leaves_nothing(api: Client, settings: Any) -> None:
    settings.MAX_UPLOAD = len(PICTURE) + 10
    with nothing_kept():
        response = send(api, PICTURE + bytes(11))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
    settings.MAX_UPLOAD = -10_000_000  # the announced length alone
    with nothing_kept():
        assert send(api).status_code == 413


def test_the_limits_of_pictures_are_settings(api: Client, settings: Any, transactional_db: None) -> None:
    settings.MAX_MEGAPIXELS = 1
    with nothing_kept():
        assert send(api, jpeg(1_001, 1_000)).status_code == 413
    assert send(api, jpeg(1_000, 1_000)).status_code == 200
    settings.MAX_FRAMES = 2
    with nothing_kept():
        assert send(api, animation(3)).status_code == 413
    assert send(api, animation(2)).status_code == 200


@pytest.mark.parametrize(
    "name", ["title", "tags", "metadatas", "metadata", "location", "description", "cloudinary", "x"]
)
def test_a_file_in_the_place_of_a_text_is_left_out(api: Client, name: str, transactional_db: None) -> None:
    files: dict[str, Any] = {name: SimpleUploadedFile("a.txt", b"x")}
    response = send(api, **files)
    assert response.status_code == 200
    assert "TemporaryUploadedFile" not in response.content.decode()


@pytest.mark.parametrize(
    "fields",
    [{"metadatas": "text"}, {"metadatas[]": "x"}, {"title[a]": "x"}, {"description[]": "x"}, {"tags[a]": "b"},
     {"tags": ",".join(map(str, range(101)))}, {"tags": "x" * 256}, {"a": "x", "a[b]": "y"}],
)  # fmt: skip
def test_a_field_of_another_shape_is_malformed_and_leaves_nothing(api: Client, fields: dict[str, Any]) -> None:
    with nothing_kept():
        response = send(api, **fields)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "malformed")


@races
def test_the_same_bytes_in_the_same_album_are_told_of_and_kept(api: Client) -> None:
    first, second, third = by_plain_upload(api, PICTURE), by_plain_upload(api, PICTURE), by_plain_upload(api, PICTURE)
    assert "duplicate_of" not in first["infos"]
    assert second["infos"]["duplicate_of"] == third["infos"]["duplicate_of"] == first["id"]
    assert len(set(Image.objects.values_list("original", flat=True))) == 3
    elsewhere = api.post("/api/v1/albums/another/images", {"file": picture_file(PICTURE)}).json()
    assert "duplicate_of" not in elsewhere["infos"]
    assert "duplicate_of" not in by_plain_upload(api, jpeg(color="red"))["infos"]


@races
def test_a_retry_under_the_same_key_gets_the_same_image(api: Client, api_of: Any, secret: Secret) -> None:
    first = send(api, key="abc").json()
    files = originals()
    assert_same_payload(send(api, key="abc", title="ignored").json(), first)
    assert (Image.objects.count(), originals()) == (1, files)
    assert send(api, key="abd").json()["id"] != first["id"]
    assert send(api).json()["id"] != first["id"]
    assert send(api_of(secret, admin=True), key="abc").json()["id"] == first["id"]


@races
def test_a_retry_finds_the_image_where_it_is_by_now(api: Client, organization: Organization) -> None:
    first = send(api, key="abc").json()
    Album.objects.get().rename("renamed")
    assert send(api, key="abc").json()["id"] == first["id"]
    assert Image.objects.count() == 1


@races
def test_a_key_that_named_another_request_is_422(api: Client) -> None:
    send(api, key="abc")
    with nothing_kept():
        assert send(api, jpeg(color="red"), key="abc").status_code == 422
        other = api.post(
            "/api/v1/albums/another/images", {"file": picture_file(PICTURE)}, headers={"Idempotency-Key": "abc"}
        )
        assert (other.status_code, other.json()["error"]["code"]) == (422, "unprocessable")


@races
def test_a_retry_after_the_image_was_deleted_is_409(api: Client) -> None:
    send(api, key="abc")
    Image.objects.get().delete()
    with nothing_kept():
        assert send(api, key="abc").status_code == 409


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x01", "a\x7f", "\t"], ids=ascii)
def test_a_key_is_of_1_to_255_printable_characters(api: Client, key: str) -> None:
    with nothing_kept():
        assert send(api, key=key).status_code == 400


@races
def test_keys_of_two_organizations_do_not_meet(api: Client, other_organization: Organization, api_of: Any) -> None:
    theirs = api_of(Secret.issue(other_organization, "theirs")[0], admin=True)
    assert send(api, key="abc").json()["id"] != send(theirs, key="abc").json()["id"]


@races
def test_the_same_request_sent_twenty_times_at_once_makes_one_image(api: Client) -> None:
    files = originals()
    answers = together([lambda: send(api, key="abc")] * 20)
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (Image.objects.count(), Upload.objects.count(), originals()) == (1, 1, files + 1)


@races
def test_uploads_at_once_into_an_album_that_does_not_exist_make_it_once(api: Client) -> None:
    colors = ["red", "green", "blue", "white", "red", "green"]
    answers = together([lambda color=color: send(api, jpeg(color=color)) for color in colors])  # type: ignore[misc]
    assert [answer.status_code for answer in answers] == [200] * len(colors)
    assert Album.objects.count() == 1
    assert len(set(Image.objects.values_list("position", flat=True))) == len(colors)
    assert len([answer for answer in answers if "duplicate_of" in answer.json()["infos"]]) == 2


@races
def test_an_upload_into_an_album_that_is_renamed_meanwhile_ends_in_one_of_the_two(
    api: Client, organization: Organization
) -> None:
    album = make_album(organization, ALBUM)
    answers = together([*[lambda: send(api).status_code] * 3, lambda: album.rename("renamed")])
    assert answers[:3] == [200] * 3
    assert Image.objects.count() == 3
    for image in api.get("/api/v1/image_syncs").json():
        assert image["album_id"] in {ALBUM, "renamed"}


@races
def test_an_upload_into_an_album_that_is_deleted_meanwhile_ends_in_a_new_one(
    api: Client, organization: Organization
) -> None:
    for _ in range(4):
        Image.objects.all().delete()
        Album.objects.filter(public_id=ALBUM).delete()
        album = make_album(organization, ALBUM)

        def delete(pk: int = album.pk) -> int:
            return int(Album.objects.filter(pk=pk, images=None)._raw_delete("default"))

        def deleted() -> str:
            from django.db import IntegrityError

            try:
                delete()
            except IntegrityError:
                return "an image was there first"
            return "gone"

        status, _ = together([lambda: str(send(api).status_code), deleted])
        assert status == "200"
        assert Image.objects.get().album.public_id == ALBUM
