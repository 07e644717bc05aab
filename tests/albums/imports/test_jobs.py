"""The job of an import: fetch, keep, and say what became of it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, Secret, User
from albums.imports import jobs
from albums.imports.models import Import
from albums.models import Album
from images.models import Image
from images.storage import storage
from images.uploads.models import Upload
from sharinpix import fetching
from tests.albums.uploads.sending import ALBUM, nothing_kept, stored
from tests.factories import jpeg
from tests.images.samples import png_claiming
from tests.threads import together

PICTURE = jpeg(640, 480)
URL = "https://pictures.example/a.jpg"
pytestmark = pytest.mark.django_db(transaction=True)


class Fetched(NamedTuple):
    url: str
    content_type: str
    bytes: int
    filename: str


class Internet:
    """What is found at whatever address: a content, or trouble. `asked` are the addresses and headers."""

    def __init__(self) -> None:
        self.content: bytes | Exception = PICTURE
        self.filename = "found.jpg"
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, url: str, headers: dict[str, str], into: Any, *, most: int) -> Fetched:
        self.asked.append((url, dict(headers)))
        self.meanwhile()
        if isinstance(self.content, Exception):
            raise self.content
        into.write(self.content)
        return Fetched(url, "image/jpeg", len(self.content), self.filename)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    made = Internet()
    monkeypatch.setattr(fetching, "fetch", made)
    return made


@pytest.fixture
def job(organization: Organization) -> Import:
    return Import.objects.create(organization=organization, album_name=ALBUM, params={"url": URL})


def told(job: Import) -> tuple[str, int, str | None]:
    job.refresh_from_db()
    return job.status, job.attempts, job.error


def run_when_due(job: Import) -> None:
    job.refresh_from_db()
    with time_machine.travel(job.due_at + timedelta(seconds=1)):
        jobs.run(job.pk)


def test_an_import_ends_in_an_image(internet: Internet, job: Import, user: User) -> None:
    job.uploader = user
    job.params = {
        "url": URL,
        "headers": {"X-Key": "1"},
        "metadatas": {"a": 1},
        "tags": ["b", "a"],
        "filename": "Façade.jpg",
    }
    job.save()
    jobs.run(job.pk)
    assert told(job) == ("done", 1, None)
    assert internet.asked == [(URL, {"X-Key": "1"})]
    image = Image.objects.get()
    assert job.image == image
    assert (image.album.public_id, image.uploader, image.filename) == (ALBUM, user, "Façade")
    assert (image.metadatas, sorted(image.tag_names), image.processed) == ({"a": 1}, ["a", "b"], True)
    assert storage.read(str(image.original)) == PICTURE
    assert list(image.infos) == ["bytes", "created_at", "etag", "format", "height", "resource_type", "tags", "type", "width", "original_filename"]  # fmt: skip


def test_an_import_without_a_name_is_called_as_it_was_found(internet: Internet, job: Import) -> None:
    jobs.run(job.pk)
    assert Image.objects.get().filename == "found"


def test_an_import_that_is_done_is_not_done_again(internet: Internet, job: Import) -> None:
    jobs.run(job.pk)
    jobs.run(job.pk)
    assert len(internet.asked) == Image.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (fetching.Refused("The address is private."), "The address is private."),
        (b"<html>404</html>", "The file is not a picture in a format we read."),
        (b"", "The file is empty."),
        (png_claiming(30_000, 30_000), "The picture has too many pixels."),
    ],
)
def test_what_is_of_no_use_fails_at_once_and_leaves_nothing(
    internet: Internet, job: Import, content: Any, reason: str
) -> None:
    internet.content = content
    with nothing_kept():
        jobs.run(job.pk)
        run_when_due(job)
    assert told(job) == ("failed", 1, reason)
    assert len(internet.asked) == 1
    assert not Album.objects.exists()


def test_trouble_on_the_way_is_tried_three_times_at_growing_distances(internet: Internet, job: Import) -> None:
    internet.content = fetching.Failed("The server answered 503.")
    pauses = []
    for attempt in (1, 2):
        begun = timezone.now()
        jobs.run(job.pk)
        assert told(job) == ("waiting", attempt, "The server answered 503.")
        jobs.run(job.pk)  # it is not due yet
        assert len(internet.asked) == attempt
        pauses.append((job.due_at - begun).total_seconds())
        Import.objects.update(due_at=begun)
    assert 15 <= pauses[0] <= 27 and 60 <= pauses[1] <= 102
    with nothing_kept():
        jobs.run(job.pk)
    assert told(job) == ("failed", 3, "The server answered 503.")
    jobs.run(job.pk)
    assert len(internet.asked) == 3


def test_trouble_that_passes_is_forgotten(internet: Internet, job: Import) -> None:
    internet.content = fetching.Failed("The server answered 503.")
    jobs.run(job.pk)
    internet.content = PICTURE
    run_when_due(job)
    assert told(job) == ("done", 2, None)


def test_an_import_that_finds_its_process_waiting_for_others_keeps_its_attempts(
    internet: Internet, job: Import
) -> None:
    found, internet.content = internet.content, fetching.TooManyFetches("Too many.")
    for _ in range(5):
        jobs.run(job.pk)
        assert told(job) == ("waiting", 0, "Too many.")
        Import.objects.update(due_at=timezone.now())
    internet.content = found
    jobs.run(job.pk)
    assert told(job) == ("done", 1, None)


def test_trouble_of_the_storage_is_raised_and_counts_no_attempt(
    internet: Internet, job: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, content: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "write", full)
        for _ in range(5):
            with nothing_kept(), pytest.raises(OSError, match="No space"):
                jobs.run(job.pk)
            assert told(job) == ("waiting", 0, "It could not be kept here (OSError).")
            Import.objects.update(due_at=timezone.now())
    jobs.run(job.pk)
    assert told(job) == ("done", 1, None)


def test_an_import_that_kills_its_workers_is_given_up(internet: Internet, job: Import) -> None:
    Import.objects.update(status="fetching", attempts=3, begun_at=timezone.now() - timedelta(hours=1))
    jobs.run(job.pk)
    assert told(job) == ("failed", 4, "Fetching it killed its worker 3 times.")
    assert internet.asked == []


def test_what_a_dead_worker_left_is_done_by_another(internet: Internet, job: Import) -> None:
    Import.objects.update(status="fetching", attempts=1, begun_at=timezone.now() - timedelta(hours=1))
    jobs.run(job.pk)
    assert told(job) == ("done", 2, None)


def test_who_lost_his_claim_meanwhile_makes_no_second_image(internet: Internet, job: Import) -> None:
    def another_is_done_meanwhile() -> None:
        internet.meanwhile = lambda: None
        Import.objects.update(begun_at=timezone.now() - timedelta(hours=1))
        jobs.run(job.pk)

    internet.meanwhile = another_is_done_meanwhile
    before = len(stored())
    jobs.run(job.pk)
    assert len(internet.asked) == 2
    assert told(job) == ("done", 2, None)
    assert (Image.objects.count(), Upload.objects.count()) == (1, 1)
    assert len([key for key in stored() if "/originals/" in key]) <= before + 1


@pytest.mark.parametrize("content", [PICTURE, fetching.Failed("x"), fetching.Refused("x")])
def test_a_claim_is_not_known_by_its_time(internet: Internet, job: Import, content: Any) -> None:
    """Another worker has claimed the import in the same microsecond, and is at it."""
    other = uuid.uuid4()
    internet.content, internet.meanwhile = content, lambda: Import.objects.update(claim=other)
    with time_machine.travel(timezone.now(), tick=False), nothing_kept():
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, job.claim, Image.objects.count()) == ("fetching", other, 0)


@pytest.mark.parametrize("content", [PICTURE, fetching.Failed("x"), fetching.Refused("x")])
def test_an_import_that_is_deleted_meanwhile_leaves_nothing(internet: Internet, job: Import, content: Any) -> None:
    internet.content, internet.meanwhile = content, Import.objects.all().delete
    before = stored()
    jobs.run(job.pk)
    assert not Import.objects.exists() and not Image.objects.exists() and not Upload.objects.exists()
    assert stored() - before == set()


def test_an_import_that_several_begin_at_once_is_fetched_once(internet: Internet, job: Import) -> None:
    together([lambda: jobs.run(job.pk)] * 6)
    assert len(internet.asked) == Image.objects.count() == 1
    assert told(job) == ("done", 1, None)


def test_an_import_that_nobody_knows_is_nothing(db: None) -> None:
    jobs.run(uuid.uuid4())


def test_a_duplicate_is_told_of(internet: Internet, organization: Organization) -> None:
    for _ in range(2):
        job = Import.objects.create(organization=organization, album_name=ALBUM, params={"url": URL})
        jobs.run(job.pk)
    first, second = Image.objects.in_order()
    assert second.infos["duplicate_of"] == str(first.pk) and "duplicate_of" not in first.infos


def test_a_request_is_answered_with_what_became_of_it_where_there_are_no_workers(
    internet: Internet, api_of: Any, secret: Secret
) -> None:
    client: Client = api_of(secret, abilities={ALBUM: {"Access": {"image_upload": True}}})
    body = {"import_type": "url", "url": URL, "album_id": ALBUM, "metadatas": []}
    answer = client.post("/api/v1/imports", body, content_type="application/json").json()
    assert (answer["status"], answer["image_id"]) == ("done", str(Image.objects.get().pk))
    internet.content = fetching.Failed("The server answered 503.")
    answer = client.post("/api/v1/imports", body, content_type="application/json").json()
    assert (answer["status"], answer["attempts"], answer["error"]) == ("waiting", 1, "The server answered 503.")
