"""How large a picture the server decodes, and how many of them a host decodes at once."""

from django.conf import settings

from images.rendering import Limits


def picture_limits() -> Limits:
    """MAX_MEGAPIXELS (over all frames) and MAX_FRAMES of the settings."""
    return Limits(pixels=settings.MAX_MEGAPIXELS * 1_000_000, frames=settings.MAX_FRAMES)


def decoding_slots() -> list[str]:
    """Names of the FileLocks of which a process holds one while it decodes an original: each takes hundreds of
    megabytes, so a host has as many as web processes."""
    return [f"process-{slot}" for slot in range(settings.WEB_CONCURRENCY)]
