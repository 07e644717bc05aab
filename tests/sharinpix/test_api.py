"""The HTTP dialect: forms with brackets, JSON bodies, and what errors look like. Views of this file echo what they read."""

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from sharinpix.errors import Full, Unavailable
from sharinpix.renderers import dumps
from sharinpix.urls import handler400, handler404, handler500  # noqa: F401  (Django reads them here)
from sharinpix.urls import urlpatterns as ours
from tests.factories import bearer, user_token
from tests.servers import ROOT


class Echo(APIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        return Response(request.data)


class Fails(APIView):
    """Raises what the query string names, with a token in reach."""

    def get(self, request: Request) -> Response:
        token = request.headers["Authorization"]
        text = f"{len(token)} characters"
        failures = {
            "database": OperationalError(text),
            "storage": Unavailable(),
            "full": Full(),
            "missing": Http404(text),
            "wait": Throttled(wait=7.9),
            "any": RuntimeError(text),
        }
        raise failures[request.GET["error"]]


urlpatterns = [path("api/v1/echo", Echo.as_view()), path("api/v1/fails", Fails.as_view()), *ours]
pytestmark = pytest.mark.urls(__name__)


@given(st.recursive(st.text() | st.integers(-(2**53), 2**53) | st.none(), st.lists, max_leaves=10))
def test_json_is_compact_and_safe_inside_a_page(value: Any) -> None:
    document = dumps(value)
    assert json.loads(document) == value
    assert not set(b"<>&") & set(document)


def test_json_is_written_in_the_published_notation() -> None:
    value = {"b": "</script>&é\u2028", "a": [0.0, 2.348967, 48.861934399999996, 1, None, True]}
    expected = '{"b":"\\u003c/script\\u003e\\u0026é\u2028","a":[0.0,2.348967,48.861934399999996,1,null,true]}'
    assert dumps(value) == expected.encode()


def echo(body: bytes | dict[str, Any], content_type: str = "application/json") -> Any:
    response = Client().post("/api/v1/echo", body, content_type=content_type)
    assert response.status_code == 200, response.content
    return response.json()


def test_every_kind_of_body_is_read_alike() -> None:
    expected = {"a": {"b": "1"}, "ids": ["x", "y"]}
    assert echo(json.dumps(expected).encode()) == expected
    assert echo(b"a[b]=1&ids[]=x&ids[]=y", "application/x-www-form-urlencoded") == expected
    multipart = Client().post("/api/v1/echo", {"a[b]": "1", "ids[]": ["x", "y"]})
    assert multipart.json() == expected


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_an_empty_body_is_an_empty_object(content_type: str) -> None:
    assert echo(b"", content_type) == {}


def test_json_keeps_the_type_of_every_value() -> None:
    value = {"i": 1, "f": 1.0, "s": "1", "n": None, "t": True, "l": [], "o": {}}
    found = echo(json.dumps(value).encode())
    assert found == value
    assert [type(member) for member in found.values()] == [type(member) for member in value.values()]


def test_nul_is_taken_out_of_keys_and_values_wherever_they_come_from() -> None:
    assert echo(b'{"a\\u0000b":["x\\u0000y",{"\\u0000":"\\u0000"}]}') == {"ab": ["xy", {"": ""}]}
    assert echo(b'{"a":"\\\\u0000"}') == {"a": "\\u0000"}
    assert echo(b"a\0b=x\0y", "application/x-www-form-urlencoded") == {"ab": "xy"}
    assert echo(b"a%00b=x%00y", "application/x-www-form-urlencoded") == {"ab": "xy"}
    assert Client().post("/api/v1/echo", {"a": "x\0y"}).json() == {"a": "xy"}


NOT_JSON = {
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "1e999": b'{"a":1e999}',
    "surrogate": b'{"a":"\\ud800"}',
    "surrogate-key": b'{"\\udfff":1}',
    "raw-NUL": b'{"a":"\0"}',
    "not-utf8": b'{"a":"\xff"}',
    "utf16": '{"a":1}'.encode("utf-16"),
    "latin1": '{"a":"é"}'.encode("latin-1"),
    "BOM": b"\xef\xbb\xbf{}",
    "comment": b"{} // x",
    "two-documents": b"{}{}",
    "single-quotes": b"{'a':1}",
    "trailing-comma": b'{"a":1,}',
    "unfinished": b'{"a":',
    "deep-list": b"[" * 100_000,
    "deep-object": b'{"a":' * 100_000,
    "deep-but-closed": b"[" * 5_000 + b"]" * 5_000,
    "deep-with-NUL": b"[" * 1_000 + b'"\\u0000"' + b"]" * 1_000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_a_400_with_a_sentence(body: bytes) -> None:
    response = Client().post("/api/v1/echo", body, content_type="application/json")
    assert response.status_code == 400
    assert response.headers["X-message"] == "The body is not valid JSON."
    assert response.json() == {"error": {"code": "malformed", "message": "The body is not valid JSON."}}


def test_an_endless_integer_never_breaks_the_server() -> None:
    response = Client().post("/api/v1/echo", b'{"a":' + b"9" * 5_000 + b"}", content_type="application/json")
    assert response.status_code in {200, 400}


FORM_ERRORS = {
    "conflict": (b"a=1&a[b]=2", "A key of the form is used both as a value and as a container."),
    "depth": (b"a" + b"[b]" * 200 + b"=1", "Keys may be nested 10 levels deep at most."),
    "count": (b"&".join([b"a=1"] * 100_000), "At most 10,100 fields can be sent at once."),
    "not-utf8": (b"a=\xff", "The form is not UTF-8."),
}


@pytest.mark.parametrize(("body", "sentence"), FORM_ERRORS.values(), ids=FORM_ERRORS)
def test_a_form_that_cannot_be_read_is_a_400_with_a_sentence(body: bytes, sentence: str) -> None:
    response = Client().post("/api/v1/echo", body, content_type="application/x-www-form-urlencoded")
    assert (response.status_code, response.headers["X-message"]) == (400, sentence)


@pytest.mark.parametrize(
    "body", [b"", b"x", b"--x", b"--x\r\n\r\n--x--", b'--x\r\nContent-Disposition: form-data; name="a[b"\r\n\r\n1']
)
@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/mixed; boundary=x"]
)
def test_a_broken_multipart_form_never_breaks_the_server(body: bytes, content_type: str) -> None:
    response = Client().post("/api/v1/echo", body, content_type=content_type)
    assert response.status_code in {200, 400, 415}


def test_multipart_fields_obey_the_same_limits() -> None:
    response = Client().post("/api/v1/echo", {"a" + "[b]" * 11: "1"})
    assert (response.status_code, response.headers["X-message"]) == (400, "Keys may be nested 10 levels deep at most.")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_above_the_limit_is_a_413(content_type: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"1" * 2_700_000 + b"\r\n--x--\r\n"
    response = Client().post("/api/v1/echo", body, content_type=content_type)
    assert response.status_code == 413
    assert response.headers["X-message"] == "The body is larger than this server reads."
    assert response.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "image/png", "é/ü", "application/jsonx"])
