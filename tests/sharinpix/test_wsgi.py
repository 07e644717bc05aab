"""What reaches Django: the WSGI application is called as the production server calls it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import close_old_connections

from sharinpix.bodies import CutShort, WholeBody
from sharinpix.wsgi import application, usable_content_type


@pytest.fixture(autouse=True)
def _kept_connection() -> Iterator[None]:
    """A request begins by closing connections in the middle of a transaction, as the test's own is."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


def ask(
    path: str, query: str = "", body: bytes = b"", content_type: str = "", **headers: str
) -> tuple[int, dict[str, str]]:
    answer: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        answer.update(status=int(status.split()[0]), headers=dict(headers))

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **headers,
    }
    list(application(environ, start_response))  # not closed, for the same reason
    return answer["status"], answer["headers"]


ODD = [
    "application/json; charset=rot13",
    "application/json; charset=undefined",
    "application/json; charset=utf-16",
    "application/json; charset*=rot13''rot13",
    "application/json; charset*=idna'en'%ff",
    "application/json; charset*0=rot; charset*1=13",
    "application/x-www-form-urlencoded; charset=rot13",
    "application/x-www-form-urlencoded; charset=unicode_escape",
    "multipart/form-data; boundary=x; charset=rot13",
    "multipart/form-data; charset=idna; boundary=x",
    "multipart/form-data; boundary=x; charset=undefined",
    "multipart/form-data; boundary*=nonsense''x",
    "a/b; x*=nonsense'en'x",
    "a/b; x*0*=nonsense''1; x*1=2",
    '; "',
    "a/b;;;=;*=;*0*=",
    "\0",
    "é",
]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ODD)
@pytest.mark.parametrize("query", ["", "a=%FF&b=%C3%A9"], ids=["plain", "query"])
def test_no_content_type_breaks_the_server(content_type: str, query: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    multipart = part % (b"email", b"ann@example.com") + part % (b"password", b"wr\xc3\xa9ng\xff") + b"--x--\r\n"
    for body in (multipart, b'{"email":"ann@example.com","password":"wrong"}', b"email=ann%40example.com&password=%FF"):
        status, headers = ask("/api/v1/login", query, body, content_type, REMOTE_ADDR="127.0.0.1")
        assert status in {400, 401, 415, 429}
        assert headers["X-message"]
        assert ask("/api/v1/image_syncs", query, body, content_type)[0] == 401
        assert ask("/admin/login/", query, body, content_type)[0] == 403


@pytest.mark.django_db
def test_a_charset_beside_more_fields_than_are_read_is_no_error_of_the_server() -> None:
    """Django reads the query string at once where a charset is given, before anything could answer for it."""
    query = "&".join(["a="] * 10_200)
    assert ask("/api/v1/image_syncs", query, b"{}", "application/json; charset=utf-8")[0] == 401


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ""),
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("multipart/form-data; boundary=a", "multipart/form-data; boundary=a"),
        ('multipart/form-data; charset=utf-8; boundary="a;b"', 'multipart/form-data; boundary="a;b"'),
        ("a/b; c*=nonsense''d", "application/octet-stream"),
    ],
)
def test_a_content_type_loses_its_charset_and_nothing_else(given: str, expected: str) -> None:
    assert usable_content_type(given) == expected


def test_a_short_body_that_ends_early_is_refused_before_anything_looks_at_it() -> None:
    status, headers = ask("/api/v1/image_syncs", "", b'{"ids":', "application/json", CONTENT_LENGTH="8")
    assert (status, headers["X-message"]) == (400, "The body is shorter than its Content-Length.")
    assert headers["Cache-Control"] == "no-cache, no-store"


def test_a_length_that_is_no_number_is_none() -> None:
    assert ask("/api/v1/image_syncs", "", b"{}", "application/json", CONTENT_LENGTH="²")[0] == 401


class Broken(io.BytesIO):
    """A connection that is reset, or falls silent, after its bytes."""

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if not found:
            raise TimeoutError
        return found


@pytest.mark.parametrize("source", [io.BytesIO, Broken])
@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.read(),
        lambda body: [body.read(4), body.read(4), body.read(4)],
        lambda body: [body.readline(), body.readline()],
        lambda body: body.readlines(),
    ],
)
def test_no_read_goes_past_the_end_of_a_body_without_a_word(source: type[io.BytesIO], read: Any) -> None:
    with pytest.raises(CutShort):
        read(WholeBody(source(b"ab\ncdef"), 9))


def test_a_whole_body_is_read_as_any_file() -> None:
    body = WholeBody(io.BytesIO(b"ab\ncdefgh"), 7)
    assert (body.read(0), body.readline(), body.read(2), body.read(), body.read()) == (b"", b"ab\n", b"cd", b"ef", b"")
    assert WholeBody(io.BytesIO(b"ab\ncd"), 5).readlines() == [b"ab\n", b"cd"]
