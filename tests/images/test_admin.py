"""Images, thumbnails and tags in the admin."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image as Pillow

from accounts.models import Organization, User
from albums.models import Album
from images.delivery.variants import STORED
from images.models import Image, Tag, Tagging, Thumbnail
from images.processing import work
from tests.factories import jpeg, make_album, make_image, make_stored_image, remove_discarded
from tests.staff import EVIL, add_url, errors_on, list_url, logged_in, queries, rows_on, text, url_of

PAST = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization, "demo")


@pytest.fixture
def image(album: Album) -> Image:
    return make_stored_image(album, jpeg(64, 48), title="Before", created_at=PAST, updated_at=PAST)


def form_of(image: Image, *taggings: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What the page of an image sends when nothing but these is changed."""
    sent: dict[str, Any] = {
        "title": image.title or "",
        "description": image.description or "",
        "rotation": str(image.rotation),
        **{side: str(getattr(image, side) or "") for side in ("crop_x", "crop_y", "crop_w", "crop_h")},
        "taggings-TOTAL_FORMS": str(len(taggings)),
        "taggings-INITIAL_FORMS": str(sum(1 for row in taggings if row.get("id"))),
        **{f"taggings-{number}-{name}": value for number, row in enumerate(taggings) for name, value in row.items()},
    }
    return {**sent, **changes}


def pictures_on(response: Any) -> list[str]:
    return [
        html.unescape(source) for source in re.findall(r'<img class="(?:picture|whole)" src="([^"]+)"', text(response))
    ]


def size_of(client: Client, url: str) -> tuple[int, int]:
    """The size of the picture that the URL shows."""
    response = client.get(url.removeprefix("http://testserver"))
    assert response.status_code == 200, url
    content = b"".join(response) if response.streaming else response.content
    path = default_storage.path("seen.jpg")
    with open(path, "wb") as file:
        file.write(content)
    with Pillow.open(path) as picture:
        return picture.size


# Lists


def fill(organization: Organization, count: int) -> None:
    """Images that share nothing: an album, an uploader, a tag and thumbnails each."""
    for number in range(count):
        person = User.objects.create_user(None, organization=organization, sfid=f"P{number}")
        image = make_image(make_album(organization), uploader=person)
        image.tag([f"tag {number}", f"other {number}"], person)
        Thumbnail.objects.create(
            image=image, variant="mini", chain="", width=1, height=1, format="jpg", bytes=1, file="x"
        )


@pytest.mark.parametrize("model", [Image, Thumbnail, Tag, Tagging])
def test_each_list_asks_as_often_for_50_rows_as_for_1(
    root: Client, organization: Organization, image: Image, model: type[Any]
) -> None:
    image.tag(["first"])
    once = queries(root, list_url(model))
    fill(organization, 50)
    assert queries(root, list_url(model)) == once
    assert len(rows_on(root.get(list_url(model)))) >= 50


def test_the_list_shows_every_images_own_picture(staff: Client, album: Album) -> None:
    images = [make_stored_image(album, jpeg(64, 48, color)) for color in ("red", "green", "blue")]
    sources = pictures_on(staff.get(list_url(Image)))
    assert len(set(sources)) == 3
    assert all(any(image.delivery_id in source for source in sources) for image in images)
    assert {size_of(staff, source) for source in sources} == {(100, 100)}


@pytest.mark.parametrize("model", [Thumbnail, Tagging])
def test_the_other_lists_show_pictures_and_lead_to_their_image(staff: Client, image: Image, model: type[Any]) -> None:
    image.tag(["first"])
    response = staff.get(list_url(model))
    assert {size_of(staff, source) for source in pictures_on(response)} == {(100, 100)}
    assert url_of(image) in text(response)


