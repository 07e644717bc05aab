"""What arrives is hashed and its EXIF read once, and the text of its representation is written once."""

from typing import Any

import pytest
from django.test import Client

from albums.sweeping import requeue
from images import representations
from images.models import Image, Representation, Upload
from images.processing import work
from images.uploads import arrival
from tests.albums.uploads.sending import ALBUM
from tests.factories import jpeg
from tests.images.samples import oriented

pytestmark = pytest.mark.django_db(transaction=True)


class Calls:
    """Counts the calls of functions, which go on doing their work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *functions: tuple[Any, str]) -> None:
        self.counts = {name: 0 for _, name in functions}
        for module, name in functions:
            monkeypatch.setattr(module, name, self.counted(name, vars(module)[name]))

    def counted(self, name: str, function: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            self.counts[name] += 1
            return function(*args, **options)

        return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    representations.stamp()  # takes the text of a sample, once for all
    of_files = [(arrival, "inspect"), (work, "examine"), (work, "read_pixels")]
    return Calls(monkeypatch, *of_files, (representations, "row_text"))


def send(api: Client, content: bytes) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return api.post(f"/api/v1/albums/{ALBUM}/images", {"file": SimpleUploadedFile("a.jpg", content)}).json()


def test_a_plain_upload_without_a_broker_does_each_once(api: Client, calls: Calls) -> None:
    told = send(api, oriented(6, 640, 480))
    assert (told["processed"], told["width"], told["height"]) == (True, 640, 480)
    assert calls.counts == {"inspect": 1, "examine": 0, "read_pixels": 1, "row_text": 1}
    image = Image.objects.get()
    assert (image.sha256, image.phash != "", image.thumbnails.count()) == (Upload.objects.get().sha256, True, 3)


def test_a_job_that_was_lost_reads_the_file_again_and_finds_the_same(
    api: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message that said what was known is gone; the sweep's has no such word."""
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    send(api, jpeg(64, 48, exif=exif_of("Canon")))
    waiting = Image.objects.get()
    assert (waiting.processed, waiting.exifs["Make"], waiting.sha256) == (False, "Canon", Upload.objects.get().sha256)
    assert not Representation.objects.exists()  # a resync computes it until the image is processed
    settings.CELERY_BROKER_URL = ""
    assert requeue() == 1
    image = Image.objects.get()
    same = ("sha256", "size", "format", "exifs", "taken_at", "original_width", "original_height", "infos")
    assert [getattr(image, name) for name in same] == [getattr(waiting, name) for name in same]
    assert (image.processed, Representation.objects.count()) == (True, 1)


def test_an_upload_from_before_its_exif_was_kept_is_read_by_its_job(api: Client, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    send(api, jpeg(64, 48, exif=exif_of("Canon")))
    settings.CELERY_BROKER_URL = ""
    Upload.objects.update(exifs=None)
    Image.objects.update(exifs={}, sha256="")
    requeue()
    assert (Image.objects.get().exifs["Make"], Image.objects.get().sha256) == ("Canon", Upload.objects.get().sha256)


def exif_of(make: str) -> bytes:
    """EXIF that names the maker of a camera."""
    from PIL import Image as Pillow

    tags = Pillow.Exif()
    tags[0x010F] = make
    return tags.tobytes()
