"""A resync without ids: pages in the order of albums, and the cursors between them."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from albums.models import Album
from images.models import Image
from images.syncs.request import Cursor
from tests.factories import make_album, make_image
from tests.images.resyncs import FORM, URL, found, ids_of, refusal


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization, "album")


@pytest.fixture
def images(album: Album) -> list[Image]:
    return [make_image(album) for _ in range(3)]


def test_an_album_narrows_ids_and_pages(api: Client, images: list[Image], organization: Organization) -> None:
    other = make_image(make_album(organization, "other"))
    everything = [*ids_of(*images), str(other.pk)]
    assert found(api.get(URL)) == everything
    assert found(api.get(URL, {"album_id": "other"})) == [str(other.pk)]
    assert found(api.get(URL, {"album_id": "other", "ids[]": everything})) == [str(other.pk)]
    assert found(api.post(URL, {"album_id": "other", "ids": everything}, content_type="application/json")) == [
        str(other.pk)
    ]
    assert found(api.get(URL, {"album_id": "none"})) == found(api.get(URL, {"album_id": ""})) == []


def next_page(response: Any) -> str | None:
    link = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
    return link[1] if link else None


def walk(api: Client, url: str) -> list[list[str]]:
    """The ids of each page, up to the one that links to none."""
    pages: list[list[str]] = []
    step: str | None = url
    while step is not None:
        assert len(pages) < 100
        response = api.get(step)
        pages.append(found(response))
        step = next_page(response)
    return pages


@pytest.fixture
def crowd(organization: Organization) -> list[str]:
    """Ids in order: three albums, positions and times that tie."""
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for name in ("b", "a", "c é&="):
        album = make_album(organization, name)
        for number in range(9):
            created = moment + timedelta(microseconds=number % 2)
            make_image(album, position=(number // 6) * 2**20 - 5, created_at=created)
    order = Image.objects.order_by("album_id", "position", "created_at", "id")
    return [str(pk) for pk in order.values_list("pk", flat=True)]


@pytest.mark.parametrize("size", [1, 2, 4, 9, 26, 27, 28, 5_000])
def test_pages_hold_every_image_once_and_in_order(api: Client, crowd: list[str], size: int) -> None:
    pages = walk(api, f"{URL}?per_page={size}")
    assert [pk for page in pages for pk in page] == crowd
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert pages[-1]


def test_an_album_narrows_every_page(api: Client, crowd: list[str]) -> None:
    expected = [
        str(pk) for pk in Image.objects.filter(album__public_id="c é&=").in_order().values_list("pk", flat=True)
    ]
    pages = walk(api, f"{URL}?per_page=4&album_id={quote('c é&=')}")
    assert [len(page) for page in pages] == [4, 4, 1]
    assert [pk for page in pages for pk in page] == expected


def test_a_link_is_absolute_and_holds_what_was_asked(api: Client, crowd: list[str]) -> None:
    link = urlsplit(str(next_page(api.get(URL, {"per_page": "2", "album_id": "a"}))))
    assert (link.scheme, link.netloc, link.path) == ("http", "testserver", URL)
    assert re.fullmatch(r"album_id=a&per_page=2&cursor=[0-9]+\.-?[0-9]+\.[0-9]+\.[0-9a-f]{32}", link.query)
    slash = str(next_page(api.get(URL + "/", {"per_page": "2"})))
    assert slash.startswith(f"http://testserver{URL}/?")


def test_a_link_leads_to_the_public_address_whatever_the_request_calls_us(
    api: Client, crowd: list[str], settings: Any
) -> None:
    settings.ALLOWED_HOSTS, settings.PUBLIC_URL = ["*"], "https://pictures.example.com"
    link = str(next_page(api.get(URL, {"per_page": "2"}, headers={"Host": "evil.example.com:81"})))
    assert link.startswith(f"https://pictures.example.com{URL}?per_page=2&cursor=")


def test_pages_of_a_post_go_on_as_a_get(api: Client, crowd: list[str]) -> None:
    first = api.post(URL, {"per_page": 20, "album_id": "a"}, content_type="application/json")
    assert len(found(first)) == 9
    first = api.post(URL, {"per_page": 20}, content_type="application/json")
    assert found(first) + found(api.get(str(next_page(first)))) == crowd
    form = api.post(URL, b"per_page=20", content_type=FORM)
    assert found(form) == crowd[:20]


def test_an_image_that_is_added_or_deleted_meanwhile_moves_no_other_to_another_page(
    api: Client, crowd: list[str]
) -> None:
    first = api.get(URL, {"per_page": "10"})
    Image.objects.filter(pk__in=crowd[5:12]).delete()
    make_image(Album.objects.order_by("pk")[0], position=-(2**40))
    rest = walk(api, str(next_page(first)))
    assert [pk for page in rest for pk in page] == crowd[12:]


def test_the_page_is_a_thousand_unless_another_size_is_asked_for(api: Client, album: Album) -> None:
    template = make_image(album)
    fields = {"album": album, "delivery_id": template.delivery_id, "processed": True}
    Image.objects.bulk_create([Image(**fields, position=template.position + n) for n in range(1, 1_001)])
    first = api.get(URL)
    assert len(found(first)) == 1_000
    assert len(found(api.get(str(next_page(first))))) == 1
    assert len(found(api.get(URL, {"per_page": "5000"}))) == 1_001


def test_ids_are_never_cut_into_pages(api: Client, images: list[Image]) -> None:
    response = api.get(URL, {"ids[]": ids_of(*images), "per_page": "1"})
    assert found(response) == ids_of(*images)
    assert "Link" not in response.headers


@pytest.mark.parametrize(
    "size", ["0", "-1", "5001", "1e3", "", "x", "1.5", "１", " 1", "1 ", "9" * 5_000, "%00", "1_0", "true"]
)
def test_a_page_has_1_to_5000_images(api: Client, size: str) -> None:
    assert refusal(api.get(URL, {"per_page": size})) == "per_page must be a number from 1 to 5,000."
    posted = api.post(URL, {"per_page": size}, content_type="application/json")
    assert refusal(posted) == "per_page must be a number from 1 to 5,000."


SOUND = f"1.2.3.{'a' * 32}"
NO_CURSORS = [
    *(
        "",
        "x",
        ".",
        "...",
        "....",
        "1.2.3",
        f"{SOUND}.5",
        "a.b.c.d",
        "1.2.3.x",
        f"1.2.3.{'g' * 32}",
        f"1.2.3.{'a' * 31}",
    ),
    *(
        f"{2**63}.2.3.{'a' * 32}",
        f"1.{2**63}.3.{'a' * 32}",
        f"1.{-(2**63) - 1}.3.{'a' * 32}",
        f"1.2.{2**63}.{'a' * 32}",
    ),
    *(
        f"1.2.{2**62}.{'a' * 32}",
        f"1.2.-{2**62}.{'a' * 32}",
        f"１.2.3.{'a' * 32}",
        "9" * 10_000,
        f"1.2.3.{{{'a' * 30}}}",
    ),
    *("' OR 1=1--", "%", "é", f"NaN.1.1.{'a' * 32}", f"1e5.1.1.{'a' * 32}", str(uuid.UUID(int=1))),
]


@pytest.mark.parametrize("cursor", NO_CURSORS, ids=lambda value: value[:24] or "empty")
def test_a_cursor_that_is_not_ours_is_a_400(api: Client, cursor: str) -> None:
    assert refusal(api.get(URL, {"cursor": cursor})) == "The cursor is not one of ours."


@pytest.mark.parametrize(
    "cursor",
    [
        SOUND,
        f"0.0.0.{'0' * 32}",
        f"{2**63 - 1}.{2**63 - 1}.{253402300799999999}.{'f' * 32}",
        f"{-(2**63)}.{-(2**63)}.{-62135596800000000}.{'0' * 32}",
    ],
)
def test_a_cursor_of_ours_may_lead_anywhere(api: Client, images: list[Image], cursor: str) -> None:
    assert len(found(api.get(URL, {"cursor": cursor}))) in {0, 3}


@given(
    st.builds(
        Cursor,
        album=st.integers(-(2**63), 2**63 - 1),
        position=st.integers(-(2**63), 2**63 - 1),
        created_at=st.datetimes(timezones=st.just(UTC)),
        id=st.uuids(),
    )
)
def test_a_cursor_is_read_as_it_was_written(place: Cursor) -> None:
    assert Cursor.parse(str(place)) == place
