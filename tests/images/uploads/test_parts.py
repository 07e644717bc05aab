"""Uploads in parts."""

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone

from images.storage import storage
from images.uploads import parts
from images.uploads.keys import Signer
from images.uploads.models import Part, PartialUpload, Upload
from images.uploads.parts import Span
from sharinpix.errors import Malformed, TooLarge
from tests.images.uploads.sending import PICTURE, send, send_part
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
WHOLE = PICTURE + bytes(range(256)) * 4
THIRDS = [(0, 500), (500, 1_000), (1_000, len(WHOLE))]


def files() -> list[Path]:
    """All that the storage holds of parts and originals."""
    root = Path(django_settings.DATA_DIR) / "media"
    return [path for name in ("parts", "originals") for path in (root / name).rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _nothing_is_left_over() -> Iterator[None]:
    before = set(files())
    yield
    known = {*Upload.objects.values_list("original", flat=True), *Part.objects.values_list("file", flat=True)}
    root = Path(django_settings.DATA_DIR) / "media"
    assert {str(path.relative_to(root)) for path in set(files()) - before} == known
    assert not os.listdir(django_settings.FILE_UPLOAD_TEMP_DIR)


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_parts_make_the_upload_in_any_order(signer: Signer, order: tuple[int, ...]) -> None:
    answers = [send_part(signer, "one", WHOLE, *THIRDS[number]).json() for number in order]
    assert [answer.get("done") for answer in answers] == [False, False, None]
    upload = Upload.objects.get()
    assert storage.read(upload.original) == WHOLE
    assert {(answer["public_id"], answer["version"]) for answer in answers} == {(upload.public_id, upload.version)}
    assert upload.answer == answers[-1]
    assert upload.organization_id == signer.organization_id
    assert (answers[-1]["bytes"], answers[-1]["original_filename"]) == (len(WHOLE), "a")
    assert not Part.objects.exists()


def test_a_whole_file_may_come_as_its_only_part(signer: Signer) -> None:
    told = send_part(signer, "one", WHOLE, 0, len(WHOLE)).json()
    assert (told["bytes"], Upload.objects.count()) == (len(WHOLE), 1)


def test_every_part_may_come_twice(signer: Signer) -> None:
    first = send_part(signer, "one", WHOLE, 0, 500).json()
    assert send_part(signer, "one", WHOLE, 0, 500).json() == first
    assert Part.objects.count() == 1
    whole = send_part(signer, "one", WHOLE, 500, len(WHOLE)).json()
    for start, end in ((500, len(WHOLE)), (0, 500)):
        assert send_part(signer, "one", WHOLE, start, end).json() == whole
    assert (Upload.objects.count(), Part.objects.count()) == (1, 0)


def test_later_parts_name_the_public_id_that_the_first_was_answered(signer: Signer) -> None:
    public_id = send_part(signer, "one", WHOLE, 0, 500).json()["public_id"]
    assert send_part(signer, "one", WHOLE, 500, 900, public_id=public_id).status_code == 200
    assert send_part(signer, "one", WHOLE, 900, len(WHOLE), public_id="mine").status_code == 400
    told = send_part(signer, "one", WHOLE, 900, len(WHOLE), public_id=public_id).json()
    assert told["public_id"] == public_id


def test_a_first_part_cannot_choose_its_public_id(signer: Signer) -> None:
    answer = send_part(signer, "one", WHOLE, 0, 500, public_id="mine")
    assert answer.status_code == 400
    assert not Part.objects.exists()


def test_a_client_may_come_back_after_an_hour(signer: Signer) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=2), tick=True):
        assert send_part(signer, "one", WHOLE, 0, 500).status_code == 200
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json()["bytes"] == len(WHOLE)


def test_the_first_part_decides_the_type(signer: Signer) -> None:
    send_part(signer, "one", WHOLE, 0, 500, type="private")
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE), type="upload").json()["type"] == "private"


def test_two_uploads_at_once_do_not_mix(signer: Signer) -> None:
    other = PICTURE + b"\1" * 2_000
    send_part(signer, "one", WHOLE, 0, 500)
    send_part(signer, "two", other, 0, 500)
    send_part(signer, "two", other, 500, len(other))
    send_part(signer, "one", WHOLE, 500, len(WHOLE))
    stored = [storage.read(upload.original) for upload in Upload.objects.order_by("bytes")]
    assert stored == [WHOLE, other]


def test_another_organization_has_upload_ids_of_its_own(signer: Signer, foreign: Signer) -> None:
    ours = send_part(signer, "one", WHOLE, 0, 500).json()
    theirs = send_part(foreign, "one", WHOLE, 500, len(WHOLE)).json()
    assert theirs["done"] is False
    assert theirs["public_id"] != ours["public_id"]
    assert send_part(foreign, "one", WHOLE, 0, 500, public_id=ours["public_id"]).status_code == 400
    assert PartialUpload.objects.count() == 2
    assert not Upload.objects.exists()


def test_parts_of_another_total_are_another_upload(signer: Signer) -> None:
    send_part(signer, "one", WHOLE, 0, 500)
    assert send_part(signer, "one", WHOLE, 500, 600, total=len(WHOLE) + 1).status_code == 400
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json()["bytes"] == len(WHOLE)


def test_a_part_that_contradicts_one_is_refused_and_the_upload_goes_on(signer: Signer) -> None:
    send_part(signer, "one", WHOLE, 0, 500)
    assert send_part(signer, "one", WHOLE, 0, 400).status_code == 400
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json()["bytes"] == len(WHOLE)


