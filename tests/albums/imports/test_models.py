"""Imports as rows: the queue, and what a client sent."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from albums.imports.models import Import
from albums.imports.serializers import WantedPictureSerializer

NOW = timezone.now()
LONG_AGO = NOW - timedelta(hours=1)


def make(organization: Organization, **columns: Any) -> Import:
    return Import.objects.create(organization=organization, album_name="a", **columns)


def test_the_queue_is_what_is_due_and_what_was_abandoned(organization: Organization) -> None:
    due = make(organization, due_at=LONG_AGO)
    abandoned = make(organization, status="fetching", begun_at=LONG_AGO)
    make(organization, due_at=NOW + timedelta(hours=1))
    make(organization, status="fetching", begun_at=NOW)
    make(organization, status="done", begun_at=LONG_AGO, due_at=LONG_AGO)
    make(organization, status="failed", begun_at=LONG_AGO, due_at=LONG_AGO)
    assert set(Import.objects.waiting(NOW - timedelta(minutes=2))) == {due, abandoned}


@pytest.mark.parametrize(
    ("params", "metadatas", "tags"),
    [
        ({}, {}, []),
        ({"metadatas": [], "tags": [""]}, {}, []),
        ({"metadatas": {"a": "1"}, "tags": ["x", " y ", "x"]}, {"a": "1"}, ["x", "y"]),
        ({"metadata": {"a": "1"}, "tags": "x,y"}, {"a": "1"}, ["x", "y"]),
        ({"metadatas": None, "metadata": {"a": "1"}, "tags": None}, {"a": "1"}, []),
    ],
)
def test_what_a_client_sent_is_read_in_each_of_its_shapes(params: Any, metadatas: Any, tags: Any) -> None:
    wanted = WantedPictureSerializer(data={"url": "https://a.example/b.jpg", **params})
    assert wanted.is_valid()
    assert (wanted.validated_data["metadatas"], wanted.validated_data["tags"]) == (metadatas, tags)


def test_an_import_is_called_by_its_address(organization: Organization) -> None:
    assert str(make(organization, params={"url": "https://a.example/b.jpg"})) == "https://a.example/b.jpg"
    long = make(organization, params={"url": f"https://a.example/{'b' * 200}.jpg?X-Amz-Signature={'c' * 500}"})
    assert len(str(long)) == 80 and str(long).startswith("https://a.example/bbb")
    nameless = make(organization)
    assert str(nameless) == str(nameless.pk)


def test_a_key_names_one_import_of_an_organization(
    organization: Organization, other_organization: Organization
) -> None:
    for _ in range(2):
        make(organization, idempotency_key=None)
    make(organization, idempotency_key="a")
    make(other_organization, idempotency_key="a")
    with pytest.raises(IntegrityError, match="import"), transaction.atomic():
        make(organization, idempotency_key="a")
