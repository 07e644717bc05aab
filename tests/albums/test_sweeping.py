"""What dead processes leave behind is done, or removed."""

import io
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from albums import sweeping
from albums.imports.models import Import
from albums.models import Album
from albums.uploads.models import DroppedUpload, StorageFile
from images.models import Image
from images.querysets import abandoned_after
from images.storage import storage
from images.storage.keys import new_public_id, original_key
from images.uploads.models import NativeUsage, Part, PartialUpload, Upload
from sharinpix import queue
from sharinpix.locks import FileLock
from tests.factories import make_album, make_image, make_stored_image, make_waiting_image, remove_discarded
from tests.servers import ROOT, environment_of_tests

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def make_upload(organization: Organization | None, age: timedelta, **fields: Any) -> Upload:
    public_id = new_public_id()
    storage.write(original_key(public_id), b"content")
    facts = {"public_id": public_id, "version": 1, "original": original_key(public_id)}
    return Upload.objects.create(organization=organization, created_at=timezone.now() - age, **{**facts, **fields})


def write_old(key: str, age: timedelta) -> str:
    storage.write(key, b"content")
    moment = time.time() - age.total_seconds()
    os.utime(default_storage.path(key), (moment, moment))
    return key


def is_there(key: str) -> bool:
    return storage.read(key) is not None


