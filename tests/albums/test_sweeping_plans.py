"""A sweep starts every ten minutes on millions of rows: each of its queries finds its rows by an index."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from albums import sweeping
from albums.imports.models import Import
from albums.uploads.models import StorageFile
from images.models import Image, Thumbnail
from images.uploads.models import Part, PartialUpload, Upload
from sharinpix import queue
from tests.factories import make_album

pytestmark = [pytest.mark.django_db, pytest.mark.bypasses_changing]
QUEUES = {"image_waiting", "image_unrendered", "import_waiting", "upload_unclaimed"}
"""Indexes that hold what is due and nothing else: they may be read from one end to the other."""
KEYS = [f"originals/ab/{number}" for number in range(sweeping.AT_ONCE)]
STEPS: dict[str, Callable[[], Any]] = {
    "requeue": sweeping.requeue,
    "remove_unclaimed": sweeping.remove_unclaimed,
    **{name: partial(known, KEYS) for name, known in sweeping.KNOWN.items()},
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of PostgreSQL's plan."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def whole_reads_of_postgresql(sql: str) -> list[str]:
    """What the plan reads from one end to the other, where the database would rather do anything else."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # tables are small here
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (found,) = cursor.fetchone()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    scans = [node for node in nodes(plan) if "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Heap Scan"]
    whole = [node for node in scans if "Index Cond" not in node and node.get("Index Name") not in QUEUES]
    return [f"{node['Node Type']} {node.get('Relation Name')} {node.get('Index Name', '')}" for node in whole]


def whole_reads_of_sqlite(sql: str) -> list[str]:
    """The same of SQLite's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        details = [row[-1] for row in cursor.fetchall()]
    scans = [detail for detail in details if detail.startswith("SCAN ")]
    return [detail for detail in scans if detail.rpartition(" ")[2] not in QUEUES]


OLD = timezone.now() - timedelta(days=30)
MANY = 3_000


@pytest.fixture
def _rows(organization: Organization) -> None:
    """Many rows that a sweep has nothing to do with, and some of each kind that it looks for; statistics of them."""
    album = make_album(organization)
    due = {1: {"processed": False}, 2: {"thumbnails_due": True}}
    images = [
        Image(
            **{"album": album, "original": f"original {n}", "delivery_id": f"{n}", "processed": True, **due.get(n, {})}
        )
        for n in range(MANY)
    ]
    Image.objects.bulk_create(images)
    facts = {"variant": "mini", "chain": "c", "width": 1, "height": 1, "format": "jpg", "bytes": 1}
    Thumbnail.objects.bulk_create(Thumbnail(image=image, file=f"file {image.pk}", **facts) for image in images)
    uploads = [
        Upload(organization=organization, public_id=f"{n}", version=1, original=f"original {n}", claimed_at=OLD)
        for n in range(MANY)
    ]
    for upload in uploads[:2]:
        upload.claimed_at, upload.created_at = None, OLD
    Upload.objects.bulk_create(uploads)
    file = {"organization": organization, "album_name": "a", "name": "a.jpg", "size": 1, "created_at": OLD}
    StorageFile.objects.bulk_create(StorageFile(upload=upload, **file) for upload in uploads[3:])
    StorageFile.objects.create(**file)
    partial = [PartialUpload(api_key="0", upload_id=f"{n}", total=1) for n in range(MANY)]
    partial[0].created_at = partial[1].created_at = OLD
    partial[1].finished = uploads[4]
    PartialUpload.objects.bulk_create(partial)
    Part.objects.bulk_create(Part(of=upload, start=0, size=1, file=f"part {upload.upload_id}") for upload in partial)
    done = [Import(organization=organization, album_name="a", status="done") for _ in range(MANY)]
    done[0].status, done[1].status, done[1].begun_at = "waiting", "fetching", OLD
    Import.objects.bulk_create(done)
    if connection.vendor == "postgresql":  # SQLite plans without statistics, unless it is told to gather them
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize("step", STEPS)
def test_no_query_of_a_sweep_reads_a_whole_table(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "send", lambda *job: None)
    with CaptureQueriesContext(connection) as context:
        STEPS[step]()
    statements = [query["sql"] for query in context.captured_queries if query["sql"].startswith(("SELECT", "DELETE"))]
    assert statements
    whole = whole_reads_of_postgresql if connection.vendor == "postgresql" else whole_reads_of_sqlite
    assert {sql[:200]: found for sql in statements if (found := whole(sql))} == {}
