"""Cloudinary tells of uploads."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import orjson
import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, Secret, User
from albums.models import Album
from images.delivery import signing
from images.models import Image
from images.uploads.keys import organization_signer
from images.uploads.models import Upload
from tests.albums.uploads import cloud
from tests.albums.uploads.sending import ALBUM, sent_by_form, upload_form
from tests.factories import jpeg, secret_token, user_token
from tests.fuzzing import examples
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = 3_600


@pytest.fixture
def address(api: Client) -> str:
    """The webhook's address in the form of an album."""
    return str(upload_form(api)["params"]["notification_url"]).removeprefix("http://testserver")


@pytest.fixture
def at_cloudinary(settings: Any) -> None:
    cloud.use(settings)


def claimed(api: Client, answer: dict[str, Any], album: str = ALBUM) -> Any:
    return api.post(
        f"/api/v1/albums/{album}/images", orjson.dumps({"cloudinary": answer}), content_type="application/json"
    )


def posted(address: str, told: Any, organization: Organization | None = None, **options: Any) -> Any:
    signer = organization_signer(organization.pk) if organization else None
    return Client(raise_request_exception=False).post(address, **cloud.notified(told, signer=signer, **options))


def accepted(response: Any) -> None:
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["Content-Type"] == "text/html"


def test_it_makes_the_image_in_the_album_of_its_address(
    api: Client, address: str, organization: Organization, user: User
) -> None:
    told = sent_by_form(api, jpeg(64, 48)).json()
    response = posted(address, told, organization)
    accepted(response)
    image = Image.objects.get()
    assert (image.album.public_id, image.album.organization) == (ALBUM, organization)
    assert (image.infos, image.delivery_id, image.uploader) == (told, told["public_id"], user)
    assert image.processed
    token = jwt.decode(response.headers["X-token"], options={"verify_signature": False})
    assert list(token) == ["exp", "iat", "user_id", "album_id", "organization_id"]


def test_a_secrets_address_works_as_well_and_makes_the_album(
    api_of: Any, secret: Secret, organization: Organization, settings: Any
) -> None:
    form = upload_form(api_of(secret, admin=True), "NEW")
    Album.objects.all().delete()
    cloud.use(settings)
    path = form["params"]["notification_url"].removeprefix("http://testserver")
    accepted(posted(path, cloud.answer(), organization))
    assert (Image.objects.get().album.public_id, Image.objects.get().uploader) == ("NEW", None)


def test_a_second_notification_makes_no_second_image(api: Client, address: str, organization: Organization) -> None:
    told = sent_by_form(api, jpeg()).json()
    for _ in range(3):
        accepted(posted(address, told, organization))
    assert Image.objects.count() == 1


def test_the_clients_own_request_gets_the_image_of_the_webhook(
    api: Client, address: str, organization: Organization
) -> None:
    told = sent_by_form(api, jpeg()).json()
    accepted(posted(address, told, organization))
    assert claimed(api, told).json()["id"] == str(Image.objects.get().pk)


def test_the_webhook_finds_the_image_of_the_clients_own_request(
    api: Client, address: str, organization: Organization
) -> None:
    told = sent_by_form(api, jpeg()).json()
    made = claimed(api, told).json()
    accepted(posted(address, told, organization))
    assert [str(pk) for pk in Image.objects.values_list("pk", flat=True)] == [made["id"]]


def test_after_a_deletion_neither_makes_another_image(api: Client, address: str, organization: Organization) -> None:
    told = sent_by_form(api, jpeg()).json()
    claimed(api, told)
    Image.objects.all().delete()
    accepted(posted(address, told, organization))
    response = claimed(api, told)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")
    assert not Image.objects.exists()


@pytest.mark.parametrize("where", ["ours", "cloudinary"])
def test_both_at_once_make_one_image(
    where: str, api: Client, address: str, organization: Organization, settings: Any, repetitions: int
) -> None:
    if where == "cloudinary":
        cloud.use(settings)
    for number in range(repetitions):
        told = sent_by_form(api, jpeg()).json() if where == "ours" else cloud.answer(f"picture{number}")
        arguments = cloud.notified(told, signer=organization_signer(organization.pk))
        hook, made = together([partial(Client().post, address, **arguments), partial(claimed, api, told)])
        assert (hook.status_code, made.status_code) == (201, 200), (hook.content, made.content)
        assert Image.objects.filter(delivery_id=told["public_id"]).count() == 1
    assert Image.objects.count() == Upload.objects.count() == repetitions


@pytest.fixture
def repetitions() -> int:
    """SQLite lets one writer in at a time, so that few tries tell as much as many."""
    return 100 if connection.vendor == "postgresql" else 10