def test_a_type_of_body_that_nobody_reads_is_a_415(content_type: str) -> None:
    response = Client().post("/api/v1/echo", b"x", content_type=content_type)
    assert response.status_code == 415
    assert response.headers["X-message"]


ACCEPTS_JSON = [
    "",
    "*/*",
    "application/json",
    "application/*",
    "text/html, application/json;q=0.5",
    "application/json; charset=utf-8",
]
REFUSES_JSON = ["text/html", "text/html,application/xhtml+xml", "image/*", "text/*"]


@pytest.mark.parametrize("accept", ACCEPTS_JSON)
@pytest.mark.parametrize(
    "url", ["/api/v1/fails?error=missing", "/api/v1/nothing", "/api/nothing", "/api/v2/image_syncs"]
)
def test_an_error_has_a_json_body_where_the_client_accepts_one(user: User, url: str, accept: str) -> None:
    headers = {"Authorization": bearer(user_token(user))} | ({"Accept": accept} if accept else {})
    response = Client(headers=headers).get(url)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["X-message"] == "There is no such thing here."
    assert response.content == b'{"error":{"code":"not_found","message":"There is no such thing here."}}'


@pytest.mark.parametrize("accept", REFUSES_JSON)
@pytest.mark.parametrize("url", ["/api/v1/fails?error=missing", "/api/v1/nothing"])
def test_an_error_is_empty_where_the_client_accepts_no_json(user: User, url: str, accept: str) -> None:
    response = Client(headers={"Authorization": bearer(user_token(user)), "Accept": accept}).get(url)
    assert (response.status_code, response.content) == (404, b"")
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-message"] == "There is no such thing here."


