"""An image is made of an upload's answer."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import Organization, Secret, User
from albums.models import Album
from albums.sweeping import remove_unclaimed
from images.delivery.signing import answer_signature
from images.models import Image
from images.uploads.claims import SentData
from images.uploads.keys import organization_signer
from images.uploads.models import Upload
from sharinpix.errors import Denied
from tests.albums.uploads import cloud
from tests.albums.uploads.cloud import claim, uploaded
from tests.albums.uploads.sending import ALBUM, by_plain_upload, native_upload
from tests.factories import bearer, jpeg, user_token
from tests.payloads import assert_same_payload

pytestmark = pytest.mark.django_db(transaction=True)
PATH = f"/api/v1/albums/{ALBUM}/images"


def flat(value: Any, key: str) -> list[tuple[str, str]]:
    """A nested value as the pairs of a form, as PHP and Rails write it."""
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in flat(inner, f"{key}[{name}]")]
    if isinstance(value, list):
        return [pair for inner in value for pair in flat(inner, f"{key}[]")]
    return [(key, str(value))]


def other_api(other_organization: Organization) -> Client:
    user = User.objects.create_user("other@example.com", "correct horse 7", organization=other_organization)
    return Client(headers={"Authorization": bearer(user_token(user))})


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_the_answer_of_an_upload_makes_the_image(api: Client, path: str, organization: Organization) -> None:
    answer = uploaded(api)
    made = claim(api, answer, path, metadatas={"floor": 2})
    assert made.status_code == 200
    image = made.json()
    assert len(image) == 35
    assert image["infos"] == answer
    assert list(image["infos"]) == list(answer)
    assert image["metadatas"] == {"floor": 2}
    assert (image["album_id"], image["width"], image["height"], image["format"]) == (ALBUM, 640, 480, "jpg")
    assert (image["group_id"], image["processed"], image["processing_error"]) == (None, True, None)
    assert made.headers["X-token"]
    upload = Upload.objects.get()
    assert str(upload.image_id) == image["id"]
    assert upload.organization == organization


def test_the_strings_of_a_form_stay_strings(api: Client) -> None:
    answer = {
        **uploaded(api),
        "illustration_score": 0.0,
        "grayscale": "false",
        "location": {"latitude": 1.5, "longitude": 2},
    }
    pairs = [*flat(answer, "cloudinary"), ("metadatas[floor]", "2")]
    made = api.post(PATH, urlencode(pairs), content_type="application/x-www-form-urlencoded")
    assert made.status_code == 200, made.content
    image = made.json()
    said = image["infos"]
    assert (said["bytes"], image["size"]) == (str(answer["bytes"]), str(answer["bytes"]))
    assert (said["width"], said["version"], said["illustration_score"]) == ("640", str(answer["version"]), "0.0")
    assert (image["width"], image["height"], image["metadatas"]) == (640, 480, {"floor": "2"})
    assert image["gps"] == image["gps_html"] == [1.5, 2.0]


@pytest.mark.parametrize("metadatas", [None, "", [], {}])
def test_metadatas_may_be_empty_in_any_shape(api: Client, metadatas: Any) -> None:
    assert claim(api, uploaded(api), metadatas=metadatas).json()["metadatas"] == {}


@pytest.mark.parametrize("metadatas", ["text", [1], 5, True])
def test_metadatas_that_are_no_object_are_refused(api: Client, metadatas: Any) -> None:
    answer = uploaded(api)
    assert claim(api, answer, metadatas=metadatas).status_code == 400
    assert Upload.objects.get().claim_due
    assert claim(api, answer).status_code == 200


def test_the_same_claim_again_is_answered_with_the_same_image(api: Client) -> None:
    answer = uploaded(api)
    first = claim(api, answer).json()
    assert_same_payload(claim(api, answer, metadatas={"other": 1}).json(), first)
    assert claim(api, answer, "/api/v1/albums/another/images").json()["album_id"] == ALBUM
    assert Image.objects.count() == 1


def test_what_the_client_adds_to_the_answer_is_kept(api: Client) -> None:
    answer = {**uploaded(api), "request_id": "x", "location": {"latitude": 48.8, "longitude": 2.3, "accuracy": 5}}
    image = claim(api, answer).json()
    assert image["infos"] == answer
    assert image["gps_html"] == [48.8, 2.3]


def test_what_was_read_off_the_file_counts_more_than_what_is_said(api: Client) -> None:
    answer = {**uploaded(api), "width": 9, "height": 9, "format": "exe", "original_filename": "Mine"}
    image = claim(api, answer).json()
    assert (image["width"], image["height"], image["format"], image["filename"]) == (640, 480, "jpg", "Mine")


def test_a_twin_in_the_album_is_named(api: Client) -> None:
    first = by_plain_upload(api, jpeg(640, 480))
    assert claim(api, uploaded(api)).json()["infos"]["duplicate_of"] == first["id"]
    assert "duplicate_of" not in claim(api, uploaded(api, jpeg(9, 9))).json()["infos"]


def test_every_change_of_an_answer_is_refused(api: Client, other_organization: Organization) -> None:
    answer = uploaded(api)
    signature = answer["signature"]
    places = [signature[:p] + ("0" if signature[p] != "0" else "1") + signature[p + 1 :] for p in range(len(signature))]
    foreign = organization_signer(other_organization.pk).secrets[0]
    assert foreign not in organization_signer(Organization.objects.default().pk).secrets
    changes: list[dict[str, Any]] = [
        *({"signature": changed} for changed in places),
        {"signature": ""},
        {"signature": signature.upper()},
        {"signature": f"{signature} "},
        {"signature": "é" * 40},
        {"version": answer["version"] + 1},
        {"version": f"{answer['version']}.0"},
        {"version": f" {answer['version']}"},
        {"public_id": answer["public_id"][:-1]},
        {"public_id": f"{answer['public_id']}&version={answer['version']}"},
    ]
    for change in changes:
        assert claim(api, {**answer, **change}).status_code == 401, change
    assert Upload.objects.get().claim_due


NO_ANSWERS: list[Any] = [None, "", "text", [], [1], 5, True, {}, {"public_id": "a"}, {"public_id": "a", "version": 1},
              {"public_id": 1, "version": 1, "signature": "a"}, {"public_id": "a", "version": None, "signature": "a"},
              {"public_id": "a", "version": 1.5, "signature": "a"}, {"public_id": "a", "version": 1, "signature": ["a"]},
              {"public_id": {}, "version": {}, "signature": {}}]  # fmt: skip


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=repr)
def test_what_is_no_answer_is_malformed(api: Client, answer: Any) -> None:
    response = claim(api, answer)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "malformed")


def test_neither_file_nor_answer_is_malformed(api: Client) -> None:
    assert api.post(PATH, {"metadatas": "{}"}, content_type="application/json").status_code == 400
    assert api.post(PATH).status_code == 400
    assert api.post(PATH, b"[1]", content_type="application/json").status_code == 400


def test_another_organization_cannot_claim_an_upload(
    api: Client, organization: Organization, other_organization: Organization
) -> None:
    answer = uploaded(api)
    other = other_api(other_organization)
    assert claim(other, answer).status_code == 401
    secret = organization_signer(other_organization.pk).secrets[0]
    resigned = {**answer, "signature": answer_signature(answer["public_id"], answer["version"], secret)}
    assert claim(other, resigned).status_code == 401
    assert (Image.objects.get().album.organization_id, Upload.objects.get().claim_due) == (organization.pk, True)
    assert claim(api, answer).status_code == 200


@pytest.mark.usefixtures("native_on")
def test_a_native_upload_is_not_claimed_by_its_answer(api: Client) -> None:
    assert claim(api, native_upload(jpeg())).status_code == 401


@pytest.mark.usefixtures("native_on")
def test_a_native_upload_at_cloudinary_is_left_to_its_batch(api: Client, at_cloudinary: None) -> None:
    """There all uploads are signed by one key, and the signature does not tell whose they are."""
    Client().post("/api/v1/native_upload/image", **cloud.notified(cloud.answer()))
    assert claim(api, cloud.answer()).status_code == 401
    assert Upload.objects.get().claimed_at is None


def test_who_may_not_upload_into_the_album_claims_nothing(
    api: Client, api_of: Callable[..., Client], secret: Secret
) -> None:
    answer = uploaded(api)
    may_list = api_of(secret, abilities={ALBUM: {"Access": {"image_list": True, "image_upload": False}}})
    elsewhere = api_of(secret, abilities={"another": {"Access": {"image_upload": True}}})
    for client in (may_list, elsewhere, Client()):
        denied = claim(client, answer)
        assert (denied.status_code, denied.content, denied.headers["Content-Type"]) == (401, b"", "text/html")
    may_upload = api_of(secret, abilities={ALBUM: {"Access": {"image_upload": True}}})
    assert claim(may_upload, answer).status_code == 200


def test_a_claim_makes_its_album(api: Client, organization: Organization) -> None:
    assert claim(api, uploaded(api), "/api/v1/albums/NEW/images").json()["album_id"] == "NEW"
    assert Album.objects.filter(public_id="NEW").exists()
    assert claim(api, uploaded(api), f"/api/v1/albums/{'x' * 256}/images").status_code == 400


def test_images_come_at_the_end_of_the_album_when_they_are_uploaded_or_moved(api: Client) -> None:
    answers = [uploaded(api, jpeg(20 + number, 20)) for number in range(3)]
    made = [claim(api, answer).json()["id"] for answer in reversed(answers)]
    assert [image["id"] for image in api.get(PATH).json()] == made[::-1]
    others = [uploaded(api, jpeg(30 + number, 20)) for number in range(2)]
    moved = [claim(api, answer, "/api/v1/albums/NEW/images").json()["id"] for answer in reversed(others)]
    assert [image["id"] for image in api.get("/api/v1/albums/NEW/images").json()] == moved


def test_answers_signed_before_a_rotation_can_be_claimed_until_the_key_goes(api: Client, settings: Any) -> None:
    settings.SIGNING_KEYS = settings.DELIVERY_KEYS = ["older"]
    before, late = uploaded(api), uploaded(api)
    settings.SIGNING_KEYS = settings.DELIVERY_KEYS = ["newest", "older"]
    assert claim(api, before).status_code == 200
    assert claim(api, uploaded(api)).status_code == 200
    settings.SIGNING_KEYS = settings.DELIVERY_KEYS = ["newest"]
    assert claim(api, late).status_code == 401


def test_an_upload_that_was_swept_away_cannot_be_claimed(api: Client) -> None:
    answer = uploaded(api)
    Image.objects.all().delete()
    Upload.objects.update(created_at="2020-01-01T00:00Z", claimed_at=None)
    assert remove_unclaimed() == 1
    assert claim(api, answer).status_code == 401


def test_an_upload_that_is_swept_away_in_that_moment_is_refused(api: Client, organization: Organization) -> None:
    uploaded(api)
    upload = Upload.objects.get()
    Upload.objects.all().delete()
    with pytest.raises(Denied):
        Album.objects.receive(organization.pk, ALBUM, upload, SentData(infos={}))


@pytest.fixture
def at_cloudinary(settings: Any) -> None:
    cloud.use(settings)


def test_where_cloudinary_keeps_the_file_its_answer_makes_the_image(
    api: Client, at_cloudinary: None, organization: Organization
) -> None:
    answer = cloud.answer(version="1700000000", colors=[["#AABBCC", 50.1]], bytes="5000")
    image = claim(api, answer).json()
    assert (image["processed"], image["width"], image["height"], image["color"]) == (True, 1_024, 768, "#AABBCC")
    assert (image["filename"], image["size"], image["infos"]) == ("Façade", "5000", answer)
    assert "res.cloudinary.com/example/image/authenticated/" in image["original_url"]
    assert "/v1700000000/abcd." in image["original_url"]
    upload = Upload.objects.get()
    assert (upload.organization, upload.original, str(upload.image_id)) == (organization, "", image["id"])


@pytest.mark.parametrize("kind", ["private", "upload", "authenticated"])
def test_its_type_is_that_of_the_answer(api: Client, at_cloudinary: None, kind: str) -> None:
    assert f"/image/{kind}/" in claim(api, cloud.answer(type=kind)).json()["original_url"]


@pytest.mark.parametrize("kind", ["fetch", None, ["upload"], {"a": 1}, 5])
def test_another_type_is_taken_for_authenticated(api: Client, at_cloudinary: None, kind: Any) -> None:
    assert "/image/authenticated/" in claim(api, cloud.answer(type=kind)).json()["original_url"]


def test_an_upload_at_cloudinary_belongs_to_whoever_claims_it_first(
    api: Client, at_cloudinary: None, other_organization: Organization
) -> None:
    assert claim(api, cloud.answer()).status_code == 200
    assert claim(other_api(other_organization), cloud.answer()).status_code == 401
    assert claim(api, cloud.answer(version=1_700_000_001)).status_code == 200
    assert Image.objects.count() == 2


@pytest.mark.parametrize("version", ["1.5", -1, "-1", 2**53, "x", "", True])
def test_a_signed_version_that_is_no_version_is_refused(api: Client, at_cloudinary: None, version: Any) -> None:
    assert claim(api, cloud.answer(version=version)).status_code == 400
    assert not Image.objects.exists()


@pytest.mark.parametrize("public_id", ["", "x" * 256])
def test_a_signed_public_id_that_does_not_fit_is_refused(api: Client, at_cloudinary: None, public_id: str) -> None:
    assert claim(api, cloud.answer(public_id)).status_code == 400


def test_a_public_id_in_folders_is_kept_as_it_is(api: Client, at_cloudinary: None) -> None:
    assert "/v1700000000/folder/my%20picture." in claim(api, cloud.answer("folder/my picture")).json()["original_url"]


def test_fields_that_a_claim_does_not_use_are_not_judged(api: Client) -> None:
    answer = uploaded(api)
    assert claim(api, answer, PATH, location="here", more=[5]).status_code == 200


def test_of_two_names_of_metadatas_the_first_that_is_sent_counts(api: Client) -> None:
    body = {"cloudinary": uploaded(api), "metadatas": [], "metadata": {"a": 1}}
    assert api.post(PATH, body, content_type="application/json").json()["metadatas"] == {}
