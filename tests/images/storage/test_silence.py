"""An S3 that does not answer stops no request that needs no file: the shipped server before a bucket that hangs."""

import http.client
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from images.storage.s3 import S3Storage
from sharinpix.errors import Unavailable
from tests import proxy
from tests.images.conftest import KEY, SECRET
from tests.proxy import Fault, Proxy
from tests.servers import Web, web

pytestmark = pytest.mark.any_database
READERS, RESYNCS = 100, 10
CROWDED = b"Too many files are being read."


@pytest.fixture
def network(s3_server: str) -> Iterator[Proxy]:
    with proxy.before(s3_server) as network:
        yield network


@pytest.fixture
def server(network: Proxy, s3_server: str) -> Iterator[Web]:
    """With the demo's pictures in a bucket behind the network."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3_server, **keys).create_bucket(Bucket=bucket)
    secrets = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with web(S3_BUCKET=bucket, S3_ENDPOINT_URL=network.endpoint, WEB_CONCURRENCY="1", **secrets) as running:
        running.manage("demo")
        yield running


def ask(server: Web, path: str, token: str = "") -> tuple[int, bytes]:
    headers = {"Authorization": f'Token token="{token}"'} if token else {}
    with closing(http.client.HTTPConnection("localhost", server.port, timeout=90)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize("delay", [4, 60], ids=["slow", "silent"])
def test_resyncs_are_answered_while_a_hundred_readers_wait_for_a_picture(
    server: Web, network: Proxy, delay: float
) -> None:
    token = server.manage("create_token", "demo@example.com")
    images: list[dict[str, Any]] = json.loads(ask(server, "/api/v1/image_syncs", token)[1])
    path = urlsplit(images[0]["thumbnails"]["mini"]).path
    assert ask(server, path)[0] == 200
    network.fail(Fault(delay=delay))
    told: list[tuple[int, bytes]] = []
    readers = [threading.Thread(target=lambda: told.append(ask(server, path))) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    answers = [ask(server, f"/api/v1/image_syncs?ids[]={images[0]['id']}", token)[0] for _ in range(RESYNCS)]
    # No thread that waits for S3 has been answered yet, so that no resync had to wait for one.
    assert {(status, CROWDED in body) for status, body in told} <= {(503, True)}
    assert answers == [200] * RESYNCS
    assert ask(server, "/admin/login/")[0] == 200
    for reader in readers:
        reader.join()
    assert {status for status, _ in told} <= {200, 503} and len(told) == READERS
    network.fail(Fault())
    network.healed.set()


def test_after_failures_in_a_row_no_more_is_asked_for_a_while(network: Proxy) -> None:
    storage = S3Storage(
        bucket_name="pictures",
        endpoint_url=network.endpoint,
        access_key=KEY,
        secret_key=SECRET,
        region_name="us-east-1",
    )
    network.fail(Fault(reply=b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"))
    for _ in range(8):
        with pytest.raises(Unavailable):
            storage.stored_size("originals/ab/abc")
    asked = len(network.connections)
    for _ in range(20):
        with pytest.raises(Unavailable):
            storage.open("originals/ab/abc")
    assert len(network.connections) == asked
    assert storage.breaker.current_state == "open"


def test_a_file_that_is_not_there_is_no_failure(network: Proxy, bucket: str) -> None:
    storage = S3Storage(
        bucket_name=bucket, endpoint_url=network.endpoint, access_key=KEY, secret_key=SECRET, region_name="us-east-1"
    )
    for _ in range(20):
        assert (storage.opened("originals/ab/abc"), storage.stored_size("originals/ab/abc")) == (None, None)
    assert storage.breaker.current_state == "closed"