@pytest.mark.parametrize("second", [(400, len(WHOLE)), (499, len(WHOLE)), (1, len(WHOLE))])
def test_parts_that_overlap_make_no_upload_and_leave_nothing(signer: Signer, second: tuple[int, int]) -> None:
    send_part(signer, "one", WHOLE, 0, 500)
    answer = send_part(signer, "one", WHOLE, *second)
    assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert not Upload.objects.exists()
    assert not PartialUpload.objects.exists()


def test_parts_that_overlap_and_leave_a_gap_of_the_same_size_make_no_upload(signer: Signer) -> None:
    whole = WHOLE[:1_000]
    send_part(signer, "one", whole, 0, 500)
    assert send_part(signer, "one", whole, 400, 900).status_code == 400
    assert not Upload.objects.exists()


@pytest.mark.parametrize("whole", [b"<html>" * 300, b"\0" * 2_000])
def test_parts_of_no_picture_leave_nothing(signer: Signer, whole: bytes) -> None:
    assert send_part(signer, "one", whole, 0, 500).json()["done"] is False
    assert send_part(signer, "one", whole, 500, len(whole)).status_code == 400
    assert not PartialUpload.objects.exists()
    assert send_part(signer, "one", WHOLE, 0, len(WHOLE)).status_code == 200


def test_a_part_is_as_long_as_it_says(signer: Signer) -> None:
    headers = {"X-Unique-Upload-Id": "one", "Content-Range": "bytes 0-99/2000"}
    assert send(signer, WHOLE, headers=headers).status_code == 400
    assert not PartialUpload.objects.exists()


@pytest.mark.parametrize("upload_id", ["", "x" * 256])
def test_a_part_has_an_upload_id(signer: Signer, upload_id: str) -> None:
    assert send_part(signer, upload_id, WHOLE, 0, 500).status_code == 400
    assert send(signer, WHOLE[:500], headers={"Content-Range": "bytes 0-499/2000"}).status_code == 400
    assert not Upload.objects.exists()


def test_an_upload_id_alone_makes_no_part(signer: Signer) -> None:
    assert send(signer, WHOLE, headers={"X-Unique-Upload-Id": "one"}).json()["bytes"] == len(WHOLE)


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes",
        "bytes 0-1",
        "bytes */10",
        "bytes 5-4/10",
        "bytes 0-10/10",
        "bytes -1-4/10",
        "items 0-1/2",
        "bytes 0-1/-1",
        "bytes 0-1/2, 3-4/5",
        "bytes ٠-١/٢",
        f"bytes 0-1/{'9' * 16}",
        "bytes 0-1/0",
        "bytes 1.0-2/3",
    ],
)
def test_a_range_that_cannot_be_read_is_malformed(content_range: str) -> None:
    with pytest.raises(Malformed):
        Span.parse(content_range)


def test_a_range_names_its_bytes() -> None:
    assert Span.parse(" bytes 500-999/2000 ") == Span(start=500, size=500, total=2_000)
    assert Span.parse("bytes 0-0/1") == Span(0, 1, 1)


def test_a_total_over_the_limit_is_too_large_from_the_first_part_on(signer: Signer, settings: Any) -> None:
    with pytest.raises(TooLarge):
        Span.parse("bytes 0-1/100000001")
    settings.MAX_UPLOAD = len(WHOLE) - 1
    assert send_part(signer, "one", WHOLE, 0, 500).status_code == 413
    assert not PartialUpload.objects.exists()


def test_last_parts_that_come_at_once_make_one_upload(signer: Signer) -> None:
    for number in range(10):
        name = f"upload {number}"
        send_part(signer, name, WHOLE, *THIRDS[1])
        halves = [THIRDS[0], THIRDS[2], THIRDS[0], THIRDS[2]]
        answers = together([partial(send_part, signer, name, WHOLE, *span) for span in halves])
        assert {answer.status_code for answer in answers} == {200}
        told = [answer.json() for answer in answers]
        assert len({answer["public_id"] for answer in told}) == 1
        assert [answer["etag"] for answer in told if "done" not in answer]
    assert Upload.objects.count() == 10
    assert not Part.objects.exists()
    assert {storage.read(upload.original) for upload in Upload.objects.all()} == {WHOLE}


def test_of_two_that_put_the_parts_together_one_makes_the_upload(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one sends the last part again while the first one still works on it."""
    real, seconds = parts.finish_upload, []

    def finish(whole: PartialUpload, upload: Upload, then: parts.Whole) -> None:
        monkeypatch.setattr(parts, "finish_upload", real)
        seconds.append(send_part(signer, "one", WHOLE, 500, len(WHOLE)).json())
        real(whole, upload, then)

    send_part(signer, "one", WHOLE, 0, 500)
    monkeypatch.setattr(parts, "finish_upload", finish)
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json() == seconds[0]
    assert storage.read(Upload.objects.get().original) == WHOLE


def test_parts_that_another_request_has_used_up_are_no_trouble(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seconds = parts.copy, []

    def copy(*args: Any) -> None:
        monkeypatch.setattr(parts, "copy", real)
        seconds.append(send_part(signer, "one", WHOLE, 500, len(WHOLE)).json())
        real(*args)

    send_part(signer, "one", WHOLE, 0, 500)
    monkeypatch.setattr(parts, "copy", copy)
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json() == seconds[0]
    assert storage.read(Upload.objects.get().original) == WHOLE


def test_the_parts_stay_when_the_storage_fails_so_that_the_last_one_can_come_again(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storage.write

    def write(key: str, content: Any) -> None:
        if key.startswith("originals"):
            raise OSError("no room")
        real(key, content)

    send_part(signer, "one", WHOLE, 0, 500)
    with monkeypatch.context() as broken:
        broken.setattr(storage, "write", write)
        assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).status_code >= 500
    assert Part.objects.count() == 2
    assert send_part(signer, "one", WHOLE, 500, len(WHOLE)).json()["bytes"] == len(WHOLE)
