"""What holds of files wherever they are kept, and what only S3 can do.

The server is moto's; `make test-swift` runs the same tests against a real one, which checks signatures.
"""

import base64
import json
import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import encode_multipart
from django.utils import timezone

from accounts.models import Organization
from albums.models import Album
from images.delivery.variants import STORED
from images.storage import storage
from sharinpix.errors import Unavailable
from tests.factories import make_album, make_stored_image, remove_discarded
from tests.images.conftest import KEY, SECRET, s3_client, use_s3
from tests.images.links import UPRIGHT, content_of, signed
from tests.images.samples import corners, oriented
from tests.servers import ROOT

ORIGINAL = "originals/ab/abc"
REAL = "CONTRACT_S3_ENDPOINT" in os.environ


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def keys_below(folder: str) -> list[str]:
    return sorted(key for key, _ in storage.files(folder))


@pytest.mark.any_database
@pytest.mark.parametrize("content", [b"content", b"", bytes(range(256)) * 40_000], ids=["short", "empty", "long"])
def test_a_file_is_read_back_as_it_was_written(place: str, content: bytes) -> None:
    storage.write(ORIGINAL, content)
    assert storage.read(ORIGINAL) == content
    assert storage.stored_size(ORIGINAL) == len(content)
    opened = storage.opened(ORIGINAL)
    assert opened is not None
    with opened:
        assert (opened.size, opened.read(3), opened.seek(0), opened.read()) == (len(content), content[:3], 0, content)


