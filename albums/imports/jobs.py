"""Fetches what imports name, and makes their images. A row of `Import` is the job."""

import random
import tempfile
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from albums.imports.models import Import
from albums.models import Album
from albums.uploads.claims import Sent
from images import infos
from images.processing import abandoned_after
from images.uploads.receiving import arriving
from sharinpix import fetching
from sharinpix.api import Malformed, TooLarge

ATTEMPTS = 3
PAUSE = 20
"""Seconds before the second attempt, about; four times as long before the third."""


class Superseded(Exception):
    """The claim ended meanwhile: another worker has the import, or it is gone."""


def run(import_id: str | UUID) -> None:
    """Does one import that is due, unless somebody else does. Its row says what came of it.

    Trouble of the storage or the database is raised, and the attempt not counted.
    """
    due = Import.objects.filter(pk=import_id).waiting(timezone.now() - abandoned_after())
    if not due.update(status="fetching", begun_at=timezone.now(), attempts=F("attempts") + 1):
        return
    job = Import.objects.select_related("uploader").get(pk=import_id)
    try:
        if job.attempts > ATTEMPTS:
            close(job, status="failed", error=f"Fetching it killed its worker {ATTEMPTS} times.")
        else:
            fetch(job)
    except Superseded:
        pass
    except (fetching.Refused, Malformed, TooLarge) as error:
        close(job, status="failed", error=str(error))
    except fetching.Failed as error:
        last = job.attempts == ATTEMPTS
        close(job, status="failed" if last else "waiting", error=str(error), due_at=next_attempt(job.attempts))
    except SoftTimeLimitExceeded:  # the claim stays: it ends by itself, and the attempt counts
        raise
    except Exception as error:  # whatever it was, the worker's loop knows about it, and the import is tried again
        reason = f"It could not be kept here ({type(error).__name__})."
        close(job, status="waiting", error=reason, attempts=job.attempts - 1, due_at=next_attempt(1))
        raise


def fetch(job: Import) -> None:
    """Fetches the file, and makes its image in one transaction with the row: neither is there without the other.

    Raises Superseded, what `fetching.fetch` raises, and what `arriving` raises.
    """
    url = str(job.params["url"])
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as buffer:
        found = fetching.fetch(url, job.params.get("headers") or {}, buffer, most=settings.MAX_UPLOAD)
        name = job.params.get("filename") or found.filename or "image"
        with arriving(File(buffer, name), organization_id=job.organization_id, name=name) as upload:
            told = infos.of_upload(upload, upload.filename, job.album_name, timezone.now())
            upload.answer = told
            sent = Sent(infos=told, metadatas=job.metadatas, tags=job.tags)
            with transaction.atomic():
                upload.save(force_insert=True)
                image = Album.objects.receive(job.organization_id, job.album_name, upload, sent, job.uploader)
                if not close(job, status="done", error=None, image=image):
                    raise Superseded


def close(job: Import, **columns: Any) -> bool:
    """Ends the attempt; False, and nothing is written, where the claim is no longer this one's."""
    mine = Import.objects.filter(pk=job.pk, status="fetching", begun_at=job.begun_at)
    return bool(mine.update(updated_at=timezone.now(), **columns))


def next_attempt(attempts: int) -> datetime:
    pause = PAUSE * 4 ** (attempts - 1) * random.uniform(0.75, 1.25)  # noqa: S311  (spread, not secrecy)
    return timezone.now() + timedelta(seconds=pause)
