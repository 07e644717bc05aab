import gzip
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
from backports import zstd
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from sharinpix.middleware import Compression, StandardHeaders

STANDARD = {
    "Cache-Control": "no-cache, no-store",
    "Pragma": "no-cache",
    "Expires": "Fri, 01 Jan 1990 00:00:00 GMT",
    "P3P": 'CP="NOI ADM DEV PSAi COM NAV OUR OTRo STP IND DEM"',
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": "1; mode=block",
    "X-Download-Options": "noopen",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Referrer-Policy": "origin-when-cross-origin, strict-origin-when-cross-origin",
}
OURS_ALONE = (
    "Pragma P3P X-XSS-Protection X-Download-Options X-Permitted-Cross-Domain-Policies X-Request-Id X-Runtime".split()
)
IMAGE = "3bafd689-308a-47c2-a945-b71c0f7a6361"


def assert_standard(response: Any) -> None:
    assert {name: response.headers.get(name) for name in STANDARD} == STANDARD
    assert str(uuid.UUID(response.headers["X-Request-Id"])) == response.headers["X-Request-Id"]
    seconds, _, digits = response.headers["X-Runtime"].partition(".")
    assert seconds.isdigit() and digits.isdigit() and len(digits) == 6
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["Content-Length"] == str(len(response.content))
    assert "ETag" not in response.headers
    assert not response.cookies


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/image_syncs", 200),
        ("POST", "/api/v1/image_syncs/", 200),
        ("GET", "/api/v1/image_syncs?per_page=0", 400),
        ("PUT", "/api/v1/image_syncs", 405),
        ("POST", "/api/v1/login", 400),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1", 404),
        ("GET", f"/images/{IMAGE}", 404),
        ("GET", f"/images/{IMAGE}/thumbnails/mini-00000000000.jpg", 400),
        ("GET", f"/image_external_urls/{IMAGE}", 404),
        ("GET", "/pagelayout/a", 404),
        ("GET", "/albums/a%0Ab", 404),
        ("GET", f"/public_tags/{IMAGE}", 404),
        ("GET", f"/publications/{IMAGE}/thumbnail", 404),
        ("GET", "/upload_test", 200),
    ],
)
def test_the_standard_headers_are_on_every_route_of_the_api(api: Client, method: str, path: str, status: int) -> None:
    response = api.generic(method, path)
    assert response.status_code == status
    assert_standard(response)


@pytest.mark.django_db
def test_the_standard_headers_are_on_denials() -> None:
    response = Client().get("/api/v1/image_syncs")
    assert response.status_code == 401
    assert_standard(response)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/login/",
        "/api/schema/",
        "/api/docs/",
        "/static/admin/css/base.css",
        "/assets/blank.jpg",
        "/proxy/image.jpg?s=0000000&url=testserver",
        "/sharinpix/image/authenticated/s--AAAAAAAA--/c_fit,w_300/v1/abc.jpg",
        "/nothing",
        "/images",
        "/apis",
    ],
)
def test_the_standard_headers_are_nowhere_else(api: Client, path: str) -> None:
    response = api.get(path)
    assert response.status_code < 500
    assert not [name for name in OURS_ALONE if name in response.headers]


def test_every_request_has_an_id_of_its_own(api: Client) -> None:
    ids = {api.get("/api/v1/image_syncs").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


def test_an_answer_without_content_says_neither_its_type_nor_its_length() -> None:
    def view(request: Any) -> HttpResponseBase:
        response = HttpResponse(status=204)
        response["Content-Length"] = "0"
        return response

    response = StandardHeaders(view)(RequestFactory().delete("/api/v1/x"))
    assert not {"Content-Type", "Content-Length", "Vary"} & set(response.headers)
    assert response.headers["P3P"] == STANDARD["P3P"]


TEXT = "".join(f'{{"id":"{number:032x}","é":"<>"}}' for number in range(500)).encode()
DECOMPRESS: dict[str, Any] = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "identity": lambda body: body,
}


def compressed(accept: str | None, content: bytes = TEXT, **headers: str) -> HttpResponse:
    def view(request: Any) -> HttpResponseBase:
        response = HttpResponse(content, content_type="application/json; charset=utf-8")
        for name, value in headers.items():
            response[name.replace("_", "-")] = value
        return response

    request = RequestFactory().get("/api/v1/x", headers={} if accept is None else {"Accept-Encoding": accept})
    response = Compression(view)(request)
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("identity", "identity"),
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("deflate", "identity"),
        ("gzip;q=1, br;q=0.5, zstd;q=0.1", "gzip"),
        ("gzip;q=0.5, br;q=0.8", "br"),
        ("gzip;q=0", "identity"),
        ("zstd;q=0, br;q=0, gzip", "gzip"),
        ("zstd;q=0, br;q=0.001", "br"),
        ("gzip;q=abc", "identity"),
        ("gzip;q=0.5;x=1", "identity"),
        (",;,q=", "identity"),
        ("gzip" + ", gzip" * 1_000, "identity"),
    ],
)
def test_the_coding_is_what_the_client_likes_best(accept: str | None, coding: str) -> None:
    response = compressed(accept)
    assert response.headers.get("Content-Encoding", "identity") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert DECOMPRESS[coding](response.content) == TEXT
    if coding != "identity":
        assert response.headers["Content-Length"] == str(len(response.content))
        assert len(response.content) < len(TEXT) / 3


