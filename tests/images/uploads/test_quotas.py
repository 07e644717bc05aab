"""Native uploads take what an address has left today, and no more than there is room for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from images.delivery import signed_urls
from images.storage import storage
from images.uploads import quotas
from images.uploads.keys import Signer, organization_signer
from images.uploads.models import NativeUsage, PartialUpload, Upload
from sharinpix.errors import Exhausted, Full
from tests.images.uploads.sending import PICTURE, send, send_part
from tests.threads import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("native_on")]
SIZE = len(PICTURE)


@pytest.fixture
def limits(settings: Any) -> Callable[..., None]:
    """limits(requests=3): settings of native uploads, in requests and bytes."""

    def limit(*, requests: int = 1_000, size: int = 10**9, unclaimed: int = 10**9) -> None:
        settings.NATIVE_REQUESTS_PER_DAY, settings.NATIVE_BYTES_PER_DAY = requests, size
        settings.NATIVE_UNCLAIMED_BYTES = unclaimed

    return limit


@pytest.fixture
def native() -> Signer:
    return organization_signer(None)


def test_an_address_has_so_many_requests_a_day(native: Signer, limits: Callable[..., None]) -> None:
    limits(requests=2)
    assert [send(native).status_code for _ in range(4)] == [200, 200, 429, 429]
    answer = send(native)
    assert "today" in answer.headers["X-message"]
    assert 0 < int(answer["Retry-After"]) <= 86_401
    assert Upload.objects.count() == 2


def test_a_refused_file_counts_too(native: Signer, limits: Callable[..., None]) -> None:
    limits(requests=2)
    assert [send(native, b"no picture").status_code for _ in range(3)] == [400, 400, 429]


def test_an_address_has_so_many_bytes_a_day_in_whole_files_and_parts(
    native: Signer, limits: Callable[..., None]
) -> None:
    limits(size=2 * SIZE)
    assert send(native).status_code == 200
    assert send_part(native, "a", PICTURE, 0, 100).status_code == 200
    assert send(native).status_code == 429
    assert send_part(native, "a", PICTURE, 100, SIZE).status_code == 200
    assert send_part(native, "b", PICTURE, 0, 1).status_code == 429
    assert NativeUsage.objects.get(client="127.0.0.1").bytes == 2 * SIZE


def test_another_address_and_another_day_have_their_own(
    native: Signer, limits: Callable[..., None], settings: Any
) -> None:
    limits(requests=1)
    settings.TRUSTED_PROXIES = 1
    statuses = [
        send(native, headers={"X-Forwarded-For": f"8.8.8.8, {address}"}).status_code
        for address in ("1.1.1.1", "1.1.1.1", "1.1.1.2")
    ]
    assert statuses == [200, 429, 200]
    NativeUsage.objects.exclude(client="").update(day=datetime.now(UTC).date() - timedelta(days=1))
    assert send(native, headers={"X-Forwarded-For": "1.1.1.1"}).status_code == 200


def test_a_burst_gets_no_more_than_one_after_the_other(limits: Callable[..., None]) -> None:
    limits(requests=5, size=100)

    def spent(**what: int) -> bool:
        try:
            quotas.spend("1.1.1.1", **what)
        except Exhausted:
            return False
        return True

    assert sum(together([partial(spent, requests=1)] * 12)) == 5
    assert sum(together([partial(spent, size=30)] * 12)) == 3


def test_an_organization_is_not_counted(limits: Callable[..., None], organization: Organization) -> None:
    limits(requests=1, size=1, unclaimed=1)
    assert [send(organization_signer(organization.pk)).status_code for _ in range(2)] == [200, 200]
    assert not NativeUsage.objects.exists()


def test_what_waits_for_its_image_has_a_bound_for_all_together(
    native: Signer, limits: Callable[..., None], media: Path
) -> None:
    limits(unclaimed=2 * SIZE)
    assert [send(native).status_code for _ in range(3)] == [200, 200, 507]
    assert "no image" in send(native).headers["X-message"]
    assert len(list(storage.files("originals"))) == Upload.objects.count() == 2
    assert send_part(native, "a", PICTURE, 0, 100).status_code == 507
    assert list(storage.files("parts")) == []
    Upload.objects.all().delete()
    assert send_part(native, "a", PICTURE, 0, SIZE - 1).status_code == 200
    assert [send(native).status_code for _ in range(2)] == [200, 507]


def test_concurrent_uploads_see_each_other_s_bytes(limits: Callable[..., None]) -> None:
    limits(unclaimed=250)

    def saved(number: int) -> bool:
        try:
            with quotas.saving_unclaimed("0", 100):
                Upload.objects.create(public_id=f"u{number}", version=1, bytes=100)
        except Full:
            return False
        return True

    assert sum(together([partial(saved, number) for number in range(8)])) == 2


def test_an_ipv6_client_is_counted_by_its_network() -> None:
    assert quotas.client_of("2001:db8:1:2:3:4:5:6") == quotas.client_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert quotas.client_of("::ffff:1.2.3.4") == "1.2.3.4"
    assert quotas.client_of("") == quotas.client_of("nonsense" * 99) == "unknown"


def test_counts_of_days_that_are_over_are_forgotten(native: Signer) -> None:
    send(native)
    today = datetime.now(UTC).date()
    for days in (1, 2, 99):
        NativeUsage.objects.create(client="1.1.1.1", day=today - timedelta(days=days))
    quotas.forget_usage()
    left = NativeUsage.objects.exclude(client="").order_by("day").values_list("day", flat=True)
    assert list(left) == [today - timedelta(days=1), today]
    assert NativeUsage.objects.filter(client="").count() == 1


@pytest.mark.parametrize("chain", ["", "fl_attachment", "c_fit,w_20"])
def test_no_url_shows_a_native_upload_before_its_image(native: Signer, client: Client, chain: str) -> None:
    answer = send(native).json()
    url = signed_urls.current_delivery().url(chain, answer["public_id"], kind=answer["type"], version=answer["version"])
    for address in (answer["url"], answer["secure_url"], url):
        response = client.get(address)
        assert (response.status_code, response["Cache-Control"]) == (404, "no-cache")
    assert not PartialUpload.objects.exists()


def test_the_upload_of_an_organization_is_shown_at_once(organization: Organization, client: Client) -> None:
    assert client.get(send(organization_signer(organization.pk)).json()["url"]).status_code == 200
