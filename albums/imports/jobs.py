"""Fetches the pictures of imports and makes their images (API: imports). A row of `Import` is the job."""

import random
import tempfile
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.encryption import Undecipherable
from albums.imports.models import Import
from albums.imports.serializers import WantedPictureSerializer
from albums.models import Album
from images.querysets import abandoned_after
from images.uploads.arrival import storing_original
from images.uploads.claims import SentData
from images.uploads.infos import infos_of
from sharinpix import fetching
from sharinpix.errors import Malformed, TooLarge, Unprocessable
from sharinpix.outages import until_back

ATTEMPTS = 3
PAUSE = 20
"""Seconds before the second attempt, about; four times as long before the third."""


class Superseded(Exception):
    """The worker's claim has ended: another worker has claimed the import, or it was deleted."""


def run(import_id: str | UUID) -> None:
    """Claims one import that is due and runs it; its row has the result. Returns at once where it is not due.

    Exceptions that do not come from the URL (storage, database) are raised, and the attempt is not counted.
    """
    now, claim = timezone.now(), uuid4()
    due = Import.objects.filter(pk=import_id).waiting(now - abandoned_after())
    claimed = claim_of(import_id, claim)
    try:
        due.update(status="fetching", claim=claim, begun_at=now, attempts=F("attempts") + 1)
        job = claimed.select_related("uploader").first()
        if job is not None:
            attempt(job)
    except Superseded:
        pass
    except SoftTimeLimitExceeded:  # the claim stays until it expires, and the attempt counts
        raise
    except Exception as error:  # whatever it is, the import is tried again, and Celery logs it
        reason = f"It could not be kept here ({type(error).__name__})."
        uncounted = Greatest(F("attempts") - 1, 0)
        columns = {
            "status": "waiting",
            "claim": None,
            "error": reason,
            "attempts": uncounted,
            "due_at": next_attempt(1),
        }
        until_back(lambda: claimed.update(updated_at=timezone.now(), **columns), abandoned_after())
        raise


def attempt(job: Import) -> None:
    """Fetches the picture of a claimed import, or ends the attempt with what the URL was found to be.

    Raises Superseded, and what does not come from the URL.
    """
    try:
        if job.attempts > ATTEMPTS:
            close(job, status="failed", error=f"Fetching it killed its worker {ATTEMPTS} times.")
        else:
            fetch_picture(job)
    except (fetching.Refused, Malformed, TooLarge, Unprocessable) as error:
        close(job, status="failed", error=str(error))
    except fetching.TooManyFetches as error:  # nothing was asked, and the attempt is not counted
        close(job, status="waiting", error=str(error), attempts=job.attempts - 1, due_at=next_attempt(1))
    except fetching.Failed as error:
        last = job.attempts == ATTEMPTS
        close(job, status="failed" if last else "waiting", error=str(error), due_at=next_attempt(job.attempts))
    except Undecipherable:
        close(job, status="failed", error="Its headers cannot be read any more, since SECRET_KEY has changed.")


def fetch_picture(job: Import) -> None:
    """Fetches the file, and makes its image and ends the import in one transaction.

    Raises Superseded, Undecipherable, and as `fetching.fetch` and `storing_original`.
    """
    wanted = WantedPictureSerializer(data=job.params)
    wanted.is_valid(raise_exception=True)
    fields = wanted.validated_data
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as buffer:
        found = fetching.fetch(fields["url"], job.headers(), buffer, most=settings.MAX_UPLOAD)
        name = fields["filename"] or found.filename or "image"
        with storing_original(File(buffer, name), organization_id=job.organization_id, name=name) as upload:
            infos = infos_of(upload, upload.filename, job.album_name, timezone.now())
            upload.answer = infos
            sent = SentData(infos=infos, metadatas=fields["metadatas"], tags=fields["tags"])
            with transaction.atomic():
                upload.save(force_insert=True)
                image = Album.objects.receive(job.organization_id, job.album_name, upload, sent, job.uploader)
                if not close(job, status="done", error=None, image=image):
                    raise Superseded


def close(job: Import, **columns: Any) -> bool:
    """Ends the attempt and writes the columns; False, without writing, where the claim has ended.

    An import that has ended keeps no headers.
    """
    if columns["status"] in ("done", "failed"):
        columns["sealed_headers"] = None
    return bool(claim_of(job.pk, job.claim).update(updated_at=timezone.now(), claim=None, **columns))


def claim_of(import_id: str | UUID, claim: UUID | None) -> QuerySet[Import]:
    """The import's row, as long as the claim lasts."""
    return Import.objects.filter(pk=import_id, status="fetching", claim=claim)


def next_attempt(attempts: int) -> datetime:
    """When to try again after this number of attempts: after about 20 seconds, then 80."""
    pause = PAUSE * 4 ** (attempts - 1) * random.uniform(0.75, 1.25)  # noqa: S311  (spread, not secrecy)
    return timezone.now() + timedelta(seconds=pause)