@pytest.mark.bypasses_changing
def test_an_image_that_waits_is_shown_as_it_will_be(staff: Client, image: Image) -> None:
    Image.objects.update(processed=False)
    (source,) = pictures_on(staff.get(list_url(Image)))
    assert source.startswith("http://testserver/sharinpix/") and size_of(staff, source) == (100, 100)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"ready", "waiting", "failed"}),
        ({"trash": "only"}, {"gone"}),
        ({"trash": "all"}, {"ready", "waiting", "failed", "gone"}),
        ({"state": "ready"}, {"ready"}),
        ({"state": "waiting"}, {"waiting"}),
        ({"state": "failed"}, {"failed"}),
        ({"state": "junk"}, {"ready", "waiting", "failed"}),
        ({"state": "ready", "trash": "all"}, {"ready", "gone"}),
        ({"created_at__gte": "2026-01-01 00:00:00+00:00"}, {"waiting", "failed"}),
        ({"q": "waiting"}, {"waiting"}),
        ({"q": "birds"}, {"ready", "failed"}),
        ({"q": "elsewhere"}, {"failed"}),
        ({"q": "a title"}, {"waiting"}),
        ({"q": "x" * 256}, set()),
    ],
)
def test_images_are_filtered_and_found(
    staff: Client, album: Album, organization: Organization, query: dict[str, str], names: set[str]
) -> None:
    old = make_image(album, filename="ready", created_at=PAST)
    make_image(album, filename="waiting", title="a title", processed=False)
    broken = make_image(make_album(organization, "elsewhere"), filename="failed", processing_error="No picture.")
    make_image(album, filename="gone", trashed_at=PAST, created_at=PAST)
    for image in (old, broken):
        image.tag(["birds", "birds of prey"])
    found = rows_on(staff.get(list_url(Image), query))
    assert sorted(image.filename for image in found) == sorted(names)


def test_the_list_of_one_album_says_which_it_is(
    staff: Client, album: Album, organization: Organization, other_organization: Organization
) -> None:
    image = make_image(album)
    make_image(make_album(organization))
    response = staff.get(list_url(Image), {"album": album.pk})
    assert rows_on(response) == [image]
    assert "By album" in text(response) and ">demo</a>" in text(response)
    assert "By album" not in text(staff.get(list_url(Image)))
    theirs = make_album(other_organization, "their album")
    make_image(theirs)
    response = staff.get(list_url(Image), {"album": theirs.pk})
    assert rows_on(response) == [] and "their album" not in text(response)


def test_a_trashed_image_is_named_where_its_picture_would_be(staff: Client, album: Album) -> None:
    make_image(album, title="Lost", trashed_at=PAST)
    response = staff.get(list_url(Image), {"trash": "only"})
    assert pictures_on(response) == []
    assert "Lost<br>in the trash" in text(response)


def test_whatever_people_wrote_is_shown_as_text_and_never_as_markup(root: Client, organization: Organization) -> None:
    album = make_album(organization, EVIL.replace("/", "-"))
    facts: dict[str, Any] = {
        "infos": {EVIL: EVIL},
        "exifs": {"Model": EVIL},
        "metadatas": [EVIL],
        "processing_error": EVIL,
    }
    image = make_stored_image(album, filename=EVIL, title=EVIL, description=EVIL, **facts)
    image.tag([EVIL])
    pages = [list_url(Image), list_url(Tag), list_url(Tagging), list_url(Thumbnail), url_of(image)]
    for url in (*pages, url_of(image.tags.get()), url_of(image, "delete"), f"{list_url(Image)}?album={album.pk}"):
        page = text(root.get(url))
        assert "<script>alert" not in page, url
        assert "&lt;script&gt;alert(1)&lt;" in page, url


# An image's page


def test_the_page_shows_the_picture_and_leads_to_the_original(staff: Client, image: Image) -> None:
    response = staff.get(url_of(image))
    (source,) = pictures_on(response)
    assert size_of(staff, source) == (1920, 1440)
    found = re.findall(r'href="(http://testserver/sharinpix/[^"]+)"', text(response))
    large, original = (staff.get(url.removeprefix("http://testserver")) for url in found)
    assert large.status_code == 200 and "Content-Disposition" not in large.headers
    assert b"".join(original) == jpeg(64, 48)


def test_titles_are_saved_and_the_update_is_noted(staff: Client, image: Image) -> None:
    response = staff.post(url_of(image), form_of(image, title="After", description="Two\r\nlines"))
    assert response.status_code == 302
    saved = Image.objects.get()
    assert (saved.title, saved.description) == ("After", "Two\nlines")
    assert saved.updated_at > PAST and saved.created_at == PAST