def test_what_fits_in_a_packet_is_not_compressed() -> None:
    assert "Content-Encoding" not in compressed("gzip", b"a" * 1_399).headers
    assert compressed("gzip", b"a" * 1_400).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("content_type", "coding"),
    [
        ("text/html; charset=utf-8", "gzip"),
        ("text/css", "gzip"),
        ("application/javascript", "gzip"),
        ("application/vnd.oai.openapi; charset=utf-8", "gzip"),
        ("image/svg+xml", "gzip"),
        ("image/jpeg", None),
        ("image/webp", None),
        ("application/zip", None),
        ("application/octet-stream", None),
        ("", None),
    ],
)
def test_text_is_compressed_and_pictures_are_not(content_type: str, coding: str | None) -> None:
    response = compressed("gzip", Content_Type=content_type)
    assert response.headers.get("Content-Encoding") == coding
    assert DECOMPRESS[coding or "identity"](response.content) == TEXT


def test_what_is_compressed_already_stays_as_it_is() -> None:
    response = compressed("gzip", Content_Encoding="br")
    assert (response.content, response.headers["Content-Encoding"]) == (TEXT, "br")


def test_a_strong_tag_becomes_a_weak_one() -> None:
    assert compressed("gzip", ETag='"a"').headers["ETag"] == 'W/"a"'
    assert compressed("gzip", ETag='W/"a"').headers["ETag"] == 'W/"a"'
    assert compressed(None, ETag='"a"').headers["ETag"] == '"a"'


def test_what_varies_already_varies_once_more() -> None:
    assert compressed("gzip", Vary="Origin").headers["Vary"] == "Origin, Accept-Encoding"


class Zlib:
    def __init__(self) -> None:
        self.decompressor = zlib.decompressobj(wbits=31)

    def feed(self, chunk: bytes) -> bytes:
        return self.decompressor.decompress(chunk)


class Zstandard:
    def __init__(self) -> None:
        self.decompressor = zstd.ZstdDecompressor()

    def feed(self, chunk: bytes) -> bytes:
        return bytes(self.decompressor.decompress(chunk))


class Brotli:
    def __init__(self) -> None:
        self.decompressor = brotli.Decompressor()

    def feed(self, chunk: bytes) -> bytes:
        return bytes(self.decompressor.process(chunk))


@pytest.mark.parametrize(("coding", "reader"), [("gzip", Zlib), ("br", Brotli), ("zstd", Zstandard)])
def test_each_chunk_of_a_stream_can_be_read_before_the_next_is_made(coding: str, reader: type[Zlib]) -> None:
    made: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for number in range(5):
            made.append(f"[{number}]".encode() + TEXT)
            yield made[-1]

    def view(request: Any) -> HttpResponseBase:
        response = StreamingHttpResponse(chunks(), content_type="application/json")
        response["Content-Length"] = "1"
        return response

    response = Compression(view)(RequestFactory().get("/", headers={"Accept-Encoding": coding}))
    assert isinstance(response, StreamingHttpResponse)
    assert response.headers["Content-Encoding"] == coding
    assert "Content-Length" not in response.headers
    stream, found, decompressor = filter(None, response), b"", reader()
    for number in range(1, 6):
        found += decompressor.feed(next(stream))
        assert found == b"".join(made)
        assert len(made) == number
    found += b"".join(decompressor.feed(chunk) for chunk in stream)
    assert found == b"".join(made)


def test_a_stream_that_nobody_wants_compressed_stays_as_it_is() -> None:
    def view(request: Any) -> HttpResponseBase:
        return StreamingHttpResponse(iter([b"a", b"b"]), content_type="text/plain")

    response = Compression(view)(RequestFactory().get("/"))
    assert isinstance(response, StreamingHttpResponse)
    assert (b"".join(response), response.headers.get("Content-Encoding")) == (b"ab", None)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_an_answer_of_the_api_is_the_same_after_decompression(api: Client, coding: str) -> None:
    plain, packed = api.get("/api/schema/"), api.get("/api/schema/", headers={"Accept-Encoding": coding})
    assert packed.headers["Content-Encoding"] == coding
    assert DECOMPRESS[coding](packed.content) == plain.content
