"""URLs of images: whose server, which key, which prefix, which slug."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from images.delivery import signed_urls, signing, variants
from images.models import Image

pytestmark = pytest.mark.any_database
IMAGE_ID = uuid.UUID("3bafd689-308a-47c2-a945-b71c0f7a6361")
ROOT = Path(__file__).resolve().parents[3]
HEX11, HEX7 = "[0-9a-f]{11}", "[0-9a-f]{7}"


def photo(**fields: Any) -> Image:
    """A row that is in no database: delivery asks for facts alone."""
    facts: dict[str, Any] = {
        "id": IMAGE_ID,
        "filename": "Super Image",
        "format": "png",
        "delivery_id": "b13fdd07a86b",
        "delivery_version": 123123,
        "processed": True,
    }
    return Image(**(facts | fields))


@pytest.fixture
def cloudinary(settings: Any) -> None:
    """As DELIVERY=cloudinary with CLOUDINARY_URL=cloudinary://1234:abcd@sadaasdasd sets it."""
    settings.CLOUD_NAME = "sadaasdasd"
    settings.DELIVERY_KEYS = ["abcd"]
    settings.DELIVERY_URL = "https://res.cloudinary.com"


def derived_urls(image: Image) -> list[str]:
    """The seven that are pictures of the delivery side."""
    here = signed_urls.current_delivery()
    external = here.external_urls(image)
    return [external["fill100"], external["fit2000"], *here.thumbnails(image).values()]


def derived_chains(edit: variants.Edit) -> list[str]:
    """The chains of these URLs, in their order: fill100, fit2000, and those of `thumbnails`."""
    chains = variants.chains(edit)
    return [chains[name] for name in ("fill100", "fit2000", *variants.names_of("thumbnails"))]


def test_local_urls_have_the_grammar_of_cloudinary_on_our_own_host() -> None:
    url = signed_urls.current_delivery().original_url(photo())
    wanted = (
        "http://testserver/sharinpix/image/authenticated/s--[A-Za-z0-9_-]{8}--/fl_attachment/v123123/b13fdd07a86b.jpg"
    )
    assert re.fullmatch(wanted, url)


@pytest.mark.usefixtures("cloudinary")
def test_cloudinary_urls_are_signed_with_the_account_s_secret() -> None:
    signature = signing.delivery_signature("fl_attachment/b13fdd07a86b.jpg", "abcd")
    wanted = f"s--{signature}--/fl_attachment/v123123/b13fdd07a86b.jpg"
    assert signed_urls.current_delivery().original_url(photo()) == (
        f"https://res.cloudinary.com/sadaasdasd/image/authenticated/{wanted}"
    )


@pytest.mark.usefixtures("cloudinary")
def test_links_of_our_own_never_use_the_account_s_secret(settings: Any) -> None:
    here = signed_urls.current_delivery()
    path = here.thumbnail_path(str(IMAGE_ID), "mini")
    signature = signing.thumbnail_signature(str(IMAGE_ID), "mini", settings.SIGNING_KEYS[0])
    assert path == f"/images/{IMAGE_ID}/thumbnails/mini-{signature}.jpg"
    assert not here.verifies_thumbnail(
        str(IMAGE_ID), "mini", signing.thumbnail_signature(str(IMAGE_ID), "mini", "abcd")
    )


def test_the_environment_alone_turns_delivery_over_to_cloudinary(tmp_path: Path) -> None:
    script = """
import django
django.setup()
from django.urls import Resolver404, resolve
from images.delivery import signed_urls
from images.models import Image
print(signed_urls.current_delivery().original_url(Image(delivery_id="b13fdd07a86b", delivery_version=7)))
try:
    print(resolve("/sadaasdasd/image/authenticated/x").url_name)
except Resolver404:
    print("not served")
"""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "sharinpix.settings",
        "CLOUDINARY_URL": "cloudinary://1234:abcd@sadaasdasd",
        "DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    signature = signing.delivery_signature("fl_attachment/b13fdd07a86b.jpg", "abcd")
    assert done.stdout.split("\n")[:2] == [
        f"https://res.cloudinary.com/sadaasdasd/image/authenticated/s--{signature}--/fl_attachment/v7/b13fdd07a86b.jpg",
        "not served",
    ]


