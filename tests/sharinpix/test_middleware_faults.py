"""What pages and pictures say when the database or the storage fails. Views of this file raise what they are asked to."""

import json
import os
import subprocess
import sys
from typing import NoReturn

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client
from django.urls import path

from sharinpix.errors import Full, Unavailable
from sharinpix.urls import handler400, handler404, handler500  # noqa: F401  (Django reads them here)
from sharinpix.urls import urlpatterns as ours
from tests.servers import ROOT


def fails(request: HttpRequest, kind: str) -> NoReturn:
    raise {"database": OperationalError, "storage": Unavailable, "full": Full, "ours": RuntimeError}[kind]


urlpatterns = [path("fails/<kind>", fails), *ours]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.any_database]


@pytest.mark.parametrize(
    ("kind", "status", "sentence", "retry"),
    [
        ("database", 503, "The database does not answer. Please try again.", "5"),
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


def test_an_error_of_ours_is_no_fault() -> None:
    assert Client(raise_request_exception=False).get("/fails/ours").status_code == 500


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
