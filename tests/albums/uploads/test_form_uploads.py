"""An upload by Cloudinary's upload API is an image at once, and a client's claim adds its data (API: upload form)."""

import time
from functools import partial
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, Secret, User
from albums import sweeping
from images.models import Image
from images.storage import storage
from images.uploads.keys import organization_signer
from images.uploads.models import PartialUpload, Upload
from tests.albums.uploads import sending
from tests.albums.uploads.cloud import claim, uploaded
from tests.albums.uploads.sending import ALBUM, sent_by_form, upload_form
from tests.factories import jpeg
from tests.images.uploads.sending import send, send_part
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "/api/v1/albums/OTHER/images"
MAY_UPLOAD = {"Access": {"image_upload": True, "image_list": True}}
BLOCKED = [
    lambda: User.objects.update(is_active=False),
    lambda: Organization.objects.update(is_active=False),
    lambda: User.objects.get(email="ann@example.com").log_out_everywhere(),
]


def the_image() -> Image:
    return Image.objects.select_related("album", "uploader").get()


def test_an_upload_by_a_form_is_an_image_of_its_album_by_itself(api: Client, user: User) -> None:
    answer = sent_by_form(api, jpeg(64, 48))
    assert answer.status_code == 200
    image = the_image()
    assert (image.album.public_id, image.uploader, image.infos) == (ALBUM, user, answer.json())
    assert (image.processed, image.width) == (True, 64)
    assert [found["id"] for found in api.get(f"/api/v1/albums/{ALBUM}/images").json()] == [str(image.pk)]


def test_no_sweep_removes_it(api: Client) -> None:
    sent_by_form(api, jpeg())
    Upload.objects.update(created_at="2020-01-01T00:00Z")
    assert sweeping.remove_unclaimed() == 0
    assert storage.read(str(the_image().original)) == jpeg()


def test_its_claim_returns_the_same_image_with_what_the_client_sends(api: Client) -> None:
    answer = uploaded(api)
    before = the_image()
    more = {"location": {"latitude": 48.5, "longitude": 2.5}, "request_id": "x"}
    sent: dict[str, Any] = {"metadatas": {"floor": 2}, "title": "Façade", "description": "North", "tags": ["a", "b"]}
    image = claim(api, {**answer, **more}, **sent).json()
    assert (image["id"], image["infos"]) == (str(before.pk), {**answer, **more})
    assert (image["metadatas"], image["title"], image["description"]) == ({"floor": 2}, "Façade", "North")
    assert image["gps_html"] == [48.5, 2.5]
    assert image["updated_at"] > before.updated_at.isoformat()[:19]
    assert set(the_image().tag_names) == {"a", "b"}
    found = api.get(f"/api/v1/image_syncs?ids[]={before.pk}").json()[0]
    assert (found["metadatas"], found["tag_names"]) == ({"floor": 2}, ["a", "b"])


def test_only_the_first_claim_sets_data(api: Client) -> None:
    answer = uploaded(api)
    claim(api, answer, title="First")
    assert claim(api, answer, title="Second").json()["title"] == "First"
    assert Image.objects.count() == 1


def test_claims_at_once_are_one(api: Client) -> None:
    answer = uploaded(api)
    together([partial(claim, api, answer, title=f"Title {number}") for number in range(6)])
    assert str(the_image().title).startswith("Title ")


def test_a_claim_after_the_image_was_deleted_makes_no_second_one(api: Client) -> None:
    answer = uploaded(api)
    Image.objects.all().delete()
    assert claim(api, answer).status_code == 409
    assert not Image.objects.exists()


def test_a_claim_while_the_image_is_deleted_makes_no_second_one(api: Client, monkeypatch: Any) -> None:
    answer, changing = uploaded(api), Image.changing

    def deleted_first(image: Image) -> Any:
        Image.objects.filter(pk=image.pk).delete()
        return changing(image)

    monkeypatch.setattr(Image, "changing", deleted_first)
    assert claim(api, answer, title="Late").status_code == 409
    assert (Image.objects.filter(title="Late").exists(), Upload.objects.get().claim_due) == (False, True)


