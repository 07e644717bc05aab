"""Fixtures of uploads: whose key signs them."""

import pytest

from accounts.models import Organization
from images.uploads.keys import Signer, signer_for


@pytest.fixture
def signer(organization: Organization) -> Signer:
    return signer_for(organization.pk)


@pytest.fixture
def foreign(other_organization: Organization) -> Signer:
    return signer_for(other_organization.pk)
