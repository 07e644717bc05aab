"""Sends files to our own end of an upload form, as Cloudinary's clients do (no tests in here)."""

import time
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from images.uploads.keys import Signer
from images.uploads.models import Upload
from tests.factories import jpeg

PICTURE = jpeg(64, 48)
BOUNDARY = "BoUnDaRy"


def path(kind: str = "auto") -> str:
    """The path of our own end of an upload form."""
    return f"/v1_1/{settings.CLOUD_NAME}/{kind}/upload"


def signed_fields(signer: Signer, **parameters: Any) -> dict[str, Any]:
    """The fields of an upload form with these parameters, signed now."""
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
    """The answer to an upload of the content; further keywords are parameters of the form."""
    file = SimpleUploadedFile(name, content)
    return Client(raise_request_exception=False).post(
        path(kind), {**signed_fields(signer, **more), "file": file}, headers=headers
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
    """One field of a multipart body: header and value, for `multipart`."""
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def file_part(filename: bytes, content: bytes = PICTURE, *, name: bytes = b"file", more: bytes = b"") -> bytes:
    """One file of a multipart body: headers and content, for `multipart`."""
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
