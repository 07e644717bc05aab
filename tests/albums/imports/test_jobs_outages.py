"""The database goes while an import is fetched: it is free as soon as it is back, and no attempt is counted."""

from contextlib import ExitStack
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Organization
from albums.imports import jobs
from albums.imports.models import Import
from sharinpix import fetching
from tests.outages import answering_too_late, away, back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(organization: Organization) -> Import:
    return Import.objects.create(organization=organization, album_name="a", params={"url": "https://a.example/a.jpg"})


def told(job: Import) -> tuple[str, int, str | None]:
    """What the row says after the outage."""
    back()
    job.refresh_from_db()
    return job.status, job.attempts, job.error


@pytest.mark.parametrize("found", [fetching.Refused("There is none."), fetching.Failed("It is silent.")])
def test_an_import_whose_attempt_cannot_be_ended_waits_for_another(
    found: Exception, job: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as outage:

        def fetch(*args: Any, **options: Any) -> Any:
            outage.enter_context(away())
            raise found

        monkeypatch.setattr(fetching, "fetch", fetch)
        with pytest.raises(OperationalError):
            jobs.run(job.pk)
    assert told(job) == ("waiting", 0, "It could not be kept here (OperationalError).")


def test_so_does_one_whose_claim_was_never_acknowledged(job: Import) -> None:
    with answering_too_late("UPDATE"), pytest.raises(OperationalError):
        jobs.run(job.pk)
    assert told(job) == ("waiting", 0, "It could not be kept here (OperationalError).")
