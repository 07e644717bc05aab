"""How large a picture the server decodes, and how many of them a host decodes at once."""

from django.conf import settings

from images.rendering import Limits


def picture_limits() -> Limits:
    """Those of the settings, pixels over all frames; and a time on the wall clock that leaves a job a quarter of
    PROCESSING_TIMEOUT for the storage, so that no claim expires while its file is decoded."""
    return Limits(
        pixels=settings.MAX_MEGAPIXELS * 1_000_000,
        frames=settings.MAX_FRAMES,
        scans=settings.MAX_SCANS,
        parts=settings.MAX_PARTS,
        metadata=settings.MAX_METADATA_MB * 1_000_000,
        seconds=settings.DECODE_SECONDS,
        wall=settings.PROCESSING_TIMEOUT * 0.75,
    )


def decoding_slots() -> list[str]:
    """Names of the FileLocks of which a process holds one while it decodes an original: each takes hundreds of
    megabytes, so a host has as many as web processes."""
    return [f"process-{slot}" for slot in range(settings.WEB_CONCURRENCY)]
