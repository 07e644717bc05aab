"""Long answers: order first, texts in chunks, and nothing held that need not be."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from images.models import Image, Representation
from images.querysets import ORDER
from tests.factories import make_album, make_image
from tests.outages import end_connection

SIZES = {"one statement": (250, 1_000), "order and texts": (3, 1_000), "streamed": (3, 4)}


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def sizes(
    request: Any, one_statement_up_to: Callable[[int], None], chunks_of: Callable[[int], None]
) -> tuple[int, int]:
    """Limits that make a resync of nine images short, long or streamed."""
    at_once, chunk = request.param
    one_statement_up_to(at_once)
    chunks_of(chunk)
    return at_once, chunk


@pytest.fixture
def images(user: User) -> list[Image]:
    albums = [make_album(user.organization) for _ in range(3)]
    made = [make_image(album, title="<&>é") for album in reversed(albums) for _ in range(3)]
    return sorted(made, key=lambda image: [getattr(image, name) for name in ORDER])


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


@pytest.mark.parametrize("stale", ["none", "some", "all", "missing"])
def test_every_way_of_reading_answers_the_same(
    sizes: tuple[int, int], images: list[Image], api: Client, stale: str
) -> None:
    if stale == "some":
        Representation.objects.filter(image__in=images[::2]).update(stamp="old", document="{}")
    elif stale == "all":
        Representation.objects.update(stamp="old", document="{}")
    elif stale == "missing":
        Representation.objects.filter(image__in=images[1:4]).delete()
    ids = [str(image.pk) for image in reversed(images)]
    response = api.get("/api/v1/image_syncs", {"ids[]": ids})
    assert response.streaming == (sizes[1] == 4)
    content = body(response)
    assert [found["id"] for found in orjson.loads(content)] == [str(image.pk) for image in images]
    assert "\\u003c\\u0026\\u003eé".encode() in content and b"<" not in content


@pytest.mark.usefixtures("short_chunks")
def test_a_streamed_answer_has_the_standard_headers_and_no_length(images: list[Image], api: Client) -> None:
    response = api.get("/api/v1/image_syncs?per_page=5")
    assert response.streaming
    assert "Content-Length" not in response.headers
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert response["X-token"] and 'rel="next"' in response["Link"]
    assert len(orjson.loads(body(response))) == 5


def test_pages_of_every_size_visit_each_image_once(sizes: tuple[int, int], images: list[Image], api: Client) -> None:
    for size in (1, 2, 4, 5, 9, 10):
        seen: list[str] = []
        query: str | None = f"per_page={size}"
        while query and len(seen) < 20:
            response = api.get(f"/api/v1/image_syncs?{query}")
            seen += [found["id"] for found in orjson.loads(body(response))]
            link = response.headers.get("Link")
            query = link.partition("?")[2].partition(">")[0] if link else None
        assert seen == [str(image.pk) for image in images]


@pytest.mark.usefixtures("short_chunks")
def test_an_image_that_goes_while_the_answer_is_sent_is_left_out(images: list[Image], api: Client) -> None:
    response = api.get("/api/v1/image_syncs?per_page=9")
    images[4].delete()
    images[5].delete()
    left = [str(image.pk) for image in images[:4] + images[6:]]
    assert [found["id"] for found in orjson.loads(body(response))] == left


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("count", [1, 9])
def test_a_short_resync_takes_one_statement_beside_the_tokens_own(
    images: list[Image], api: Client, stale: bool, count: int
) -> None:
    if stale:
        Representation.objects.update(stamp="old")
    with CaptureQueriesContext(connection) as context:
        api.get("/api/v1/image_syncs", {"ids[]": [str(image.pk) for image in images[:count]]})
    assert len(context) == (3 if stale else 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("path", ["/api/v1/image_syncs", "/api/v1/albums/{album}/images"])
def test_an_answer_that_has_begun_outlives_a_restart_of_the_database(
    path: str, images: list[Image], api: Client
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    path = path.format(album=images[-1].album.public_id)
    whole = body(api.get(path))
    pieces = iter(api.get(path))
    begun = next(pieces)
    end_connection()
    assert begun + b"".join(pieces) == whole
