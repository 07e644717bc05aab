"""One picture has one URL."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import Organization
from images.delivery import signed_urls
from images.models import Image
from tests.factories import make_album, make_stored_image
from tests.images.links import content_of, is_picture, signed

CHAIN = "c_fit,h_40,w_40/fl_attachment"


@pytest.fixture
def photo(organization: Organization) -> Image:
    return make_stored_image(make_album(organization))


def asked(client: Client, target: str) -> Any:
    """The answer to a request line as gunicorn hands it on: decoded, and as it came."""
    raw = re.sub("^http://testserver", "", target)
    return client.get(raw, RAW_URI=raw)


def every_character_encoded(url: str) -> list[str]:
    """The URL with one character of its path percent-encoded at a time."""
    base = "http://testserver/"
    places = range(len(base), len(url))
    return [f"{url[:place]}%{ord(url[place]):02x}{url[place + 1 :]}" for place in places]


OTHERS: dict[str, Callable[[str], str]] = {
    "a leading zero of the version": lambda url: re.sub(r"/v([0-9]+)/", r"/v0\1/", url),
    "more zeros": lambda url: re.sub(r"/v([0-9]+)/", r"/v000\1/", url),
    "a version of other digits": lambda url: re.sub(r"/v([0-9]+)/", "/v" + quote("١٢٣") + "/", url),
    "a sign": lambda url: re.sub(r"/v([0-9]+)/", r"/v+\1/", url),
    "an underscore": lambda url: re.sub(r"/v([0-9])([0-9]+)/", r"/v\1_\2/", url),
    "an upper case V": lambda url: url.replace("/v", "/V"),
    "the version twice": lambda url: re.sub(r"(/v[0-9]+)/", r"\1\1/", url),
    "no version": lambda url: re.sub(r"/v[0-9]+/", "/", url),
    "an encoded letter": lambda url: url.replace("/c_fit", "/%63_fit"),
    "an encoded comma": lambda url: url.replace(",", "%2C"),
    "an encoded slash": lambda url: url.replace("/fl_", "%2ffl_"),
    "an encoded slash before the version": lambda url: url.replace("/v", "%2Fv"),
    "a double slash": lambda url: url.replace("/v", "//v"),
    "a double slash in front": lambda url: url.replace("testserver/", "testserver//"),
    "a double slash behind the signature": lambda url: url.replace("--/", "--//"),
    "a dot as a segment": lambda url: url.replace("/v", "/./v"),
    "an upper case extension": lambda url: url.replace(".jpg", ".JPG"),
    "another extension": lambda url: url.replace(".jpg", ".jpeg"),
    "a slash at the end": lambda url: f"{url}/",
    "a space at the end": lambda url: f"{url}%20",
    "a line end at the end": lambda url: f"{url}%0a",
    "a zero byte at the end": lambda url: f"{url}%00",
    "a parameter of the path": lambda url: f"{url};a=1",
    "a query": lambda url: f"{url}?a=1",
    "an empty query": lambda url: f"{url}?",
    "an upper case type": lambda url: url.replace("/authenticated/", "/Authenticated/"),
    "another type": lambda url: url.replace("/authenticated/", "/upload/"),
    "an upper case cloud": lambda url: url.replace("/sharinpix/", "/SharinPix/"),
    "an upper case public id": lambda url: url[: -len("abc.jpg")] + url[-len("abc.jpg") :].upper(),
}


@pytest.mark.parametrize("chain", [CHAIN, "fl_attachment", ""])
@pytest.mark.parametrize("other", OTHERS)
def test_another_spelling_is_refused_or_redirected(client: Client, photo: Image, other: str, chain: str) -> None:
    url = signed(photo, chain)
    spelled = OTHERS[other](url)
    if spelled == url:
        pytest.skip("this URL has no such part")
    response = asked(client, spelled)
    assert response.status_code in {302, 400, 401, 404}
    assert not is_picture(response.content)
    assert "immutable" not in response.headers.get("Cache-Control", "")
    if response.status_code == 302:
        assert response["Location"] == url


def test_no_character_can_be_encoded_that_is_not(client: Client, photo: Image) -> None:
    url = signed(photo, CHAIN)
    answers = [asked(client, spelled) for spelled in every_character_encoded(url)]
    assert {response.status_code for response in answers} <= {302, 404}
    led = {response["Location"] for response in answers if response.status_code == 302}
    assert led == {url}


def test_the_one_spelling_is_answered_also_as_an_absolute_target(client: Client, photo: Image) -> None:
    url = signed(photo, CHAIN)
    assert asked(client, url).status_code == 200
    assert client.get(url, RAW_URI=url.replace("http://testserver", "HTTP://other.example.com:80")).status_code == 200
    assert is_picture(content_of(client, f"{url}?from=mail"))


@pytest.mark.parametrize("public_id", ["a,b", "a~b", "é", "a%b", "a:b", "a b", "v1"])
def test_a_public_id_is_spelled_as_it_was_signed(client: Client, organization: Organization, public_id: str) -> None:
    photo = make_stored_image(make_album(organization), delivery_id=public_id)
    url = signed(photo, CHAIN)
    assert asked(client, url).status_code == 200


def test_an_unsigned_url_is_not_redirected(client: Client, photo: Image) -> None:
    url = signed(photo, CHAIN).replace("w_40", "w_41")
    assert asked(client, f"{url}?a").status_code == 401


@pytest.mark.parametrize("kind", ["private", "upload", "anything"])
def test_a_placeholder_has_one_type(client: Client, db: None, kind: str) -> None:
    url = signed_urls.current_delivery().url(CHAIN, "raw_placeholder", kind="authenticated", version=None)
    assert client.get(url).status_code == 200
    assert client.get(url.replace("/authenticated/", f"/{kind}/")).status_code == 404


def test_an_extension_is_never_written_in_capitals(client: Client, photo: Image) -> None:
    assert client.get(signed(photo, CHAIN, "JPG")).status_code == 400
