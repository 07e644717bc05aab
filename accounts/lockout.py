"""Hooks of django-axes: what failed logins are counted by, and the answer to a locked-out one (API: log in)."""

from collections.abc import Mapping
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

from sharinpix.client_address import client_network

ADDRESS_LIMIT = 50
"""Failures of one address, over all emails, that lock it. Ten people who each lock themselves out make as many."""
LONGEST_NAME = 255
"""Characters of AccessAttempt.username."""
SENTENCE = "Too many failures: please wait a quarter of an hour."


def name_tried(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The email that a login names, normalized: failures are counted under it.

    Users are found in any case, so each spelling of an email would otherwise have a count of its own. Through upper
    case, as the database compares: some letters outside ASCII have the same upper case as an ASCII letter, and some
    become three letters, which the column of the count has no room for.
    """
    name = request.POST.get("username") if credentials is None else credentials.get("username")
    return str(name or "").strip().upper().lower()[:LONGEST_NAME]


def address_of(request: HttpRequest) -> str | None:
    """What failures are counted by beside the email; None where the client's address is not known."""
    return client_network(request) or None


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Locks the pair of email and address, and beside it an address that tries many emails.

    A login that is locked out already is not counted: a client that repeats one wrong password for ever locks its own
    email alone, and each lock ends a quarter of an hour after the last failure that counted.
    """

    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """Those of the pair; where the address is at its own limit, as many as lock a pair."""
        of_pair: int = super().get_failures(request, credentials)
        return max(of_pair, settings.AXES_FAILURE_LIMIT) if address_is_locked(request) else of_pair


def address_is_locked(request: HttpRequest) -> bool:
    address = request.axes_ip_address  # type: ignore[attr-defined]
    if address is None:
        return False
    recent = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=get_cool_off_threshold(request))
    return (recent.aggregate(failures=Sum("failures_since_start"))["failures"] or 0) >= ADDRESS_LIMIT


def forget_failures(request: HttpRequest, email: str) -> None:
    """Sets the count of failures to 0 after a login through the API; for the admin's form django-axes does so."""
    reset(ip=request.axes_ip_address, username=name_tried(request, {"username": email}))  # type: ignore[attr-defined]


def refusal(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """The answer to a locked-out login: the API's own answer, or in the admin 429 with a sentence."""
    if request.path_info.startswith("/api/"):
        return response
    return HttpResponse(SENTENCE, status=429, content_type="text/plain; charset=utf-8")
