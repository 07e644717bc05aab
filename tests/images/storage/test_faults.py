"""What happens when the storage fails: it is said so, soon, and nothing is left half done."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from django.test import Client

from accounts.models import Organization
from albums.models import Album
from images.models import Image
from images.storage import storage
from images.storage.cache import derived
from images.storage.s3 import client_config
from sharinpix.errors import Full, Unavailable
from tests import proxy
from tests.factories import make_album, make_stored_image
from tests.images.conftest import SECRET, use_s3
from tests.images.links import content_of, signed
from tests.proxy import Fault, Proxy

CONTENT = b"0123456789" * 20_000


@pytest.fixture
def network(settings: Any, s3_server: str, bucket: str) -> Iterator[Proxy]:
    """What stands between us and the bucket, which holds one file. Requests to it are given up after half a second."""
    storage.write("originals/ab/abc", CONTENT)
    with proxy.before(s3_server) as network:
        impatient = client_config(s3_server).merge(Config(connect_timeout=0.5, read_timeout=0.5))
        use_s3(settings, network.endpoint, bucket, client_config=impatient)
        yield network


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def replying(status: str, body: str = "") -> Fault:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return Fault(reply=(head + body).encode())


ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>No.</Message></Error>'
SILENCE = Fault(delay=60)
FAULTS = {
    "reset": Fault(request=0),
    "request-cut": Fault(request=100),
    "silence": SILENCE,
    "answer-cut": Fault(answer=100),
    "500": replying("500 Internal Server Error"),
    "502-page": replying("502 Bad Gateway", "<html>Bad gateway"),
    "slow-down": replying("503 Slow Down", ERROR.format("SlowDown")),
    "denied": replying("403 Forbidden", ERROR.format("AccessDenied")),
}
DOORS: dict[str, Callable[[], object]] = {
    "write": lambda: storage.write("originals/ab/new", CONTENT),
    "read": lambda: storage.read("originals/ab/abc"),
    "opened": lambda: storage.opened("originals/ab/abc"),
    "remove": lambda: storage.remove(["originals/ab/abc"]),
    "files": lambda: list(storage.files("originals")),
    "stored_size": lambda: storage.stored_size("originals/ab/abc"),
}


@pytest.mark.any_database
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_storage_that_fails_is_unavailable(network: Proxy, fault: Fault, door: Callable[[], object]) -> None:
    network.fail(fault)
    with pytest.raises(Unavailable):
        door()


@pytest.mark.any_database
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_storage_that_is_down_is_unavailable(network: Proxy, door: Callable[[], object]) -> None:
    network.close()
    with pytest.raises(Unavailable):
        door()


@pytest.mark.any_database
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_connection_that_breaks_once_is_tried_again(network: Proxy, door: Callable[[], object]) -> None:
    network.fail(Fault(request=0), times=1)
    door()


@pytest.mark.any_database
def test_a_file_that_ends_in_the_middle_is_never_read(network: Proxy) -> None:
    network.fail(Fault(answer=100_000))
    with pytest.raises(Unavailable):
        storage.read("originals/ab/abc")


@pytest.mark.any_database
@pytest.mark.parametrize("fault", [replying("200 OK", "<ListBucketResult><Contents>"), replying("200 OK", "<html>")])
def test_a_list_that_is_none_is_unavailable(network: Proxy, fault: Fault) -> None:
    network.fail(fault)
    with pytest.raises(Unavailable):
        list(storage.files("originals"))


@pytest.mark.any_database
@pytest.mark.parametrize("fault", [Fault(request=100_000), SILENCE], ids=["cut", "silence"])
def test_a_write_that_fails_leaves_no_half_of_the_file(network: Proxy, fault: Fault) -> None:
    network.fail(fault)
    with pytest.raises(Unavailable):
        storage.write("originals/ab/new", CONTENT)
    network.fail(Fault())
    assert storage.read("originals/ab/new") in {None, CONTENT}


@pytest.mark.any_database
@pytest.mark.parametrize(
    "fault", [replying("507 Insufficient Storage"), replying("403 Forbidden", ERROR.format("QuotaExceeded"))]
)
def test_a_storage_without_room_is_full(network: Proxy, fault: Fault) -> None:
    network.fail(fault)
    with pytest.raises(Full):
        storage.write("originals/ab/new", CONTENT)


@pytest.mark.any_database
def test_files_that_could_not_be_removed_are_no_success(network: Proxy) -> None:
    answer = "<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error></DeleteResult>"
    network.fail(replying("200 OK", answer))
    with pytest.raises(Unavailable):
        storage.remove(["originals/ab/abc"])


@pytest.mark.any_database
def test_the_log_says_what_failed_and_no_secret(network: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    network.fail(FAULTS["denied"])
    with pytest.raises(Unavailable), caplog.at_level(logging.ERROR):
        storage.read("originals/ab/abc")
    assert [record.getMessage() for record in caplog.records] == ["S3 refused GetObject: AccessDenied"]
    assert SECRET not in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [SILENCE, FAULTS["500"]], ids=["silence", "500"])
@pytest.mark.parametrize(
    "chain", ["fl_attachment", "c_fit,w_60", "c_fit,h_1920,w_1920/fl_attachment/dpr_auto,q_auto,f_auto"]
)
def test_a_picture_that_cannot_be_had_now_is_a_503(
    network: Proxy, client: Client, album: Album, fault: Fault, chain: str
) -> None:
    image = make_stored_image(album)
    network.fail(fault)
    response = client.get(signed(image, chain))
    assert (response.status_code, response["Retry-After"], response["Cache-Control"]) == (503, "5", "no-cache")
    assert response.content == b"The storage does not answer. Please try again."
    network.fail(Fault())
    content_of(client, signed(image, chain))


@pytest.mark.django_db
def test_a_client_that_has_a_picture_keeps_it_while_the_storage_is_silent(
    network: Proxy, client: Client, album: Album
) -> None:
    url = signed(make_stored_image(album), "c_fit,w_60")
    etag = client.get(url)["ETag"]
    network.fail(SILENCE)
    response = client.get(url, headers={"If-None-Match": etag})
    assert (response.status_code, response["Cache-Control"]) == (304, "no-cache")


@pytest.mark.any_database
def test_a_picture_that_cannot_be_kept_is_no_failure(network: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    network.fail(FAULTS["500"])
    derived.put("derived/photo/1", b"x")
    assert "could not be kept" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_image_can_be_deleted_while_the_storage_is_down(network: Proxy, album: Album) -> None:
    """Its files stay, and no row names them any more."""
    image = make_stored_image(album)
    network.fail(FAULTS["500"])
    image.delete()
    assert not Image.objects.exists()
    network.fail(Fault())
    assert storage.read(str(image.original))
