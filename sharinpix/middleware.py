"""The standard headers of the API (API: standard headers), answers to faults, and the compression of answers."""

import re
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import brotli
from backports import zstd
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django_http_compression.middleware import best_coding

from sharinpix.api import Unavailable, fault

GetResponse = Callable[[HttpRequest], HttpResponseBase]

API_PATHS = re.compile(
    r"/(?:api/v1/?(?:.*)|images/.+|image_external_urls/.+|pagelayout/.+|albums/.+|public_tags/.+|publications/.+|upload_test)",
    re.DOTALL,
)
"""The routes that the API answers with them: neither delivery nor static files, the admin or the documentation."""

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


class StandardHeaders:
    """Sets them on the routes of API_PATHS; the outermost, so that X-Runtime counts everything."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        response = self.get_response(request)
        if API_PATHS.fullmatch(request.path_info):
            for name, value in STANDARD.items():
                response.headers[name] = value
            if response.status_code == 204:
                del response.headers["Content-Type"]
                del response.headers["Content-Length"]
            else:
                patch_vary_headers(response, ("Accept-Encoding",))
            response.headers["X-Request-Id"] = str(uuid.uuid4())
            response.headers["X-Runtime"] = f"{time.perf_counter() - start:.6f}"
        return response


class Faults:
    """Pages and pictures say in plain words when the database or the storage fails them; the API has its own way."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        found = fault(error)
        if found is None:
            return None
        headers = {"Cache-Control": "no-cache"}
        if isinstance(found, Unavailable):
            headers["Retry-After"] = str(found.wait)
        return HttpResponse(str(found.detail), "text/plain; charset=utf-8", found.status_code, headers=headers)


class Compressor(Protocol):
    def feed(self, chunk: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class Zstd:
    def __init__(self) -> None:
        self.compressor = zstd.ZstdCompressor(level=1)

    def feed(self, chunk: bytes) -> bytes:
        return self.compressor.compress(chunk, mode=zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self.compressor.flush()


class Brotli:
    def __init__(self) -> None:
        self.compressor = brotli.Compressor(quality=1)

    def feed(self, chunk: bytes) -> bytes:
        return bytes(self.compressor.process(chunk) + self.compressor.flush())

    def finish(self) -> bytes:
        return bytes(self.compressor.finish())


class Gzip:
    def __init__(self) -> None:
        self.compressor = zlib.compressobj(1, wbits=31)

    def feed(self, chunk: bytes) -> bytes:
        return self.compressor.compress(chunk) + self.compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self.compressor.flush()


compressors: dict[str, Callable[[], Compressor]] = {"zstd": Zstd, "br": Brotli, "gzip": Gzip}


class Compression:
    """Compresses text by what the client accepts, at each method's fastest level: on answers like ours the next
    levels cost three times the time and save a tenth of the bytes. Small bodies and pictures stay as they are."""

    LEAST = 1_400  # bytes: what fits in one packet gains nothing
    TEXT = re.compile(r"text/|application/(?:json|javascript|xml|vnd\.oai\.openapi)|image/svg\+xml")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.has_header("Content-Encoding") or not self.TEXT.match(response.headers.get("Content-Type", "")):
            return response
        if not response.streaming and isinstance(response, HttpResponse) and len(response.content) < self.LEAST:
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        coding = best_coding(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if coding != "identity":
            self.compress(response, coding)
        return response

    def compress(self, response: HttpResponseBase, coding: str) -> None:
        compressor = compressors[coding]()
        if isinstance(response, StreamingHttpResponse):
            if response.is_async:
                return
            response.streaming_content = stream(compressor, response.streaming_content)  # type: ignore[arg-type]
            del response.headers["Content-Length"]
        elif isinstance(response, HttpResponse):
            response.content = compressor.feed(response.content) + compressor.finish()
            response.headers["Content-Length"] = str(len(response.content))
        response.headers["Content-Encoding"] = coding
        etag = response.headers.get("ETag", "")
        if etag.startswith('"'):  # the bytes differ by coding, so the tag cannot be a strong one
            response.headers["ETag"] = f"W/{etag}"


def stream(compressor: Compressor, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Each chunk leaves at once: a reader of a long answer sees its beginning while the rest is made."""
    for chunk in chunks:
        if compressed := compressor.feed(chunk):
            yield compressed
    if compressed := compressor.finish():
        yield compressed
