"""Upload forms."""

import re
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import cloudinary.utils
import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import Organization, Secret, User
from albums.uploads.forms import native_form
from images.uploads.keys import organization_signer
from tests.albums.uploads import cloud
from tests.albums.uploads.sending import ALBUM, sent_by_form, upload_form
from tests.factories import jpeg

pytestmark = pytest.mark.django_db
PARAMS = "colors faces image_metadata notification_url phash tags timestamp type signature api_key".split()


def claims_of(form: dict[str, Any]) -> dict[str, Any]:
    url = form["params"]["notification_url"]
    (token,) = parse_qs(urlsplit(url).query)["token"]
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signs(form: dict[str, Any], secret: str) -> bool:
    unsigned = {k: v for k, v in form["params"].items() if k not in ("signature", "api_key")}
    return bool(form["params"]["signature"] == cloudinary.utils.api_sign_request(unsigned, secret))


def test_a_form_has_the_published_keys_in_their_order(api: Client, organization: Organization) -> None:
    form = upload_form(api)
    assert list(form) == ["url", "expires_at", "name", "id", "params", "test_url"]
    assert (form["url"], form["test_url"]) == ("http://testserver/v1_1/sharinpix/auto/upload", "/upload_test")
    assert (form["name"], form["id"]) == (ALBUM, f"{organization.pk}-{ALBUM}")
    assert abs(form["expires_at"] - time.time() - 604_800) < 60


def test_its_parameters_are_signed_as_cloudinary_does(api: Client, organization: Organization) -> None:
    form = upload_form(api)
    params = form["params"]
    assert list(params) == PARAMS
    assert [params[name] for name in ("colors", "faces", "image_metadata", "phash")] == [1, 1, 1, 1]
    assert (params["tags"], params["timestamp"], params["type"]) == (ALBUM, form["expires_at"], "authenticated")
    assert re.fullmatch("[0-9a-f]{40}", params["signature"])
    assert params["api_key"] == str(organization.pk.int)
    assert signs(form, organization_signer(organization.pk).secrets[0])


def test_the_webhook_of_a_persons_form_names_him(api: Client, organization: Organization, user: User) -> None:
    claims = claims_of(upload_form(api))
    assert list(claims) == ["exp", "iat", "user_id", "album_id", "organization_id"]
    assert (claims["user_id"], claims["album_id"]) == (str(user.pk), ALBUM)
    assert claims["organization_id"] == str(organization.pk)


def test_the_webhook_of_a_secrets_form_names_the_secret(api_of: Any, secret: Secret) -> None:
    form = upload_form(api_of(secret, admin=True))
    claims = claims_of(form)
    assert list(claims) == ["exp", "iat", "iss", "album_id", "organization_id"]
    assert (claims["iss"], claims["exp"]) == (str(secret.pk), form["expires_at"])


def test_there_is_no_form_for_who_may_not_upload(api_of: Any, secret: Secret) -> None:
    listing = api_of(secret, abilities={ALBUM: {"Access": {"image_list": True}}})
    assert listing.get(f"/api/v1/albums/{ALBUM}").json()["upload_form"] is None
    uploading = api_of(secret, abilities={ALBUM: {"Access": {"image_upload": True}}})
    assert uploading.get(f"/api/v1/albums/{ALBUM}").json()["upload_form"]
    assert uploading.get("/api/v1/albums/another").json()["upload_form"] is None


def test_the_token_of_a_webhook_opens_nothing_else(api: Client) -> None:
    (token,) = parse_qs(urlsplit(upload_form(api)["params"]["notification_url"]).query)["token"]
    bearer = Client(headers={"Authorization": f'Token token="{token}"'})
    assert bearer.get(f"/api/v1/albums/{ALBUM}").status_code == 401
    assert bearer.get("/api/v1/image_syncs").status_code == 401


def test_a_form_of_any_album_is_taken_by_our_end(api: Client) -> None:
    for album in ("a&b=c", "é ü", "5", "a,b", "%26", "'\"<>", "x" * 255):
        answer = sent_by_form(api, jpeg(), quote(album, safe=""))
        assert answer.status_code == 200, (album, answer.content)
        assert answer.json()["tags"] == [tag.strip() for tag in album.split(",")]


@pytest.mark.parametrize(
    ("query", "notified"),
    [("", "native_upload"), ("?app_version=2", "native_upload/image"), ("?app_version=1", "native_upload")],
)
@pytest.mark.usefixtures("native_on")
def test_a_native_form_needs_no_token(query: str, notified: str, db: None) -> None:
    form = Client().get(f"/api/v1/native_upload{query}").json()
    assert list(form) == ["url", "expires_at", "params"]
    assert list(form["params"]) == PARAMS
    assert form["params"]["notification_url"] == f"http://testserver/api/v1/{notified}"
    assert (form["params"]["tags"], form["params"]["api_key"]) == ("sharinpix_mobile_app_images", "0")
    assert abs(form["expires_at"] - time.time() - 2_592_000) < 60
    assert signs(form, organization_signer(None).secrets[0])


def test_where_cloudinary_delivers_forms_lead_there(api: Client, settings: Any) -> None:
    cloud.use(settings)
    for form in (upload_form(api), native_form(by_image=True)):
        assert form["url"] == "https://api.cloudinary.com/v1_1/example/auto/upload"
        assert form["params"]["api_key"] == "874837483274837"
        assert form["params"]["notification_url"].startswith(f"{django_settings.PUBLIC_URL}/api/v1/")
        assert signs(form, cloud.SECRET)
