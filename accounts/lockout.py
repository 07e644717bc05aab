"""What five failures in a row lead to: django-axes counts them, this says whose they are and how it is put."""

from collections.abc import Mapping
from typing import Any

from axes.utils import reset
from django.http import HttpRequest, HttpResponse

SENTENCE = "Too many failures: please wait a quarter of an hour."


def name_tried(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The email that a login names, in the one case that its failures are counted under.

    People are found whatever the case, so every spelling of an email would have guesses of its own otherwise. Upper
    case is what the database compares: some other letters share theirs with an ASCII one.
    """
    name = request.POST.get("username") if credentials is None else credentials.get("username")
    return str(name or "").strip().upper().lower()


def forget_failures(request: HttpRequest, email: str) -> None:
    """After a success the next failure is the first. The admin's form does so by itself."""
    reset(ip=request.axes_ip_address, username=name_tried(request, {"username": email}))  # type: ignore[attr-defined]


def refusal(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """The answer to somebody who is locked out: the API's own stands, the admin's form gives way to a sentence."""
    if request.path_info.startswith("/api/"):
        return response
    return HttpResponse(SENTENCE, status=429, content_type="text/plain; charset=utf-8")
