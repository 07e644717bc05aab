"""Files that are damaged under readers who poll, with nginx in front of the shipped server and without."""

import http.client
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
import pytest

from images.serve.answers import FOREVER
from tests.images.links import is_picture
from tests.nginx import BEHIND, installed, nginx
from tests.servers import Web, web

pytestmark = pytest.mark.any_database
Ask = Callable[[str], tuple[int, str, bytes]]
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) * 2 // 3],
    "missing": lambda content: None,
}


class Site(NamedTuple):
    """A running server with the demo's pictures: `ask(url)` is status, Cache-Control and body of a picture."""

    ask: Ask
    media: Path
    image: dict[str, Any]


def directly(server: Web, url: str) -> tuple[int, str, bytes]:
    with closing(http.client.HTTPConnection("localhost", server.port, timeout=60)) as connection:
        connection.request("GET", urlsplit(url).path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Cache-Control"] or "", answer.read()


def image_of(server: Web) -> dict[str, Any]:
    script = "from images.models import Image; from images.syncs.reader import texts_of; "
    script += "image = Image.objects.order_by('size').last(); print(texts_of([image.pk])[0].decode())"
    return dict(orjson.loads(server.manage("shell", "--verbosity", "0", "-c", script)))


@pytest.fixture(params=["direct", pytest.param("nginx", marks=installed)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    if request.param == "direct":
        with web() as server:
            server.manage("demo")
            media = Path(server.environment["DATA_DIR"]) / "media"
            yield Site(lambda url: directly(server, url), media, image_of(server))
        return
    with web(**BEHIND) as server, nginx(server) as front:
        server.manage("demo")

        def ask(url: str) -> tuple[int, str, bytes]:
            answer = front.ask(url)
            return answer.status, answer.headers.get("cache-control", ""), answer.body

        yield Site(ask, Path(server.environment["DATA_DIR"]) / "media", image_of(server))


class Reader(threading.Thread):
    """Asks for the pictures in turn until it is stopped, and remembers what was no proper answer."""

    def __init__(self, site: Site, urls: list[str]) -> None:
        super().__init__()
        self.site, self.urls, self.over, self.rounds = site, urls, False, 0
        self.whole = {url: site.ask(url)[2] for url in urls}
        self.wrong: list[tuple[str, int, str, int]] = []

    def run(self) -> None:
        while not self.over:
            for url in self.urls:
                status, caching, body = self.site.ask(url)
                if not self.is_proper(url, status, caching, body):
                    self.wrong.append((url, status, caching, len(body)))
            self.rounds += 1

    def is_proper(self, url: str, status: int, caching: str, body: bytes) -> bool:
        """The whole picture, the placeholder that no cache keeps, or of an original that it is not there."""
        if "immutable" in caching:
            return (status, caching, body) == (200, FOREVER, self.whole[url])
        if url == self.urls[-1]:
            return (status, caching) == (404, "no-store")
        return (status, caching) == (200, "no-cache") and is_picture(body)

    def look(self) -> None:
        """Returns when everything was asked for since."""
        wanted = self.rounds + 2
        while self.rounds < wanted and self.is_alive():
            time.sleep(0.01)


def test_no_reader_gets_an_error_half_a_picture_or_nonsense_to_keep(site: Site) -> None:
    urls = [site.image["thumbnails"]["mini"], site.image["external_urls"]["fill100"], site.image["original_url"]]
    reader = Reader(site, urls)
    reader.start()
    try:
        for kind in ("thumbnails", "derived", "originals"):
            for damage in DAMAGES.values():
                harm(site, kind, reader.whole[urls[2]], damage, reader.look)
    finally:
        reader.over = True
        reader.join()
    assert reader.rounds > 18
    assert reader.wrong == []


def harm(
    site: Site, kind: str, original: bytes, damage: Callable[[bytes], bytes | None], look: Callable[[], None]
) -> None:
    """Damages the image's files of this kind as a crash leaves them, lets readers look, and repairs the original."""
    files = {path: path.read_bytes() for path in (site.media / kind).rglob("*") if path.is_file()}
    if kind == "originals":
        files = {path: content for path, content in files.items() if content == original}
        shutil.rmtree(site.media / "derived")  # else its renditions would be shown from there
    assert files
    for path, content in files.items():
        put(path, damage(content))
    look()
    if kind == "originals":
        for path, content in files.items():
            put(path, content)
        look()


def put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    other = path.with_name("damaged")
    other.write_bytes(content)
    os.replace(other, path)
