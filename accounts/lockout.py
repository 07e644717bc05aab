"""Hooks of django-axes: the account that a login names, and the answer to a locked-out one (API: log in)."""

from collections.abc import Mapping
from typing import Any

from axes.utils import reset
from django.http import HttpRequest, HttpResponse

SENTENCE = "Too many failures: please wait a quarter of an hour."


def name_tried(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The email that a login names, normalized: failures are counted under it.

    Users are found in any case, so each spelling of an email would otherwise have a count of its own. Through upper
    case, as the database compares: some letters outside ASCII have the same upper case as an ASCII letter.
    """
    name = request.POST.get("username") if credentials is None else credentials.get("username")
    return str(name or "").strip().upper().lower()


def forget_failures(request: HttpRequest, email: str) -> None:
    """Sets the count of failures to 0 after a login through the API; for the admin's form django-axes does so."""
    reset(ip=request.axes_ip_address, username=name_tried(request, {"username": email}))  # type: ignore[attr-defined]


def refusal(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """The answer to a locked-out login: the API's own answer, or in the admin 429 with a sentence."""
    if request.path_info.startswith("/api/"):
        return response
    return HttpResponse(SENTENCE, status=429, content_type="text/plain; charset=utf-8")
