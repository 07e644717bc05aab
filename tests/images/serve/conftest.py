"""Fixtures of delivery."""

import pytest

from images.serve import on_demand


@pytest.fixture
def impatient_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests wait a tenth of a second for their turn to render."""
    monkeypatch.setattr(on_demand, "WAIT", 0.1)
