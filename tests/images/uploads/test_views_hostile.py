"""Bodies of uploads that no honest client sends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.storage.keys import original_key
from images.uploads.keys import Signer
from images.uploads.models import Upload
from tests.factories import jpeg
from tests.fuzzing import examples
from tests.images.uploads.sending import (
    PICTURE,
    field,
    file_part,
    multipart,
    refused,
    send,
    send_raw,
    signed_fields,
)

pytestmark = pytest.mark.django_db


def form(signer: Signer, **parameters: Any) -> list[bytes]:
    return [field(name, value) for name, value in signed_fields(signer, **parameters).items()]


NAMES = {
    b"../../x.jpg": "x",
    b"..\\..\\x.jpg": "x",
    b"C:\\x.jpg": "x",
    b"a\r\nSet-Cookie: b.jpg": '"a',  # the line break ends the header
    b"a%0d%0aSet-Cookie: b.jpg": None,
    "\u202egpj.exe.jpg".encode(): "gpj.exe",
    "\U0001f600 smile.jpg".encode(): "\U0001f600 smile",
    b"a\0b.jpg": "ab",
    b".htaccess": ".htaccess",
    b"x" * 300 + b".jpg": "x" * 251,
    ("é" * 300 + ".jpg").encode(): None,
    b"\xff\xfe.jpg": None,
    b"a&#x2f;..&#x2f;b.jpg": "b",
}


@pytest.mark.parametrize("filename", NAMES, ids=repr)
def test_a_name_is_shown_without_what_harms_and_never_becomes_a_key(signer: Signer, filename: bytes) -> None:
    answer = send_raw(multipart(*form(signer), file_part(filename)))
    if b"\xff" in filename:  # a header is UTF-8
        refused(answer, 400)
        return
    assert answer.status_code == 200, answer.content
    upload = Upload.objects.get()
    assert upload.original == original_key(upload.public_id)
    assert len(upload.filename.encode()) <= 255
    assert all(c.isprintable() for c in upload.filename)
    assert "/" not in upload.filename and "\\" not in upload.filename
    if NAMES[filename] is not None:
        assert upload.filename == NAMES[filename]


@pytest.mark.parametrize("filename", [b"", b".", b"..", b"/", b"a/", b"\n"])
def test_a_part_without_a_name_is_no_file(signer: Signer, filename: bytes) -> None:
    refused(send_raw(multipart(*form(signer), file_part(filename))), 400)


def test_of_two_files_the_last_one_counts(signer: Signer) -> None:
    answer = send_raw(multipart(*form(signer), file_part(b"a.jpg", jpeg(10, 10)), file_part(b"b.jpg", jpeg(20, 20))))
    assert (answer.status_code, answer.json()["width"]) == (200, 20)
    assert Upload.objects.count() == 1


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"BASE64", b"x-gzip", b"binary, base64"])
def test_a_part_in_a_transfer_encoding_is_refused(signer: Signer, encoding: bytes) -> None:
    part = file_part(b"a.jpg", more=b"Content-Transfer-Encoding: " + encoding + b"\r\n")
    refused(send_raw(multipart(*form(signer), part)), 400)


def test_a_part_may_say_that_it_is_binary(signer: Signer) -> None:
    part = file_part(b"a.jpg", more=b"Content-Transfer-Encoding: binary\r\n")
    assert send_raw(multipart(*form(signer), part)).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=é",
        "multipart/mixed; boundary=BoUnDaRy",
        "multipart/form-data; boundary=other",
        "text/plain",
        "",
        "image/jpeg",
        f"multipart/form-data; boundary={'b' * 5_000}",
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(signer: Signer, content_type: str) -> None:
    answer = send_raw(multipart(*form(signer), file_part(b"a.jpg")), content_type=content_type)
    assert 400 <= answer.status_code < 500
    assert not Upload.objects.exists()


def test_a_body_that_ends_early_is_never_a_500(signer: Signer) -> None:
    body = multipart(*form(signer), file_part(b"a.jpg"))
    for length in range(0, len(body) - len(PICTURE), 97):
        assert 400 <= send_raw(body[:length]).status_code < 500
    assert not Upload.objects.exists()


def test_a_body_without_any_field_is_refused(db: None) -> None:
    refused(send_raw(multipart()), 401)
    refused(send_raw(b""), 401)


def test_very_many_fields_are_read_or_refused_but_never_signed(signer: Signer) -> None:
    for count in (10_000, 10_200):
        fields = [field(f"f{number}", "") for number in range(count)]
        assert send_raw(multipart(*form(signer), *fields, file_part(b"a.jpg"))).status_code in {200, 400, 413}
    names = [field("a[]" * 50, "1"), field("a[b][c]" * 20, "2"), field("[", "3"), field("]", "4")]
    assert send_raw(multipart(*form(signer), *names, file_part(b"a.jpg"))).status_code in {400, 401}
    files = [file_part(b"a.jpg", b"", name=f"f{number}".encode()) for number in range(200)]
    assert send_raw(multipart(*form(signer), *files)).status_code == 400


def test_a_field_of_megabytes_is_too_large(signer: Signer) -> None:
    refused(send_raw(multipart(*form(signer, tags="x" * 4_000_000), file_part(b"a.jpg"))), 413)


def test_a_file_over_the_limit_is_too_large(signer: Signer, settings: Any) -> None:
    settings.MAX_UPLOAD = 10_000
    refused(send(signer, PICTURE + b"\0" * 10_000), 413)
    assert send(signer, PICTURE + b"\0" * (10_000 - len(PICTURE))).status_code == 200


def test_a_body_that_says_it_is_over_the_limit_is_not_read(signer: Signer, settings: Any) -> None:
    settings.MAX_UPLOAD = 10_000
    refused(send_raw(multipart(*form(signer), file_part(b"a.jpg", PICTURE + b"\0" * 4_000_000))), 413)


def test_a_picture_of_too_many_pixels_is_too_large(signer: Signer, settings: Any) -> None:
    settings.MAX_MEGAPIXELS = 1
    refused(send(signer, jpeg(1_001, 1_000)), 413)


@given(body=st.binary(max_size=300))
@examples(60)
def test_no_body_is_a_500(db: None, body: bytes) -> None:
    for content_type in (
        "multipart/form-data; boundary=BoUnDaRy",
        "application/json",
        "application/x-www-form-urlencoded",
    ):
        assert 400 <= send_raw(body, content_type=content_type).status_code < 500
    framed = b"--BoUnDaRy\r\n" + body + b"\r\n--BoUnDaRy--\r\n"
    assert 400 <= send_raw(framed).status_code < 500
