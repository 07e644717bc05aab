"""Files on S3 or a compatible server."""

import base64
import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from django.conf import settings
from django.core.files.base import File
from pybreaker import CircuitBreaker, CircuitBreakerError
from storages.backends import s3

from images.storage.base import FileStore
from images.storage.gate import gate
from images.storage.local import room_on_disk
from sharinpix import env
from sharinpix.errors import Full, Unavailable

logger = logging.getLogger(__name__)
IN_MEMORY = 5_000_000
"""Bytes of a file that are read into memory; a larger one is read into a temporary file."""
BATCH = 1_000
"""Keys in one DeleteObjects request."""
FAILURES = 5
"""Requests in a row that fail before no more are made for the seconds that Retry-After names."""


def client_config(endpoint_url: str | None) -> Config:
    """Short timeouts, and only features that compatible servers know."""
    return Config(
        signature_version="s3v4",
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=env.THREADS_PER_PROCESS,
        # Not every server knows the checksums of newer clients; the signature covers each body anyway.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # With `auto` a presigned POST could name an endpoint of AWS that knows the buckets of one region alone.
        s3={"addressing_style": "path" if endpoint_url else "virtual"},
    )


@contextmanager
def s3_errors() -> Iterator[None]:
    """Raises errors of S3 as Full or Unavailable. The reason is logged and not answered."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if http_status(error) == HTTPStatus.INSUFFICIENT_STORAGE or code == "QuotaExceeded":
            raise Full from error
        logger.error("S3 refused %s: %s", error.operation_name, code)
        raise Unavailable from error
    except BotoCoreError as error:
        logger.error("S3 did not answer: %s", type(error).__name__)
        raise Unavailable from error
    except CircuitBreakerError as error:
        raise Unavailable from error


def is_answer(error: BaseException) -> bool:
    """Whether the error is an answer of a server that works, or says that there is no such file."""
    if isinstance(error, ClientError):
        return http_status(error) < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, FileNotFoundError)


def http_status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def with_md5(params: dict[str, Any], **event: object) -> None:
    """Replaces the checksum of a DeleteObjects request by Content-MD5, the only one that some servers know."""
    params["context"].pop("checksum", None)
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


def whole(response_dict: dict[str, Any], **event: object) -> None:
    """Raises for an answer that was cut off in its headers, which botocore would read as one with an empty body."""
    headers = response_dict["headers"]
    if response_dict["status_code"] == HTTPStatus.OK and not {"content-length", "transfer-encoding"} & headers.keys():
        raise ConnectionClosedError(endpoint_url="S3")


class S3Storage(s3.S3Storage, FileStore):  # type: ignore[misc]
    """The backend of django-storages with bounded waits and memory, and the methods of FileStore.

    A key is written without asking first whether it exists, which would cost a request: its content is the same.
    """

    # One PUT, which streams the file; a multipart upload would hold several parts in memory. S3 allows up to 5 GB.
    transfer_config = TransferConfig(multipart_threshold=5_000_000_000, use_threads=False)
    object_parameters = {"ContentType": "application/octet-stream"}  # never the type that an uploader names

    def __init__(self, **options: Any) -> None:
        options.setdefault("client_config", client_config(options.get("endpoint_url")))
        super().__init__(**options)
        # Its plain `call` would ask one thing at a time; `calling` does not.
        self.breaker = CircuitBreaker(fail_max=FAILURES, reset_timeout=Unavailable.wait, exclude=[is_answer])

    @contextmanager
    def asking(self) -> Iterator[None]:
        """For what asks S3 and waits: a limited number of threads do, and after FAILURES in a row none for seconds.

        Raises Unavailable and Full.
        """
        with s3_errors(), gate.entered(), self.breaker.calling():
            yield

    def _create_session(self) -> Any:
        session = super()._create_session()
        session.events.register("before-call.s3.DeleteObjects", with_md5)
        session.events.register("before-parse.s3", whole)
        return session

    @property
    def client(self) -> Any:
        """The botocore client, shared by all threads."""
        return self.bucket.meta.client

    def _save(self, name: str, content: Any) -> str:
        with self.asking():
            return cast(str, super()._save(name, content))

    @room_on_disk()
    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Downloads the whole file first, so that reading it cannot fail in the middle."""
        with self.asking():
            try:
                body = self.client.get_object(Bucket=self.bucket_name, Key=name)["Body"]
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error
                raise
            file = SpooledTemporaryFile(IN_MEMORY, dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  (handed out open)
            with body:
                shutil.copyfileobj(body, file)
        file.seek(0)
        return File(cast(IO[bytes], file), name)

    def replace(self, key: str, content: bytes) -> None:
        self.write(key, content)

    def delete(self, name: str) -> None:
        self.remove([name])

    def remove(self, keys: Iterable[str]) -> None:
        left = iter(keys)
        while batch := [{"Key": key} for key in islice(left, BATCH)]:
            with self.asking():
                answer = self.client.delete_objects(Bucket=self.bucket_name, Delete={"Objects": batch, "Quiet": True})
            if errors := answer.get("Errors"):
                logger.error("S3 removed all but %d of %d files: %s", len(errors), len(batch), errors[0].get("Code"))
                raise Unavailable

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        with s3_errors():
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=f"{folder}/"):
                for entry in page.get("Contents", ()):
                    yield entry["Key"], entry["LastModified"]

    def stored_size(self, key: str) -> int | None:
        with self.asking():
            try:
                return int(self.client.head_object(Bucket=self.bucket_name, Key=key)["ContentLength"])
            except ClientError as error:
                if http_status(error) == HTTPStatus.NOT_FOUND:
                    return None
                raise

    @s3_errors()
    def presigned_post(
        self, key: str, fields: Mapping[str, str], size: int, expires: int
    ) -> tuple[str, dict[str, str]]:
        conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", size, size]]
        post = self.client.generate_presigned_post(self.bucket_name, key, dict(fields), conditions, expires)
        return post["url"], post["fields"]
