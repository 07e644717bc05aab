"""Fixtures of processing."""

import pytest

from images.processing import publication, work


@pytest.fixture
def impatient_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers do not wait for a slot to decode in."""
    monkeypatch.setattr(work, "SLOT_WAIT", 0)


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Originals go to Cloudinary in pieces of 500 bytes."""
    monkeypatch.setattr(publication, "CHUNK", 500)
