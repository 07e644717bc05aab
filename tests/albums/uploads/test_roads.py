"""Every road that a picture comes by ends in the same image."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.albums.uploads import sending as uploads
from tests.factories import jpeg, user_token
from tests.payloads import assert_same_payload

PICTURE = jpeg(640, 480, "#3366CC")
OWN = {"id", "public_id", "created_at", "updated_at", "infos", "size", "original_url", "external_urls", "thumbnails"}


@pytest.fixture
def by(api: Client, user: User, served: Any, native_on: None) -> Any:
    roads = {
        "cloudinary form": lambda: uploads.by_cloudinary_form(api, PICTURE),
        "storage file": lambda: uploads.by_storage_file(api, PICTURE),
        "import": lambda: uploads.by_import(api, served(PICTURE)),
        "plain upload": lambda: uploads.by_plain_upload(api, PICTURE),
        "native upload": lambda: uploads.by_native_upload(api, user_token(user), PICTURE),
    }
    return lambda road: roads[road]()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("road", ["cloudinary form", "storage file", "import", "native upload"])
def test_all_roads_end_in_the_same_image(road: str, by: Any, api: Client) -> None:
    plain, other = by("plain upload"), by(road)
    assert list(other) == list(plain)
    assert_same_payload(*({k: v for k, v in image.items() if k not in OWN} for image in (other, plain)))
    assert other["processed"] is True
    assert other["infos"].get("duplicate_of") == plain["id"]
    for name in ("external_urls", "thumbnails"):
        assert list(other[name]) == list(plain[name])
