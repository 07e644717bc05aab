"""Storage files: announced, sent to the storage in the shape of S3's POST, then claimed (API: storage files)."""

import base64
import json
import uuid
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, Secret
from albums.models import Album
from albums.uploads.models import StorageFile
from albums.uploads.storage_files import FORM
from images.models import Image
from images.storage import storage
from images.storage.keys import original_key
from images.uploads.models import Upload
from tests.albums.uploads.sending import (
    ALBUM,
    IMG35,
    announced,
    by_storage_file,
    nothing_kept,
    picture_file,
    stored,
)
from tests.factories import jpeg, make_album, make_image
from tests.threads import together

PICTURE = jpeg(640, 480)
races = pytest.mark.django_db(transaction=True)


def send(parameters: dict[str, Any], content: bytes = PICTURE, **changes: Any) -> Any:
    fields = {**parameters["fields"], **changes}
    return Client().post(
        "/storage_files", {**{k: v for k, v in fields.items() if v is not None}, "file": picture_file(content)}
    )


def ask(api: Client, file: dict[str, Any], body: Any = b"", content_type: str = "") -> Any:
    return api.put(f"/api/v1/storage_files/{file['id']}", body, content_type=content_type)


def access(**abilities: Any) -> dict[str, Any]:
    return {"abilities": {ALBUM: {"Access": abilities}}}


def test_a_file_is_announced_with_the_fields_of_a_form_in_their_order(api: Client, organization: Organization) -> None:
    answer = announced(api, 1_000)
    assert list(answer) == ["id", "organization_id", "upload_parameters"]
    assert answer["organization_id"] == str(organization.pk)
    assert list(answer["upload_parameters"]) == ["method", "url", "fields"]
    assert (answer["upload_parameters"]["method"], answer["upload_parameters"]["url"]) == (
        "POST",
        "http://testserver/storage_files",
    )
    fields = answer["upload_parameters"]["fields"]
    assert list(fields) == FORM
    file = StorageFile.objects.get()
    assert fields["key"] == original_key(file.delivery_id)
    assert fields["x-amz-meta-file_id"] == answer["id"] == str(file.pk)
    assert (fields["Content-Type"], fields["success_action_status"]) == ("jpg", "201")
    assert (
        fields["Content-Disposition"]
        == "attachment; filename=\"facade-nord.jpg\"; filename*=UTF-8''Fa%C3%A7ade%20nord.jpg"
    )
    assert not Album.objects.exists()  # it is made with its first image


def test_the_policy_allows_one_file_of_one_size_for_a_day(api: Client) -> None:
    fields = announced(api, 1_000)["upload_parameters"]["fields"]
    document = json.loads(base64.b64decode(fields["policy"]))
    bucket, *named, length = document["conditions"]
    assert bucket == {"bucket": "sharinpix"}
    assert {k: v for one in named for k, v in one.items()} == {
        k: v for k, v in fields.items() if k not in {"policy", "x-amz-signature"}
    }
    assert length == ["content-length-range", 1_000, 1_000]


@pytest.mark.parametrize(
    "path", ["/api/v1/storage_files", "/api/v1/storage_files/", "/api/v1/storages/amazing-storage/storage_files"]
)
def test_a_form_with_brackets_announces_alike(api: Client, path: str) -> None:
    fields = {"album_id": ALBUM, "name": "a.png", "type": "image/png", "size": "10668", "metas[color]": "#FF0000",
              "metas[exifs][Make]": "FUJIFILM", "image_metadatas[a]": "1"}  # fmt: skip
    response = api.post(path, urlencode(fields), content_type="application/x-www-form-urlencoded")
    assert response.status_code == 200
    file = StorageFile.objects.get()
    assert (file.size, file.type, file.album_name) == (10_668, "image/png", ALBUM)
    assert file.metas == {"color": "#FF0000", "exifs": {"Make": "FUJIFILM"}}
    assert file.infos("abc") == {
        "bytes": 10_668, "color": "#FF0000", "exifs": {"Make": "FUJIFILM"}, "original_filename": "a", "format": "png", "md5": "abc",
    }  # fmt: skip


