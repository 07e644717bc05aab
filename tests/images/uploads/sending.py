"""Sends files to our own end of an upload form, as Cloudinary's clients do (no tests in here)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from images.uploads.keys import Signer
from images.uploads.models import Upload
from tests.factories import jpeg

Result = TypeVar("Result")
PICTURE = jpeg(64, 48)
BOUNDARY = "BoUnDaRy"


def path(kind: str = "auto") -> str:
    return f"/v1_1/{settings.CLOUD_NAME}/{kind}/upload"


def signed(signer: Signer, **parameters: Any) -> dict[str, Any]:
    return signer.signed({"timestamp": int(time.time()), "type": "authenticated", **parameters})


def send(
    signer: Signer,
    content: bytes = PICTURE,
    *,
    name: str = "a.jpg",
    kind: str = "auto",
    headers: Any = None,
    **more: Any,
) -> Any:
    file = SimpleUploadedFile(name, content)
    return Client(raise_request_exception=False).post(
        path(kind), {**signed(signer, **more), "file": file}, headers=headers
    )


def send_part(signer: Signer, upload_id: str, whole: bytes, start: int, end: int, **parameters: Any) -> Any:
    """Sends the bytes from `start` to before `end` of a file; `total` changes what is said of its length."""
    total = parameters.pop("total", len(whole))
    headers = {"X-Unique-Upload-Id": upload_id, "Content-Range": f"bytes {start}-{end - 1}/{total}"}
    return send(signer, whole[start:end], headers=headers, **parameters)


def multipart(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    """A body of raw parts, each with its headers."""
    line = f"--{BOUNDARY}".encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + end


def field(name: str, value: Any) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def file_part(filename: bytes, content: bytes = PICTURE, *, name: bytes = b"file", more: bytes = b"") -> bytes:
    head = b'Content-Disposition: form-data; name="' + name + b'"; filename="' + filename + b'"\r\n'
    return head + b"Content-Type: image/jpeg\r\n" + more + b"\r\n" + content


def send_raw(body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}", **extra: Any) -> Any:
    """Posts a body as it is; an exception is the 500 that a client would see."""
    return Client(raise_request_exception=False).generic("POST", path(), body, content_type=content_type, **extra)


def refused(response: Any, status: int) -> str:
    """The sentence of a refusal in Cloudinary's shape; nothing was kept."""
    assert response.status_code == status, (response.status_code, response.content)
    assert response.headers["Content-Type"].startswith("application/json")
    assert list(response.json()) == ["error"]
    assert not Upload.objects.exists()
    return str(response.json()["error"]["message"])


def together(tasks: list[Callable[[], Result]]) -> list[Result]:
    """Runs all at the same moment, each in a thread with a database connection of its own."""
    barrier = Barrier(len(tasks))

    def one(task: Callable[[], Result]) -> Result:
        try:
            barrier.wait(20)
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(one, tasks))
