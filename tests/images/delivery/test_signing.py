"""Signatures: Cloudinary's own, to the letter."""

import re
from typing import Any

import cloudinary.utils
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from images.delivery import signing
from images.delivery.signed_urls import Delivery

pytestmark = pytest.mark.any_database
SHORT = {
    # Path that is signed -> signature with the secret "b", as the tests of Cloudinary's own SDKs have them.
    "c_crop,h_20,w_10/image.jpg": "Ai4Znfl3",
    "c_crop,h_20,w_1/image.jpg": "eMXgzFAO",
    "image.jpg": "--SjmNDA",
    "sample.jpg": "v2fTPYTu",
    "http://google.com/path/to/image.png": "hH_YcbiS",
    "co_red,l_text:Times_70_bold:Cool%25F0%259F%2598%258D/image.jpg": "Uqk1a-5W",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
PUBLIC_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/%"), min_size=1, max_size=30)
STEPS = st.sampled_from(
    ["c_fit,w_300", "c_crop,h_11,w_10,x_3,y_2", "a_90", "fl_attachment", "dpr_auto,q_auto,f_auto", "c_fill,h_100,w_100"]
)
CHAINS = st.lists(STEPS, max_size=5).map("/".join)
KINDS = st.sampled_from(["authenticated", "private", "upload"])


def delivery(secret: str, *, long: bool = False) -> Delivery:
    return Delivery("https://res.cloudinary.com/test123", (secret,), ("links",), "https://proxy.test", "test", long)


@pytest.mark.parametrize(("path", "signature"), SHORT.items(), ids=str)
def test_a_short_signature_is_the_one_that_the_sdks_publish(path: str, signature: str) -> None:
    assert signing.delivery_signature(path, "b") == signature


def test_a_long_signature_is_the_one_that_the_sdks_publish() -> None:
    assert signing.delivery_signature("sample.jpg", "b", long=True) == "2hbrSMPOjj5BJ4xV7SgFbRDevFaQNUFf"


@pytest.mark.parametrize(
    ("chain", "public_id", "kind", "version", "wanted"),
    [
        ("c_crop,h_20,w_10", "image", "upload", 1234, "upload/s--Ai4Znfl3--/c_crop,h_20,w_10/v1234/image.jpg"),
        ("", "image", "upload", 1234, "upload/s----SjmNDA--/v1234/image.jpg"),
        ("c_crop,h_20,w_10", "image", "upload", None, "upload/s--Ai4Znfl3--/c_crop,h_20,w_10/image.jpg"),
        ("c_crop,h_20,w_10", "image", "authenticated", None, "authenticated/s--Ai4Znfl3--/c_crop,h_20,w_10/image.jpg"),
        ("", "sample", "upload", None, "upload/s--v2fTPYTu--/sample.jpg"),
    ],
)
def test_a_url_is_the_one_that_the_sdks_publish(
    chain: str, public_id: str, kind: str, version: int | None, wanted: str
) -> None:
    url = delivery("b").url(chain, public_id, kind=kind, version=version)
    assert url == f"https://res.cloudinary.com/test123/image/{wanted}"


@given(
    chain=CHAINS,
    public_id=PUBLIC_IDS,
    secret=TEXT,
    kind=KINDS,
    version=st.none() | st.integers(1, 2**62),
    extension=st.sampled_from(["jpg", "png", "webp"]),
    long=st.booleans(),
)
@example("c_fit,w_300", "a b~(c)é日😀'\"", "b", "authenticated", 1, "jpg", False)
@example("", "v1", "b", "upload", None, "jpg", True)
def test_a_url_equals_the_one_of_the_cloudinary_package(
    chain: str, public_id: str, secret: str, kind: str, version: int | None, extension: str, long: bool
) -> None:
    assume(not re.match("https?:", public_id))  # the package takes these for addresses
    options = {"cloud_name": "test123", "secure": True, "sign_url": True, "api_secret": secret, "type": kind}
    options |= {"raw_transformation": chain, "version": version, "format": extension, "long_url_signature": long}
    theirs, _ = cloudinary.utils.cloudinary_url(public_id, **options)
    ours = delivery(secret, long=long).url(chain, public_id, kind=kind, version=version, extension=extension)
    assert ours == theirs


@given(folders=st.lists(PUBLIC_IDS, min_size=2, max_size=3), version=st.integers(1, 2**62))
def test_a_public_id_in_folders_is_signed_as_the_cloudinary_package_does(folders: list[str], version: int) -> None:
    public_id = "/".join(folders)
    assume(not re.match("https?:", public_id))
    options = {"cloud_name": "test123", "secure": True, "sign_url": True, "api_secret": "b", "type": "authenticated"}
    theirs, _ = cloudinary.utils.cloudinary_url(public_id, version=version, format="jpg", **options)
    assert delivery("b").url("", public_id, kind="authenticated", version=version) == theirs


@given(given_signature=st.text(st.characters(exclude_categories=[])), key=TEXT)
@example("\ud800", "k")
@example("s\x00--é", "k")
def test_comparing_a_signature_accepts_any_text(given_signature: str, key: str) -> None:
    expected = signing.thumbnail_signature("an id", "mini", key)
    assert signing.matches(given_signature, [expected]) is (given_signature == expected)


def test_a_signature_matches_when_any_of_the_keys_made_it() -> None:
    made = [signing.proxy_signature("an id", "mini", key) for key in ("newest", "older", "oldest")]
    assert [signing.matches(signature, made) for signature in made] == [True, True, True]
    assert not signing.matches(signing.proxy_signature("an id", "mini", "unknown"), made)


def test_nothing_matches_no_keys_at_all() -> None:
    assert not signing.matches("", [])


def test_a_thumbnail_signature_has_11_hex_digits_and_a_proxy_signature_7() -> None:
    assert re.fullmatch("[0-9a-f]{11}", signing.thumbnail_signature("an id", "mini", "key"))
    assert re.fullmatch("[0-9a-f]{7}", signing.proxy_signature("an id", "mini", "key"))


def test_link_signatures_differ_by_image_kind_key_and_purpose() -> None:
    ids, kinds, keys = ("one", "two"), ("mini", "thumbnail", "full", "original"), ("a", "b")
    makers = (signing.thumbnail_signature, signing.proxy_signature)
    found = {make(image, kind, key)[:7] for make in makers for image in ids for kind in kinds for key in keys}
    assert len(found) == len(makers) * len(ids) * len(kinds) * len(keys)


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARAMETERS = st.dictionaries(
    ANY, ANY | st.integers() | st.booleans() | st.lists(ANY, max_size=3) | st.floats(allow_nan=False), max_size=6
)


@given(parameters=PARAMETERS, secret=TEXT)
@example({"notification_url": "https://a.example/?a=1&b=2", "colors": 1, "tags": ["a", "b"]}, "s")
@example({"empty": "", "nothing": 0, "one empty": [""], "none": [], "no": False, "yes": True}, "s")
def test_an_upload_is_signed_as_the_cloudinary_package_does(parameters: dict[str, Any], secret: str) -> None:
    assert signing.upload_signature(parameters, secret) == cloudinary.utils.api_sign_request(parameters, secret)


@given(key=ANY, value=TEXT, secret=TEXT)
def test_no_value_of_an_upload_pretends_to_be_two(key: str, value: str, secret: str) -> None:
    one = signing.upload_signature({"a": f"1&{key}={value}"}, secret)
    assert one != signing.upload_signature({"a": "1", key: value}, secret)


@given(public_id=TEXT, version=st.integers(1, 2**40), secret=TEXT)
def test_an_answer_is_signed_as_the_cloudinary_package_verifies_it(public_id: str, version: int, secret: str) -> None:
    made = signing.answer_signature(public_id, version, secret)
    assert made == signing.answer_signature(public_id, str(version), secret)
    before = cloudinary.config().api_secret
    cloudinary.config(api_secret=secret)
    try:
        assert cloudinary.utils.verify_api_response_signature(public_id, version, made)
        assert not cloudinary.utils.verify_api_response_signature(public_id, version + 1, made)
    finally:
        cloudinary.config(api_secret=before)


@given(body=ANY, timestamp=st.integers(0, 2**40), secret=TEXT, algorithm=st.sampled_from(["sha1", "sha256"]))
def test_a_notification_is_signed_as_the_cloudinary_package_does(
    body: str, timestamp: int, secret: str, algorithm: str
) -> None:
    made = signing.notification_signature(body.encode(), str(timestamp), secret, algorithm)
    assert made == cloudinary.utils.compute_hex_hash(f"{body}{timestamp}{secret}", algorithm)


@given(text=st.text(st.characters(exclude_categories=[])), body=st.binary())
def test_signing_never_fails_on_what_strangers_send(text: str, body: bytes) -> None:
    assert len(signing.upload_signature({text: text}, "s")) == 40
    assert len(signing.answer_signature(text, text, "s")) == 40
    assert len(signing.notification_signature(body, "1", "s")) == 40
