"""PostgreSQL restarts under the shipped server while clients ask for everything: they are told to try again, and what
they were told is kept."""

import http.client
import itertools
import json
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests import servers
from tests.factories import jpeg
from tests.servers import PostgreSQL, Web, Worker

INSTALLED = any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")
pytestmark = [
    pytest.mark.any_database,  # it has a database of its own
    pytest.mark.skipif(not INSTALLED, reason="needs PostgreSQL (Debian's package: postgresql)"),
]
RESTARTS = ["fast", "immediate", "fast", "immediate"]
DATA = """
import io, json
from django.core.management import call_command
from django.test import Client
from accounts.models import User
from accounts.tokens import SharinpixToken
from albums.models import Album
from images.models import Image
call_command("demo", stdout=io.StringIO())
user = User.objects.get()
user.set_password("correct horse 7")
user.save()
client = Client()
client.force_login(user)
album = Album.objects.create(organization=user.organization, public_id="long")
Image.objects.bulk_create(
    Image(album=album, position=n, delivery_id=f"gone{n:016}", format="jpg", processed=True) for n in range(2_500)
)
print(json.dumps([str(SharinpixToken.for_user(user)), client.cookies["sessionid"].value]))
"""


class Answer(NamedTuple):
    """What a client got; status 0 where the server hung up, and why."""

    kind: str
    status: int
    retry_after: str | None
    body: bytes