@pytest.mark.any_database
def test_a_file_is_stored_from_its_beginning_wherever_it_was_read_to(place: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789")
    with source.open("rb") as file:
        file.seek(5)
        storage.write(ORIGINAL, File(file))
        assert not file.closed
    assert storage.read(ORIGINAL) == b"0123456789"


@pytest.mark.any_database
def test_what_is_not_there_is_none_and_can_be_removed(place: str) -> None:
    assert storage.read(ORIGINAL) is None
    assert storage.opened(ORIGINAL) is None
    assert storage.stored_size(ORIGINAL) is None
    storage.remove([ORIGINAL])
    storage.remove([])
    storage.remove_folder("derived/abc")


@pytest.mark.any_database
def test_what_is_removed_is_gone_and_nothing_else_is(place: str) -> None:
    keys = [f"originals/ab/{number:02}" for number in range(25)]
    for key in keys:
        storage.write(key, b"x")
    storage.remove(key for key in [*keys[1:], "originals/ab/none"])
    assert keys_below("originals") == keys[:1]


@pytest.mark.any_database
def test_the_derived_files_of_an_original_go_together(place: str) -> None:
    for key in ("derived/abc/1", "derived/abc/2", "derived/abcd/1"):
        storage.write(key, b"x")
    storage.remove_folder("derived/abc")
    assert keys_below("derived") == ["derived/abcd/1"]


@pytest.mark.any_database
def test_a_key_that_is_written_again_keeps_its_content(place: str) -> None:
    """A key that is written again is written the same: local disks leave what is there, S3 replaces it by its like."""
    storage.write(ORIGINAL, b"content")
    storage.write(ORIGINAL, b"content")
    assert (storage.read(ORIGINAL), keys_below("originals")) == (b"content", [ORIGINAL])


@pytest.mark.any_database
def test_many_writers_of_one_key_leave_one_whole_file(place: str) -> None:
    contents = [bytes([number]) * 300_000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(lambda content: storage.write("derived/a/b", content), contents))
    assert storage.read("derived/a/b") in contents
    assert keys_below("derived") == ["derived/a/b"]


@pytest.mark.any_database
def test_all_files_of_a_folder_are_listed_with_the_time_of_their_writing(place: str) -> None:
    keys = [f"originals/{number:02}/photo" for number in range(25)]
    for key in [*keys, "originals2/00/photo", "parts/00/photo"]:
        storage.write(key, b"x")
    found = dict(storage.files("originals"))
    assert sorted(found) == keys
    now = timezone.now()  # aware: a naive time could not be subtracted from it
    assert [time for time in found.values() if abs(now - time) > timedelta(minutes=30)] == []


@pytest.mark.any_database
def test_a_folder_that_nobody_wrote_to_is_empty(place: str) -> None:
    assert keys_below("parts") == []


MEMORY = """
import resource, sys
import django
django.setup()
from django.core.files.base import File
from images.storage import storage
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
storage.write("originals/aa/small", b"x" * 100_000)
storage.read("originals/aa/small")
before = peak()
with open(sys.argv[1], "rb") as file:
    storage.write("originals/aa/large", File(file))
written = peak()
with storage.opened("originals/aa/large") as file:
    size = sum(len(chunk) for chunk in file.chunks())
print(size, written - before, peak() - before)
"""


@pytest.mark.any_database
def test_a_file_of_100_mb_is_never_held_in_memory(place: str, s3_server: str, tmp_path: Path) -> None:
    """In a process that is set up by the environment as an installation is."""
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(100_000_000)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "sharinpix.settings", "DATA_DIR": str(tmp_path)}
    if place == "s3":
        environment |= {"S3_BUCKET": default_storage.bucket_name, "S3_ENDPOINT_URL": s3_server}  # type: ignore[attr-defined]
        environment |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    command = [sys.executable, "-c", MEMORY, str(source)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    size, written, read = (int(number) for number in done.stdout.split())
    assert size == 100_000_000
    assert max(written, read) < 10_000  # KB


@pytest.mark.django_db
def test_pictures_are_delivered(place: str, client: Client, album: Album) -> None:
    image = make_stored_image(album, oriented(6, 64, 48))
    for chain in ("c_fit,w_60", "c_fit,h_1920,w_1920/fl_attachment/dpr_auto,q_auto,f_auto"):
        assert corners(content_of(client, signed(image, chain))) == UPRIGHT
    assert len(keys_below("thumbnails")) == len(STORED)
    assert keys_below(f"derived/{image.delivery_id}")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Café noir", "写真 🖼", 'a"b', "100 %"])
def test_an_original_is_a_download_under_its_own_name(place: str, client: Client, album: Album, name: str) -> None:
    content = oriented(6)
    image = make_stored_image(album, content, filename=name)
    response: Any = client.get(signed(image, "fl_attachment"))
    assert (response.getvalue(), response["Content-Length"]) == (content, str(len(content)))
    disposition = response["Content-Disposition"]
    assert f"{name}.jpg" in (
        unquote(disposition.partition("''")[2]),
        disposition.partition('"')[2][:-1].replace("\\", ""),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("chain", "answer"), [("fl_attachment", (404, "no-store")), ("c_fit,w_60", (200, "no-cache"))])
def test_a_picture_whose_original_is_gone_is_told(
    place: str, client: Client, album: Album, chain: str, answer: tuple[int, str]
) -> None:
    image = make_stored_image(album)
    storage.remove([str(image.original)])
    response = client.get(signed(image, chain))
    assert (response.status_code, response["Cache-Control"]) == answer
    image.refresh_from_db()
    assert image.original_fault == "missing"


@pytest.mark.django_db(transaction=True)
def test_the_files_of_a_deleted_image_go(place: str, client: Client, album: Album) -> None:
    image = make_stored_image(album)
    content_of(client, signed(image, "c_fit,w_30"))
    image.delete()
    remove_discarded()
    assert [keys_below(folder) for folder in ("originals", "thumbnails", "derived")] == [[], [], []]


@pytest.mark.any_database
def test_s3_is_never_told_what_an_uploader_calls_a_file(bucket: str) -> None:
    storage.write(ORIGINAL, SimpleUploadedFile("page.html", b"<script>", "text/html"))
    head = s3_client().head_object(Bucket=bucket, Key=ORIGINAL)
    assert head["ContentType"] == "application/octet-stream"
    assert "ContentEncoding" not in head


@pytest.mark.any_database
def test_many_files_are_removed_by_few_requests(bucket: str) -> None:
    sizes: list[int] = []

    def note(params: dict[str, Any], **event: object) -> None:
        sizes.append(len(params["Delete"]["Objects"]))

    s3_client().meta.events.register("provide-client-params.s3.DeleteObjects", note)
    storage.remove(f"originals/ab/{number:04}" for number in range(2_005))
    assert sizes == [1_000, 1_000, 5]  # S3 takes no more than a thousand keys at once


@pytest.mark.any_database
def test_a_bucket_that_is_not_there_is_no_missing_file(settings: Any, s3_server: str) -> None:
    use_s3(settings, s3_server, "no-such-bucket")
    with pytest.raises(Unavailable):
        storage.read(ORIGINAL)


@pytest.mark.any_database
@pytest.mark.skipif(not REAL, reason="moto checks no signature")
def test_a_wrong_secret_opens_nothing(bucket: str, settings: Any, s3_server: str) -> None:
    storage.write(ORIGINAL, b"content")
    use_s3(settings, s3_server, bucket, secret_key="wrong")
    for attempt in (
        lambda: storage.read(ORIGINAL),
        lambda: storage.write("parts/a", b"x"),
        lambda: keys_below("parts"),
    ):
        with pytest.raises(Unavailable):
            attempt()


@pytest.mark.any_database
def test_a_posted_file_must_be_of_the_key_the_fields_and_the_size_that_were_signed(bucket: str) -> None:
    url, fields = storage.presigned_post("parts/a b/é", {"Content-Type": "image/jpeg"}, 7, 600)
    policy = json.loads(base64.b64decode(fields["policy"]))
    for condition in ({"bucket": bucket}, {"key": "parts/a b/é"}, {"Content-Type": "image/jpeg"}):
        assert condition in policy["conditions"]
    assert ["content-length-range", 7, 7] in policy["conditions"]
    signed = {name for condition in policy["conditions"] if isinstance(condition, dict) for name in condition}
    assert set(fields) - {"policy", "x-amz-signature"} <= signed
    assert url.endswith(f"/{bucket}")


@pytest.mark.any_database
def test_a_browser_is_sent_to_the_address_of_the_buckets_own_region(settings: Any) -> None:
    """The address that all regions share redirects, and browsers follow no redirect of a post to another origin."""
    use_s3(settings, "", "pictures", endpoint_url=None, region_name="eu-west-3")
    url, _ = storage.presigned_post("parts/a", {}, 7, 600)
    assert url == "https://pictures.s3.eu-west-3.amazonaws.com/"


@pytest.mark.any_database
def test_nobody_waits_long_for_s3(settings: Any) -> None:
    use_s3(settings, "http://127.0.0.1:1", "pictures")
    config = s3_client().meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 5, 2)


@pytest.mark.any_database
@pytest.mark.skipif(REAL, reason="Swift takes no posts")
def test_a_client_can_post_a_file_without_us(bucket: str) -> None:
    url, fields = storage.presigned_post("parts/a", {"Content-Type": "image/jpeg"}, 7, 600)
    body = encode_multipart("limit", {**fields, "file": ContentFile(b"content", "photo.jpg")})
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
        assert response.status == 204
    assert (storage.read("parts/a"), storage.stored_size("parts/a")) == (b"content", 7)