def test_first_claims_of_many_albums_at_once_make_one_image(api: Client, organization: Organization) -> None:
    told = sent_by_form(api, jpeg()).json()
    answers = together([partial(claimed, api, told, f"album-{number}") for number in range(6)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Image.objects.count() == 1


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_signature_of_either_algorithm_is_believed(
    algorithm: str, api: Client, address: str, at_cloudinary: None
) -> None:
    body, moment = orjson.dumps(cloud.answer()), str(int(time.time()))
    signature = signing.notification_signature(body, moment, cloud.SECRET, algorithm)
    accepted(Client().post(address, **cloud.posted(body, timestamp=moment, signature=signature)))
    image = Image.objects.get()
    assert (image.original.name, image.processed, image.width) == ("", True, 1_024)


@pytest.mark.parametrize(
    ("offset", "status"), [(-2 * HOUR + 60, 201), (2 * HOUR - 60, 201), (-2 * HOUR - 60, 401), (2 * HOUR + 60, 401)]
)
def test_a_notification_is_good_for_two_hours_both_ways(
    offset: int, status: int, address: str, at_cloudinary: None
) -> None:
    assert posted(address, cloud.answer(), timestamp=int(time.time()) + offset).status_code == status
    assert Image.objects.exists() is (status == 201)


@pytest.mark.parametrize("timestamp", ["", "now", "NaN", "inf", "-1", "9" * 300, "0x1", "é"])
def test_a_timestamp_that_is_no_moment_is_refused(timestamp: str, address: str, at_cloudinary: None) -> None:
    assert posted(address, cloud.answer(), timestamp=timestamp).status_code == 401


def test_every_change_of_a_notification_is_refused(
    address: str, at_cloudinary: None, other_organization: Organization, settings: Any
) -> None:
    body, moment = orjson.dumps(cloud.answer()), str(int(time.time()))
    good = signing.notification_signature(body, moment, cloud.SECRET)
    foreign = signing.notification_signature(body, moment, "another secret")
    changed = [good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :] for place in range(40)]
    odd = ["", good[:-1], good.upper(), f"{good} ", foreign, "é" * 40, "0" * 64, good + good[:24]]
    for signature in changed + odd:
        response = Client().post(address, **cloud.posted(body, timestamp=moment, signature=signature))
        assert (response.status_code, response.content, "X-token" in response.headers) == (401, b"", False)
    for other in (body + b" ", body.replace(b"abcd", b"abce"), b"", b"\xff\xfe"):
        assert Client().post(address, **cloud.posted(other, timestamp=moment, signature=good)).status_code == 401
    assert Client().post(address, body, content_type="application/json").status_code == 401
    assert not Image.objects.exists()
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"message": "no picture"}},
        {"notification_type": "error"},
        {"error": None},
        {"notification_type": "delete", "resources": []},
        {"notification_type": None},
    ],
)
def test_what_tells_of_no_upload_is_accepted_and_makes_nothing(told: Any, address: str, at_cloudinary: None) -> None:
    response = posted(address, told)
    accepted(response)
    assert "X-token" not in response.headers
    assert not Image.objects.exists()


def test_a_notification_of_an_upload_may_say_so(address: str, at_cloudinary: None) -> None:
    accepted(posted(address, {"notification_type": "upload", **cloud.answer()}))
    assert Image.objects.count() == 1


BODIES = [b"", b"a=b", b"[]", b"5", b'"x"', b"null", b"{}", b'{"public_id": "a"}', b'{"public_id": 5, "version": 1}',
          b'{"public_id": "", "version": 1}', b'{"public_id": "a", "version": -1}', b'{"public_id": "a", "version": 1e300}',
          b'{"public_id": "a", "version": [1]}', b'{"public_id": "a", "version": "x"}', b'{"public_id": "a\\u0000", "version": true}',
          b"\xff\xfe", b"{" * 2_000, b'{"a":' * 900 + b"1" + b"}" * 900]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_a_signed_body_that_tells_of_nothing_is_refused(body: bytes, address: str, at_cloudinary: None) -> None:
    response = Client(raise_request_exception=False).post(address, **cloud.posted(body))
    assert response.status_code == 400
    assert not Image.objects.exists()


def test_a_body_that_is_too_long_is_not_read(address: str, at_cloudinary: None) -> None:
    assert Client().post(address, **cloud.posted(b" " * 5_000_000)).status_code == 413


def other_address(address: str, **claims: Any) -> str:
    """The address with other claims, signed without knowing the key."""
    (token,) = parse_qs(urlsplit(address).query)["token"]
    given_claims = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    return f"/api/v1/cloudinary?token={jwt.encode(given_claims, 'x' * 32, algorithm='HS256')}"