def test_pages_outside_the_api_have_errors_for_people() -> None:
    response = Client().get("/nothing")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert "X-message" not in response.headers


def test_a_method_that_is_not_there_is_a_405() -> None:
    response = Client().put("/api/v1/echo")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST, OPTIONS"
    assert response.json()["error"] == {"code": "method_not_allowed", "message": 'Method "PUT" not allowed.'}


def test_whoever_must_wait_is_told_how_long(user: User) -> None:
    response = Client(headers={"Authorization": bearer(user_token(user))}).get("/api/v1/fails?error=wait")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "8")


def test_a_database_that_does_not_answer_is_a_503(user: User) -> None:
    response = Client(headers={"Authorization": bearer(user_token(user))}).get("/api/v1/fails?error=database")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["X-message"] == "The database does not answer. Please try again."
    assert "X-token" not in response.headers


@pytest.mark.parametrize(
    ("error", "status", "code", "sentence", "retry"),
    [
        ("storage", 503, "unavailable", "The storage does not answer. Please try again.", "5"),
        ("full", 507, "full", "There is no room left to store this.", None),
    ],
)
def test_a_storage_that_fails_is_told_from_an_error_of_ours(
    user: User, error: str, status: int, code: str, sentence: str, retry: str | None
) -> None:
    response = Client(headers={"Authorization": bearer(user_token(user))}).get(f"/api/v1/fails?error={error}")
    assert (response.status_code, response.headers.get("Retry-After")) == (status, retry)
    assert response.headers["X-message"] == sentence
    assert response.json() == {"error": {"code": code, "message": sentence}}


def test_a_server_whose_database_is_gone_says_so() -> None:
    code = (
        "import django, json, time, uuid; django.setup()\n"
        "from django.test import Client; from tests.factories import bearer, sign; from django.conf import settings\n"
        "token = sign({'exp': time.time() + 60, 'user_id': str(uuid.uuid4())}, settings.SECRET_KEY)\n"
        "answer = Client(headers={'Authorization': bearer(token), 'Host': 'localhost'}).get('/api/v1/image_syncs')\n"
        "print(json.dumps([answer.status_code, answer.headers['Retry-After'], answer.headers['X-message']]))\n"
    )
    known = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sharinpix.settings",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [503, "5", "The database does not answer. Please try again."]
    assert "nobody" not in done.stderr


def test_an_error_of_ours_tells_nobody_the_token(user: User, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the answer, nor the log with its trace, nor the mail to the administrators."""
    settings.ADMINS = [("Ann", "ann@example.com")]
    token = user_token(user)
    client = Client(headers={"Authorization": bearer(token)}, raise_request_exception=False)
    with caplog.at_level(logging.DEBUG):
        response = client.get("/api/v1/fails?error=any")
    assert response.status_code == 500
    assert response.json() == {"error": {"code": "failed", "message": "Something went wrong on the server."}}
    assert response.headers["X-message"] == "Something went wrong on the server."
    assert "RuntimeError" in caplog.text
    assert token not in caplog.text
    assert len(mail.outbox) == 1
    assert "RuntimeError" in mail.outbox[0].body
    assert token not in str(mail.outbox[0].message())
    assert token.encode() not in response.content
