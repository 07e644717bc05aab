"""Multipart bodies within bounds, as the API and the admin read them."""

import base64
from typing import Any

import pytest
from django.test import Client

from tests.albums.uploads.sending import ALBUM, nothing_kept
from tests.factories import jpeg

URL = f"/api/v1/albums/{ALBUM}/images"
PICTURE = jpeg()


def part(content: bytes, *headers: str, name: str = "file", filename: str = "a.jpg") -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"; filename="{filename}"', *headers]
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


def send(api: Client, *parts: bytes, end: bytes = b"--x--\r\n") -> Any:
    return api.post(URL, b"".join(parts) + end, content_type="multipart/form-data; boundary=x")


@pytest.mark.parametrize("encoding", ["base64", "BASE64", " Base64 ", "quoted-printable", "x-gzip", "junk"])
def test_a_part_in_a_transfer_encoding_is_refused(api: Client, encoding: str) -> None:
    with nothing_kept():
        response = send(api, part(base64.b64encode(PICTURE), f"Content-Transfer-Encoding: {encoding}"))
    assert response.status_code == 400


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7bit", "BINARY"])
def test_the_encodings_that_are_none_are_let_through(api: Client, encoding: str, transactional_db: None) -> None:
    assert send(api, part(PICTURE, f"Content-Transfer-Encoding: {encoding}")).status_code == 200


def test_all_files_of_a_body_count_together(api: Client, settings: Any, transactional_db: None) -> None:
    settings.MAX_UPLOAD = len(PICTURE) * 2
    assert send(api, part(PICTURE), part(PICTURE, name="other")).status_code == 200
    with nothing_kept():
        response = send(api, part(PICTURE), part(PICTURE, name="other"), part(b"x", name="third"))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_a_body_that_announces_too_much_is_refused_unread(api: Client, settings: Any) -> None:
    settings.MAX_UPLOAD = len(PICTURE)
    body = part(PICTURE) + b"--x--\r\n"
    with nothing_kept():
        response = api.post(URL, body, content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(10**10))
    assert response.status_code == 413


def test_a_body_that_ends_too_early_makes_no_image_of_what_is_no_picture(api: Client) -> None:
    whole = part(PICTURE)
    for cut in (5, 20, 60, 90):
        with nothing_kept():
            assert send(api, whole[:cut], end=b"").status_code == 400, cut


def test_fields_beyond_the_limit_are_413(api: Client) -> None:
    field = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n%s\r\n'
    with nothing_kept():
        assert send(api, part(PICTURE), field % (b"x" * 2_700_000)).status_code == 413
        assert send(api, part(PICTURE), *[field % b"x"] * 10_200).status_code == 413


def test_the_same_bounds_hold_for_the_admin(client: Client, db: None) -> None:
    body = part(b"x", "Content-Transfer-Encoding: base64") + b"--x--\r\n"
    assert client.post("/admin/login/", body, content_type="multipart/form-data; boundary=x").status_code == 400