@pytest.mark.parametrize("size", [None, "", "abc", 0, -1, 1.5, True, "NaN", "1e400", [], {}, "9" * 50])
def test_a_size_that_is_none_is_malformed(api: Client, size: Any) -> None:
    body = {"album_id": ALBUM, "name": "a.jpg", "size": size}
    response = api.post("/api/v1/storage_files", body, content_type="application/json")
    assert (response.status_code, response.headers["X-message"]) == (400, "size must be the file's length in bytes.")


def test_a_file_over_the_limit_is_413_when_it_is_announced(api: Client, settings: Any) -> None:
    body = {"album_id": ALBUM, "name": "a.jpg", "size": settings.MAX_UPLOAD + 1}
    assert api.post("/api/v1/storage_files", body, content_type="application/json").status_code == 413
    body["size"] = settings.MAX_UPLOAD
    assert api.post("/api/v1/storage_files", body, content_type="application/json").status_code == 200


NAMES = [
    "../../etc/x.jpg",
    "C:\\x.jpg",
    "n" * 2_000 + ".jpg",
    'a"; x="\r\nSet-Cookie: a=b.jpg',
    "\u202egpj.exe",
    "😀.jpg",
    ".htaccess",
    "a.b.c",
    "jpg",
    "…",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@races
def test_any_name_makes_a_header_and_an_image(api: Client, name: str) -> None:
    file = announced(api, len(PICTURE), name=name)
    disposition = file["upload_parameters"]["fields"]["Content-Disposition"]
    assert disposition.isascii() and disposition.isprintable() and disposition.count('"') == 2
    assert quote(name[:1_024], safe="") in disposition
    assert send(file["upload_parameters"]).status_code == 201
    image = ask(api, file).json()["image"]
    assert image["filename"].isprintable() and len(image["filename"].encode()) <= 255 and "/" not in image["filename"]


@races
def test_the_storage_answers_as_s3_does_and_the_image_is_there_at_once(api: Client) -> None:
    file = announced(api, len(PICTURE), metas={"color": "#123456", "exifs": {"Make": "X"}}, image_metadatas={"a": 1})
    response = send(file["upload_parameters"])
    assert (response.status_code, response.headers["Content-Type"]) == (201, "application/xml")
    answer = ET.fromstring(response.content)
    assert [child.tag for child in answer] == ["Location", "Bucket", "Key", "ETag"]
    assert answer.findtext("Key") == file["upload_parameters"]["fields"]["key"]
    upload = Upload.objects.get()
    assert answer.findtext("ETag") == f'"{upload.md5}"'
    made = ask(api, file, response.content)
    assert made.status_code == 200 and made.headers["X-token"]
    assert list(made.json()) == ["id", "organization_id", "image"]
    image = made.json()["image"]
    assert list(image) == IMG35
    assert list(image["infos"]) == ["bytes", "color", "exifs", "original_filename", "format", "md5"]
    assert (image["infos"]["bytes"], image["infos"]["md5"]) == (len(PICTURE), upload.md5)
    assert (image["filename"], image["album_id"], image["metadatas"]) == ("Façade nord", ALBUM, {"a": 1})
    assert storage.read(str(Image.objects.get().original)) == PICTURE


BODIES = {
    "infos": (
        urlencode({"infos": "<PostResponse><Key>another</Key></PostResponse>"}),
        "application/x-www-form-urlencoded",
    ),
    "raw XML": ("<PostResponse/>", "application/xml"),
    "raw XML as a form": ("<PostResponse a='b&c'/>", "application/x-www-form-urlencoded"),
    "JSON": ('{"infos": {"a": 1}}', "application/json"),
    "broken JSON": ("<PostResponse/>", "application/json"),
    "nothing": ("", ""),
    "bytes": (b"\xff\0", "application/octet-stream"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@races
def test_the_image_is_answered_whatever_the_storages_answer_is_wrapped_in(api: Client, body: Any) -> None:
    file = announced(api, len(PICTURE))
    send(file["upload_parameters"])
    assert ask(api, file, *body).json()["image"]["processed"] is True


def test_asking_before_the_file_has_come_is_400_with_a_sentence(api: Client) -> None:
    response = ask(api, announced(api, len(PICTURE)))
    assert (response.status_code, response.headers["X-message"]) == (400, "The file has not been sent yet.")
    assert not Image.objects.exists()


@races
def test_a_repeated_request_gets_the_same_image(api: Client) -> None:
    file = announced(api, len(PICTURE))
    assert {send(file["upload_parameters"]).status_code for _ in range(2)} == {201}
    before = stored()
    assert len({ask(api, file).json()["image"]["id"] for _ in range(3)}) == 1
    assert send(file["upload_parameters"]).status_code == 201
    assert (Image.objects.count(), Upload.objects.count()) == (1, 1)
    assert len([key for key in stored() if "originals" in key]) == len([key for key in before if "originals" in key])


@races
def test_the_image_of_a_file_is_not_made_again_once_it_was_deleted(api: Client) -> None:
    file = announced(api, len(PICTURE))
    send(file["upload_parameters"])
    ask(api, file)
    Image.objects.get().delete()
    assert ask(api, file).status_code == 409
    assert not Image.objects.exists()


def test_a_file_of_another_content_does_not_replace_the_first(api: Client, transactional_db: None) -> None:
    file, other = announced(api, len(PICTURE)), PICTURE[:-30] + bytes(28) + PICTURE[-2:]
    assert send(file["upload_parameters"]).status_code == 201
    with nothing_kept():
        response = send(file["upload_parameters"], other)
        assert (response.status_code, ET.fromstring(response.content).findtext("Code")) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("changes", "content", "status"),
    [
        ({}, PICTURE + b"x", 403),
        ({}, PICTURE[:-1], 403),
        ({"policy": "e30="}, PICTURE, 403),
        ({"x-amz-signature": "0" * 64}, PICTURE, 403),
        ({"x-amz-signature": None}, PICTURE, 403),
        ({"x-amz-meta-file_id": str(uuid.uuid4())}, PICTURE, 403),
        ({"x-amz-meta-file_id": None}, PICTURE, 403),
        ({"key": "originals/../../etc/passwd"}, PICTURE, 403),
        ({"Content-Type": "text/html"}, PICTURE, 403),
        ({"acl": "public-read"}, PICTURE, 403),
        ({"success_action_redirect": "https://evil.example"}, PICTURE, 403),
    ],
)
def test_a_form_that_says_something_else_is_refused_and_leaves_nothing(
    api: Client, changes: dict[str, Any], content: bytes, status: int
) -> None:
    file = announced(api, len(PICTURE))
    with nothing_kept():
        response = send(file["upload_parameters"], content, **changes)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/xml"
    assert [child.tag for child in ET.fromstring(response.content)] == ["Code", "Message"]


def test_a_field_in_another_case_cannot_lead_the_file_elsewhere(api: Client, transactional_db: None) -> None:
    mine, other = announced(api, len(PICTURE)), announced(api, len(PICTURE))
    parameters = mine["upload_parameters"]
    elsewhere = {"X-Amz-Meta-File_Id": mine["id"], "x-amz-meta-file_id": other["id"]}
    for sent in (
        elsewhere,
        dict(reversed(elsewhere.items())),
        {"X-Amz-Meta-File_Id": mine["id"], "x-amz-meta-file_id": None},
    ):
        rest = {**parameters, "fields": {k: v for k, v in parameters["fields"].items() if k != "x-amz-meta-file_id"}}
        assert send(rest, **sent).status_code in {201, 403}
    assert StorageFile.objects.get(pk=other["id"]).upload is None


def test_a_form_is_good_for_a_day(api: Client, transactional_db: None) -> None:
    file = announced(api, len(PICTURE))
    with nothing_kept(), time_machine.travel(timezone.now() + timedelta(hours=24, seconds=2)):
        assert send(file["upload_parameters"]).status_code == 403
    assert send(file["upload_parameters"]).status_code == 201


@pytest.mark.parametrize("content", [b"<html><script>", b"%PDF-1.7\n", b"\0"])
def test_what_is_no_picture_is_refused_when_it_is_sent(api: Client, content: bytes) -> None:
    file = announced(api, len(content))
    with nothing_kept():
        response = send(file["upload_parameters"], content)
    assert (response.status_code, ET.fromstring(response.content).findtext("Code")) == (400, "InvalidRequest")
    assert ask(api, file).status_code == 400


def test_a_form_of_which_nothing_can_be_read_is_refused(client: Client, db: None) -> None:
    for body, kind in ((b"", "text/plain"), (b"\0\xff", "multipart/form-data; boundary=x"), (b"a=b", "application/x-www-form-urlencoded"),
                       (b"{}", "application/json"), (b"[]", "application/json"), (b"<", "application/xml")):  # fmt: skip
        response = client.post("/storage_files", body, content_type=kind)
        assert response.status_code in {400, 415}, (body, kind)
        ET.fromstring(response.content)
    assert client.get("/storage_files").status_code == 405


@races
def test_who_may_announce_and_ask(api: Client, api_of: Any, secret: Secret, other_organization: Organization) -> None:
    body = {"album_id": ALBUM, "name": "a.jpg", "size": len(PICTURE)}
    elsewhere = {"abilities": {"another": {"Access": {"image_upload": True}}}}
    stranger = Secret.issue(other_organization, "theirs")[0]
    file = announced(api, len(PICTURE))
    send(file["upload_parameters"])
    ways: list[tuple[Client, int, int]] = [
        (api_of(secret), 401, 401),
        (api_of(secret, **access(image_list=True)), 401, 401),
        (api_of(secret, **elsewhere), 401, 404),
        (api_of(stranger, **access(image_list=True)), 401, 401),
        (api_of(stranger, admin=True), 200, 404),
        (api_of(secret, **access(image_upload=True)), 200, 200),
        (api_of(secret, admin=True), 200, 200),
    ]
    for client, announces, asks in ways:
        assert client.post("/api/v1/storage_files", body, content_type="application/json").status_code == announces
        assert ask(client, file).status_code == asks
    assert Image.objects.count() == 1
    for nobodys in ("junk", str(uuid.uuid4()), file["id"].upper(), f"{file['id']}%00", f"{file['id']}%0A"):
        assert api.put(f"/api/v1/storage_files/{nobodys}").status_code == 404


@races
def test_a_file_that_is_sent_twice_at_once_is_kept_once(api: Client) -> None:
    parameters = announced(api, len(PICTURE))["upload_parameters"]
    before = len([key for key in stored() if "originals" in key])
    assert together([lambda: send(parameters).status_code] * 6) == [201] * 6
    assert Upload.objects.count() == 1
    assert len([key for key in stored() if "originals" in key]) == before + 1
    assert storage.read(Upload.objects.get().original) == PICTURE


@races
def test_asking_several_times_at_once_makes_one_image(api: Client) -> None:
    file = announced(api, len(PICTURE))
    send(file["upload_parameters"])
    answers = together([lambda: ask(api, file)] * 6)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.json()["image"]["id"] for answer in answers}) == Image.objects.count() == 1


def test_the_same_picture_again_is_reported_and_kept(
    api: Client, organization: Organization, transactional_db: None
) -> None:
    make_image(make_album(organization), sha256="0" * 64)
    first, second = by_storage_file(api, PICTURE), by_storage_file(api, PICTURE)
    assert "duplicate_of" not in first["infos"]
    assert second["infos"]["duplicate_of"] == first["id"]
    assert Image.objects.filter(album__public_id=ALBUM).count() == 2
