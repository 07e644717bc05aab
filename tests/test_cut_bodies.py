"""Bodies that end before their Content-Length, on every route of the shipped server that takes one."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.factories import jpeg
from tests.half_sent import exchange, multipart, request, status
from tests.servers import Web, web

ALBUM = "/api/v1/albums/001A/images"
CSRF = f"csrftoken={'a' * 32}"
COUNT = (
    "from django.apps import apps;"
    "print([(m.__name__, m.objects.count()) for m in apps.get_models() if m._meta.app_label in ('images', 'albums')])"
)


class Sent(NamedTuple):
    """A request that would be answered below 300."""

    path: str
    content_type: str
    body: bytes
    method: str = "POST"


class Site:
    """A server with the demo, and requests of every kind to it."""

    def __init__(self, server: Web) -> None:
        server.manage("demo")
        self.server, self.token = server, server.manage("create_token", "demo@example.com")
        self.form = self.asked("GET", "/api/v1/albums/001A")["upload_form"]

    def asked(self, method: str, path: str, value: Any = None) -> Any:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        body = None if value is None else json.dumps(value).encode()
        question = urllib.request.Request(self.server.url + path, body, headers, method=method)
        with urllib.request.urlopen(question, timeout=60) as answer:
            return json.load(answer)

    def answer(self, sent: Sent, body: bytes) -> bytes:
        # Without a cookie Django refuses its forms unread.
        headers = {"Authorization": f"Token {self.token}", "Content-Type": sent.content_type, "Cookie": CSRF}
        data = request(sent.method, sent.path, body, length=len(sent.body), **headers)
        return exchange(self.server.port, data)

    def kept(self) -> tuple[str, list[str]]:
        """How many rows there are, and which files."""
        folder = Path(self.server.environment["DATA_DIR"])
        files = [path for name in ("media", "incoming") for path in (folder / name).rglob("*") if path.is_file()]
        return self.server.manage("shell", "-c", COUNT), sorted(map(str, files))

    def announced(self, size: int) -> Any:
        fields = {"album_id": "001A", "name": "a.jpg", "type": "jpg", "size": size}
        return self.asked("POST", "/api/v1/storage_files", fields)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with web() as server:
        yield Site(server)


def in_json(path: str, value: Any, method: str = "POST") -> Sent:
    return Sent(path, "application/json", json.dumps(value).encode(), method)


def in_form(path: str, **fields: str | bytes) -> Sent:
    return Sent(path, *multipart(**fields))


def everything(site: Site, picture: bytes) -> dict[str, Sent]:
    """A request to each route that takes a body, by name."""
    params = {name: str(value) for name, value in site.form["params"].items()}
    file = site.announced(len(picture))
    webhook = params["notification_url"].removeprefix(site.server.url)
    ids = "&".join(f"ids[]={uuid.uuid4()}" for _ in range(100))
    return {
        "resync": in_json("/api/v1/image_syncs", {"ids": [str(uuid.uuid4()) for _ in range(100)]}),
        "resync by form": Sent("/api/v1/image_syncs", "application/x-www-form-urlencoded", ids.encode()),
        "resync by multipart": in_form("/api/v1/image_syncs", **{"ids[]": str(uuid.uuid4()), "a": "b" * 900}),
        "image": in_form(ALBUM, file=picture, title="Roof"),
        "claim": in_json(ALBUM, {"cloudinary": {"public_id": "a" * 500}}),
        "album": in_json("/api/v1/albums", {"name": "a" * 500}),
        "announcement": in_json(
            "/api/v1/storage_files", {"album_id": "001A", "name": "a.jpg", "size": 5, "type": "jpg"}
        ),
        "S3": in_form("/storage_files", **file["upload_parameters"]["fields"], file=picture),
        "file was sent": in_json(f"/api/v1/storage_files/{file['id']}", {"answer": "a" * 500}, "PUT"),
        "Cloudinary": in_form("/v1_1/sharinpix/auto/upload", file=picture, **params),
        "webhook": in_json(webhook, {"public_id": "a" * 500}),
        "native batch": in_json("/api/v1/native_upload/batch", {"images": [{"token": site.token, "public_id": "a"}]}),
        "native image": in_json("/api/v1/native_upload/image?token=a", {"public_id": "a" * 500}),
        "import": in_json("/api/v1/imports", {"album_id": "001A", "url": "http://192.0.2.1/" + "a" * 500}),
        "login": in_json("/api/v1/login", {"email": "demo@example.com", "password": "a" * 500}),
        "admin": Sent("/admin/login/", "application/x-www-form-urlencoded", b"username=a&password=" + b"a" * 500),
        "admin by multipart": in_form("/admin/login/", file=picture, username="a", password="b"),
        "nowhere": in_json("/api/v1/nothing/here", {"a": "b" * 500}),
    }


@pytest.mark.parametrize("size", [20_000, 4_000_000], ids=["short", "long"])
def test_a_body_that_is_cut_is_400_on_every_route_and_leaves_nothing(site: Site, size: int) -> None:
    """A long form is read as it arrives, a short one before anything looks at it."""
    picture = jpeg(64, 48)
    requests = everything(site, picture + bytes(size - len(picture)))
    before = site.kept()
    wrong = {}
    for name, sent in requests.items():
        for cut in (0, 1, len(sent.body) // 2, len(sent.body) - 3, len(sent.body) - 1):
            answer = site.answer(sent, sent.body[:cut])
            if status(answer) != 400:
                wrong[name, cut] = answer[:200]
    assert not wrong
    assert site.kept() == before


def test_a_whole_body_is_taken_by_the_same_requests(site: Site) -> None:
    """The requests above are refused for their length alone."""
    requests = everything(site, jpeg(64, 48))
    answered = {
        name: status(site.answer(requests[name], requests[name].body)) for name in ("image", "S3", "Cloudinary")
    }
    assert answered == {"image": 200, "S3": 201, "Cloudinary": 200}
    assert status(site.answer(requests["resync by form"], requests["resync by form"].body)) == 200


def test_bytes_behind_a_body_are_no_part_of_it(site: Site) -> None:
    sent = everything(site, jpeg(64, 48))["resync"]
    assert status(site.answer(sent, sent.body + b"GET / HTTP/1.1\r\n")) == 200
