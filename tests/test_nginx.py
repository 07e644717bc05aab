"""deploy/nginx.conf as it is shipped, on Debian's nginx, in front of `make serve`: what a browser and a client ask of it."""

import http.client
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import jpeg
from tests.half_sent import multipart
from tests.nginx import BEHIND, HOST, PUBLIC, Answer, Front, installed, nginx
from tests.servers import Web, web

pytestmark = [installed, pytest.mark.any_database]
FOREVER = "public, max-age=31536000, immutable"


class Site:
    """A server with the demo, behind nginx."""

    def __init__(self, server: Web, front: Front) -> None:
        self.server, self.front = server, front
        server.manage("demo")
        self.token = server.manage("create_token", "demo@example.com")
        self.images: list[Any] = json.loads(self.asked("/api/v1/image_syncs").body)

    def asked(self, path: str, *options: str, **headers: str) -> Answer:
        return self.front.ask(path, *options, authorization=f"Token {self.token}", **headers)

    def original(self, number: int = 0) -> str:
        return str(self.images[number]["original_url"])

    def file(self, folder: str) -> list[Path]:
        return [
            path for path in (Path(self.server.environment["DATA_DIR"]) / "media" / folder).rglob("*") if path.is_file()
        ]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with web(**BEHIND) as server, nginx(server) as front:
        yield Site(server, front)


def test_answers_come_by_http_2_with_the_standard_headers(site: Site) -> None:
    answer = site.asked("/api/v1/image_syncs")
    assert (answer.status, answer.version, answer.headers["cache-control"]) == (200, "2", "no-cache, no-store")
    assert answer.headers["x-token"]


@pytest.mark.parametrize("name", ["thumbnails", "external_urls"])
def test_pictures_are_shown_and_kept_for_a_year(site: Site, name: str) -> None:
    for url in site.images[0][name].values():
        answer = site.front.ask(url)
        location = url
        while answer.status == 302:
            location = answer.headers["location"]
            answer = site.front.ask(location)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg"), location
        assert answer.body.startswith(b"\xff\xd8")
        assert answer.headers["cache-control"] == FOREVER


def test_the_original_is_a_download_that_can_be_resumed(site: Site) -> None:
    whole = site.front.ask(site.original())
    assert whole.status == 200
    assert whole.headers["content-disposition"].startswith("attachment")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert whole.body in [path.read_bytes() for path in site.file("originals")]
    etag = whole.headers["etag"]
    first = site.front.ask(site.original(), range="bytes=0-99")
    rest = site.front.ask(site.original(), range="bytes=100-", if_range=etag)
    assert (first.status, rest.status, first.body + rest.body) == (206, 206, whole.body)
    assert rest.headers["content-range"] == f"bytes 100-{len(whole.body) - 1}/{len(whole.body)}"
    assert site.front.ask(site.original(), range="bytes=100-", if_range='"another"').body == whole.body
    beyond = site.front.ask(site.original(), range=f"bytes={len(whole.body)}-")
    assert (beyond.status, beyond.headers["cache-control"]) == (416, "no-store, no-store")


def test_what_a_client_has_is_not_sent_again(site: Site) -> None:
    for url in (site.original(), site.images[0]["external_urls"]["fit2000"]):
        etag = site.front.ask(url).headers["etag"]
        again = site.front.ask(url, if_none_match=etag)
        assert (again.status, again.body, again.headers["cache-control"]) == (304, b"", FOREVER)


def test_no_error_is_kept(site: Site) -> None:
    """The server hands a file over that nginx then cannot find: gone in between, or on a disk that is away."""
    url = site.original(1)
    content = site.front.ask(url).body
    path = next(path for path in site.file("originals") if path.read_bytes() == content)
    with nginx(site.server, "www-data") as other:  # a user that may not read DATA_DIR
        refused = other.ask(url)
    if os.geteuid() == 0:
        assert (refused.status, refused.headers["cache-control"]) == (403, "no-store")
    tampered = site.front.ask(url.replace("/image/", "/image/x"))
    assert tampered.status >= 400 and "immutable" not in tampered.headers.get("cache-control", "")
    hidden = path.rename(path.with_suffix(".away"))
    try:
        missing = site.front.ask(url)
        assert missing.status == 404 and "immutable" not in missing.headers["cache-control"]
    finally:
        hidden.rename(path)


def test_nothing_of_the_internal_location_can_be_asked_for(site: Site) -> None:
    key = str(site.file("originals")[0]).partition("/media/")[2]
    answer = site.front.ask(f"/kept/{key}")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")


def test_ten_thousand_ids_pass(site: Site, tmp_path: Path) -> None:
    """By GET with Python's client: curl sends no such line, and no headers of more than 64 KB by HTTP/2."""
    known = [image["id"] for image in site.images]
    ids = [str(uuid.uuid4()) for _ in range(10_000 - len(known))] + known
    query = "&".join(f"ids%5B%5D={one}" for one in ids)
    connection = http.client.HTTPSConnection("127.0.0.1", site.front.https, context=site.front.tls(), timeout=60)
    connection.request(
        "GET", f"/api/v1/image_syncs?{query}", headers={"Host": HOST, "Authorization": f"Token {site.token}"}
    )
    by_get = json.load(connection.getresponse())
    connection.close()
    assert [image["id"] for image in by_get] == known
    (tmp_path / "ids").write_text(json.dumps({"ids": ids}))
    for version in ("--http2", "--http1.1"):
        sent = (version, "--data-binary", f"@{tmp_path}/ids")
        by_post = site.asked("/api/v1/image_syncs", *sent, content_type="application/json")
        assert (by_post.status, json.loads(by_post.body)) == (200, by_get)


def test_a_thousand_ids_pass_in_one_line_of_http_2(site: Site) -> None:
    answer = site.asked("/api/v1/image_syncs?" + "&".join(f"ids[]={uuid.uuid4()}" for _ in range(1_000)))
    assert (answer.status, answer.version, answer.body) == (200, "2", b"[]")


def test_a_file_of_100_mb_is_taken(site: Site, tmp_path: Path) -> None:
    picture = jpeg(64, 48)
    content_type, body = multipart(file=picture + bytes(100_000_000 - len(picture)), title="Large")
    (tmp_path / "form").write_bytes(body)
    sent = ("--data-binary", f"@{tmp_path}/form")
    answer = site.asked("/api/v1/albums/001A/images", *sent, content_type=content_type)
    assert (answer.status, json.loads(answer.body)["title"]) == (200, "Large")
    assert json.loads(answer.body)["size"] == 100_000_000


def test_http_is_led_to_https_at_the_name_of_the_server(site: Site) -> None:
    answer = site.front.ask(f"http://{HOST}/admin/?a=b", host="evil.example.org")
    assert (answer.status, answer.headers["location"]) == (301, f"{PUBLIC}/admin/?a=b")


def test_the_log_holds_one_object_a_line_and_no_queries(site: Site) -> None:
    site.front.ask("/nothing%0a%22%1b%5b31m?token=secret")
    lines = (site.front.folder / "access.log").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert '/nothing\n"\x1b[31m' in [line["path"] for line in found]
    assert "secret" not in "".join(lines)
