"""The standard headers (API: standard headers), answers where database or storage fail, and compression."""

import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django_http_compression.middleware import HttpCompressionMiddleware

from sharinpix.api import outage, service_error
from sharinpix.logs import REQUEST

GetResponse = Callable[[HttpRequest], HttpResponseBase]

API_PATHS = re.compile(
    r"/(?:api/v1/?(?:.*)|images/.+|image_external_urls/.+|pagelayout/.+|albums/.+|public_tags/.+|publications/.+|upload_test)",
    re.DOTALL,
)
"""Paths whose answers have the standard headers: no delivery, static files, admin or documentation."""

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
    """Sets the standard headers on API_PATHS, and tells the log of requests what it cannot know (`access_entry`).

    The outermost middleware, so that X-Runtime includes the others.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        response = self.get_response(request)
        request_id = str(uuid.uuid4())
        request.META[REQUEST] = access_entry(request, request_id)
        if API_PATHS.fullmatch(request.path_info):
            for name, value in STANDARD.items():
                response.headers[name] = value
            if response.status_code == 204:
                del response.headers["Content-Type"]
                del response.headers["Content-Length"]
            elif "Accept-Encoding" not in response.headers.get("Vary", ""):
                patch_vary_headers(response, ("Accept-Encoding",))
            response.headers["X-Request-Id"] = request_id
            response.headers["X-Runtime"] = f"{time.perf_counter() - start:.6f}"
        return response


def access_entry(request: HttpRequest, request_id: str) -> tuple[str, str | None, str | None]:
    """Id, route and principal of a request: the pattern of its URL, and the id of the person or secret, if any.

    Reads nothing from the database: who was not asked for is not known.
    """
    route = request.resolver_match.route if request.resolver_match else None
    claims = getattr(getattr(request, "auth", None), "payload", None)
    if claims is not None:
        return request_id, route, str(claims.get("iss") or claims.get("user_id"))
    person = getattr(getattr(request, "_cached_user", None), "pk", None)
    return request_id, route, None if person is None else str(person)


class ServiceErrors:
    """Answers 503 or 507 where the database or the storage fails in a view. DRF has `exception_handler` for its own,
    and what fails in a middleware (a session that cannot be saved) reaches `failed`."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        found = service_error(error)
        return None if found is None else outage(request, found)


class Compression(HttpCompressionMiddleware):
    """Compresses textual answers by Accept-Encoding (API: response bodies). Small bodies and pictures stay as is."""

    LEAST = 1_400  # bytes: what fits in one packet gains nothing
    max_random_bytes = (
        0  # no X-Noise: the published API has none, and no answer holds a secret beside what a client sent
    )
    content_type_re = re.compile(r"text/|application/(?:json|javascript|xml|vnd\.oai\.openapi)|image/svg\+xml")

    def maybe_compress(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if isinstance(response, HttpResponse) and len(response.content) < self.LEAST:
            return
        if not self.content_type_re.match(response.headers.get("Content-Type", "")):
            return
        patch_vary_headers(response, ("Accept-Encoding",))
        if request.META.get("HTTP_ACCEPT_ENCODING"):
            super().maybe_compress(request, response)
