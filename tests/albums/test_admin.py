"""Albums in the admin."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from albums.models import Album
from images.models import Image
from tests.factories import jpeg, make_album, make_image, make_stored_image
from tests.staff import add_url, errors_on, list_url, queries, rows_on, text, url_of

EVIL = "\"><script>alert(1)<script>'&amp;\u202egnp.exe"  # without a slash, which no album id has
PAST = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def names_on(response: Any) -> list[str]:
    """The images whose pictures the page shows, in its order."""
    return re.findall(r'<img class="picture" src="[^"]+" alt="([^"]*)"', text(response))


def test_the_list_asks_as_often_for_50_albums_as_for_1(root: Client, organization: Organization) -> None:
    make_image(make_album(organization))
    once = queries(root, list_url(Album))
    for number in range(50):
        album = make_album(Organization.objects.create(name=f"O{number}"))
        for _ in range(3):
            make_image(album)
    assert queries(root, list_url(Album)) == once


def test_an_albums_page_asks_as_often_for_50_images_as_for_1(root: Client, organization: Organization) -> None:
    album = make_album(organization)
    make_image(album)
    once = queries(root, url_of(album))
    for _ in range(50):
        make_image(album)
    assert queries(root, url_of(album)) == once
    assert len(names_on(root.get(url_of(album)))) == 51


def test_the_list_shows_the_first_pictures_of_each_album(staff: Client, organization: Organization) -> None:
    album = make_album(organization, "many")
    for name in "abcdef":
        make_image(album, filename=name)
    Image.objects.filter(filename="b").update(trashed_at=PAST)
    make_album(organization, "none")
    response = staff.get(list_url(Album))
    assert names_on(response) == ["a", "c", "d", "e"]
    assert {row.public_id: row.images_count for row in rows_on(response)} == {"many": 5, "none": 0}


def test_albums_are_found_by_their_id(staff: Client, organization: Organization) -> None:
    found = make_album(organization, "a001X000003")
    make_album(organization, "other")
    assert rows_on(staff.get(list_url(Album), {"q": "a001x"})) == [found]


def test_an_albums_page_shows_its_pictures_in_order_and_leads_to_them(
    staff: Client, organization: Organization
) -> None:
    album = make_album(organization)
    last, first = make_image(album, filename="last", position=9), make_image(album, filename="first", position=1)
    make_image(album, filename="gone", trashed_at=PAST)
    response = staff.get(url_of(album))
    assert names_on(response) == ["first", "last"]
    leads = re.findall(r'<a href="([^"]+)"><img', text(response))
    assert leads == [url_of(first), url_of(last)]
    (everything,) = re.findall(r'<a href="([^"]+)">All 2 as a list', text(response))
    assert set(rows_on(staff.get(everything))) == {first, last}


def test_an_album_is_made_in_ones_own_organization_whatever_is_sent(
    staff: Client, person: User, other_organization: Organization
) -> None:
    sent = {"public_id": "a001", "organization": str(other_organization.pk)}
    assert staff.post(add_url(Album), sent).status_code == 302
    assert Album.objects.get().organization == person.organization


def test_a_superuser_makes_albums_in_any_organization(root: Client, other_organization: Organization) -> None:
    sent = {"public_id": "a001", "organization": str(other_organization.pk)}
    assert root.post(add_url(Album), sent).status_code == 302
    assert Album.objects.get().organization == other_organization


def test_an_album_stays_in_its_organization(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    album = make_album(organization, "old")
    sent = {"public_id": "new", "organization": str(other_organization.pk)}
    assert root.post(url_of(album), sent).status_code == 302
    album.refresh_from_db()
    assert (album.public_id, album.organization) == ("new", organization)


@pytest.mark.parametrize("public_id", ["taken", "", ".", "..", "a/b", "a\tb", "a\0b", "x" * 256])
def test_an_id_that_cannot_be_is_refused_with_a_reason(
    staff: Client, organization: Organization, public_id: str
) -> None:
    make_album(organization, "taken")
    album = make_album(organization, "mine")
    for url in (add_url(Album), url_of(album)):
        response = staff.post(url, {"public_id": public_id})
        assert response.status_code == 200 and errors_on(response)
    assert set(Album.objects.values_list("public_id", flat=True)) == {"taken", "mine"}


def test_an_id_is_shown_as_text_and_never_as_markup(root: Client, organization: Organization) -> None:
    album = make_album(organization, EVIL)
    make_stored_image(album, jpeg(), title=EVIL)
    for url in (list_url(Album), url_of(album), url_of(album, "delete"), list_url(Image), url_of(album.images.get())):
        page = text(root.get(url))
        assert "<script>alert" not in page, url
        assert "&lt;script&gt;alert(1)" in page, url


@pytest.mark.parametrize("trashed", [None, PAST])
def test_an_album_that_holds_images_stays_and_says_why(
    staff: Client, organization: Organization, trashed: datetime | None
) -> None:
    album = make_album(organization, "full")
    for _ in range(2):
        make_image(album, trashed_at=trashed)
    selected = {"action": "delete_selected", "_selected_action": [str(album.pk)], "post": "yes"}
    for response in (
        staff.get(url_of(album, "delete")),
        staff.post(url_of(album, "delete"), {"post": "yes"}),
        staff.post(list_url(Album), selected),
    ):
        assert response.status_code == 200
        (images,) = re.findall(r'<a href="([^"]+)">2 images of the album full</a>', text(response))
        assert len(rows_on(staff.get(images.replace("&amp;", "&")))) == 2
    assert Album.objects.filter(pk=album.pk).exists() and album.images.count() == 2


def test_an_empty_album_is_deleted(staff: Client, organization: Organization) -> None:
    albums = [make_album(organization) for _ in range(3)]
    assert staff.post(url_of(albums[0], "delete"), {"post": "yes"}).status_code == 302
    selected = {"action": "delete_selected", "_selected_action": [str(albums[1].pk)], "post": "yes"}
    assert staff.post(list_url(Album), selected).status_code == 302
    assert list(Album.objects.all()) == [albums[2]]
