"""Stored representations: every write leaves true texts behind, also when two writers meet."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, User
from albums.models import Album
from images.models import Image, Representation, Tag, Tagging
from tests.factories import bearer, make_album, make_image, make_stored_image, user_token
from tests.payloads import assert_same_payload
from tests.stored_representations import false_texts, untold


def stored(image: Image) -> str:
    return Representation.objects.get(image=image).document


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


@pytest.fixture
def image(album: Album) -> Image:
    image = make_stored_image(album, title="Before")
    image.tag(["first"])
    return image


def test_a_caption_is_in_the_stored_text_at_once(image: Image) -> None:
    image.caption("After", None)
    assert '"title":"After"' in stored(image)
    assert untold() == []


def test_an_edit_is_in_the_stored_text_at_once(image: Image) -> None:
    image.edit(90, (0.0, 0.0, 20.0, 10.0))
    assert "c_crop,h_10,w_20,x_0,y_0/a_90/" in stored(image)


def test_a_tag_is_in_the_stored_text_at_once(image: Image) -> None:
    image.tag(["second"])
    assert '"tag_names":["first","second"]' in stored(image)


def test_a_renamed_tag_is_in_the_stored_text_at_once(image: Image) -> None:
    Tag.objects.get(name="first").rename("other")
    assert '"tag_names":["other"]' in stored(image)


def test_a_deleted_tag_is_gone_from_the_stored_text(image: Image) -> None:
    Tag.objects.get(name="first").delete()
    assert '"tag_names":[]' in stored(image)


def test_a_renamed_album_is_in_the_stored_text_at_once(image: Image, album: Album) -> None:
    album.rename("renamed")
    assert '"album_id":"renamed"' in stored(image)


def test_a_persons_new_salesforce_id_is_in_the_stored_text_at_once(album: Album, user: User) -> None:
    image = make_image(album, uploader=user)
    assert '"user_sfid":null' in stored(image)
    user.change_sfid("005A")
    assert '"user_sfid":"005A"' in stored(image)
    user.delete()
    assert '"user_sfid":null' in stored(image)


@pytest.mark.bypasses_changing
@pytest.mark.parametrize("bypass", ["update", "bulk_update"])
def test_a_write_that_bypasses_changing_is_noticed(image: Image, bypass: str) -> None:
    if bypass == "update":
        Image.objects.filter(pk=image.pk).update(title="Sneaked in")
    else:
        image.title = "Sneaked in"
        Image.objects.bulk_update([image], ["title"])
    assert false_texts() == [image.pk]


def test_a_failed_change_leaves_the_text_as_it_was(image: Image) -> None:
    before = stored(image)

    def fail() -> None:
        with image.changing():
            image.title = "Never"
            image.save_fields("title")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert_same_payload(json.loads(stored(image)), json.loads(before))
    assert stored(image) == before


@pytest.mark.usefixtures("short_batches")
def test_a_rename_that_reaches_too_many_images_is_computed_until_they_are_refreshed(
    album: Album, api: Client, django_capture_on_commit_callbacks: Any
) -> None:
    images = [make_image(album) for _ in range(5)]
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        album.rename("renamed")
    assert set(untold()) == {image.pk for image in images}
    assert {image["album_id"] for image in api.get("/api/v1/image_syncs").json()} == {"renamed"}
    for callback in callbacks:
        callback()
    assert untold() == []


def test_reads_never_write(image: Image, api: Client, settings: Any) -> None:
    settings.PREPARED_STATEMENTS = False  # so that the statements can be read here
    Representation.objects.update(stamp="stale")
    with CaptureQueriesContext(connection) as context:
        assert api.get("/api/v1/image_syncs").json()[0]["id"] == str(image.pk)
    statements = [query["sql"].lstrip("(").split(" ", 1)[0] for query in context.captured_queries]
    assert set(statements) == {"SELECT"}
    assert not any("FOR SHARE" in query["sql"] for query in context.captured_queries)
    assert untold() == [image.pk]


SETTINGS = {
    "SIGNING_KEYS": {"SIGNING_KEYS": ["another"], "DELIVERY_KEYS": ["another"]},
    "CLOUD_NAME": {"CLOUD_NAME": "elsewhere"},
    "TIME_ZONE": {"TIME_ZONE": "Asia/Tokyo"},
    "PROXY_URL": {"PROXY_URL": "https://proxy.example.com"},
}


@pytest.mark.parametrize("changed", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_changed_setting_changes_the_next_answer_before_and_after_the_refresh(
    image: Image, api: Client, settings: Any, changed: dict[str, Any]
) -> None:
    before = api.get("/api/v1/image_syncs").content
    for name, value in changed.items():
        setattr(settings, name, value)
    at_once = api.get("/api/v1/image_syncs").content
    assert at_once != before
    assert untold() == [image.pk]
    call_command("backfill_urls", verbosity=0)
    assert untold() == []
    assert api.get("/api/v1/image_syncs").content == at_once


def test_the_backfill_does_what_is_left_and_only_that(album: Album, capsys: pytest.CaptureFixture[str]) -> None:
    images = [make_image(album) for _ in range(5)]
    Representation.objects.filter(image__in=images[:3]).update(stamp="old")
    call_command("backfill_urls", verbosity=0, batch=2)
    assert capsys.readouterr().out == "3 refreshed.\n"
    call_command("backfill_urls", verbosity=0)
    assert capsys.readouterr().out == "0 refreshed.\n"
    call_command("backfill_urls", verbosity=0, all=True)
    assert capsys.readouterr().out == "5 refreshed.\n"


class Meeting:
    """Two writers, each with a connection of its own: the first stops inside its transaction until the second waits."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.errors: list[BaseException] = []

    def both(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self.guarded, args=(run,)) for run in (first, self.later(second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert self.errors == []

    def later(self, run: Callable[[], None]) -> Callable[[], None]:
        def started() -> None:
            assert self.inside.wait(20)
            run()

        return started

    def guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()

    def pause(self) -> None:
        """The first writer has changed and not committed: time for the second to run into it."""
        self.inside.set()
        threading.Event().wait(0.4)


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


@pytest.mark.django_db(transaction=True)
def test_two_tags_given_at_once_are_both_in_the_text(meeting: Meeting) -> None:
    image = make_image(make_album(Organization.objects.default()))
    tags = Tag.objects.named(image.album.organization_id, ["one"])

    def first() -> None:
        with image.changing():
            Tagging.objects.create(image=image, tag=tags[0])
            meeting.pause()

    meeting.both(first, lambda: Image.objects.get(pk=image.pk).tag(["two"]))
    assert '"tag_names":["one","two"]' in stored(image)


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_is_renamed_while_it_is_given_is_in_the_text_by_its_new_name(meeting: Meeting) -> None:
    image = make_image(make_album(Organization.objects.default()))
    (tag,) = Tag.objects.named(image.album.organization_id, ["old"])

    def first() -> None:
        with image.changing():
            Tagging.objects.create(image=image, tag=tag)
            meeting.pause()

    meeting.both(first, lambda: Tag.objects.get(pk=tag.pk).rename("new"))
    assert '"tag_names":["new"]' in stored(image)


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_is_given_while_it_is_renamed_is_in_the_text_by_its_new_name(meeting: Meeting) -> None:
    image = make_image(make_album(Organization.objects.default()))
    (tag,) = Tag.objects.named(image.album.organization_id, ["old"])

    def first() -> None:
        with tag.images.all().changing_related(tag):
            tag.name = "new"
            tag.save(update_fields=["name"])
            meeting.pause()

    def second() -> None:
        with image.changing():
            Tagging.objects.create(image_id=image.pk, tag_id=tag.pk)

    meeting.both(first, second)
    assert '"tag_names":["new"]' in stored(image)


@pytest.mark.django_db(transaction=True)
def test_a_caption_and_the_rename_of_a_tag_that_the_image_has_are_both_in_the_text(meeting: Meeting) -> None:
    image = make_image(make_album(Organization.objects.default()))
    image.tag(["old", "kept"])
    tag = Tag.objects.get(name="old")

    def first() -> None:
        with image.changing():
            image.title = "Captioned"
            image.save_fields("title")
            meeting.pause()

    meeting.both(first, lambda: Tag.objects.get(pk=tag.pk).rename("new"))
    assert '"title":"Captioned"' in stored(image)
    assert '"tag_names":["kept","new"]' in stored(image)


@pytest.mark.django_db(transaction=True)
def test_two_renames_that_one_image_prints_are_both_in_the_text(meeting: Meeting) -> None:
    image = make_image(make_album(Organization.objects.default()))
    image.tag(["a", "b"])
    first_tag, second_tag = Tag.objects.order_by("name")

    def first() -> None:
        with first_tag.images.all().changing_related(first_tag):
            first_tag.name = "a2"
            first_tag.save(update_fields=["name"])
            meeting.pause()

    meeting.both(first, lambda: Tag.objects.get(pk=second_tag.pk).rename("b2"))
    assert '"tag_names":["a2","b2"]' in stored(image)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("upload_first", [True, False], ids=["upload first", "rename first"])
def test_an_image_that_arrives_while_its_album_is_renamed_prints_the_new_name(
    meeting: Meeting, upload_first: bool
) -> None:
    album = make_album(Organization.objects.default())

    def upload(pause: bool) -> None:
        with transaction.atomic():
            image = Image.objects.create(album_id=album.pk, filename="new")
            if pause:
                meeting.pause()
            Image.objects.store_representations([image.pk])

    def rename(pause: bool) -> None:
        mine = Album.objects.get(pk=album.pk)
        with mine.images.all().changing_related(mine):
            mine.public_id = "renamed"
            mine.save(update_fields=["public_id"])
            if pause:
                meeting.pause()

    if upload_first:
        meeting.both(lambda: upload(True), lambda: rename(False))
    else:
        meeting.both(lambda: rename(True), lambda: upload(False))
    assert '"album_id":"renamed"' in stored(Image.objects.get(filename="new"))


@pytest.mark.django_db(transaction=True)
def test_a_committed_change_is_in_the_next_answer(user: User) -> None:
    api = Client(headers={"Authorization": bearer(user_token(user))})
    image = make_image(make_album(user.organization))
    image.caption("Committed", None)
    assert api.get("/api/v1/image_syncs", {"ids[]": [str(image.pk)]}).json()[0]["title"] == "Committed"
