"""What native uploads may take, since nothing says whose they are (API: native upload).

An address has a number of requests and bytes a day; all together have a number of bytes that wait for their images.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Sum

from images.uploads.keys import NATIVE
from images.uploads.models import NativeUsage, Part, Upload
from sharinpix.errors import Exhausted, Full

EVERYBODY = ""
"""The address of the row that is locked while room is given away."""


def spend(address: str, *, requests: int = 0, size: int = 0) -> None:
    """Counts a request or its bytes. Raises Exhausted, and counts nothing, where the address has none left today."""
    now = datetime.now(UTC)
    mine = usage_of(client_of(address), now.date())
    left = mine.filter(
        requests__lte=settings.NATIVE_REQUESTS_PER_DAY - requests, bytes__lte=settings.NATIVE_BYTES_PER_DAY - size
    )
    # One statement both looks and counts, so that no burst passes between the two.
    if not left.update(requests=F("requests") + requests, bytes=F("bytes") + size):
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        raise Exhausted(
            "This address has no native uploads left today.", wait=int((midnight - now).total_seconds()) + 1
        )


def client_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 of an IPv6 one, which one line is given whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), 64), strict=False))
        found = found.ipv4_mapped
    return str(found)


def usage_of(client: str, day: date) -> QuerySet[NativeUsage]:
    """The row of a client and a day, made where there is none."""
    NativeUsage.objects.bulk_create([NativeUsage(client=client, day=day)], ignore_conflicts=True)
    return NativeUsage.objects.filter(client=client, day=day)


@contextmanager
def saving_unclaimed(api_key: str, size: int) -> Iterator[None]:
    """A transaction in which `size` more bytes come to wait for their image; those of native uploads need room.

    Raises Full without it. The lock makes concurrent uploads see each other's bytes.
    """
    with transaction.atomic():
        if api_key == NATIVE:
            row = usage_of(EVERYBODY, date.min)
            row.select_for_update().get()
            if unclaimed_bytes() + size > settings.NATIVE_UNCLAIMED_BYTES:
                raise Full("There is no room left for native uploads of which no image was made.")
        yield


def unclaimed_bytes() -> int:
    """The bytes of native uploads, whole and in parts, that wait for their image."""
    whole = Upload.objects.filter(organization=None, claimed_at=None).aggregate(sum=Sum("bytes"))["sum"]
    parts = Part.objects.filter(of__api_key=NATIVE).aggregate(sum=Sum("size"))["sum"]
    return int(whole or 0) + int(parts or 0)


def forget_usage() -> None:
    """Removes the counts of days that are over."""
    today = datetime.now(UTC).date()
    NativeUsage.objects.filter(day__lt=today - timedelta(days=1)).exclude(client=EVERYBODY).delete()
