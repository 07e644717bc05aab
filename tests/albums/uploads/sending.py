"""Sends pictures by each road that the API has (no tests in here)."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Organization
from albums.imports.models import Import
from albums.uploads.models import StorageFile
from images.models import Image
from images.uploads.keys import organization_signer
from images.uploads.models import Upload

ALBUM = "001A0000"
IMG35 = (
    "id public_id infos exifs gps gps_ip gps_exifs gps_html created_at updated_at taken_at width height rotation crop_x "
    "crop_y crop_w crop_h metadatas original_url original_width original_height external_urls filename format title "
    "description page group_id color size processed processing_error album_id thumbnails"
).split()
"""The keys of an image in their published order."""


def picture_file(content: bytes, name: str = "Façade nord.jpg") -> SimpleUploadedFile:
    """The content as a file of a form."""
    return SimpleUploadedFile(name, content, content_type="image/jpeg")


def upload_form(api: Client, album: str = ALBUM) -> dict[str, Any]:
    """The upload form of an album, as the API hands it out: `url` and `params`."""
    return dict(api.get(f"/api/v1/albums/{album}").json()["upload_form"])


def sent_by_form(api: Client, content: bytes, album: str = ALBUM, **changes: Any) -> Any:
    """The answer of our own end of the upload form."""
    form = upload_form(api, album)
    fields = {**form["params"], **changes}
    path = form["url"].removeprefix(settings.PUBLIC_URL)
    return Client().post(path, {**fields, "file": picture_file(content)})


def by_cloudinary_form(api: Client, content: bytes) -> dict[str, Any]:
    """The image that comes of the form and its claim, as the API answers it."""
    answer = sent_by_form(api, content).json()
    body = {"cloudinary": answer, "album_id": ALBUM, "metadatas": {"floor": "2"}}
    made = api.post(f"/api/v1/albums/{ALBUM}/images", orjson.dumps(body), content_type="application/json")
    assert made.status_code == 200, made.content
    return dict(made.json())


def announced(api: Client, size: int, **fields: Any) -> dict[str, Any]:
    """What the API answers to the announcement of a file of so many bytes."""
    body = {"album_id": ALBUM, "name": "Façade nord.jpg", "type": "jpg", "size": size, **fields}
    answer = api.post("/api/v1/storages/default/storage_files", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def by_storage_file(api: Client, content: bytes) -> dict[str, Any]:
    """The image that comes of an announced file, as the API answers it."""
    file = announced(api, len(content), image_metadatas={"floor": "2"})
    parameters = file["upload_parameters"]
    path = parameters["url"].removeprefix(settings.PUBLIC_URL)
    stored = Client().post(path, {**parameters["fields"], "file": picture_file(content)})
    assert stored.status_code == 201, stored.content
    made = api.put(f"/api/v1/storage_files/{file['id']}", stored.content, content_type="")
    assert made.status_code == 200, made.content
    return dict(made.json()["image"])


def by_plain_upload(api: Client, content: bytes, **extra: Any) -> dict[str, Any]:
    """The image that comes of one request, as the API answers it."""
    fields = {"file": picture_file(content), "metadatas[floor]": "2"}
    made = api.post(f"/api/v1/albums/{ALBUM}/images", fields, **extra)
    assert made.status_code == 200, made.content
    return dict(made.json())


def by_import(api: Client, url: str) -> dict[str, Any]:
    """The image that comes of a URL, as the API lists it in its album."""
    body = {
        "import_type": "url",
        "url": url,
        "album_id": ALBUM,
        "filename": "Façade nord.jpg",
        "metadatas": {"floor": "2"},
    }
    made = api.post("/api/v1/imports", body, content_type="application/json")
    assert made.status_code == 200, made.content
    done = api.get(f"/api/v1/imports/{made.json()['id']}").json()
    assert done["status"] == "done", done
    (image,) = [i for i in api.get(f"/api/v1/albums/{ALBUM}/images").json() if i["id"] == done["image_id"]]
    return dict(image)


def batch(entries: Any) -> Any:
    """The answer to a batch of native uploads."""
    part = SimpleUploadedFile("batch.json", json.dumps(entries).encode(), content_type="application/json")
    return Client().post("/api/v1/native_upload/batch", {"file": part})


def native_upload(content: bytes) -> dict[str, Any]:
    """What a native upload is answered, before any batch tells whose it is."""
    form = Client().get("/api/v1/native_upload?app_version=2").json()
    path = form["url"].removeprefix(settings.PUBLIC_URL)
    return dict(Client().post(path, {**form["params"], "file": picture_file(content)}).json())


def by_native_upload(api: Client, token: str, content: bytes) -> dict[str, Any]:
    """The image that comes of a native upload and its batch, as the API lists it in its album."""
    answer = native_upload(content)
    entry = {"token": token, "public_id": answer["public_id"], "album": ALBUM, "metadatas": {"floor": "2"}}
    assert batch([entry]).status_code == 200
    return dict(api.get(f"/api/v1/albums/{ALBUM}/images").json()[-1])


def notification(organization: Organization, told: dict[str, Any], timestamp: int | None = None) -> dict[str, Any]:
    """Arguments of a client's post that make it the notification of an upload, signed by the organization's key."""
    body, moment = orjson.dumps(told), str(timestamp or int(time.time()))
    signature = organization_signer(organization.pk).notification_signature(body, moment)
    headers = {"X-Cld-Timestamp": moment, "X-Cld-Signature": signature}
    return {"data": body, "content_type": "application/x-www-form-urlencoded", "headers": headers}


Road = Callable[[Client, bytes], dict[str, Any]]


def stored() -> set[str]:
    """The keys of all files that the storage holds, and of what was being received."""
    media, incoming = Path(settings.STORAGES["default"]["OPTIONS"]["location"]), Path(settings.FILE_UPLOAD_TEMP_DIR)
    return {str(path) for folder in (media, incoming) for path in folder.rglob("*") if path.is_file()}


@contextmanager
def nothing_kept() -> Iterator[None]:
    """What is done inside leaves neither a row nor a file."""
    models = (Image, Upload, Import, StorageFile)
    before, rows = stored(), [model._default_manager.count() for model in models]
    yield
    assert stored() - before == set()
    assert [model._default_manager.count() for model in models] == rows
