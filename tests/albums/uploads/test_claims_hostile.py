"""Answers of uploads that say anything at all."""

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from images.uploads.models import Upload
from tests.albums.uploads.cloud import claim, uploaded
from tests.albums.uploads.sending import ALBUM
from tests.factories import jpeg
from tests.fuzzing import examples

pytestmark = pytest.mark.django_db(transaction=True)
PATH = f"/api/v1/albums/{ALBUM}/images"
FUZZ = examples(60)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12) | st.sampled_from(["NaN", "1e400", "-1", "9" * 50, "2018:01:01 08:00:00", "9999:12:31 23:59:59"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = [
    "width", "height", "bytes", "format", "original_filename", "color", "colors", "location", "image_metadata", "exifs",
    "type", "tags", "public_id", "version", "signature",
]  # fmt: skip


@given(said=JSON)
@FUZZ
def test_no_answer_is_a_500(said: Any, quiet: Client) -> None:
    assert claim(quiet, said).status_code in {400, 401}


@pytest.fixture
def quiet(api: Client) -> Client:
    """The client with the token, to which an exception is the 500 that others would see."""
    api.raise_request_exception = False
    return api


@given(
    said=st.dictionaries(st.sampled_from(NAMES[:-3]) | st.text(max_size=6), JSON, max_size=6),
    place=st.dictionaries(st.sampled_from(["latitude", "longitude", "accuracy"]), JSON),
    moment=JSON,
    metadatas=JSON,
)
@FUZZ
def test_whatever_a_good_answer_says_it_makes_an_image_or_is_refused(
    said: dict[str, Any], place: Any, moment: Any, metadatas: Any, quiet: Client
) -> None:
    answer = uploaded(quiet, jpeg(8, 8))
    proof = {name: answer[name] for name in ("public_id", "version", "signature")}
    exifs = {"image_metadata": {"DateTimeOriginal": moment, "more": moment}}
    told = {**exifs, "location": place, **said, **proof}
    made = claim(quiet, told, metadatas=metadatas)
    good = isinstance(metadatas, dict) or metadatas in (None, "", [])
    assert made.status_code == (200 if good else 400), made.content
    if good:
        synced = quiet.get(f"/api/v1/image_syncs?ids[]={made.json()['id']}")
        assert synced.json()[0]["infos"] == {**made.json()["infos"]}


@given(pairs=st.lists(st.tuples(st.sampled_from(["cloudinary", "cloudinary[a]", "cloudinary[]", "cloudinary[a][b]", "cloudinary[colors][][]",
       "cloudinary[public_id]", "cloudinary[version]", "cloudinary[signature]", "metadatas[a]", "metadatas"]), st.text(max_size=6)), max_size=8))  # fmt: skip
@FUZZ
def test_no_form_is_a_500(pairs: list[tuple[str, str]], quiet: Client) -> None:
    answer = quiet.post(PATH, urlencode(pairs), content_type="application/x-www-form-urlencoded")
    assert answer.status_code in {400, 401}


def test_numbers_and_nesting_beyond_all_bounds_are_refused(quiet: Client) -> None:
    answer = orjson.dumps(uploaded(quiet))[1:-1]
    for odd in (
        b"NaN",
        b"Infinity",
        b"1e999",
        b"-1e999",
        b"[" * 300 + b"]" * 300,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'"\xff"',
        b'"\\ud800"',
    ):
        body = b'{"cloudinary": {' + answer + b', "odd": ' + odd + b"}}"
        assert quiet.post(PATH, body, content_type="application/json").status_code == 400, odd[:20]
    for odd in (b"123456789012345678901234567890", b"-0.0", b"1e308", b'"\\u0000"', b"[" * 190 + b"]" * 190):
        Upload.objects.update(claimed_at=None, image=None)
        body = b'{"cloudinary": {' + answer + b', "odd": ' + odd + b"}}"
        made = quiet.post(PATH, body, content_type="application/json")
        assert made.status_code == 200, (odd[:20], made.content)
        assert quiet.get(f"/api/v1/image_syncs?ids[]={made.json()['id']}").json()[0]["infos"]["signature"]