@pytest.mark.django_db
class TestRequeue:
    def test_does_what_waits_and_what_a_dead_worker_left_oldest_first(self, album: Album) -> None:
        now = timezone.now()
        new = make_waiting_image(album)
        left = make_waiting_image(
            album, created_at=now - DAY, processing_since=now - abandoned_after(), processing_attempts=1
        )
        held = make_waiting_image(album, processing_since=now)
        assert sweeping.requeue() == 2
        done = Image.objects.filter(processed=True).order_by("updated_at").values_list("pk", flat=True)
        assert list(done) == [left.pk, new.pk]
        assert not Image.objects.get(pk=held.pk).processed

    def test_one_that_cannot_be_done_stops_no_other(self, album: Album) -> None:
        bad = make_waiting_image(album, b"no picture", created_at=timezone.now() - DAY)
        lost = make_waiting_image(album, created_at=timezone.now() - DAY)
        storage.remove([str(lost.original)])
        good = make_waiting_image(album)
        sweeping.requeue()
        assert set(Image.objects.filter(pk__in=[bad.pk, lost.pk, good.pk]).values_list("processed", flat=True)) == {
            True
        }
        assert Image.objects.get(pk=good.pk).processing_error is None

    def test_sends_no_more_than_the_queue_has_room_for(self, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(3):
            make_waiting_image(album)
        monkeypatch.setattr(queue, "room_in_queue", lambda: 2)
        assert sweeping.requeue() == 2
        monkeypatch.setattr(queue, "room_in_queue", lambda: 0)
        assert sweeping.requeue() == 0

    def test_takes_up_imports_that_are_due_or_were_abandoned(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now, sent = timezone.now(), []
        monkeypatch.setattr(queue, "send", lambda task, key: sent.append(key))
        common = {"organization": organization, "album_name": "a"}
        due = Import.objects.create(**common, due_at=now - MINUTE)
        Import.objects.create(**common, due_at=now + MINUTE)
        past = now - abandoned_after() - MINUTE
        left = Import.objects.create(**common, status="fetching", begun_at=past)
        Import.objects.create(**common, status="fetching", begun_at=now)
        Import.objects.create(**common, status="done")
        assert sweeping.requeue() == 2
        assert sent == [str(due.pk), str(left.pk)]


@pytest.mark.django_db
class TestUnclaimed:
    def test_uploads_go_after_eight_days_with_their_files(self, organization: Organization) -> None:
        old, native = make_upload(organization, 9 * DAY), make_upload(None, 9 * DAY)
        young = make_upload(organization, 7 * DAY)
        assert sweeping.remove_unclaimed() == 2
        assert list(Upload.objects.all()) == [young]
        assert is_there(old.original)
        remove_discarded()
        assert [is_there(upload.original) for upload in (old, native, young)] == [False, False, True]

    def test_dropped_entries_and_counts_go_after_their_time(self, organization: Organization) -> None:
        now = timezone.now()
        for age in (29 * DAY, 31 * DAY):
            DroppedUpload.objects.create(organization=organization, reason=str(age.days), created_at=now - age)
            NativeUsage.objects.create(client="1.1.1.1", day=(now - age).date())
        call_command("sweep")
        assert [row.reason for row in DroppedUpload.objects.all()] == ["29"]
        assert not NativeUsage.objects.exists()

    def test_claimed_uploads_stay_even_where_their_image_is_gone(self, organization: Organization) -> None:
        upload = make_upload(organization, 30 * DAY, claimed_at=timezone.now())
        assert sweeping.remove_unclaimed() == 0
        assert Upload.objects.filter(pk=upload.pk).exists() and is_there(upload.original)

    def test_what_was_only_begun_goes_after_a_day_with_its_parts(self, organization: Organization) -> None:
        now = timezone.now()
        key = "parts/x/0-1"
        storage.write(key, b"content")
        old = PartialUpload.objects.create(api_key="1", upload_id="old", total=9, created_at=now - 2 * DAY)
        Part.objects.create(of=old, start=0, size=7, file=key)
        finished = PartialUpload.objects.create(
            api_key="1", upload_id="done", total=9, created_at=now - 2 * DAY, finished=make_upload(organization, DAY)
        )
        young = PartialUpload.objects.create(api_key="1", upload_id="young", total=9)
        sweeping.remove_unclaimed()
        assert list(PartialUpload.objects.all()) == [young]
        assert not is_there(key)
        assert finished.finished and Upload.objects.filter(pk=finished.finished.pk).exists()

    def test_announced_files_that_never_came_go_after_eight_days(self, organization: Organization) -> None:
        common = {"organization": organization, "album_name": "a", "name": "b", "size": 1}
        StorageFile.objects.create(**common, created_at=timezone.now() - 9 * DAY)
        young = StorageFile.objects.create(**common)
        sweeping.remove_unclaimed()
        assert list(StorageFile.objects.all()) == [young]


@pytest.mark.django_db
class TestUnknown:
    def test_files_that_no_row_knows_go_after_the_grace(self) -> None:
        keys = ["originals/zz/zz1", "thumbnails/zz/zz/1.jpg", "parts/zz/1", "originals/zz/.writing-1"]
        old, young = [write_old(key, 2 * DAY) for key in keys], write_old("originals/zz/young", DAY / 2)
        derived = write_old("derived/zz/1", 9 * DAY)
        assert sweeping.remove_unknown(DAY) >= len(old)
        assert [key for key in old if is_there(key)] == []
        assert is_there(young) and is_there(derived)
        sweeping.remove_unknown(timedelta(0))
        assert not is_there(young)

    def test_files_of_images_uploads_parts_and_announced_files_stay(self, organization: Organization) -> None:
        image = make_stored_image(make_album(organization))
        upload = make_upload(organization, DAY)
        whole = PartialUpload.objects.create(api_key="1", upload_id="x", total=9)
        part = Part.objects.create(of=whole, start=0, size=7, file="parts/y/0-1")
        file = StorageFile.objects.create(organization=organization, album_name="a", name="b", size=1)
        keys = [str(image.original), upload.original, part.file, file.key]
        keys += image.thumbnails.values_list("file", flat=True)
        for key in keys:
            write_old(key, 9 * DAY)
        sweeping.remove_unknown(timedelta(0))
        assert [key for key in keys if not is_there(key)] == []

    def test_what_was_half_received_goes_after_the_grace(self, settings: Any) -> None:
        old, young = (Path(settings.FILE_UPLOAD_TEMP_DIR) / name for name in ("old", "young"))
        for path in (old, young):
            path.write_bytes(b"half")
        moment = time.time() - 2 * DAY.total_seconds()
        os.utime(old, (moment, moment))
        assert sweeping.remove_incoming(DAY) == 1
        assert (old.exists(), young.exists()) == (False, True)
        young.unlink()


@pytest.mark.django_db
class TestCommand:
    def test_says_what_it_did_and_nothing_where_there_was_nothing(self, album: Album) -> None:
        call_command("sweep", grace=0.0, stdout=io.StringIO())
        make_waiting_image(album)
        write_old("originals/zz/unknown", 2 * DAY)
        out, silence = io.StringIO(), io.StringIO()
        call_command("sweep", stdout=out)
        call_command("sweep", stdout=silence)
        assert out.getvalue() == "1 images and imports taken up, 1 files removed.\n"
        assert silence.getvalue() == ""

    def test_leaves_the_work_to_a_sweep_that_is_under_way(self, album: Album) -> None:
        image, err = make_waiting_image(album), io.StringIO()
        with FileLock("sweep", wait=0) as held:
            assert held
            call_command("sweep", stderr=err)
        assert err.getvalue() == "Another sweep is at work.\n"
        assert not Image.objects.get(pk=image.pk).processed


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_do_everything_once(album: Album) -> None:
    for _ in range(20):
        make_waiting_image(album, b"no picture")
    command = [sys.executable, "manage.py", "sweep"]
    sweeps = [subprocess.Popen(command, cwd=ROOT, env=environment_of_tests()) for _ in range(2)]
    assert [sweep.wait(timeout=60) for sweep in sweeps] == [0, 0]
    assert set(Image.objects.values_list("processed", "processing_attempts")) == {(True, 1)}


@pytest.mark.django_db
def test_an_image_whose_original_is_elsewhere_is_never_work(album: Album) -> None:
    make_image(album, processed=False)
    assert sweeping.requeue() == 0
