"""What one process does without a socket: resyncs by size, a caption edit, storing representations anew."""

import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

import orjson
from django.core.handlers.base import BaseHandler
from django.core.management import call_command
from django.db import connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from accounts.tokens import SharinpixToken
from benchmarks.data import fill
from benchmarks.measure import Sample, interleaved
from images import payload_rows, representations
from images.models import Image, Representation

SIZES = (4, 100, 1_000, 10_000)
PLAIN_UP_TO = 1_000
SLICE = 5_000


class Site:
    """The whole Django stack, middleware included, without a server."""

    def __init__(self, user: User) -> None:
        self.handler = BaseHandler()
        self.handler.load_middleware()
        self.requests = RequestFactory(SERVER_NAME="localhost")
        self.tokens = {
            "plain": f"Bearer {AccessToken.for_user(user)}",
            "ours": f"Bearer {SharinpixToken.for_user(user)}",
        }

    def get(self, contender: str, ids: Sequence[str]) -> Callable[[], bytes]:
        query = "&".join(f"ids[]={image_id}" for image_id in ids)
        path = "/api/v1/image_syncs" if contender == "ours" else f"/{contender}"
        query = f"count={len(ids)}" if contender == "memory" else query
        headers = {"Authorization": self.tokens[contender]} if contender in self.tokens else {}

        def run() -> bytes:
            response: Any = self.handler.get_response(self.requests.get(f"{path}?{query}", headers=headers))
            if response.status_code != 200:
                raise SystemExit(f"{path} answered {response.status_code}")
            body = b"".join(response.streaming_content) if response.streaming else response.content
            response.close()
            return body

        return run


def some_ids(count: int) -> list[str]:
    """Ids spread evenly over the library, in an order that is not theirs."""
    ids = [str(image_id) for image_id in Image.objects.order_by("id").values_list("id", flat=True)]
    return ids[:: max(1, len(ids) // count)][:count]


def check_same_document(site: Site) -> None:
    ids = some_ids(200)
    plain, ours = orjson.loads(site.get("plain", ids)()), orjson.loads(site.get("ours", ids)())
    if plain != ours or [list(image) for image in plain] != [list(image) for image in ours]:
        raise SystemExit("plain and ours do not answer the same document")


def resyncs(site: Site, rounds: int) -> dict[str, Any]:
    found = {}
    for size in SIZES:
        ids = some_ids(size)
        names = ["ours", "floor", "memory"] + (["plain"] if size <= PLAIN_UP_TO else [])
        found[str(size)] = interleaved({name: site.get(name, ids) for name in names}, rounds)
    ids = some_ids(10_000)
    start = time.perf_counter()
    site.get("plain", ids[:1_000])() and [
        site.get("plain", ids[at : at + 1_000])() for at in range(1_000, 10_000, 1_000)
    ]
    found["10000"]["plain"] = Sample(time.perf_counter() - start, 0.0, 1)
    return found


def stale_resync(site: Site, rounds: int) -> dict[str, Sample]:
    """1,000 ids whose stored texts are stale, so that all of them are computed; afterwards they are stored again."""
    ids = some_ids(1_000)
    Representation.objects.filter(image__id__any=ids).update(stamp="")
    found = interleaved({name: site.get(name, ids) for name in ("ours", "plain")}, rounds)
    Image.objects.store_in_batches([UUID(image_id) for image_id in ids])
    return found


def queries(site: Site) -> dict[str, int]:
    found = {}
    for size in (4, 100, 1_000, 10_000):
        run = site.get("ours", some_ids(size))
        with CaptureQueriesContext(connection) as context:
            run()
        statements = [query["sql"] for query in context.captured_queries]
        found[str(size)] = sum(
            1 for sql in statements if sql.lstrip("(").upper().startswith(("SELECT", "DECLARE", "EXECUTE"))
        )
    return found


def without_read_model(image: Image, title: str) -> None:
    """The same edit by the same verbs, as it would be if nothing were stored."""
    with transaction.atomic():
        list(
            Image.objects.filter(pk=image.pk)
            .order_by("id")
            .select_for_update(of=("self",), no_key=True)
            .values_list("id")
        )
        image.title = title
        image.save_fields("title", "description")


def captions(rounds: int) -> dict[str, Sample]:
    """An image is fetched and its caption changed, as a request does it."""
    ids = itertools.cycle(some_ids(100))

    def image() -> Image:
        return Image.objects.select_related("album").get(pk=next(ids))

    contenders: dict[str, Callable[[], object]] = {
        "with": lambda: image().caption("A title", "Some words"),
        "without": lambda: without_read_model(image(), "A title"),
    }
    return interleaved(contenders, rounds)


def refreshing(rounds: int) -> dict[str, Sample]:
    """Slices of the whole library of 100,000 by either method in turn: texts computed and written, and written alone."""
    ids: list[UUID] = list(Image.objects.order_by("id").values_list("id", flat=True))
    times: dict[str, list[float]] = {
        name: [] for name in ("ours", "bulk_update", "ours, writing", "bulk_update, writing")
    }
    slices = [ids[at : at + SLICE] for at in range(0, len(ids), SLICE)]
    for number in range(2 * max(rounds, 5)):
        name = ("ours", "bulk_update")[number % 2]
        write = (by_upsert, by_bulk_update)[number % 2]
        part = slices[number % len(slices)]
        start = time.perf_counter()
        texts = [list(payload_rows.computed_texts(Image, part[at : at + 1_000])) for at in range(0, len(part), 1_000)]
        computed = time.perf_counter()
        for batch in texts:
            write(batch)
        end = time.perf_counter()
        times[name].append(end - start)
        times[f"{name}, writing"].append(end - computed)
    return {name: Sample.of(found) for name, found in times.items()}


def by_upsert(texts: list[representations.Text]) -> None:
    with transaction.atomic():
        representations.store(texts)


def by_bulk_update(texts: list[representations.Text]) -> None:
    current = representations.stamp()
    rows = [
        Representation(
            image_id=text.image_id,
            stamp=current,
            document=text.json.decode(),
            resync_spans=orjson.dumps(text.spans).decode(),
        )
        for text in texts
    ]
    Representation.objects.bulk_update(rows, ["stamp", "document", "resync_spans"], batch_size=500)


def prepare(count: int) -> None:
    call_command("migrate", verbosity=0)
    fill(count)
    start = time.perf_counter()
    call_command("backfill_urls", verbosity=0, stdout=sys.stderr)
    print(f"{count:,} images; their texts took {time.perf_counter() - start:.1f} s", file=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def main(count: int, rounds: int) -> None:
    """Prints one JSON object on stdout; `benchmarks.__main__` makes tables of it."""
    prepare(count)
    user = User.objects.get(email="bench@example.com")
    site = Site(user)
    check_same_document(site)
    found = {
        "resyncs": resyncs(site, rounds),
        "stale": stale_resync(site, rounds),
        "queries": queries(site),
        "captions": captions(rounds),
        "refreshing": refreshing(rounds),
    }
    sys.stdout.buffer.write(orjson.dumps(found, default=lambda value: value._asdict()))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
