"""The HTTP dialect of the JSON API: content negotiation, and an answer for each error (API: errors)."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions, negotiation
from rest_framework.fields import get_error_detail
from rest_framework.request import Request

from sharinpix import errors
from sharinpix.outages import database_failed
from sharinpix.renderers import JSON_TYPE, dumps

STATUSES: dict[type[errors.ServiceError], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Exhausted: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Full: HTTPStatus.INSUFFICIENT_STORAGE,
}
"""Error raised below the views -> status of the answer; Denied is answered by `denied`."""
CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    500: "failed",
    503: "unavailable",
    507: "full",
}
"""Status -> `error.code` of the JSON body."""
DENIALS = (
    errors.Denied,
    exceptions.AuthenticationFailed,
    exceptions.NotAuthenticated,
    exceptions.PermissionDenied,
    PermissionDenied,
)
"""Exceptions that are answered by `denied`."""
logger = logging.getLogger(__name__)


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """Answers JSON whatever `Accept` and the query string say, as the published API does (API: response bodies)."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:  # type: ignore[override]
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None) -> Any:  # type: ignore[override]
        return renderers[0], JSON_TYPE


def accepts_json(request: HttpRequest) -> bool:
    """Whether `Accept` is absent or takes JSON, so that an error has a body (API: errors)."""
    accept = request.META.get("HTTP_ACCEPT", "")
    return not accept or bool(re.search(r"application/(?:json|\*)|\*/\*", accept))


def error_response(
    request: HttpRequest, status: int, message: str, fields: Mapping[str, Any] | None = None
) -> HttpResponse:
    """An error's answer: the sentence in X-message, and a JSON body where the client accepts one (API: errors).

    A plain HttpResponse, since DRF's Response removes the Content-Type of an answer without a body.
    """
    response = HttpResponse(status=status, content_type="text/html", headers={"X-message": message})
    if accepts_json(request):
        error: dict[str, Any] = {"code": CODES.get(status, "malformed"), "message": message}
        response.content = dumps({"error": error | ({"fields": fields} if fields else {})})
        response["Content-Type"] = JSON_TYPE
    return response


def denied() -> HttpResponse:
    """The published denial: 401, `text/html` without a body, whatever the reason (API: errors)."""
    return HttpResponse(
        status=HTTPStatus.UNAUTHORIZED, headers={"X-message": errors.Denied.sentence}, content_type="text/html"
    )


def status_of(error: errors.ServiceError) -> HTTPStatus:
    """The status of the error's class in STATUSES, or of its base class; else 400."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)


def service_error(error: BaseException) -> errors.Unavailable | errors.Full | None:
    """The error as Unavailable or Full where the database or the storage failed; None for any other error."""
    if isinstance(error, SessionInterrupted) and error.__context__:
        error = error.__context__.__context__ or error  # why the session could not be saved
    if database_failed(error):
        logger.error("The database did not answer: %s", type(error).__name__)
        return errors.Unavailable("The database does not answer. Please try again.")
    return error if isinstance(error, errors.Unavailable | errors.Full) else None


def outage(request: HttpRequest, error: errors.Unavailable | errors.Full) -> HttpResponse:
    """The answer outside of the API's views where the database or the storage failed: text, or the API's error."""
    if request.path_info.startswith("/api/"):
        response = error_response(request, status_of(error), str(error))
    else:
        response = HttpResponse(str(error), "text/plain; charset=utf-8", status_of(error))
    response["Cache-Control"] = "no-cache"
    return with_retry_after(response, error)


def with_retry_after(response: HttpResponse, error: Exception) -> HttpResponse:
    """The answer with the seconds to wait, where the error names them."""
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER: the answer to an exception of a view (API: errors); None makes it a 500."""
    request = context["request"]
    error = service_error(error) or error
    if isinstance(error, DENIALS):
        return denied()
    if isinstance(error, Http404):
        return error_response(request, 404, "There is no such thing here.")
    if isinstance(error, ValidationError):  # a model's
        error = exceptions.ValidationError(get_error_detail(error))
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return error_response(request, 400, "Some fields are missing or malformed.", detail)
    if isinstance(error, errors.ServiceError):
        response = error_response(request, status_of(error), str(error))
    elif isinstance(error, exceptions.APIException):
        response = error_response(request, error.status_code, str(error.detail))
    elif isinstance(error, TooManyFieldsSent | RequestDataTooBig | SuspiciousOperation):
        return error_response(request, 400, "The request is malformed.")
    else:
        return None
    return with_retry_after(response, error)


def error_view(status: int, message: str, default: Any) -> Any:
    """Django's error view for one status: the API's error under /api/, Django's own page (`default`) elsewhere."""

    def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        # Django hands over no exception for a 500, but calls this while it handles one.
        if service := service_error(exception or sys.exception() or Exception()):
            return outage(request, service)
        if not request.path_info.startswith("/api/"):
            return default(request) if exception is None else default(request, exception)  # type: ignore[no-any-return]
        return error_response(request, status, message)

    return view


bad_request = error_view(400, "The request is malformed.", defaults.bad_request)
not_found = error_view(404, "There is no such thing here.", defaults.page_not_found)
failed = error_view(500, "Something went wrong on the server.", defaults.server_error)