def test_the_forms_time_decides_and_not_the_tokens(api: Client) -> None:
    """Cloudinary takes a timestamp for an hour; the token in the form's address has ended by then."""
    form = upload_form(api)
    with time_machine.travel(form["expires_at"] + 1_800):
        path = form["url"].removeprefix("http://testserver")
        sent = Client().post(path, {**form["params"], "file": sending.picture_file(jpeg())})
    assert (sent.status_code, the_image().album.public_id) == (200, ALBUM)
    with time_machine.travel(form["expires_at"] + 3_700):
        late = Client().post(path, {**form["params"], "file": sending.picture_file(jpeg())})
    assert (late.status_code, Image.objects.count()) == (401, 1)


@pytest.mark.parametrize("end", BLOCKED, ids=["blocked", "inactive", "logged out"])
def test_a_form_of_a_person_without_rights_is_refused(api: Client, end: Any) -> None:
    form = upload_form(api)
    end()
    sent = Client().post(
        form["url"].removeprefix("http://testserver"), {**form["params"], "file": sending.picture_file(jpeg())}
    )
    assert (sent.status_code, list(sent.json())) == (401, ["error"])
    assert not Upload.objects.exists() and not Image.objects.exists()


def test_a_form_of_a_revoked_secret_is_refused(api_of: Any, secret: Secret) -> None:
    client = api_of(secret, abilities={ALBUM: MAY_UPLOAD})
    form = upload_form(client)
    path = form["url"].removeprefix("http://testserver")
    assert Client().post(path, {**form["params"], "file": sending.picture_file(jpeg())}).status_code == 200
    Secret.objects.update(revoked_at=timezone.now())
    assert Client().post(path, {**form["params"], "file": sending.picture_file(jpeg())}).status_code == 401
    assert Image.objects.count() == 1


@pytest.mark.parametrize("query", ["", "?", "?token=", "?token=x", "?token=a.b.c", "?other=1"])
def test_a_form_whose_address_holds_no_token_of_ours_is_refused(organization: Organization, query: str) -> None:
    url = f"http://testserver/api/v1/cloudinary{query}"
    assert send(organization_signer(organization.pk), notification_url=url).status_code == 401
    assert not Upload.objects.exists()


