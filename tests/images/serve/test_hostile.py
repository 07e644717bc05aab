"""Whatever stands in a URL, the server answers it, and never with a fault of its own."""

from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from images.delivery import signed_urls
from tests.fuzzing import examples
from tests.images.links import is_picture

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
FUZZ = examples(60)
PIECES = st.sampled_from(
    [
        "c_fit",
        "w_300",
        "/",
        ",",
        "a_90",
        "fl_attachment",
        "v1",
        "v123123",
        ".",
        ".jpg",
        "s--AAAAAAAA--",
        "authenticated",
    ]
)
PATHS = st.lists(PIECES | ANYTHING, max_size=8).map("".join)
ROUTES = st.sampled_from(
    [
        "/sharinpix/image/",
        "/sharinpix/image/authenticated/",
        "/sharinpix/image/authenticated/s--AAAAAAAA--/",
        "/images/3bafd689-308a-47c2-a945-b71c0f7a6361/thumbnails/",
        "/images/",
        "/proxy/",
        "/proxy/photo.jpg?s=0000000&url=",
        "/assets/",
    ]
)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Whatever is asked for is looked for."""


@FUZZ
@given(route=ROUTES, path=PATHS)
@example("/sharinpix/image/", "authenticated/s--AAAAAAAA--/v1/a\n.jpg")
@example("/proxy/photo.jpg?s=0000000&url=", "testserver/images/------------------------------------/thumbnails/x")
def test_no_path_is_answered_with_a_fault_or_a_picture(route: str, path: str) -> None:
    response = Client(raise_request_exception=False).get(route + quote(path))
    assert response.status_code < 500
    assert not is_picture(response.content)


@FUZZ
@given(
    chain=PATHS,
    public_id=ANYTHING.filter(bool),
    kind=st.sampled_from(["authenticated", "private", "upload", "fetch"]),
    version=st.none() | st.integers(0, 10**20),
    extension=st.sampled_from(["jpg", "PNG", "svg", ""]) | ANYTHING,
)
@example("c_fit,w_300", "\0", "authenticated", 1, "jpg")
@example("c_fit,w_300", "raw_placeholder", "upload", None, "svg")
@example("c_fit,w_1,h_4096/c_fit,w_4096", "raw_placeholder", "upload", None, "jpg")
@example("fl_attachment", "a/b", "upload", 10**18 - 1, "jpg")
def test_no_path_is_answered_with_a_fault_even_if_we_signed_it(
    chain: str, public_id: str, kind: str, version: int | None, extension: str
) -> None:
    signed = signed_urls.current_delivery().url(chain, public_id, kind=kind, version=version, extension=extension)
    path = signed.removeprefix("http://testserver")
    response = Client(raise_request_exception=False).get(quote(path, safe="/%"))
    assert response.status_code in {200, 400, 401, 404}


@FUZZ
@given(query=ANYTHING, accept=ANYTHING, match=ANYTHING)
def test_no_query_or_header_is_answered_with_a_fault(query: str, accept: str, match: str) -> None:
    url = signed_urls.current_delivery().url("c_fit,w_3", "raw_placeholder", kind="authenticated", version=None)
    headers = {"Accept": accept, "If-None-Match": match}
    response = Client(raise_request_exception=False).get(f"{url}?{quote(query)}", headers=headers, follow=True)
    assert (response.status_code, is_picture(response.content)) == (200, True)


@pytest.mark.parametrize(
    "path", ["%ff%fe", "%", "%zz", "%00", "%0d%0aSet-Cookie:a=b", "a" * 200_000, "/" * 10_000, "é"]
)
@pytest.mark.parametrize("route", ["/sharinpix/image/authenticated/s--AAAAAAAA--/", "/proxy/", "/images/"])
def test_raw_bytes_in_a_path_are_refused(route: str, path: str) -> None:
    response = Client(raise_request_exception=False).get(route + path)
    assert response.status_code in {400, 401, 404}
    assert not response.has_header("Set-Cookie")


@pytest.mark.parametrize("chain", ["c_fit,w_300/" * 2_000, "/" * 20_000, "v1/" * 20_000, "a." * 50_000, "v" * 100_000])
def test_a_long_path_is_answered_at_once(chain: str) -> None:
    response = Client(raise_request_exception=False).get(f"/sharinpix/image/upload/s--AAAAAAAA--/{chain}v1/a.jpg")
    assert response.status_code in {400, 401}
