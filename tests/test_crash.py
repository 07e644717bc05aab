"""Processes that are killed at every marked point: what was acknowledged is there, and nothing else is left behind.

Each database has its shape: SQLite without a broker, where the server sweeps for itself, and PostgreSQL with Redis and a
worker. CRASH_TIMES says how often each point kills.
"""

import http.client
import json
import os
import re
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from redis import Redis

from sharinpix.crash_points import POINTS
from sharinpix.locks import FileLock
from tests import servers
from tests.factories import jpeg
from tests.half_sent import multipart
from tests.servers import Program, Web, Worker

TIMES = int(os.environ.get("CRASH_TIMES", "3"))
WORKERS = os.environ.get("DATABASE_URL", "").startswith("postgres")
with_workers = pytest.mark.skipif(not WORKERS, reason="needs PostgreSQL: workers are tested with it")
embedded = pytest.mark.skipif(WORKERS, reason="with a broker there is no sweeper to the server")
ENDLESS = {"PROCESSING_TIMEOUT": "600"}
"""No claim ends."""

STATE = """
import io, json, pathlib
from django.conf import settings
from django.core.management import call_command
from images.models import Image, Thumbnail
from images.uploads.models import Upload
call_command("sweep", grace=0.0, stdout=io.StringIO())
media = pathlib.Path(settings.DATA_DIR) / "media"
print(json.dumps({
    "images": {str(i.pk): [i.processed, i.processing_error, i.thumbnails.count()] for i in Image.objects.all()},
    "known": sorted({*Image.objects.values_list("original", flat=True), *Thumbnail.objects.values_list("file", flat=True)}),
    "files": sorted(str(f.relative_to(media)) for f in media.rglob("*") if f.is_file() and "derived" not in f.parts),
    "incoming": len(list(pathlib.Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())),
    "unclaimed": Upload.objects.filter(image=None).count(),
}))
"""
"""What a sweep leaves behind."""


class Stack(NamedTuple):
    """What runs together, the token of its person, and what was acknowledged so far: image id -> processing_error."""

    web: Web
    worker: Worker | None
    token: str
    acknowledged: dict[str, str | None]

    def kill(self) -> None:
        for program in (self.web, self.worker):
            if program and hasattr(program, "process"):
                program.kill()


@contextmanager
def stack_with(broker: str) -> Iterator[Stack]:
    """Nothing runs yet; the database is migrated."""
    folder = Path(tempfile.mkdtemp(prefix="sharinpix-crash-"))
    environment = {"WEB_CONCURRENCY": "1", "PROCESSING_TIMEOUT": "3", "CELERY_BROKER_URL": broker}
    try:
        with servers.database(folder) as url:
            web = Web(folder, url, **environment)
            web.manage("migrate", "--verbosity", "0")
            token = web.manage("shell", "--verbosity", "0", "-c", PERSON)
            stack = Stack(web, Worker(web) if broker else None, token, {})
            try:
                yield stack
            finally:
                stack.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


IDS = """
import json
from images.models import Image
print(json.dumps([str(pk) for pk in Image.objects.values_list("pk", flat=True)]))
"""
PERSON = """
from accounts.models import User
from accounts.tokens import SharinpixToken
print(SharinpixToken.for_user(User.objects.create_user("crash@example.com", "correct horse 7")))
"""


@pytest.fixture(scope="module")
def shape() -> Iterator[Stack]:
    with servers.redis() if WORKERS else nullcontext("") as broker, stack_with(broker) as stack:
        yield stack


@pytest.fixture
def stack(shape: Stack) -> Iterator[Stack]:
    yield shape
    shape.kill()


def upload(stack: Stack, key: str) -> str | None:
    """The id of the image that was acknowledged; None where the server hung up."""
    kind, body = multipart(file=jpeg(64, 2))
    headers = {"Content-Type": kind, "Idempotency-Key": key}
    try:
        image_id = str(ask(stack, "POST", "/api/v1/albums/crash/images", body, headers)["id"])
    except (ConnectionError, http.client.HTTPException):
        return None
    stack.acknowledged[image_id] = None
    return image_id


