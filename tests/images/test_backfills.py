"""The commands that process images again."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from PIL import Image as Pillow

from accounts.models import Organization
from albums.models import Album
from images.delivery.variants import STORED
from images.management.commands import backfill_metadata
from images.models import Image, Thumbnail
from images.processing import work
from images.storage import storage
from tests.factories import (
    files_below,
    jpeg,
    make_album,
    make_image,
    make_stored_image,
    make_waiting_image,
    remove_discarded,
)
from tests.images.samples import file_of
from tests.servers import ROOT, environment_of_tests

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def run(command: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, stdout=out, stderr=out, verbosity=0, **options)
    return out.getvalue()


def without_thumbnails(album: Album, **fields: Any) -> Image:
    image = make_stored_image(album, **fields)
    storage.remove(image.thumbnails.values_list("file", flat=True))
    image.thumbnails.all().delete()
    return image


def untold(album: Album) -> Image:
    """Nothing of what its file says was ever read."""
    return make_stored_image(album, jpeg(32, 24), phash="", palette=[], width=1, height=1, color="#000000")


def broken(image: Image) -> Image:
    storage.remove([str(image.original)])
    storage.write(str(image.original), b"no picture")
    return image


def told(image: Image) -> bool:
    row = Image.objects.get(pk=image.pk)
    return (row.width, row.height) == (32, 24) and row.phash != ""


def test_missing_thumbnails_are_rendered_and_others_left_alone(album: Album) -> None:
    kept = make_stored_image(album)
    before = set(kept.thumbnails.values_list("pk", flat=True))
    missing = without_thumbnails(album)
    one = make_stored_image(album)
    one.thumbnails.filter(variant="mini").delete()
    assert run("backfill_thumbnails") == "2 refreshed.\n"
    assert (missing.thumbnails.count(), one.thumbnails.count()) == (len(STORED), len(STORED))
    assert set(kept.thumbnails.values_list("pk", flat=True)) == before
    assert run("backfill_thumbnails") == "0 refreshed.\n"


def test_with_all_every_thumbnail_is_rendered_and_its_earlier_file_goes(album: Album) -> None:
    image = make_stored_image(album)
    before = set(image.thumbnails.values_list("file", flat=True))
    assert run("backfill_thumbnails", all=True) == "1 refreshed.\n"
    assert not set(image.thumbnails.values_list("file", flat=True)) & before
    remove_discarded()
    assert len(files_below(f"thumbnails/{str(image.pk)[:2]}/{image.pk}")) == len(STORED)


def test_metadata_that_was_never_read_is_read(album: Album) -> None:
    image = untold(album)
    assert run("backfill_metadata") == "1 refreshed.\n"
    assert told(image)
    assert run("backfill_metadata") == "0 refreshed.\n"
    assert run("backfill_metadata", all=True) == "1 refreshed.\n"


def test_a_backfill_of_metadata_leaves_edits_alone(album: Album) -> None:
    image = untold(album)
    Image.objects.filter(pk=image.pk).update(rotation=90)
    run("backfill_metadata")
    row = Image.objects.get(pk=image.pk)
    assert (row.rotation, row.width, row.height, row.original_width) == (90, 24, 32, 32)


@pytest.mark.parametrize("command", ["backfill_thumbnails", "backfill_metadata"])
def test_one_album_alone_may_be_chosen(command: str, album: Album, organization: Organization) -> None:
    other = make_album(organization)
    for place in (album, other):
        without_thumbnails(place, phash="")
    assert run(command, album=other.public_id) == "1 refreshed.\n"
    assert run(command) == "1 refreshed.\n"


@pytest.mark.parametrize("command", ["backfill_thumbnails", "backfill_metadata"])
def test_what_was_not_processed_or_lies_elsewhere_is_left_alone(command: str, album: Album) -> None:
    make_waiting_image(album)
    make_image(album)
    make_stored_image(album, processing_error="empty: It is.")
    assert run(command, all=True) == "0 refreshed.\n"


@pytest.mark.parametrize("command", ["backfill_thumbnails", "backfill_metadata"])
@pytest.mark.parametrize("batch", [1, 2, 100])
def test_broken_originals_are_listed_at_the_end_and_the_rest_is_done(command: str, batch: int, album: Album) -> None:
    images = sorted((without_thumbnails(album, phash="") for _ in range(5)), key=lambda image: image.pk)
    broken(images[1])
    storage.remove([str(images[3].original)])
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 could not be done"):
        call_command(command, stdout=out, stderr=out, verbosity=0, batch=batch)
    lines = out.getvalue().splitlines()
    assert lines[0] == "3 refreshed."
    assert [line.partition(":")[0] for line in lines[1:]] == [str(images[1].pk), str(images[3].pk)]
    assert lines[1].endswith("The original in the storage is not the file that was received.")
    done = Thumbnail.objects.values_list("image", flat=True) if command == "backfill_thumbnails" else []
    read = [] if command == "backfill_thumbnails" else Image.objects.exclude(phash="").values_list("pk", flat=True)
    assert {*done, *read} == {images[0].pk, images[2].pk, images[4].pk}


def damaged(key: str, how: str) -> None:
    """Does to the file what a full disk or a power cut does."""
    path = Path(default_storage.path(key))
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[:-9], "zeros": bytes(len(content))}[how])


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "zeros"])
def test_thumbnails_whose_file_is_damaged_are_rendered_again(how: str, album: Album) -> None:
    image, whole = make_stored_image(album), make_stored_image(album)
    damaged(str(image.thumbnails.get(variant="mini").file), how)
    before = set(whole.thumbnails.values_list("pk", flat=True))
    if how == "zeros":
        assert run("backfill_thumbnails") == "0 refreshed.\n"
    assert run("backfill_thumbnails", digests=how == "zeros") == "1 refreshed.\n"
    assert all(thumbnail.is_whole(digest=True) for thumbnail in image.thumbnails.all())
    assert set(whole.thumbnails.values_list("pk", flat=True)) == before
    assert run("backfill_thumbnails", digests=True) == "0 refreshed.\n"


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "zeros"])
def test_originals_that_are_damaged_are_listed_and_told_to_staff(how: str, album: Album) -> None:
    image, whole = make_stored_image(album), make_stored_image(album)
    content = storage.read(str(image.original))
    damaged(str(image.original), how)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 could not be done"):
        call_command("backfill_metadata", stdout=out, stderr=out, verbosity=0, digests=how == "zeros")
    assert out.getvalue().splitlines()[1].startswith(f"{image.pk}: The original ")
    faults = dict(Image.objects.values_list("pk", "original_fault"))
    assert faults == {image.pk: "missing" if how == "missing" else "damaged", whole.pk: ""}
    assert content is not None
    Path(default_storage.path(str(image.original))).write_bytes(content)
    assert run("backfill_metadata", digests=True) == "0 refreshed.\n"
    assert not Image.objects.exclude(original_fault="").exists()


def test_reading_again_changes_nothing_of_an_original_that_is_as_it_was(album: Album) -> None:
    """Noise, for which a more strongly shrunk decode has other colours, and a picture that was cropped since."""
    noise = Pillow.effect_noise((2_400, 1_600), 90).convert("RGB")
    image = make_stored_image(album, file_of(noise, "JPEG", quality=90))
    columns = ("color", "palette", "phash", "width", "height", "exifs")
    before = Image.objects.values_list(*columns).get(pk=image.pk)
    assert run("backfill_metadata", all=True) == "1 refreshed.\n"
    assert Image.objects.values_list(*columns).get(pk=image.pk) == before


def test_one_that_is_killed_goes_on_where_it_was(album: Album) -> None:
    images = sorted((without_thumbnails(album) for _ in range(5)), key=lambda image: image.pk)
    command = [sys.executable, "manage.py", "backfill_thumbnails"]
    killed = subprocess.run(
        command, cwd=ROOT, env=environment_of_tests(FAULT_AT=f"mid_thumbnails:{images[2].pk}"), capture_output=True
    )
    assert killed.returncode == -9
    assert [image.thumbnails.count() for image in images] == [len(STORED), len(STORED), 0, 0, 0]
    done = subprocess.run(command, cwd=ROOT, env=environment_of_tests(), capture_output=True, text=True, check=True)
    assert done.stdout == "3 refreshed.\n"
    assert [image.thumbnails.count() for image in images] == [3, 3, 3, 3, 3]


def test_a_reading_that_is_interrupted_goes_on_where_it_was(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    images = sorted((untold(album) for _ in range(5)), key=lambda image: image.pk)

    def interrupted(image: Image) -> None:
        if image.pk == images[2].pk:
            raise KeyboardInterrupt
        work.reread(image)

    monkeypatch.setattr(backfill_metadata, "reread", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("backfill_metadata")
    assert [told(image) for image in images] == [True, True, False, False, False]
    monkeypatch.undo()
    assert run("backfill_metadata") == "3 refreshed.\n"
    assert all(told(image) for image in images)