def test_an_emptied_title_is_none(staff: Client, image: Image) -> None:
    staff.post(url_of(image), form_of(image, title=""))
    assert Image.objects.get().title is None


def test_a_page_that_is_saved_as_it_is_writes_nothing(staff: Client, album: Album) -> None:
    image = make_stored_image(
        album, title=" spaces and\nlines ", crop_w=10.0, crop_h=5.5, crop_y=2.0, rotation=90, updated_at=PAST
    )
    files = sorted(image.thumbnails.values_list("file", "created_at"))
    sent = form_of(image, title=" spaces and\r\nlines ")
    assert staff.post(url_of(image), sent).status_code == 302
    saved = Image.objects.get()
    assert (saved.title, saved.updated_at) == (image.title, PAST)
    assert sorted(saved.thumbnails.values_list("file", "created_at")) == files


@pytest.mark.parametrize(
    ("edit", "size", "preview"),
    [
        ({"rotation": "90"}, (48, 64), (1440, 1920)),
        ({"rotation": "180"}, (64, 48), (1920, 1440)),
        ({"crop_x": "4", "crop_y": "8", "crop_w": "32", "crop_h": "40"}, (32, 40), (1536, 1920)),
        ({"crop_w": "32", "crop_h": "16", "rotation": "270"}, (16, 32), (960, 1920)),
    ],
)
def test_an_edit_renders_the_thumbnails_again_and_the_preview_follows(
    staff: Client,
    image: Image,
    django_capture_on_commit_callbacks: Any,
    edit: dict[str, str],
    size: tuple[int, int],
    preview: tuple[int, int],
) -> None:
    (before,) = pictures_on(staff.get(url_of(image)))
    earlier = set(image.thumbnails.values_list("file", flat=True))
    with django_capture_on_commit_callbacks(execute=True):
        assert staff.post(url_of(image), form_of(image, **edit)).status_code == 302
    saved = Image.objects.get()
    assert (saved.width, saved.height) == size and saved.updated_at > PAST
    (after,) = pictures_on(staff.get(url_of(image)))
    assert after != before and size_of(staff, after) == preview
    assert not saved.thumbnails.exists()  # no click waits for a rendering
    assert work.process(saved.pk)
    assert size_of(staff, after) == preview
    now = set(saved.thumbnails.values_list("file", flat=True))
    assert len(now) == len(STORED) and all(default_storage.exists(file) for file in now)
    remove_discarded()
    assert not any(default_storage.exists(file) for file in earlier - now)


def test_a_crop_is_taken_off_by_emptying_it(staff: Client, album: Album) -> None:
    image = make_stored_image(album, jpeg(64, 48), crop_w=10.0, crop_h=5.0, width=10, height=5)
    nothing = dict.fromkeys(("crop_x", "crop_y", "crop_w", "crop_h"), "")
    assert staff.post(url_of(image), form_of(image, **nothing)).status_code == 302
    saved = Image.objects.get()
    assert (saved.crop_box, saved.width, saved.height) == (None, 64, 48)


@pytest.mark.parametrize(
    "edit",
    [
        {"rotation": "45"},
        {"rotation": ""},
        {"rotation": "junk"},
        {"crop_x": "-1", "crop_w": "5", "crop_h": "5"},
        {"crop_w": "65", "crop_h": "5"},
        {"crop_x": "60", "crop_w": "5", "crop_h": "5"},
        {"crop_w": "5"},
        {"crop_w": "0.5", "crop_h": "0.5"},
        {"crop_w": "nan", "crop_h": "nan"},
        {"crop_w": "1e400", "crop_h": "inf"},
        {"crop_w": "junk"},
        {"crop_w": "9" * 5_000},
        {"title": "a\0b"},
        {"taggings-TOTAL_FORMS": "junk"},
    ],
)
def test_a_senseless_edit_is_refused_with_a_reason_and_changes_nothing(
    staff: Client, image: Image, edit: dict[str, str]
) -> None:
    response = staff.post(url_of(image), form_of(image, **{"title": "After", **edit}))
    assert response.status_code == 200 and errors_on(response)
    assert Image.objects.values_list("title", "rotation", "crop_w", "updated_at").get() == ("Before", 0, 0, PAST)