def upload_by_form(stack: Stack, form: Any) -> str | None:
    """The public id of the upload that was acknowledged; None where the server hung up."""
    kind, body = multipart(file=jpeg(64, 2), **{name: str(value) for name, value in form["params"].items()})
    try:
        return str(ask(stack, "POST", urlsplit(form["url"]).path, body, {"Content-Type": kind})["public_id"])
    except (ConnectionError, http.client.HTTPException):
        return None


def ask(stack: Stack, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    with closing(http.client.HTTPConnection("localhost", stack.web.port, timeout=60)) as connection:
        connection.request(method, path, body, {"Authorization": f'Token token="{stack.token}"', **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


def processed(stack: Stack) -> dict[str, bool]:
    """Id -> whether it is processed, as a client sees it."""
    return {image["id"]: image["processed"] for image in ask(stack, "GET", "/api/v1/image_syncs")}


def until(met: Callable[[], Any], program: Program) -> Any:
    deadline = time.monotonic() + 120
    while not (found := met()):
        assert time.monotonic() < deadline, program.output()
        time.sleep(0.1)
    return found


def check(stack: Stack) -> None:
    """What was acknowledged is there and processed, with its files; after a sweep there is nothing else."""
    until(lambda: all(processed(stack).values()), stack.worker or stack.web)
    stack.kill()  # its own sweeps would keep ours away
    found = json.loads(stack.web.manage("shell", "--verbosity", "0", "-c", STATE))
    wanted = {image_id: [True, error, 0 if error else 3] for image_id, error in stack.acknowledged.items()}
    assert found["images"] == wanted
    assert found["files"] == found["known"]
    assert (found["incoming"], found["unclaimed"]) == (0, 0)


@pytest.mark.parametrize("point", [point for point in POINTS if not (WORKERS and point == "mid_thumbnails")])
def test_a_server_killed_on_the_way_of_an_upload_loses_nothing_that_it_acknowledged(point: str, stack: Stack) -> None:
    stack.web.start(FAULT_AT=point, **ENDLESS)
    keys = [uuid.uuid4().hex for _ in range(TIMES)]
    assert [upload(stack, key) for key in keys] == [None] * TIMES
    stack.kill()
    stack.web.start()
    if stack.worker:
        stack.worker.start()
    assert None not in [upload(stack, key) for key in keys]
    check(stack)


@pytest.mark.parametrize("point", [point for point in POINTS if point != "mid_thumbnails"])
def test_a_server_killed_on_the_way_of_a_form_loses_nothing_that_it_acknowledged(point: str, stack: Stack) -> None:
    """An upload that is sent again is another one, so that there may be images that were not acknowledged."""
    stack.web.start()
    form = ask(stack, "GET", "/api/v1/albums/crash")["upload_form"]
    stack.kill()
    stack.web.start(FAULT_AT=point, **ENDLESS)
    assert [upload_by_form(stack, form) for _ in range(TIMES)] == [None] * TIMES
    stack.kill()
    stack.web.start()
    if stack.worker:
        stack.worker.start()
    acknowledged = {upload_by_form(stack, form) for _ in range(TIMES)}
    images = {image["infos"].get("public_id"): image["id"] for image in ask(stack, "GET", "/api/v1/image_syncs")}
    assert None not in acknowledged and acknowledged <= images.keys()
    stack.acknowledged.update(dict.fromkeys(set(images.values()) - stack.acknowledged.keys()))
    check(stack)


@with_workers
def test_a_worker_killed_in_the_middle_of_its_work_is_followed_by_one_that_does_it(stack: Stack) -> None:
    worker = stack.worker
    assert worker
    stack.web.start()
    worker.start(FAULT_AT="mid_thumbnails", **ENDLESS)
    ids = {upload(stack, uuid.uuid4().hex) for _ in range(TIMES)}
    until(lambda: worker.output().count("signal 9") >= TIMES, worker)
    worker.kill()
    assert {image_id for image_id, done in processed(stack).items() if not done} == ids
    worker.start()
    check(stack)


def test_a_file_that_kills_whoever_reads_it_is_tried_three_times_and_the_others_go_on(stack: Stack) -> None:
    stack.web.start(FAULT_AT="after_commit")  # its image is there, and was never read
    key = uuid.uuid4().hex
    assert upload(stack, key) is None
    stack.kill()
    (poison,) = set(json.loads(stack.web.manage("shell", "--verbosity", "0", "-c", IDS))) - set(stack.acknowledged)
    fault = {"FAULT_AT": f"mid_thumbnails:{poison}"}
    stack.web.start(**fault)
    if stack.worker:
        stack.worker.start(**fault)
    good = {upload(stack, uuid.uuid4().hex) for _ in range(3)}
    stack.acknowledged[poison] = "poison: Reading the file killed its worker 3 times."
    until(lambda: good <= {image_id for image_id, done in processed(stack).items() if done}, stack.web)
    check(stack)


@with_workers
def test_uploads_are_taken_while_the_broker_is_away_and_processed_when_it_is_back() -> None:
    port = servers.free_port()
    with stack_with(f"redis://127.0.0.1:{port}/0") as stack:
        stack.web.start()
        ids = [upload(stack, uuid.uuid4().hex) for _ in range(2)]
        assert processed(stack) == dict.fromkeys(ids, False)
        with servers.redis(port):
            assert stack.worker
            stack.worker.start()
            check(stack)


@with_workers
def test_a_worker_that_is_asked_to_end_ends_its_work_first(stack: Stack) -> None:
    web, worker = stack.web, stack.worker
    assert worker
    web.start()
    broker = Redis.from_url(web.environment["CELERY_BROKER_URL"])
    with slot_taken(web):
        worker.start(**ENDLESS)
        image_id = str(upload(stack, uuid.uuid4().hex))
        # Its own job: Redis still holds messages that workers killed by earlier tests never acknowledged.
        until(lambda: any(image_id.encode() in message for message in broker.hvals("unacked")), worker)
        worker.process.terminate()
        until(lambda: "Warm shutdown" in worker.output(), worker)
    assert worker.process.wait(timeout=60) == 0
    assert processed(stack)[image_id]


@contextmanager
def slot_taken(web: Web) -> Iterator[None]:
    """Inside, no process of the server or its worker decodes a picture."""
    with FileLock("process-0", wait=10, folder=Path(web.environment["DATA_DIR"]) / "locks") as held:
        assert held
        yield


@pytest.mark.skipif(not servers.RABBITMQ.exists(), reason="rabbitmq-server is not installed")
def test_rabbitmq_hands_the_work_of_a_killed_worker_to_the_next() -> None:
    with servers.rabbitmq() as broker, stack_with(broker) as stack:
        worker = stack.worker
        assert worker
        stack.web.start()
        worker.start(FAULT_AT="mid_thumbnails", **ENDLESS)
        upload(stack, uuid.uuid4().hex)
        until(lambda: "signal 9" in worker.output(), worker)
        worker.kill()
        worker.start()
        check(stack)


def child_of(pid: int) -> int | None:
    """The process that sweeps beside a server."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status, command = (folder / "status").read_text(), (folder / "cmdline").read_bytes()
            if re.search(rf"^PPid:\s{pid}$", status, re.MULTILINE) and b"sweep" in command:
                return int(folder.name)
    return None


def runs(pid: int) -> bool:
    with suppress(OSError):
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    return False


@embedded
@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL])
def test_the_sweeper_of_a_server_ends_with_it(way: signal.Signals, stack: Stack) -> None:
    web = stack.web
    web.start()
    sweeper = until(lambda: child_of(web.process.pid), web)
    os.kill(web.process.pid, way)
    web.process.wait()
    until(lambda: not runs(sweeper), web)
