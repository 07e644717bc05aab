"""The answer of another server becomes albums here: every field, in its order, as often as one likes."""

import io
import json
import sys
import uuid
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Organization, User
from albums.models import Album
from images.models import Image, Tag
from tests.factories import make_album, make_image, make_stored_image
from tests.payloads import assert_same_payload

ORIGINAL = "https://res.cloudinary.com/cloud/image/private/s--AAAAAAAA--/fl_attachment/v77/b13fdd07a86b.jpg"


def document(**changes: Any) -> dict[str, Any]:
    """One image as another server sends it."""
    return {
        "id": str(uuid.uuid4()),
        "infos": {"z": 1, "bytes": 3604, "a": [1.5, None, "<&>"]},
        "exifs": {"Model": "Canon"},
        "gps_ip": None,
        "gps_exifs": [-33.5, 151.25],
        "gps_html": [48.861934399999996, 2.348967],
        "created_at": "2019-04-08T19:38:56.184+02:00",
        "updated_at": "2019-04-09T19:38:56.185+02:00",
        "taken_at": "2018-01-01T08:00:00.000+00:00",
        "width": 48,
        "height": 64,
        "rotation": 90,
        "crop_x": 3.0,
        "crop_y": 2.0,
        "crop_w": 10.0,
        "crop_h": 11.0,
        "metadatas": {"b": "2", "a": 1},
        "original_url": ORIGINAL,
        "original_width": 64,
        "original_height": 48,
        "filename": "Süper Image",
        "format": "png",
        "title": "Title",
        "description": None,
        "page": 1,
        "group_id": str(uuid.uuid4()),
        "color": "#123456",
        "processed": True,
        "processing_error": None,
        "album_id": "00100000123BB177",
        "tag_names": ["b", "a"],
        "user_sfid": "005000000000001",
        **changes,
    }


def load(*documents: Any, organization: str | None = None, folder: Path) -> str:
    file = folder / "syncs.json"
    file.write_text(json.dumps(list(documents)))
    output = StringIO()
    call_command("import_syncs", str(file), organization=organization, stdout=output)
    return output.getvalue()


def refusal(*documents: Any, folder: Path) -> str:
    with pytest.raises(CommandError) as refused:
        load(*documents, folder=folder)
    return str(refused.value)


