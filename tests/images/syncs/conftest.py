"""Fixtures of resyncs: their limits, made small."""

from collections.abc import Callable

import pytest

from images.syncs import reader


@pytest.fixture
def one_statement_up_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """one_statement_up_to(3): a resync of more ids reads their order first, and then their texts."""
    return lambda ids: monkeypatch.setattr(reader, "AT_ONCE", ids)


@pytest.fixture
def chunks_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """chunks_of(2): texts are read two images at a time, and an answer of more than two is streamed."""
    return lambda images: monkeypatch.setattr(reader, "CHUNK", images)


@pytest.fixture
def short_chunks(chunks_of: Callable[[int], None]) -> None:
    """An answer of more than two images is streamed."""
    chunks_of(2)
