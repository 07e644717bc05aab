"""What workers do with images and uploads."""

import logging
import time

from celery import shared_task

from images import processing
from sharinpix import fetching
from sharinpix.wire import dumps

logger = logging.getLogger(__name__)


@shared_task
def process(image_id: str) -> None:
    """Processes one image; see `processing.process`."""
    processing.process(image_id)


@shared_task
def notify(url: str, public_id: str, api_key: str) -> None:
    """Tells the address that an uploader named of his upload, once, signed as Cloudinary signs notifications."""
    from images.uploads.keys import signer_of  # models import this module
    from images.uploads.models import Upload

    upload, signer = Upload.objects.filter(public_id=public_id).first(), signer_of(api_key)
    if upload is None or signer is None:
        return
    timestamp = str(int(time.time()))
    body = dumps({"notification_type": "upload", "timestamp": timestamp, **upload.answer})
    headers = {
        "Content-Type": "application/json",
        "X-Cld-Timestamp": timestamp,
        "X-Cld-Signature": signer.notification(body, timestamp),
    }
    try:
        fetching.post(url, body, headers)
    except (fetching.Refused, fetching.Failed) as error:
        logger.warning("A notification was not sent: %s", error)