def test_technical_facts_are_not_for_editing(staff: Client, image: Image) -> None:
    before = Image.objects.values().get()
    facts = {
        **dict.fromkeys(("width", "height", "original_width", "position", "page", "size", "delivery_version"), "1"),
        **dict.fromkeys(("filename", "format", "delivery_id", "delivery_type", "sha256", "color", "original"), "x"),
        **dict.fromkeys(("infos", "exifs", "metadatas"), "{}"),
        "album": str(make_album(image.album.organization).pk),
        "id": "5c8d1a3e-0000-4000-8000-000000000000",
        "processed": "",
        "processing_error": "x",
    }
    assert staff.post(url_of(image), {**form_of(image), **facts}).status_code == 302
    assert Image.objects.values().get() == before


def test_images_are_not_added_by_hand(root: Client) -> None:
    assert {root.get(add_url(model)).status_code for model in (Image, Thumbnail, Tagging)} == {403}


def test_thumbnails_and_taggings_are_not_changed_by_hand(root: Client, image: Image) -> None:
    image.tag(["first"])
    for row in (image.thumbnails.get(variant="mini"), image.taggings.get()):
        assert root.get(url_of(row)).status_code == 200
        assert root.post(url_of(row), {"variant": "x"}).status_code == 403
        assert root.post(url_of(row, "delete"), {"post": "yes"}).status_code == 403


# Tags of an image


def test_a_tag_is_given_and_its_giver_noted(staff: Client, person: User, image: Image) -> None:
    tag = Tag.objects.create(organization=person.organization, name="birds")
    response = staff.post(url_of(image), form_of(image, {"tag": str(tag.pk), "image": str(image.pk)}))
    assert response.status_code == 302
    assert list(image.taggings.values_list("tag__name", "user")) == [("birds", person.pk)]


def test_a_tag_is_taken_away_and_stays_a_tag(staff: Client, image: Image) -> None:
    image.tag(["birds"])
    tagging = image.taggings.get()
    row = {"id": str(tagging.pk), "tag": str(tagging.tag_id), "image": str(image.pk), "DELETE": "on"}
    assert staff.post(url_of(image), form_of(image, row)).status_code == 302
    assert not image.taggings.exists() and Tag.objects.filter(name="birds").exists()


def test_a_tag_of_another_organization_cannot_be_given(
    staff: Client, root: Client, image: Image, other_organization: Organization
) -> None:
    theirs = Tag.objects.create(organization=other_organization, name="theirs")
    sent = form_of(image, {"tag": str(theirs.pk), "image": str(image.pk)})
    for client in (staff, root):
        response = client.post(url_of(image), sent)
        assert response.status_code == 200 and "inline tag" in errors_on(response)
    assert "theirs" not in text(staff.post(url_of(image), sent))
    assert not Tagging.objects.exists()


@pytest.mark.parametrize("tag", ["junk", "", "\0", "5c8d1a3e-0000-4000-8000-000000000000", "9" * 5_000])
def test_a_tag_that_does_not_exist_is_refused(staff: Client, image: Image, tag: str) -> None:
    row = {"tag": tag, "image": str(image.pk)}
    existing = Tag.objects.create(organization=image.album.organization, name="birds")
    response = staff.post(url_of(image), form_of(image, row, {"tag": str(existing.pk)}, title="After"))
    if tag:
        assert response.status_code == 200 and "inline tag" in errors_on(response)
        assert not Tagging.objects.exists()
    else:  # an empty row is none
        assert [tagging.tag for tagging in image.taggings.all()] == [existing]


def test_the_same_tag_twice_is_refused(staff: Client, image: Image) -> None:
    tag = Tag.objects.create(organization=image.album.organization, name="birds")
    response = staff.post(url_of(image), form_of(image, {"tag": str(tag.pk)}, {"tag": str(tag.pk)}))
    assert response.status_code == 200 and errors_on(response)
    assert not Tagging.objects.exists()


def test_tags_are_made_in_ones_own_organization_whatever_is_sent(
    staff: Client, person: User, other_organization: Organization
) -> None:
    assert staff.post(add_url(Tag), {"name": "mine", "organization": str(other_organization.pk)}).status_code == 302
    assert Tag.objects.get().organization == person.organization


