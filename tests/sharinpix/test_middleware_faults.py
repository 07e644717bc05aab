"""What pages and pictures say when the database or the storage fails. Views of this file raise what they are asked to."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import NoReturn

import pytest
from django.db import DatabaseError, DataError, InterfaceError, OperationalError, ProgrammingError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from accounts.models import User
from sharinpix.errors import Full, Unavailable
from sharinpix.urls import handler400, handler404, handler500  # noqa: F401  (Django reads them here)
from sharinpix.urls import urlpatterns as ours
from tests.outages import refused
from tests.servers import ROOT


def fails(request: HttpRequest, kind: str) -> NoReturn:
    raise {
        "database": OperationalError,
        "interface": InterfaceError,
        "broken": DatabaseError,
        "storage": Unavailable,
        "full": Full,
        "ours": RuntimeError,
        "statement": ProgrammingError,
        "value": DataError,
    }[kind]


def session_that_cannot_be_saved(request: HttpRequest) -> HttpResponse:
    """The database goes when the view has answered."""
    request.session["a"] = "b"
    connection.execute_wrappers.append(refused)
    return HttpResponse()


urlpatterns = [
    path("fails/<kind>", fails),
    path("api/v1/fails/<kind>", fails),
    path("session", session_that_cannot_be_saved),
    path("api/v1/session", session_that_cannot_be_saved),
    *ours,
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.any_database]


@pytest.mark.parametrize(
    ("kind", "status", "sentence", "retry"),
    [
        ("database", 503, "The database does not answer. Please try again.", "5"),
        ("interface", 503, "The database does not answer. Please try again.", "5"),
        ("broken", 503, "The database does not answer. Please try again.", "5"),
        ("storage", 503, "The storage does not answer. Please try again.", "5"),
        ("full", 507, "There is no room left to store this.", None),
    ],
)
def test_a_fault_is_told_in_plain_words(kind: str, status: int, sentence: str, retry: str | None) -> None:
    response = Client().get(f"/fails/{kind}")
    assert (response.status_code, response.content.decode()) == (status, sentence)
    assert response.headers.get("Retry-After") == retry
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("kind", ["ours", "statement", "value"])
def test_an_error_of_ours_is_no_fault(kind: str) -> None:
    assert Client(raise_request_exception=False).get(f"/fails/{kind}").status_code == 500


def test_below_the_api_a_fault_has_the_shape_of_its_errors() -> None:
    response = Client().get("/api/v1/fails/interface")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.headers["X-message"] == "The database does not answer. Please try again."
    assert response.json()["error"]["code"] == "unavailable"


@pytest.fixture
def _back_in_the_end() -> Iterator[None]:
    yield
    connection.execute_wrappers.remove(refused)


@pytest.mark.django_db
@pytest.mark.usefixtures("_back_in_the_end")
@pytest.mark.parametrize("known", [False, True], ids=["a new session", "a known session"])
@pytest.mark.parametrize("path", ["/session", "/api/v1/session"])
def test_so_has_one_of_a_middleware(known: bool, path: str, user: User) -> None:
    client = Client(raise_request_exception=False)
    if known:
        client.force_login(user)
    response = client.get(path)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "The database does not answer. Please try again." in response.content.decode()


def test_pictures_and_pages_say_so_when_the_database_is_gone() -> None:
    code = (
        "import django, json; django.setup()\n"
        "from django.test import Client; from images.delivery.signed_urls import current_delivery\n"
        "picture = current_delivery().url('c_fit,w_60', 'abc', kind='authenticated', version=1, extension='jpg')\n"
        "client = Client(headers={'Host': 'localhost', 'Cookie': 'sessionid=' + 'a' * 32})\n"
        "answers = [client.get(path) for path in (picture, '/admin/')]\n"
        "print(json.dumps([[a.status_code, a.headers['Retry-After'], a.content.decode()] for a in answers]))\n"
    )
    known = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sharinpix.settings",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[503, "5", "The database does not answer. Please try again."]] * 2
    assert "nobody" not in done.stderr