def test_a_token_of_another_organization_does_not_open_its_album(
    api: Client, organization: Organization, other_organization: Organization
) -> None:
    address = upload_form(api)["params"]["notification_url"]
    assert send(organization_signer(other_organization.pk), notification_url=address).status_code == 401
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "url", ["", "http://[", "http://a.example/api/v1/cloudinary?token=x", "http://testserver/", "x" * 3_000]
)
def test_an_upload_by_key_goes_to_the_album_of_uploads(organization: Organization, url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("sharinpix.fetching.post", lambda *args: None)
    assert send(organization_signer(organization.pk), notification_url=url).status_code == 200
    image = the_image()
    assert (image.album.public_id, image.album.organization, image.uploader) == ("uploads", organization, None)


def test_the_album_of_uploads_is_a_setting(organization: Organization, settings: Any) -> None:
    settings.UPLOAD_ALBUM = "new pictures"
    send(organization_signer(organization.pk))
    assert the_image().album.public_id == "new pictures"


def test_the_first_claim_moves_an_upload_by_key_and_keeps_its_id(
    api_of: Any, secret: Secret, organization: Organization
) -> None:
    """The token needs no ability in the album of uploads."""
    answer = send(organization_signer(organization.pk)).json()
    before = the_image()
    client = api_of(secret, abilities={"OTHER": MAY_UPLOAD})
    image = claim(client, answer, OTHER, title="Here").json()
    assert (image["id"], image["album_id"], image["title"]) == (str(before.pk), "OTHER", "Here")
    assert [found["id"] for found in client.get(OTHER).json()] == [str(before.pk)]
    assert not before.album.images.exists()
    assert (
        claim(api_of(secret, abilities={"THIRD": MAY_UPLOAD}), answer, "/api/v1/albums/THIRD/images").status_code == 401
    )


def test_an_upload_for_one_album_cannot_be_claimed_into_another_by_a_token_for_that_alone(
    api_of: Any, secret: Secret
) -> None:
    first = api_of(secret, abilities={ALBUM: MAY_UPLOAD})
    other = api_of(secret, abilities={"OTHER": MAY_UPLOAD})
    both = api_of(secret, abilities={ALBUM: MAY_UPLOAD, "OTHER": MAY_UPLOAD})
    answer = uploaded(first)
    for _ in range(2):
        refused = claim(other, answer, OTHER, title="Mine")
        assert (refused.status_code, refused.content) == (401, b"")
    assert (the_image().album.public_id, the_image().title) == (ALBUM, None)
    moved = claim(both, answer, OTHER, title="Ours").json()
    assert (moved["album_id"], moved["title"]) == ("OTHER", "Ours")
    assert claim(first, answer).status_code == 401


def test_a_batch_entry_moves_an_upload_by_key_and_none_of_another_album(
    api_of: Any, secret: Secret, organization: Organization, settings: Any
) -> None:
    settings.NATIVE_UPLOAD = True
    public_id = send(organization_signer(organization.pk)).json()["public_id"]
    theirs = uploaded(api_of(secret, abilities={ALBUM: MAY_UPLOAD}))["public_id"]
    token = api_of(secret, abilities={"OTHER": MAY_UPLOAD}).defaults["HTTP_AUTHORIZATION"].split('"')[1]
    sending.batch([{"token": token, "album": "OTHER", "public_id": name, "title": "T"} for name in (public_id, theirs)])
    albums = dict(Image.objects.values_list("delivery_id", "album__public_id"))
    assert albums == {public_id: "OTHER", theirs: ALBUM}


def test_an_upload_in_parts_is_an_image_when_it_is_whole(api: Client, organization: Organization) -> None:
    signer, whole = organization_signer(organization.pk), jpeg(200, 100)
    address = upload_form(api)["params"]["notification_url"]
    send_part(signer, "one", whole, 0, 300, notification_url=address)
    assert not Image.objects.exists()
    assert "token" not in str(PartialUpload.objects.values().get())
    send_part(signer, "one", whole, 300, len(whole), notification_url=address)
    send_part(signer, "one", whole, 300, len(whole), notification_url=address)
    assert (the_image().album.public_id, storage.read(str(the_image().original))) == (ALBUM, whole)


def test_an_upload_whose_image_cannot_be_made_leaves_nothing(api: Client, monkeypatch: Any) -> None:
    from albums.models import Album

    def fails(*args: Any, **options: Any) -> None:
        raise RuntimeError("no image")

    before = sending.stored()
    monkeypatch.setattr(Album, "add", fails)
    form = upload_form(api)
    client = Client(raise_request_exception=False)
    sent = client.post(
        form["url"].removeprefix("http://testserver"), {**form["params"], "file": sending.picture_file(jpeg())}
    )
    assert (sent.status_code, Upload.objects.count(), sending.stored()) == (500, 0, before)


def test_a_clients_claim_still_sets_the_data_of_an_image_of_a_webhook(
    api: Client, organization: Organization, settings: Any
) -> None:
    from tests.albums.uploads import cloud

    cloud.use(settings)
    address = upload_form(api)["params"]["notification_url"].removeprefix("http://testserver")
    assert (
        Client()
        .post(address, **cloud.notified(cloud.answer(), signer=organization_signer(organization.pk)))
        .status_code
        == 201
    )
    image = claim(api, cloud.answer(), title="Here", metadatas={"a": 1}).json()
    assert (image["title"], image["metadatas"], Image.objects.count()) == ("Here", {"a": 1}, 1)


def test_duplicates_are_told_in_the_album_where_the_image_comes_to_stand(
    api: Client, organization: Organization
) -> None:
    twin = claim(api, uploaded(api), OTHER).json()["id"]
    time.sleep(0.01)
    answer = send(organization_signer(organization.pk), jpeg(640, 480)).json()
    assert claim(api, answer, OTHER).json()["infos"]["duplicate_of"] == twin


@pytest.mark.parametrize("title", ["\0", "a" * 5_000, "\u202e<script>"])
def test_texts_of_a_claim_are_taken_as_they_are(api: Client, title: str) -> None:
    assert claim(api, uploaded(api), title=title).json()["title"] in (title, None)


def test_a_claim_may_name_a_form_address_in_any_case(organization: Organization, api: Client) -> None:
    address = upload_form(api)["params"]["notification_url"]
    shouted = address.replace("http://testserver", "HTTP://TESTSERVER")
    assert send(organization_signer(organization.pk), notification_url=shouted).status_code == 200
    assert the_image().album.public_id == ALBUM