def test_an_address_that_we_did_not_make_is_refused(
    address: str,
    at_cloudinary: None,
    organization: Organization,
    user: User,
    secret: Secret,
    other_organization: Organization,
) -> None:
    good = {"album_id": ALBUM, "organization_id": str(organization.pk)}
    foreign = {**good, "organization_id": str(other_organization.pk)}
    addresses = [
        "/api/v1/cloudinary",
        "/api/v1/cloudinary?token=",
        "/api/v1/cloudinary?token=%ff%00",
        address[:-2],
        other_address(address),
        other_address(address, album_id="another"),
        f"/api/v1/cloudinary?token={user_token(user)}",
        f"/api/v1/cloudinary?token={secret_token(secret, admin=True)}",
        f"/api/v1/cloudinary?token={secret_token(secret, **foreign)}",
        f"/api/v1/cloudinary?token={secret_token(secret, **{**good, 'album_id': [ALBUM]})}",
        f"/api/v1/cloudinary?token={secret_token(secret, **good, exp=1)}",
    ]
    for wrong in addresses:
        assert posted(wrong, cloud.answer()).status_code == 401, wrong
    assert not Image.objects.exists()
    accepted(posted(f"/api/v1/cloudinary?token={secret_token(secret, **good)}", cloud.answer()))


def test_an_album_id_that_cannot_be_one_is_refused(
    secret: Secret, organization: Organization, at_cloudinary: None
) -> None:
    for album_id in ("", "a/b", "..", "x" * 256, "a\nb"):
        token = secret_token(secret, album_id=album_id, organization_id=str(organization.pk))
        assert posted(f"/api/v1/cloudinary?token={token}", cloud.answer()).status_code in {400, 401}, album_id
    assert not Image.objects.exists()


def test_a_person_who_left_has_no_webhooks_any_more(address: str, user: User, at_cloudinary: None) -> None:
    user.is_active = False
    user.save()
    assert posted(address, cloud.answer()).status_code == 401


def test_a_person_who_was_logged_out_everywhere_has_no_webhooks_any_more(
    address: str, user: User, at_cloudinary: None
) -> None:
    accepted(posted(address, cloud.answer()))
    user.log_out_everywhere()
    assert posted(address, cloud.answer()).status_code == 401


def test_a_revoked_secret_has_no_webhooks_any_more(
    api_of: Callable[..., Client], secret: Secret, at_cloudinary: None
) -> None:
    form = upload_form(api_of(secret, admin=True))
    webhook = str(form["params"]["notification_url"]).removeprefix("http://testserver")
    accepted(posted(webhook, cloud.answer()))
    secret.revoke()
    assert posted(webhook, cloud.answer()).status_code == 401


def test_an_upload_of_another_organization_stays_theirs(
    api: Client, address: str, organization: Organization, other_organization: Organization
) -> None:
    told = sent_by_form(api, jpeg()).json()
    Upload.objects.update(organization=other_organization)
    assert posted(address, told, organization).status_code == 401


def test_what_we_never_stored_makes_no_image(address: str, organization: Organization) -> None:
    """The key of an organization signs anything: only uploads that we know become images."""
    assert posted(address, cloud.answer(), organization).status_code == 401
    assert not Upload.objects.exists()


@pytest.mark.usefixtures("native_on")
def test_a_native_upload_is_noted_until_a_batch_claims_it(at_cloudinary: None) -> None:
    for _ in range(2):
        response = posted("/api/v1/native_upload/image", cloud.answer())
        accepted(response)
        assert "X-token" not in response.headers
    upload = Upload.objects.get()
    assert (upload.public_id, upload.organization, upload.claimed_at) == ("abcd", None, None)
    assert posted("/api/v1/native_upload/image", {"error": "x"}).status_code == 201
    assert posted("/api/v1/native_upload/image", cloud.answer(), signature="0" * 40).status_code == 401


@pytest.mark.usefixtures("native_on")
def test_a_native_upload_that_was_claimed_meanwhile_is_accepted_again(
    at_cloudinary: None, organization: Organization
) -> None:
    Upload.objects.create(organization=organization, public_id="abcd", version=1_700_000_000)
    accepted(posted("/api/v1/native_upload/image", cloud.answer()))
    assert Upload.objects.get().organization == organization


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "width",
    "height",
    "bytes",
    "format",
    "original_filename",
    "color",
    "colors",
    "location",
    "image_metadata",
    "type",
    "url",
]


@given(
    more=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), JSON, max_size=5), number=st.integers(0, 2**40)
)
@examples(40)
def test_whatever_an_upload_says_of_itself_an_image_comes_of_it(
    more: dict[str, Any], number: int, address: str, at_cloudinary: None
) -> None:
    told = {**more, "public_id": f"p{number}", "version": 1, "notification_type": "upload"}
    told.pop("error", None)
    accepted(posted(address, told))
    assert Image.objects.filter(delivery_id=f"p{number}").count() == 1