def in_order(album: str = "00100000123BB177") -> list[str]:
    return [str(image.pk) for image in Album.objects.get(public_id=album).images.in_order()]


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here imports."""


def test_every_field_arrives(tmp_path: Path) -> None:
    sent = document()
    assert load(sent, folder=tmp_path) == "1 created, 0 updated, 0 refused.\n"
    image = Image.objects.get()
    same = "infos exifs metadatas width height rotation crop_x crop_y crop_w crop_h original_width original_height"
    for name in f"{same} filename format title description page color processed processing_error".split():
        assert getattr(image, name) == sent[name], name
    assert list(image.infos) == ["z", "bytes", "a"]
    assert (str(image.pk), str(image.group_id), image.size) == (sent["id"], sent["group_id"], 3604)
    assert (image.gps_ip, image.gps_exifs, image.gps_html) == (None, (-33.5, 151.25), (48.861934399999996, 2.348967))
    assert image.created_at == datetime(2019, 4, 8, 17, 38, 56, 184_000, tzinfo=UTC)
    assert image.updated_at == datetime(2019, 4, 9, 17, 38, 56, 185_000, tzinfo=UTC)
    assert image.taken_at == datetime(2018, 1, 1, 8, tzinfo=UTC)
    assert (image.album.public_id, sorted(image.tag_names)) == ("00100000123BB177", ["a", "b"])


def test_what_this_server_answers_can_be_loaded_into_an_empty_one(api: Client, user: User, tmp_path: Path) -> None:
    first, second = make_album(user.organization, "a b"), make_album(user.organization, "日本")
    user.sfid = "005000000000009"
    user.save()
    make_image(first, rotation=270, crop_x=1.5, crop_w=10, crop_h=20.25, uploader=user).tag(["x", "é"])
    make_image(first, processed=False, gps_ip_lat=0.0, gps_ip_lng=-0.0, metadatas=["a", {"b": None}], title="<&>")
    make_image(second, delivery_id="folder id~(1)", delivery_type="upload", infos={}, filename="")
    before = api.get("/api/v1/image_syncs").json()
    Image.objects.all().delete()
    Album.objects.all().delete()
    load(*before, folder=tmp_path)
    assert len(before) == 3
    assert_same_payload(api.get("/api/v1/image_syncs").json(), before)


def test_the_place_of_the_original_is_read_off_its_url(tmp_path: Path) -> None:
    load(document(), folder=tmp_path)
    image = Image.objects.get()
    assert (image.delivery_id, image.delivery_version, image.delivery_type) == ("b13fdd07a86b", 77, "private")
    assert (image.original.name, image.sha256) == ("", "")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://x/c/image/upload/v1/a%20b~%C3%A9.png", ("a b~é", 1, "upload")),
        ("/assets/blank.jpg#https://x/c/image/authenticated/s--AAAAAAAA--/v9/a.jpg", ("a", 9, "authenticated")),
        ("https://x/c/image/authenticated/s--AAAAAAAA--/c_fit,w_3/v1/v2/v123.jpg", ("v123", 2, "authenticated")),
        (
            "https://x/c/image/authenticated/s--AAAAAAAA--/fl_attachment/raw_placeholder.jpg",
            ("", None, "authenticated"),
        ),
        ("https://proxy/a.jpg?s=0&url=x/images/1/thumbnails/original-0.jpg", ("", None, "authenticated")),
        ("https://x/c/video/upload/v1/a.mp4", ("", None, "authenticated")),
        ("https://x/c/image/upload/v1/a%00b.png", ("", None, "authenticated")),
        (f"https://x/c/image/upload/v1/{'a' * 256}.png", ("", None, "authenticated")),
        ("https://x/c/image/upload/v1/a%2F..%2Fb.png", ("", None, "authenticated")),
        ("", ("", None, "authenticated")),
    ],
)
def test_only_a_delivery_url_names_an_original(tmp_path: Path, url: str, found: tuple[str, int | None, str]) -> None:
    load(document(original_url=url), folder=tmp_path)
    image = Image.objects.get()
    assert (image.delivery_id, image.delivery_version, image.delivery_type) == found


def test_loading_twice_changes_nothing(tmp_path: Path) -> None:
    sent = [document() for _ in range(3)]
    load(*sent, folder=tmp_path)
    tables = (Image, Album, User, Tag, Image.tags.through)
    before = [list(model._default_manager.order_by("pk").values()) for model in tables]
    assert load(*sent, folder=tmp_path) == "0 created, 3 updated, 0 refused.\n"
    assert [list(model._default_manager.order_by("pk").values()) for model in tables] == before


def test_loading_again_takes_over_what_changed(tmp_path: Path) -> None:
    sent = document()
    load(sent, folder=tmp_path)
    changed = sent | {"title": "New", "gps_html": None, "user_sfid": None, "album_id": "other", "rotation": 0}
    assert load(changed, folder=tmp_path) == "0 created, 1 updated, 0 refused.\n"
    image = Image.objects.get()
    assert (image.title, image.gps_html, image.uploader, image.album.public_id) == ("New", None, None, "other")


def test_tags_are_replaced(tmp_path: Path) -> None:
    sent, other = document(tag_names=["a", "b", "b"]), document(tag_names=["a"])
    load(sent, other, folder=tmp_path)
    load(sent | {"tag_names": ["c", "b"]}, folder=tmp_path)
    assert sorted(Image.objects.get(pk=sent["id"]).tag_names) == ["b", "c"]
    assert Image.objects.get(pk=other["id"]).tag_names == ["a"]
    assert Tag.objects.count() == 3


def test_the_order_of_the_array_is_the_order_of_the_albums(tmp_path: Path) -> None:
    one, two = ([document(album_id=album, created_at=moment(9 - i)) for i in range(4)] for album in ("one", "two"))
    mixed = [image for pair in zip(one, two, strict=True) for image in pair]
    load(*mixed, folder=tmp_path)
    assert in_order("one") == [image["id"] for image in one]
    assert in_order("two") == [image["id"] for image in two]


def moment(day: int) -> str:
    return f"2019-04-{day + 1:02}T00:00:00+00:00"


def test_a_new_order_takes_the_place_of_the_old(tmp_path: Path) -> None:
    sent = [document() for _ in range(4)]
    load(*sent, folder=tmp_path)
    load(*reversed(sent), folder=tmp_path)
    assert in_order() == [image["id"] for image in reversed(sent)]


def test_the_last_of_two_documents_with_one_id_counts(tmp_path: Path) -> None:
    sent = document()
    assert load(sent, sent | {"title": "Last"}, folder=tmp_path).startswith("1 created")
    assert Image.objects.get().title == "Last"


def test_people_who_are_only_mentioned_can_do_nothing(tmp_path: Path) -> None:
    load(document(), document(), document(user_sfid=None), folder=tmp_path)
    person = User.objects.get(sfid="005000000000001")
    assert (person.email, person.is_active, person.is_staff, person.has_usable_password()) == (
        None,
        False,
        False,
        False,
    )
    assert person.images.count() == 2


def test_people_who_are_known_keep_what_they_are(user: User, tmp_path: Path) -> None:
    user.sfid = "005000000000001"
    user.save()
    load(document(), folder=tmp_path)
    assert Image.objects.get().uploader == user
    assert (User.objects.get().email, User.objects.get().is_active) == (user.email, True)


def test_an_id_of_another_organization_is_refused_and_the_rest_is_loaded(
    other_organization: Organization, tmp_path: Path
) -> None:
    theirs = make_image(make_album(other_organization), title="Theirs")
    sent = document()
    message = refusal(document(id=str(theirs.pk)), sent, folder=tmp_path)
    assert f"{theirs.pk}: the id belongs to another organization" in message
    assert Image.objects.get(pk=theirs.pk).title == "Theirs"
    assert in_order() == [sent["id"]]


def test_everything_goes_to_the_organization_that_is_named(tmp_path: Path) -> None:
    load(document(), organization="Somebody new", folder=tmp_path)
    image = Image.objects.get()
    assert image.uploader is not None
    owners = {image.album.organization, image.uploader.organization, image.tags.all()[0].organization}
    assert [owner.name for owner in owners] == ["Somebody new"]


def test_an_original_that_we_hold_stays(organization: Organization, tmp_path: Path) -> None:
    image = make_stored_image(make_album(organization))
    load(document(id=str(image.pk)), folder=tmp_path)
    now = Image.objects.get()
    assert (now.title, now.original, now.sha256) == ("Title", image.original, image.sha256)
    assert (now.delivery_id, now.delivery_version) == (image.delivery_id, image.delivery_version)
    assert now.delivery_type == image.delivery_type


def test_nothing_that_was_loaded_is_work_for_processing(tmp_path: Path) -> None:
    load(document(processed=False), folder=tmp_path)
    image = Image.objects.get()
    assert (image.processed, image.original.name, image.thumbnails.count()) == (False, "", 0)


def test_more_images_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    sent = [document(tag_names=[]) for _ in range(1_001)]
    assert load(*sent, folder=tmp_path).startswith("1001 created")
    assert in_order() == [image["id"] for image in sent]


def test_a_dash_means_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps([document()]).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    call_command("import_syncs", "-", stdout=StringIO())
    assert Image.objects.count() == 1


def test_several_files_are_one_import(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(json.dumps([document()]))
    call_command("import_syncs", str(tmp_path / "a"), str(tmp_path / "b"), stdout=StringIO())
    assert Image.objects.count() == 2


def test_a_missing_file_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(json.dumps([document()]))
    with pytest.raises(CommandError, match="missing: No such file or directory"):
        call_command("import_syncs", str(tmp_path / "a"), str(tmp_path / "missing"), stdout=StringIO())
    assert not Image.objects.exists()