@pytest.mark.parametrize(
    ("fields", "edit"),
    [
        ({}, variants.Edit()),
        ({"rotation": 90}, variants.Edit(90)),
        ({"crop_x": 3, "crop_y": 2, "crop_w": 10, "crop_h": 11}, variants.Edit(0, (3, 2, 10, 11))),
        ({"rotation": 180, "crop_w": 10, "crop_h": 11}, variants.Edit(180, (0, 0, 10, 11))),
        ({"crop_x": 3, "crop_y": 2}, variants.Edit()),
        ({"crop_w": 10}, variants.Edit()),
        ({"crop_w": 0.5, "crop_h": 10}, variants.Edit()),
        ({"crop_x": 3.2, "crop_w": 10.9, "crop_h": 11.5}, variants.Edit(0, (3, 0, 10, 11))),
    ],
    ids=["plain", "rotated", "cropped", "both", "no size", "no height", "less than a pixel", "fractions of pixels"],
)
def test_each_url_carries_the_chain_of_its_key(fields: dict[str, float], edit: variants.Edit) -> None:
    chains = derived_chains(edit)
    found = [
        re.fullmatch(r".*/image/authenticated/s--[^/]{8}--/(.*)/v123123/b13fdd07a86b\.jpg", url)
        for url in derived_urls(photo(**fields))
    ]
    assert [match and match[1] for match in found] == chains


def test_keys_stand_in_the_published_order() -> None:
    here = signed_urls.current_delivery()
    assert list(here.external_urls(photo())) == ["fill100", "fit2000", "mini", "large", "full"]
    assert list(here.thumbnails(photo())) == ["original", "full_no_sharinpix", "full", "large", "mini"]


def test_the_seven_derived_urls_begin_with_blank_while_the_picture_is_not_processed() -> None:
    unprocessed = derived_urls(photo(processed=False))
    assert unprocessed == [f"/assets/blank.jpg#{url}" for url in derived_urls(photo())]


def test_nothing_begins_with_blank_once_the_picture_is_processed() -> None:
    assert [url for url in derived_urls(photo()) if not url.startswith("http://testserver/")] == []


def test_original_and_proxy_urls_never_begin_with_blank() -> None:
    here, image = signed_urls.current_delivery(), photo(processed=False)
    external = here.external_urls(image)
    urls = [here.original_url(image), external["mini"], external["large"], external["full"]]
    assert [url for url in urls if not url.startswith("http://testserver/")] == []


def test_an_image_without_a_delivery_id_shows_the_placeholder_without_version_or_prefix() -> None:
    image = photo(delivery_id="", delivery_version=None, processed=False, rotation=90)
    chains = derived_chains(variants.Edit(90))
    here = signed_urls.current_delivery()
    wanted = [here.url(chain, "raw_placeholder", kind="authenticated", version=None) for chain in chains]
    assert derived_urls(image) == wanted
    assert here.original_url(image).endswith("--/fl_attachment/raw_placeholder.jpg")


@pytest.mark.parametrize("kind", signed_urls.TYPES)
def test_urls_carry_the_delivery_type_of_the_image(kind: str) -> None:
    assert [url for url in derived_urls(photo(delivery_type=kind)) if f"/image/{kind}/s--" not in url] == []


def test_the_extension_is_jpg_whatever_the_format() -> None:
    assert [url for url in derived_urls(photo(format="png")) if not url.endswith("b13fdd07a86b.jpg")] == []


def test_proxy_urls_have_the_published_form(settings: Any) -> None:
    settings.PROXY_URL = "https://proxy.example.com"
    settings.PUBLIC_URL = "https://pictures.example.com:8443"
    external = signed_urls.current_delivery().external_urls(photo())
    for name, kind in (("mini", "mini"), ("large", "thumbnail"), ("full", "full")):
        link = rf"pictures\.example\.com:8443/images/{IMAGE_ID}/thumbnails/{kind}-{HEX11}\.jpg"
        assert re.fullmatch(rf"https://proxy\.example\.com/super-image\.png\?s={HEX7}&url={link}", external[name]), (
            external[name]
        )


def test_proxy_urls_outlive_edits() -> None:
    here = signed_urls.current_delivery()
    before, after = here.external_urls(photo()), here.external_urls(photo(rotation=90, crop_w=5, crop_h=5))
    assert [before[name] for name in ("mini", "large", "full")] == [after[name] for name in ("mini", "large", "full")]
    assert before["fill100"] != after["fill100"]


