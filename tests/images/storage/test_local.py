"""Files on local disks: whole or not at all, written once, a bounded cache, gone with their last row."""

import errno
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client

from accounts.models import Organization
from albums import sweeping
from albums.models import Album
from images.models import DiscardedFile, Image
from images.storage import storage
from images.storage.cache import TRIM_EVERY, DerivedCache, derived
from images.storage.keys import derived_file_key, new_public_id, original_key, writing
from sharinpix.errors import Full
from sharinpix.locks import FileLock
from tests.factories import make_album, make_image, make_stored_image, remove_discarded
from tests.images.links import content_of, signed

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Breaks(ContentFile[bytes]):
    """Content at which the disk fails in the middle."""

    def __init__(self, number: int) -> None:
        super().__init__(b"")
        self.number = number

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"half"
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.any_database
@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, Full), (errno.EDQUOT, Full), (errno.EIO, OSError)])
def test_a_write_that_fails_leaves_nothing(media: Path, number: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        storage.write("originals/ab/abc", Breaks(number))
    assert (storage.read("originals/ab/abc"), files_below(media)) == (None, [])


@pytest.mark.any_database
def test_a_file_over_the_limit_of_the_system_is_too_much(tmp_path: Path) -> None:
    script = """
import resource
import django
django.setup()
from images.storage import storage
from sharinpix.errors import Full
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
storage.write("originals/ab/small", b"x" * 50_000)
try:
    storage.write("originals/ab/large", b"x" * 200_000)
except Full as error:
    print(error)
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "sharinpix.settings", "DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)
    assert (done.stdout, files_below(tmp_path / "media")) == (
        b"There is no room left to store this.\n",
        ["originals/ab/small"],
    )


@pytest.mark.any_database
def test_a_process_that_is_killed_while_it_writes_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    script = """
import os, signal
import django
django.setup()
from django.core.files.base import ContentFile
from images.storage import storage
class Kills(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"half" * 100_000
        os.kill(os.getpid(), signal.SIGKILL)
storage.write("originals/ab/abc", Kills(b""))
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "sharinpix.settings", "DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment)
    left = files_below(tmp_path / "media")
    assert (done.returncode, len(left)) == (-9, 1)
    assert left[0].startswith("originals/ab/.writing-")


@pytest.mark.any_database
def test_what_a_killed_writer_left_is_listed_and_can_be_removed(media: Path) -> None:
    storage.write("originals/ab/abc", b"content")
    (media / "originals/ab/.writing-x").write_bytes(b"half")
    found = [key for key, _ in storage.files("originals")]
    assert sorted(found) == ["originals/ab/.writing-x", "originals/ab/abc"]
    storage.remove(found)
    assert files_below(media) == []


@pytest.mark.any_database
def test_what_is_there_is_never_overwritten(media: Path) -> None:
    storage.write("originals/ab/abc", b"first")
    before = (media / "originals/ab/abc").stat()
    storage.write("originals/ab/abc", b"second")
    assert storage.read("originals/ab/abc") == b"first"
    assert (media / "originals/ab/abc").stat().st_ino == before.st_ino


@pytest.mark.any_database
def test_many_writers_of_one_key_leave_one_whole_file(media: Path) -> None:
    contents = [bytes([number]) * 300_000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(lambda content: storage.write("derived/a/b", content), contents))
    assert storage.read("derived/a/b") in contents
    assert files_below(media) == ["derived/a/b"]


@pytest.mark.any_database
def test_keys_are_made_by_the_server_alone() -> None:
    ids = {new_public_id() for _ in range(200)}
    assert len(ids) == 200
    assert [public_id for public_id in ids if not re.fullmatch("[a-z0-9]{20}", public_id)] == []
    assert original_key("abcdef") == "originals/ab/abcdef"
    assert derived_file_key("abcdef", "0" * 64) == f"derived/abcdef/{'0' * 64}"


NOW = timedelta(0)
"""A grace that is over at once."""


def cached(folder: Path, count: int, size: int = 100) -> list[str]:
    """Derived files, the oldest first."""
    keys = [f"derived/photo{number % 3}/{number:02}" for number in range(count)]
    for age, key in enumerate(keys):
        storage.write(key, b"x" * size)
        os.utime(folder / key, (age + 1, age + 1))
    return keys


@pytest.mark.any_database
def test_trimming_removes_the_oldest_until_nine_tenths_of_the_limit_are_left(media: Path) -> None:
    keys = cached(media, 20)
    storage.trim("derived", 1_000, NOW)
    assert files_below(media) == sorted(keys[-9:])


@pytest.mark.any_database
def test_what_is_evicted_is_not_found_and_stays_for_its_grace(media: Path) -> None:
    (key,) = cached(media, 1)
    path = media / key
    storage.trim("derived", 0, timedelta(hours=1))
    assert (storage.read(key), path.read_bytes()) == (None, b"x" * 100)
    storage.trim("derived", 0, timedelta(hours=1))
    assert path.exists()
    assert storage.trim("derived", 1_000, NOW) == 1
    assert not path.exists()


@pytest.mark.any_database
def test_what_is_written_anew_is_evicted_no_more(media: Path) -> None:
    (key,) = cached(media, 1)
    storage.trim("derived", 0, timedelta(hours=1))
    derived.put(key, b"anew")
    assert storage.trim("derived", 1_000, NOW) == 0
    assert storage.read(key) == b"anew"


@pytest.mark.any_database
def test_what_is_being_written_anew_is_not_removed(media: Path) -> None:
    (key,) = cached(media, 1)
    with writing(key, wait=0) as held:
        assert held
        assert storage.trim("derived", 0, NOW) == 0
    assert storage.trim("derived", 0, NOW) == 1


@pytest.mark.any_database
def test_trimming_removes_nothing_within_the_limit(media: Path) -> None:
    keys = cached(media, 10)
    storage.trim("derived", 1_000, NOW)
    assert files_below(media) == sorted(keys)


@pytest.mark.any_database
def test_trimming_touches_derived_files_alone(media: Path) -> None:
    cached(media, 3)
    storage.write("originals/ab/abc", b"x" * 5_000)
    storage.write("thumbnails/ab/abc/0.jpg", b"x" * 5_000)
    storage.trim("derived", 0, NOW)
    assert files_below(media) == ["originals/ab/abc", "thumbnails/ab/abc/0.jpg"]


@pytest.mark.any_database
def test_trimming_an_empty_cache_does_nothing(media: Path) -> None:
    storage.trim("derived", 0, NOW)
    assert files_below(media) == []


@pytest.mark.any_database
def test_two_processes_never_trim_at_once(media: Path) -> None:
    keys = cached(media, 3)
    with FileLock("trim", wait=0) as held:
        assert held
        storage.trim("derived", 0, NOW)
    assert files_below(media) == sorted(keys)


@pytest.mark.any_database
def test_trimming_outlives_a_file_that_vanishes_meanwhile(media: Path) -> None:
    for key in cached(media, 3):
        (media / key).with_name("gone").symlink_to("nowhere")  # listed, but not there when it is looked at
    storage.trim("derived", 0, NOW)
    assert files_below(media) == []


@pytest.mark.any_database
def test_a_picture_that_cannot_be_kept_is_no_failure(media: Path, caplog: pytest.LogCaptureFixture) -> None:
    (media / "derived").write_bytes(b"in the way of the folder")
    derived.put("derived/photo/1", b"x")
    assert (files_below(media), len(caplog.records)) == (["derived"], 1)


@pytest.mark.any_database
def test_trimming_writing_and_removing_at_once_never_fails(media: Path) -> None:
    over = threading.Event()
    failures: list[Exception] = []

    def trim() -> None:
        while not over.is_set():
            try:
                storage.trim("derived", 0, NOW)
            except OSError as error:
                failures.append(error)

    trimmer = threading.Thread(target=trim)
    trimmer.start()
    for number in range(150):
        derived.put(f"derived/photo/{number}", b"x")
        storage.remove_folder("derived/photo")
    over.set()
    trimmer.join()
    assert failures == []


@pytest.mark.any_database
def test_the_cache_is_trimmed_as_it_is_written(media: Path, settings: Any) -> None:
    settings.DERIVED_CACHE_MB = 0.001
    cache = DerivedCache()
    keys = [f"derived/photo/{number}" for number in range(2 * TRIM_EVERY)]
    for key in keys:
        cache.put(key, b"x" * 100)
    assert len([key for key in keys if storage.read(key)]) == 9
    assert len(files_below(media)) == len(keys)
    cache.trim(NOW)
    assert len(files_below(media)) == 9


@pytest.mark.django_db
def test_a_trimmed_picture_is_rendered_again(client: Client, album: Album, media: Path) -> None:
    image = make_stored_image(album)
    first = content_of(client, signed(image, "c_fit,w_30"))
    storage.trim("derived", 0, timedelta(hours=1))
    assert content_of(client, signed(image, "c_fit,w_30")) == first
    storage.trim("derived", 0, NOW)
    assert not default_storage.listdir(f"derived/{image.delivery_id}")[1]
    assert content_of(client, signed(image, "c_fit,w_30")) == first


@pytest.mark.django_db(transaction=True)
def test_files_of_a_deleted_image_stay_for_the_grace(client: Client, album: Album, media: Path) -> None:
    image = make_stored_image(album)
    content_of(client, signed(image, "c_fit,w_30"))
    before = files_below(media)
    image.delete()
    for path in media.rglob("*"):
        os.utime(path, (1, 1))  # written long ago
    sweeping.remove_files(timedelta(hours=1))
    assert (len(before), files_below(media)) == (5, before)
    remove_discarded()
    assert (files_below(media), DiscardedFile.objects.count()) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_files_stay_when_the_deletion_is_rolled_back(album: Album, media: Path) -> None:
    image = make_stored_image(album)
    before = files_below(media)
    with transaction.atomic():
        Image.objects.all().delete()
        transaction.set_rollback(True)
    remove_discarded()
    assert (files_below(media), Image.objects.get().pk) == (before, image.pk)


@pytest.mark.django_db(transaction=True)
def test_a_shared_original_stays_until_its_last_row_goes(client: Client, album: Album, media: Path) -> None:
    image = make_stored_image(album)
    shared = {name: getattr(image, name) for name in ("delivery_id", "delivery_version", "original")}
    duplicate = make_image(album, **shared)
    content_of(client, signed(image, "c_fit,w_30"))
    image.delete()
    remove_discarded()
    assert files_below(media)[1:] == [duplicate.original.name]
    assert files_below(media)[0].startswith(f"derived/{image.delivery_id}/")
    duplicate.delete()
    remove_discarded()
    assert files_below(media) == []


@pytest.mark.django_db(transaction=True)
def test_deleting_all_rows_of_a_shared_original_at_once_removes_it(album: Album, media: Path) -> None:
    image = make_stored_image(album)
    make_image(album, delivery_id=image.delivery_id, original=image.original)
    other = make_stored_image(album)
    Image.objects.filter(delivery_id=image.delivery_id).delete()
    remove_discarded()
    assert [key for key in files_below(media) if not key.startswith("thumbnails/")] == [other.original.name]
    assert len(files_below(media)) == 4


@pytest.mark.django_db(transaction=True)
def test_deleting_what_holds_no_files_removes_none(album: Album, media: Path) -> None:
    kept = make_stored_image(album)
    make_image(album).delete()
    remove_discarded()
    assert kept.original.name in files_below(media)
    assert len(files_below(media)) == 4