def test_a_tag_is_renamed_within_its_organization(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    tag = Tag.objects.create(organization=organization, name="brids")
    Tag.objects.create(organization=organization, name="cats")
    assert root.post(url_of(tag), {"name": "birds", "organization": str(other_organization.pk)}).status_code == 302
    tag.refresh_from_db()
    assert (tag.name, tag.organization) == ("birds", organization)
    response = root.post(url_of(tag), {"name": "cats"})
    assert response.status_code == 200 and errors_on(response)
    assert root.post(add_url(Tag), {"name": "cats", "organization": str(organization.pk)}).status_code == 200
    assert root.post(add_url(Tag), {"name": "cats", "organization": str(other_organization.pk)}).status_code == 302


def test_a_tag_is_deleted_with_its_links(staff: Client, image: Image) -> None:
    image.tag(["birds"])
    assert staff.post(url_of(image.tags.get(), "delete"), {"post": "yes"}).status_code == 302
    assert not Tag.objects.exists() and not Tagging.objects.exists() and Image.objects.exists()


# Deleting images


def files_of(image: Image) -> set[str]:
    return {str(image.original), *image.thumbnails.values_list("file", flat=True)}


def test_an_image_is_deleted_with_its_files(staff: Client, image: Image) -> None:
    image.tag(["birds"])
    files = files_of(image)
    assert len(files) == 1 + len(STORED) and all(default_storage.exists(file) for file in files)
    warning = text(staff.get(url_of(image, "delete")))
    assert "Thumbnails: 3" in warning and "mini of" not in warning and url_of(image) in warning
    assert staff.post(url_of(image, "delete"), {"post": "yes"}).status_code == 302
    assert not Image.objects.exists() and not Thumbnail.objects.exists()
    remove_discarded()
    assert not any(default_storage.exists(file) for file in files)


def test_a_lost_original_is_found_by_its_state_and_told_on_the_page(staff: Client, image: Image) -> None:
    lost = make_stored_image(image.album)
    page = text(staff.get(url_of(lost)))
    assert "The original is not in the storage." not in page
    default_storage.delete(str(lost.original))
    assert "The original is not in the storage." in text(staff.get(url_of(lost)))
    lost.note_original("damaged")
    shown = pictures_on(staff.get(list_url(Image), {"state": "faulty original"}))
    assert len(shown) == 1
    assert "is not the file that was received" not in text(staff.get(url_of(image)))


def test_the_selected_images_are_deleted_with_their_files(staff: Client, album: Album) -> None:
    gone, kept = [make_stored_image(album, jpeg(64, 48, color)) for color in ("red", "blue")]
    files = files_of(gone)
    staff.post(list_url(Image), {"action": "delete_selected", "_selected_action": [str(gone.pk)], "post": "yes"})
    assert list(Image.objects.all()) == [kept]
    remove_discarded()
    assert not any(default_storage.exists(file) for file in files)
    assert all(default_storage.exists(file) for file in files_of(kept))


def test_whoever_may_only_look_at_images_changes_and_deletes_none(person: User, image: Image) -> None:
    person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = logged_in(User.objects.get(pk=person.pk))
    assert len(pictures_on(client.get(url_of(image)))) == 1
    assert client.post(url_of(image), form_of(image, title="After")).status_code == 403
    assert client.post(url_of(image, "delete"), {"post": "yes"}).status_code == 403
    assert Image.objects.get().title == "Before"


@pytest.mark.django_db(transaction=True)
def test_images_are_processed_again_where_we_hold_their_originals(staff: Client, organization: Organization) -> None:
    album = make_album(organization)
    failed = make_stored_image(album, processing_error="truncated: The file ends.", processing_attempts=3)
    elsewhere = make_image(album)
    sent = {"action": "process_again", "_selected_action": [str(failed.pk), str(elsewhere.pk)]}
    page = text(staff.post(list_url(Image), sent, follow=True))
    assert "Processing 1 image again. The original of 1 image is not here." in page
    failed.refresh_from_db()
    assert (failed.processed, failed.processing_error, failed.processing_attempts) == (True, None, 1)