@pytest.mark.parametrize(
    ("filename", "format", "slug"),
    [
        ("Super Image", "png", "super-image.png"),
        ("This is an è à Amazing file", "jpg", "this-is-an-e-a-amazing-file.jpg"),
        ("superplophey", "jpg", "superplophey.jpg"),
        ("download", "jpg", "download.jpg"),
        ("  --a  b--  ", "jpg", "a-b.jpg"),
        ("snake_case", "jpg", "snake_case.jpg"),
        ("", "jpg", "image.jpg"),
        ("日本語", "heic", "image.heic"),
        ("😀/../..\\x?a=b&c#d\r\n", "jpg", "x-a-b-c-d.jpg"),
        ("name", "", "name.jpg"),
        ("name", "a/../?", "name.a"),
    ],
)
def test_slugs_transliterate_and_hold_nothing_but_letters_digits_and_hyphens(
    filename: str, format: str, slug: str
) -> None:
    url = signed_urls.current_delivery().external_urls(photo(filename=filename, format=format))["mini"]
    found = url.removeprefix("http://testserver/proxy/").partition("?")[0]
    assert found == slug


def test_new_urls_are_signed_with_the_newest_key(settings: Any) -> None:
    settings.DELIVERY_KEYS = settings.SIGNING_KEYS = ["newest", "older"]
    here = signed_urls.current_delivery()
    signature = signing.delivery_signature("fl_attachment/b13fdd07a86b.jpg", "newest")
    assert f"/s--{signature}--/" in here.original_url(photo())
    assert signing.thumbnail_signature("an id", "mini", "newest") in here.thumbnail_path("an id", "mini")
    assert f"?s={signing.proxy_signature('an id', 'mini', 'newest')}&" in here.proxy_url("an id", "mini", "a.jpg")


@pytest.mark.parametrize(("key", "believed"), [("newest", True), ("older", True), ("retired", False)])
def test_every_key_in_use_is_believed_and_no_other(settings: Any, key: str, believed: bool) -> None:
    settings.DELIVERY_KEYS = settings.SIGNING_KEYS = ["newest", "older"]
    here = signed_urls.current_delivery()
    assert here.verifies("c_fit,w_300/a.jpg", signing.delivery_signature("c_fit,w_300/a.jpg", key)) is believed
    assert here.verifies_thumbnail("an id", "mini", signing.thumbnail_signature("an id", "mini", key)) is believed
    assert here.verifies_proxy("an id", "mini", signing.proxy_signature("an id", "mini", key)) is believed


def test_a_signature_covers_the_whole_path() -> None:
    here = signed_urls.current_delivery()
    signature = signing.delivery_signature("c_fit,w_300/a.jpg", here.keys[0])
    changed = ["c_fit,w_301/a.jpg", "c_fit,w_300/b.jpg", "c_fit,w_300/a.png", "a.jpg", "c_fit,w_300/a.jpg/a.jpg", ""]
    assert here.verifies("c_fit,w_300/a.jpg", signature)
    assert [path for path in changed if here.verifies(path, signature)] == []


def test_long_signatures_are_made_by_setting_and_both_lengths_are_believed(settings: Any) -> None:
    short = signed_urls.current_delivery()
    settings.LONG_SIGNATURES = True
    long = signed_urls.current_delivery()
    wanted = signing.delivery_signature("fl_attachment/b13fdd07a86b.jpg", long.keys[0], long=True)
    assert f"/s--{wanted}--/" in long.original_url(photo())
    for here in (short, long):
        for signature in (wanted, signing.delivery_signature("fl_attachment/b13fdd07a86b.jpg", here.keys[0])):
            assert here.verifies("fl_attachment/b13fdd07a86b.jpg", signature)


def test_a_public_id_is_escaped_once_and_signed_as_it_is_written() -> None:
    here = signed_urls.current_delivery()
    url = here.original_url(photo(delivery_id="a b~(c)é"))
    written = "a%20b%7E%28c%29%C3%A9.jpg"
    assert url.endswith(f"/fl_attachment/v123123/{written}")
    signature = signing.delivery_signature(f"fl_attachment/{written}", here.keys[0])
    assert f"/s--{signature}--/" in url
