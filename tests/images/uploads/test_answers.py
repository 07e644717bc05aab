"""What an upload is answered."""

import re
import time
from typing import Any

import cloudinary.utils
import pytest
from django.test import Client
from PIL import Image as Pillow

from images.uploads.answers import tags_in
from images.uploads.keys import Signer
from images.uploads.models import Upload
from sharinpix.locks import FileLock
from tests.factories import jpeg
from tests.images.uploads.sending import PICTURE, send

pytestmark = pytest.mark.django_db
PLAIN = (
    "public_id version signature width height format resource_type created_at tags bytes type etag url secure_url "
    "original_filename"
).split()


def test_it_has_cloudinarys_keys_in_their_order(signer: Signer) -> None:
    told = send(signer).json()
    assert list(told) == PLAIN
    assert (told["width"], told["height"], told["format"], told["resource_type"]) == (64, 48, "jpg", "image")
    assert (told["bytes"], told["type"], told["tags"], told["original_filename"]) == (
        len(PICTURE),
        "authenticated",
        [],
        "a",
    )
    assert re.fullmatch(r"[0-9a-z]{20}", told["public_id"])
    assert abs(told["version"] - time.time()) < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["created_at"])


def test_it_is_signed_as_the_packages_verify_it(signer: Signer) -> None:
    told = send(signer).json()
    pair = {"public_id": told["public_id"], "version": told["version"]}
    expected = cloudinary.utils.api_sign_request(pair, signer.secrets[0], signature_version=1)
    assert told["signature"] == expected


def test_colours_metadata_hash_and_faces_are_there_for_those_who_ask(signer: Signer) -> None:
    told = send(signer, colors=1, image_metadata="true", phash="1", faces=1).json()
    assert list(told) == [*PLAIN[:-1], "faces", "image_metadata", "colors", "phash", "original_filename"]
    assert told["faces"] == []
    assert told["image_metadata"] == {}
    assert all(isinstance(color, str) and isinstance(share, float) for color, share in told["colors"])
    assert re.fullmatch("[0-9a-f]{16}", told["phash"])
    assert list(send(signer, colors="0", phash="no").json()) == PLAIN


def test_metadata_are_the_files_own(signer: Signer) -> None:
    exif = Pillow.Exif()
    exif[0x010F] = "Nikon"
    told = send(signer, jpeg(exif=exif), media_metadata=1).json()
    assert told["image_metadata"]["Make"] == "Nikon"


def test_its_url_shows_the_picture_before_it_is_claimed(signer: Signer) -> None:
    told = send(signer).json()
    shown = Client().get(told["url"].removeprefix("http://testserver"))
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert told["secure_url"] == told["url"]


def test_a_picture_that_cannot_be_decoded_is_taken_all_the_same(signer: Signer) -> None:
    told = send(signer, jpeg(640, 480)[:-300], colors=1, phash=1, image_metadata=1)
    assert told.status_code == 200, told.content
    assert (told.json()["colors"], told.json()["phash"], told.json()["image_metadata"]) == ([], "", {})


@pytest.mark.usefixtures("impatient_uploads")
def test_where_no_turn_to_decode_comes_the_answer_goes_without(signer: Signer, settings: Any) -> None:
    settings.WEB_CONCURRENCY = 1
    with FileLock("process-0", wait=0) as held:
        assert held
        told = send(signer, colors=1)
    assert (told.status_code, told.json()["colors"]) == (200, [])


def test_it_is_kept_as_it_was_told(signer: Signer) -> None:
    told = send(signer, colors=1, tags="b, a,,b").json()
    assert told["tags"] == ["b", "a", "b"]
    kept = Upload.objects.get()
    assert kept.answer == told
    assert list(kept.answer) == list(told)


@pytest.mark.parametrize(("sent", "found"), [({}, []), ({"tags": ""}, []), ({"tags": " , a b ,"}, ["a b"])])
def test_tags_are_split_at_commas(sent: Any, found: list[str]) -> None:
    assert tags_in(sent) == found
