"""Fixtures of uploads: whose key signs them, and how long they wait."""

import pytest

from accounts.models import Organization
from images.uploads import answers
from images.uploads.keys import Signer, organization_signer


@pytest.fixture
def impatient_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload waits a twentieth of a second for a slot to decode in."""
    monkeypatch.setattr(answers, "SLOT_WAIT", 0.05)


@pytest.fixture
def signer(organization: Organization) -> Signer:
    """The key of the organization."""
    return organization_signer(organization.pk)


@pytest.fixture
def foreign(other_organization: Organization) -> Signer:
    """The key of another organization."""
    return organization_signer(other_organization.pk)
