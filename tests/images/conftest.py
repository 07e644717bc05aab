"""Where files go during a test: a folder of its own, or a bucket of its own on a server that speaks S3. Limits, made small."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import default_storage

from images import querysets
from tests import servers

KEY, SECRET = os.environ.get("CONTRACT_S3_KEY", "test"), os.environ.get("CONTRACT_S3_SECRET", "test")


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """An empty folder where all files go during the test."""
    options = {"BACKEND": "images.storage.local.LocalStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": options}
    return tmp_path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of the server that CONTRACT_S3_ENDPOINT names (make test-swift), else of moto."""
    if endpoint := os.environ.get("CONTRACT_S3_ENDPOINT"):
        yield endpoint
        return
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(settings: Any, s3_server: str) -> str:
    """The name of an empty bucket where all files go during the test."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    use_s3(settings, s3_server, name)
    s3_client().create_bucket(Bucket=name)
    return name


def use_s3(settings: Any, endpoint: str, bucket: str, **options: Any) -> None:
    """From now on files go to this bucket."""
    given = {"bucket_name": bucket, "endpoint_url": endpoint, "access_key": KEY, "secret_key": SECRET, **options}
    default = {"BACKEND": "images.storage.s3.S3Storage", "OPTIONS": given}
    settings.STORAGES = {**settings.STORAGES, "default": default}


def s3_client() -> Any:
    """The client of the storage, where that is S3."""
    return cast(Any, default_storage).client


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest) -> str:
    """Each place in turn where an installation may keep its files; empty."""
    request.getfixturevalue({"local": "media", "s3": "bucket"}[request.param])
    return str(request.param)


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches more than two images stores their texts after its transaction, two at a time."""
    monkeypatch.setattr(querysets, "BATCH", 2)
