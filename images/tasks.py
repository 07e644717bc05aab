"""Celery tasks for images and uploads."""

import logging
import time

from celery import shared_task

from images.processing import work
from images.uploads.keys import signer_with_key
from images.uploads.models import Upload
from sharinpix import fetching
from sharinpix.renderers import dumps

logger = logging.getLogger(__name__)
INSPECTED = "inspected"
"""Second argument of `process_image` for an image whose original was inspected when it was uploaded."""


@shared_task
def process_image(image_id: str, known: str = "") -> None:
    """Processes one image; see `processing.work.process`."""
    work.process(image_id, inspected=known == INSPECTED)


@shared_task
def notify(url: str, public_id: str, api_key: str) -> None:
    """POSTs the answer of an upload to its `notification_url` once, signed as by Cloudinary (API: upload form)."""
    upload, signer = Upload.objects.filter(public_id=public_id).first(), signer_with_key(api_key)
    if upload is None or signer is None:
        return
    timestamp = str(int(time.time()))
    body = dumps({"notification_type": "upload", "timestamp": timestamp, **upload.answer})
    headers = {
        "Content-Type": "application/json",
        "X-Cld-Timestamp": timestamp,
        "X-Cld-Signature": signer.notification_signature(body, timestamp),
    }
    try:
        fetching.post(url, body, headers)
    except (fetching.Refused, fetching.Failed) as error:
        logger.warning("A notification was not sent: %s", error)
