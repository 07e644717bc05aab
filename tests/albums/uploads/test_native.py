"""Native uploads: the app uploads first, and says in a batch later what is to become of it."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import jwt
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, Secret, User
from albums.uploads.models import DroppedUpload
from albums.uploads.native import moment_in
from images.models import Image, Tag
from images.uploads.models import Upload
from tests.albums.uploads import cloud
from tests.albums.uploads.sending import ALBUM, announced, batch, native_upload, sent_by_form
from tests.factories import jpeg, secret_token, user_token
from tests.fuzzing import examples
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
BATCH = "/api/v1/native_upload/batch"


@pytest.fixture(autouse=True)
def _switched_on(native_on: None) -> None:
    """NATIVE_UPLOAD=1."""


@pytest.fixture
def token(user: User) -> str:
    return user_token(user)


def sent(entries: Any) -> None:
    """Sends a batch, which is answered in the one documented way."""
    answer = batch(entries)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"", "text/html")


def uploaded() -> str:
    return str(native_upload(jpeg(64, 48))["public_id"])


def reasons() -> list[str]:
    return list(DroppedUpload.objects.order_by("created_at").values_list("reason", flat=True))


def test_an_entry_makes_an_image_of_an_upload(token: str, organization: Organization, user: User) -> None:
    answer = native_upload(jpeg(64, 48))
    entry = {
        "token": token,
        "public_id": answer["public_id"],
        "album_id": ALBUM,
        "title": "Roof",
        "description": "From the street",
        "tags": ["a", "b"],
        "auto_tag": "c",
        "exifs": {"Make": "Phone"},
        "datetime": "2019-04-08T19:38:56+02:00",
        "location": {"latitude": 48.8, "longitude": "2.3"},
        "metadatas": {"floor": 2},
    }
    sent([entry])
    image = Image.objects.get()
    assert (image.album.public_id, image.album.organization, image.uploader) == (ALBUM, organization, user)
    assert (image.title, image.description, image.metadatas) == ("Roof", "From the street", {"floor": 2})
    assert set(image.tag_names) == {"a", "b", "c"}
    assert (image.exifs, image.infos) == ({"Make": "Phone"}, answer)
    assert image.taken_at == datetime(2019, 4, 8, 17, 38, 56, tzinfo=UTC)
    assert image.gps_html == (48.8, 2.3)
    assert image.processed
    assert Upload.objects.get().organization == organization
    assert reasons() == []


def test_a_batch_is_a_list_an_object_with_a_list_or_one_entry(token: str) -> None:
    first, second, third = uploaded(), uploaded(), uploaded()
    sent([{"token": token, "album": ALBUM, "public_id": first}])
    sent({"token": token, "album": ALBUM, "title": "All", "images": [{"public_id": second, "title": "Own"}]})
    sent({"token": token, "album": ALBUM, "public_id": third})
    assert Image.objects.count() == 3
    assert Image.objects.get(delivery_id=second).title == "Own"
    assert reasons() == []


@pytest.mark.parametrize(
    "named",
    [
        lambda upload: {"public_id": upload.public_id},
        lambda upload: {"cloudinary": {"public_id": upload.public_id}},
        lambda upload: {"cloudinary_public_id": upload.public_id},
        lambda upload: {"key": upload.original},
        lambda upload: {"storage_key": upload.original},
    ],
)
def test_an_upload_is_named_by_its_public_id_or_its_key(token: str, named: Any) -> None:
    uploaded()
    sent({"token": token, "album": ALBUM, **named(Upload.objects.get())})
    assert Image.objects.count() == 1


def test_a_storage_file_is_named_by_its_key(token: str, api: Client) -> None:
    content = jpeg()
    parameters = announced(api, len(content))["upload_parameters"]
    path = parameters["url"].removeprefix("http://testserver")
    Client().post(path, {**parameters["fields"], "file": SimpleUploadedFile("a.jpg", content)})
    sent({"token": token, "album": ALBUM, "key": parameters["fields"]["key"]})
    assert Image.objects.count() == 1
    assert reasons() == []


def test_the_same_batch_again_makes_no_second_image(token: str) -> None:
    entry = {"token": token, "album": ALBUM, "public_id": uploaded()}
    for _ in range(3):
        sent([entry, entry])
    assert Image.objects.count() == 1
    assert reasons() == []


def test_the_same_batch_twice_at_once_makes_one_image(token: str) -> None:
    for _ in range(5):
        entry = {"token": token, "album": ALBUM, "public_id": uploaded(), "tags": ["a"]}
        together([partial(sent, [entry])] * 2)
    assert Image.objects.count() == 5
    assert reasons() == []


def test_one_bad_entry_does_not_harm_the_others(token: str) -> None:
    good, other = uploaded(), uploaded()
    entries = [{"public_id": good}, {"public_id": "unknown"}, 5, None, "x", {"public_id": other}]
    sent({"token": token, "album": ALBUM, "images": entries})
    assert Image.objects.count() == 2
    assert reasons() == [*["It is no object."] * 3, "The upload that it names is not here."]
    assert DroppedUpload.objects.order_by("created_at").first().entry == {"entry": 5}  # type: ignore[union-attr]


DROPS: dict[str, dict[str, Any]] = {
    "token": {"token": "rubbish"},
    "token ": {"token": None},
    "token  ": {"token": 5},
    "token   ": {"token": "a\ud800b"},
    "album": {"album": ""},
    "album ": {"album": 5},
    "slash": {"album": "a/b"},
    "names no upload": {"public_id": ""},
    "names no upload ": {"public_id": ["a"]},
    "not here": {"public_id": "x" * 3_000},
    "title must be a text": {"title": 5},
    "description must": {"description": ["x"]},
    "tags must": {"tags": {"a": 1}},
    "tags must ": {"tags": [5]},
    "at most 255": {"tags": ["x" * 256]},
    "at most 100": {"tags": [f"t{number}" for number in range(101)]},
    "exifs must": {"exifs": "x"},
    "metadatas must": {"metadatas": [1]},
}


@pytest.mark.parametrize("reason", DROPS)
def test_what_cannot_be_used_is_kept_with_its_reason_but_without_its_token(reason: str, token: str) -> None:
    entry = {"token": token, "album": ALBUM, "public_id": uploaded(), **DROPS[reason]}
    sent([entry])
    assert not Image.objects.exists()
    if "\ud800" in str(entry["token"]):  # no JSON of ours
        assert DroppedUpload.objects.count() == 1
        return
    dropped = DroppedUpload.objects.get()
    assert reason.strip() in dropped.reason
    assert dropped.entry == {name: value for name, value in entry.items() if name != "token"}
    assert token not in dropped.reason
    assert (dropped.organization is None) is reason.startswith("token")
    assert Upload.objects.get().claimed_at is None


BODIES = [b"", b"[", b"5", b'"x"', b"null", b"\xff\xfe", b"NaN", b"[" * 1_500, b'{"images": 5}', b"[" * 60 + b"]" * 60, b"x" * 2_600_000,
          json.dumps([{}] * 1_001).encode()]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_a_batch_that_is_none_is_noted(body: bytes, db: None) -> None:
    answer = Client().post(BATCH, {"file": SimpleUploadedFile("b.json", body)}) if body else Client().post(BATCH)
    assert (answer.status_code, answer.content) == (200, b"")
    assert DroppedUpload.objects.count() == 1


def test_an_empty_batch_asks_for_nothing(db: None) -> None:
    sent([])
    sent({"images": []})
    assert reasons() == []


def test_a_batch_may_come_as_a_field(token: str) -> None:
    entry = {"token": token, "album": ALBUM, "public_id": uploaded()}
    assert Client().post(BATCH, {"file": json.dumps([entry])}).status_code == 200
    assert Image.objects.count() == 1


def test_a_batch_in_any_other_body_is_answered_the_same(db: None) -> None:
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = Client(raise_request_exception=False).post(BATCH, b"[1", content_type=content_type)
        assert (answer.status_code, answer.content) == (200, b""), content_type
    for body in (b"[1]", b'{"file": 5}', b'{"file": [{}]}', b"{}"):
        answer = Client(raise_request_exception=False).post(BATCH, body, content_type="application/json")
        assert answer.status_code == 200, body
    files = {f"f{number}": SimpleUploadedFile("a", b"x") for number in range(150)}
    assert Client(raise_request_exception=False).post(BATCH, files).status_code == 200
    assert DroppedUpload.objects.count() == 9


def test_an_expired_or_foreign_token_claims_nothing(
    user: User, secret: Secret, other_organization: Organization
) -> None:
    public_id = uploaded()
    tokens = [
        secret_token(secret, admin=True, exp=1),
        jwt.encode({"iss": str(secret.pk), "admin": True}, "x" * 32, algorithm="HS256"),
        secret_token(secret, abilities={ALBUM: {"Access": {"image_list": True}}}),
        secret_token(secret, organization_id=str(user.organization_id), album_id=ALBUM),
    ]
    sent([{"token": token, "album": ALBUM, "public_id": public_id} for token in tokens])
    assert not Image.objects.exists()
    assert len(reasons()) == 4
    assert DroppedUpload.objects.filter(organization=user.organization).count() == 1
    sent(
        {
            "token": secret_token(secret, abilities={ALBUM: {"Access": {"image_upload": True}}}),
            "album": ALBUM,
            "public_id": public_id,
        }
    )
    assert Image.objects.count() == 1


def test_an_upload_of_another_organization_is_not_here(api: Client, other_organization: Organization) -> None:
    public_id = sent_by_form(api, jpeg()).json()["public_id"]
    other = User.objects.create_user("o@example.com", "correct horse 7", organization=other_organization)
    sent({"token": user_token(other), "album": ALBUM, "public_id": public_id})
    assert reasons() == ["The upload that it names is not here."]
    assert Image.objects.get().album.organization != other_organization


def test_once_claimed_a_native_upload_is_nobody_elses(token: str, other_organization: Organization) -> None:
    public_id = uploaded()
    other = User.objects.create_user("o@example.com", "correct horse 7", organization=other_organization)
    for claimer in (token, user_token(other)):
        sent({"token": claimer, "album": ALBUM, "public_id": public_id})
    assert Image.objects.count() == 1
    assert reasons() == ["The upload that it names is not here."]


@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("get", "?app_version=2"), ("post", "/image"), ("post", "/batch"), ("put", "")]
)
def test_without_the_switch_there_is_no_such_route(method: str, path: str, settings: Any, token: str) -> None:
    settings.NATIVE_UPLOAD = False
    answer = getattr(Client(), method)(f"/api/v1/native_upload{path}")
    assert (answer.status_code, answer.headers["X-message"]) == (404, "Native uploads are switched off here.")
    answer = batch([{"token": token, "album": ALBUM, "public_id": "x"}])
    assert answer.status_code == 404
    assert not DroppedUpload.objects.exists()


def bytes_kept() -> int:
    rows = DroppedUpload.objects.values_list("entry", "reason", "album_name")
    return sum(len(json.dumps(entry)) + len(reason) + len(album) for entry, reason, album in rows)


def test_what_entries_have_in_common_is_kept_once_and_cut(token: str, organization: Organization) -> None:
    common = {"metadatas": {"note": "x" * 200_000}, "album": ALBUM}
    sent({**common, "images": [{"number": number} for number in range(100)]})
    assert bytes_kept() < 30_000
    DroppedUpload.objects.all().delete()
    sent({**common, "token": token, "images": [{"number": number} for number in range(100)]})
    assert bytes_kept() < 40_000
    rows = DroppedUpload.objects.filter(organization=organization, album_name=ALBUM)
    assert rows.count() == 100
    assert [row.entry for row in rows.order_by("created_at")[1:]] == [{"number": number} for number in range(1, 100)]


def test_common_values_stand_in_the_first_entry_that_was_dropped(token: str) -> None:
    sent({"token": token, "title": "Roof", "images": [{"public_id": "a"}, {"public_id": "b"}]})
    assert [row.entry for row in DroppedUpload.objects.order_by("created_at")] == [
        {"public_id": "a", "title": "Roof"},
        {"public_id": "b"},
    ]


def test_of_entries_without_a_token_the_first_few_are_kept_and_the_rest_counted(db: None) -> None:
    for entry in ({}, 5, {"token": "x"}):
        DroppedUpload.objects.all().delete()
        sent([entry] * 1_000)
        assert DroppedUpload.objects.count() == 11
        assert reasons()[-1] == "990 more entries of a batch had no valid token."
        assert bytes_kept() < 2_000


def test_a_long_entry_is_cut(token: str) -> None:
    sent([{"token": token, "album": ALBUM, "title": "é" * 100_000}])
    (row,) = DroppedUpload.objects.all()
    assert list(row.entry) == ["cut"]
    assert bytes_kept() < 140_000
    assert row.entry["cut"].startswith('{"album":"001A0000","title":"é')


def test_a_common_part_that_is_nested_too_deep_is_not_read(token: str) -> None:
    body = '{"images": [{}], "a": ' + "[" * 60 + "]" * 60 + "}"
    assert Client().post(BATCH, {"file": SimpleUploadedFile("b.json", body.encode())}).status_code == 200
    assert reasons() == ["A batch has at most 1,000 entries, nested 50 levels deep."]


def test_batches_count_against_what_an_address_has_today(token: str, settings: Any) -> None:
    settings.NATIVE_REQUESTS_PER_DAY = 1
    sent([{}])
    answer = batch([{"token": token, "album": ALBUM, "public_id": "x"}])
    assert (answer.status_code, "today" in answer.headers["X-message"]) == (429, True)
    assert int(answer.headers["Retry-After"]) > 0
    settings.NATIVE_REQUESTS_PER_DAY, settings.NATIVE_BYTES_PER_DAY = 1_000, 2_000
    assert [batch(["x" * 1_000]).status_code for _ in range(2)] == [200, 429]


def test_tags_that_a_token_may_not_make_are_left_out_and_noted(secret: Secret, organization: Organization) -> None:
    Tag.objects.create(organization=organization, name="known")
    abilities = {ALBUM: {"Access": {"image_upload": True}}, "tags": {"auto_tag": ["auto"]}}
    entry = {"album": ALBUM, "public_id": uploaded(), "tags": "known, new", "auto_tag": ["auto"]}
    sent({"token": secret_token(secret, abilities=abilities), **entry})
    assert set(Image.objects.get().tag_names) == {"known", "auto"}
    assert reasons() == ["Its token may not make the tags new; the image is there without them."]


def test_an_image_that_was_deleted_does_not_come_back(token: str) -> None:
    entry = {"token": token, "album": ALBUM, "public_id": uploaded()}
    sent(entry)
    Image.objects.all().delete()
    sent(entry)
    assert not Image.objects.exists()


def test_a_batch_after_the_notification_of_cloudinary_makes_its_image(token: str, settings: Any) -> None:
    cloud.use(settings)
    assert Client().post("/api/v1/native_upload/image", **cloud.notified(cloud.answer())).status_code == 201
    sent({"token": token, "album": ALBUM, "public_id": "abcd"})
    image = Image.objects.get()
    assert (image.delivery_id, image.width, image.processed) == ("abcd", 1_024, True)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-04-08T19:38:56+02:00", datetime(2019, 4, 8, 17, 38, 56, tzinfo=UTC)),
        ("2019-04-08T19:38:56", datetime(2019, 4, 8, 19, 38, 56, tzinfo=UTC)),
        ("2019-04-08 19:38:56Z", datetime(2019, 4, 8, 19, 38, 56, tzinfo=UTC)),
        ("2019:04:08 19:38:56", datetime(2019, 4, 8, 19, 38, 56, tzinfo=UTC)),
        *((odd, None) for odd in ("", "now", "2019-02-30T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
          "0000:00:00 00:00:00", "2" * 65, 5, None, ["2019-04-08T19:38:56"], "2019-04-08T19:38:56+99:99")),
    ],
)  # fmt: skip
def test_a_time_without_an_offset_is_utc(text: object, moment: datetime | None) -> None:
    assert moment_in(text) == moment


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10) | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "a/b", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = ["album", "album_id", "title", "description", "tags", "auto_tag", "exifs", "datetime", "location", "metadatas", "key",
         "cloudinary", "token", "images"]  # fmt: skip


@given(entry=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), lost=st.booleans())
@examples(60)
def test_whatever_an_entry_says_the_answer_is_the_same(
    entry: dict[str, Any], lost: bool, token: str, api: Client
) -> None:
    before = DroppedUpload.objects.count() + Image.objects.count()
    sent([{"token": token, "album": ALBUM, "public_id": "none" if lost else uploaded(), **entry}])
    assert DroppedUpload.objects.count() + Image.objects.count() >= before + 1
    assert api.get("/api/v1/image_syncs").status_code == 200


def test_the_album_of_an_entry_is_read_where_its_id_is_missing(token: str) -> None:
    sent([{"token": token, "public_id": uploaded(), "album_id": ALBUM, "album": {"id": ALBUM}}])
    sent([{"token": token, "public_id": uploaded(), "album_id": "", "album": ALBUM}])
    assert (Image.objects.filter(album__public_id=ALBUM).count(), reasons()) == (2, [])


def test_a_batch_that_is_sent_again_drops_nothing_whatever_else_it_says(token: str) -> None:
    entry = {"token": token, "public_id": uploaded(), "album_id": ALBUM}
    sent([entry])
    sent([{**entry, "title": 5, "tags": 7}])
    assert (Image.objects.count(), reasons()) == (1, [])


def test_a_denied_entry_is_noted_as_denied_whatever_else_it_says(secret: Secret) -> None:
    entry = {"token": secret_token(secret), "public_id": uploaded(), "album_id": ALBUM, "title": 5}
    sent([entry])
    assert reasons() == ["Its token may not do that."]