class Clients:
    """Threads that ask for one kind of thing each, over and over."""

    def __init__(self, web: Web, database: PostgreSQL) -> None:
        self.web, self.database = web, database
        self.token, self.session = json.loads(web.manage("shell", "--verbosity", "0", "-c", DATA))
        self.known = json.loads(self.ask("known", "GET", "/api/v1/image_syncs?album_id=demo").body)
        self.answers: list[Answer] = []
        self.ended = threading.Event()

    def ask(self, kind: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {"Authorization": f'Token token="{self.token}"', "Cookie": f"sessionid={self.session}", **headers}
        with closing(http.client.HTTPConnection("localhost", self.web.port, timeout=60)) as connection:
            try:
                connection.request(method, path.removeprefix(self.web.url), body, sent)
                response = connection.getresponse()
                return Answer(kind, response.status, response.headers["Retry-After"], response.read())
            except (OSError, http.client.HTTPException) as error:
                return Answer(kind, 0, None, repr(error).encode())

    def send_json(self, kind: str, method: str, path: str, fields: Any) -> Answer:
        return self.ask(kind, method, path, json.dumps(fields).encode(), **{"Content-Type": "application/json"})

    def send_file(self, kind: str, path: str, fields: dict[str, Any], **headers: str) -> Answer:
        boundary = uuid.uuid4().hex
        parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
        parts.append(b'name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + jpeg(320, 240))
        line = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
        body = b"".join(line + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
        return self.ask(
            kind, "POST", path, body, **headers, **{"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )

    def kinds(self) -> dict[str, Callable[[], Answer]]:
        """Name -> a request; what follows from an answer comes in another turn."""
        ids = [image["id"] for image in self.known]
        query = urlencode([("ids[]", image_id) for image_id in ids])
        shown = itertools.cycle(self.known)
        return {
            "resync": lambda: self.ask("resync", "GET", f"/api/v1/image_syncs?{query}"),
            "resync by POST": lambda: self.send_json("resync by POST", "POST", "/api/v1/image_syncs", {"ids": ids}),
            "long resync": lambda: self.ask("long resync", "GET", "/api/v1/image_syncs"),
            "picture": lambda: self.ask("picture", "GET", next(shown)["external_urls"]["fit2000"]),
            "link": lambda: self.ask("link", "GET", next(shown)["thumbnails"]["full"]),
            "album": lambda: self.ask("album", "GET", "/api/v1/albums/demo"),
            "new album": lambda: self.send_json("new album", "POST", "/api/v1/albums", {"id": uuid.uuid4().hex}),
            "images": lambda: self.ask("images", "GET", "/api/v1/albums/demo/images"),
            "login": lambda: self.send_json("login", "POST", "/api/v1/login", PERSON),
            "admin": lambda: self.ask("admin", "GET", "/admin/images/image/"),
            "admin login": lambda: self.ask(
                "admin login", "POST", "/admin/login/?next=/admin/", urlencode(FORM).encode(), **CSRF
            ),
            "upload": lambda: self.send_file("upload", "/api/v1/albums/sent/images", {}),
            "form": self.through_form,
            "storage file": self.through_storage_file,
        }

    def through_form(self) -> Answer:
        answer = self.ask("form", "GET", "/api/v1/albums/sent?upload_form=1")
        if answer.status != 200:
            return answer
        form = json.loads(answer.body)["upload_form"]
        return self.send_file("form", form["url"], form["params"])

    def through_storage_file(self) -> Answer:
        fields = {"album_id": "sent", "name": "a.jpg", "size": len(jpeg(320, 240)), "type": "image/jpeg"}
        answer = self.send_json("storage file", "POST", "/api/v1/storage_files", fields)
        if answer.status != 200:
            return answer
        announced = json.loads(answer.body)
        answer = self.send_file("storage file", "/storage_files", announced["upload_parameters"]["fields"])
        if answer.status != 201:
            return answer
        return self.send_json("storage file", "PUT", f"/api/v1/storage_files/{announced['id']}", {})

    def go_on(self, request: Callable[[], Answer]) -> None:
        while not self.ended.is_set():
            self.answers.append(request())

    def start(self) -> None:
        self.threads = [threading.Thread(target=self.go_on, args=[request]) for request in self.kinds().values()]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


PERSON = {"email": "demo@example.com", "password": "correct horse 7"}
FORM = {"username": PERSON["email"], "password": PERSON["password"], "csrfmiddlewaretoken": "c" * 32}
CSRF = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={'c' * 32}"}


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a broker, or "" where pictures are processed in the requests that bring them."""
    with servers.redis() if request.param else nullcontext("") as url:
        yield url


@pytest.fixture
def clients(broker: str) -> Iterator[Clients]:
    """Of a server whose claims do not lapse: what is free again was released."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-restarts-"))
    with servers.postgresql_server() as database:
        web = Web(folder, database.url, PROCESSING_TIMEOUT="600", CELERY_BROKER_URL=broker)
        worker = Worker(web)
        try:
            web.manage("migrate", "--verbosity", "0")
            web.start()
            if broker:
                worker.start()
            yield Clients(web, database)
        finally:
            web.kill()
            if broker:
                worker.kill()
            shutil.rmtree(folder, ignore_errors=True)


BROKERS = [
    pytest.param(False, id="processed in the requests"),
    pytest.param(
        True,
        id="processed by a worker",
        marks=pytest.mark.skipif(
            not shutil.which("redis-server"), reason="needs Redis (Debian's package: redis-server)"
        ),
    ),
]


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
def test_clients_are_told_to_try_again_and_what_they_were_told_is_kept(clients: Clients) -> None:
    before = {kind: request().status for kind, request in clients.kinds().items()}
    assert set(before.values()) <= {200, 302}, before
    clients.start()
    for mode in RESTARTS:
        time.sleep(2)
        clients.database.stop(mode)
        time.sleep(0.5)
        clients.database.start()
    time.sleep(2)
    clients.end()
    unexpected = [answer for answer in clients.answers if answer.status not in {200, 302, 503}]
    assert not unexpected, (unexpected[:5], clients.web.output()[-5_000:])
    assert {answer.retry_after for answer in clients.answers if answer.status == 503} == {"5"}
    assert {kind: request().status for kind, request in clients.kinds().items()} == before
    kept = [json.loads(answer.body) for answer in clients.answers if (answer.kind, answer.status) == ("upload", 200)]
    assert kept
    deadline = time.monotonic() + 100
    while True:
        sent = json.loads(clients.ask("sent", "GET", "/api/v1/image_syncs?album_id=sent").body)
        if all(image["processed"] for image in sent):
            break
        assert time.monotonic() < deadline, clients.web.output()[-5_000:]
        time.sleep(1)
    assert {image["id"] for image in kept} <= {image["id"] for image in sent}
