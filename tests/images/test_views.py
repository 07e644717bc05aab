"""GET and POST /api/v1/image_syncs: which images, in what order, and as what document."""

import itertools
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization, Secret, User
from albums.models import Album
from images.models import Image
from tests.factories import bearer, login_key, make_album, make_image, secret_token, user_token
from tests.images.resyncs import ids_of
from tests.payloads import assert_same_payload

URL = "/api/v1/image_syncs"
DOCUMENT = Path(__file__).parent.parent / "albums" / "data" / "image_syncs.json"
SIGNATURES = re.compile(rb"s--[\w-]{8}--|(?<=[?&]s=)[0-9a-f]{7}|(?<=thumbnails/)\w+-[0-9a-f]{11}(?=\.jpg)")


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization, "album")


def ids_in(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [image["id"] for image in response.json()]


def ask(client: Client, *ids: object, **query: str) -> list[str]:
    return ids_in(client.get(URL, {"ids[]": [str(value) for value in ids], **query}))


# The document


@pytest.fixture
def _recorded_server(settings: Any) -> None:
    """The settings of the server that recorded the document; TIME_ZONE is that of all tests."""
    settings.DELIVERY, settings.DELIVERY_URL = "cloudinary", "https://res.cloudinary.com"
    settings.CLOUD_NAME, settings.DELIVERY_KEYS = "sadaasdasd", ["abcd"]
    settings.PUBLIC_URL, settings.PROXY_URL = "https://localhost", "https://sharinpix-proxy-dev.herokuapp.com"


def masked(document: bytes) -> bytes:
    """Without its signatures, which the recorded server made with other keys."""

    def mask(found: re.Match[bytes]) -> bytes:
        kind, hyphen, _ = found[0].rpartition(b"-") if not found[0].endswith(b"--") else (b"", b"", b"")
        return kind + hyphen + b"*" * (len(found[0]) - len(kind + hyphen))

    return SIGNATURES.sub(mask, document.replace(rb"\u0026", b"&"))


@pytest.mark.usefixtures("_recorded_server")
def test_an_answer_that_was_imported_comes_back_byte_for_byte(api: Client) -> None:
    """But for the signatures, whatever the order of the ids, with the recorded length."""
    call_command("import_syncs", str(DOCUMENT), stdout=StringIO())
    recorded = DOCUMENT.read_bytes()
    assert len(SIGNATURES.findall(recorded.replace(rb"\u0026", b"&"))) == 4 * (1 + 2 + 3 * 2 + 5)
    ids = [image["id"] for image in json.loads(recorded)]
    for order in itertools.permutations(ids):
        response = api.get(URL, {"ids[]": order})
        assert_same_payload(json.loads(masked(response.content)), json.loads(masked(recorded)))
        assert masked(response.content) == masked(recorded)
        assert response.headers["Content-Length"] == "11733"
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.usefixtures("_recorded_server")
def test_importing_twice_changes_no_byte_of_the_answer(api: Client) -> None:
    call_command("import_syncs", str(DOCUMENT), stdout=StringIO())
    before = api.get(URL).content
    call_command("import_syncs", str(DOCUMENT), stdout=StringIO())
    after = api.get(URL).content
    assert_same_payload(json.loads(after), json.loads(before))
    assert after == before
    assert Image.objects.count() == 4


def test_a_post_answers_byte_for_byte_what_a_get_answers(api: Client, album: Album) -> None:
    images = [make_image(album) for _ in range(3)]
    got = api.get(URL, {"ids[]": ids_of(*images)})
    posted = api.post(URL, {"ids": ids_of(*images)}, content_type="application/json")
    assert_same_payload(posted.json(), got.json())
    assert posted.content == got.content
    assert posted.headers["X-token"]


@pytest.mark.parametrize("path", [URL, URL + "/"])
def test_the_path_may_end_in_a_slash(api: Client, album: Album, path: str) -> None:
    image = make_image(album)
    assert ids_in(api.get(path)) == ids_of(image)
    assert ids_in(api.post(path, {"ids": ids_of(image)}, content_type="application/json")) == ids_of(image)


def test_a_head_request_has_the_headers_of_a_get_and_no_body(api: Client, album: Album) -> None:
    make_image(album)
    got, headed = api.get(URL), api.head(URL)
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["Content-Length"] == got.headers["Content-Length"]
    assert headed.headers["X-token"]


def test_the_characters_that_pages_mind_are_escaped_and_others_are_not(api: Client, album: Album) -> None:
    make_image(album, title="<b>&é\u2028☃")
    assert '"title":"\\u003cb\\u003e\\u0026é\u2028☃"'.encode() in api.get(URL).content


# The order


def test_images_come_by_album_then_position_whatever_the_order_of_the_ids(
    api: Client, organization: Organization
) -> None:
    first, second = make_album(organization, "z"), make_album(organization, "a")
    b, a = make_image(second, position=2), make_image(second, position=1)
    d, c = make_image(first, position=4), make_image(first, position=3)
    expected = ids_of(c, d, a, b)
    assert ask(api, a.pk, b.pk, c.pk, d.pk) == expected
    assert ask(api, d.pk, b.pk, a.pk, c.pk) == expected
    assert ids_in(api.get(URL)) == expected


def test_positions_that_tie_fall_to_the_time_of_creation_and_then_to_the_id(api: Client, album: Album) -> None:
    now = timezone.now()
    lowest, low, high = (uuid.UUID(int=number) for number in (1, 2, 3))
    late = make_image(album, position=0, created_at=now, id=lowest)
    second = make_image(album, position=0, created_at=now - timedelta(microseconds=1), id=high)
    first = make_image(album, position=0, created_at=now - timedelta(microseconds=1), id=low)
    negative = make_image(album, position=-(2**62), created_at=now)
    assert ids_in(api.get(URL)) == ids_of(negative, first, second, late)


def test_an_id_that_is_named_twice_is_answered_once(api: Client, album: Album) -> None:
    image = make_image(album)
    assert ask(api, image.pk, image.pk, image.pk) == ids_of(image)


# Who sees what


def test_what_may_not_be_seen_is_absent_just_like_what_does_not_exist(
    api: Client, album: Album, other_organization: Organization
) -> None:
    seen = make_image(album)
    trashed = make_image(album, trashed_at=timezone.now())
    foreign = make_image(make_album(other_organization, "album"))
    answers = {api.get(URL, {"ids[]": [str(pk)]}).content for pk in (trashed.pk, foreign.pk, uuid.uuid4())}
    assert answers == {b"[]"}
    assert ask(api, trashed.pk, seen.pk, foreign.pk, uuid.uuid4()) == ids_of(seen)
    assert ids_in(api.get(URL)) == ids_of(seen)


def test_a_secret_sees_the_albums_that_its_token_lists(
    api_of: Callable[..., Client], secret: Secret, album: Album
) -> None:
    listed, unlisted = make_image(album), make_image(make_album(album.organization, "other"))
    client = api_of(
        secret, abilities={"album": {"Access": {"image_list": True}}, "gone": {"Access": {"image_list": True}}}
    )
    assert ask(client, listed.pk, unlisted.pk) == ids_of(listed)
    assert ids_in(client.get(URL)) == ids_of(listed)
    assert ids_in(client.get(URL, {"album_id": "other"})) == []


@pytest.mark.parametrize("granted", [False, None, "true", 1, "1", {}, [True]])
def test_only_true_lists_an_album(api_of: Callable[..., Client], secret: Secret, album: Album, granted: Any) -> None:
    image = make_image(album)
    client = api_of(secret, abilities={"album": {"Access": {"image_list": granted, "see": True}}})
    assert ask(client, image.pk) == []


def test_an_album_of_the_same_name_elsewhere_stays_hidden(
    api_of: Callable[..., Client], secret: Secret, other_organization: Organization
) -> None:
    make_image(make_album(other_organization, "album"))
    assert ids_in(api_of(secret, abilities={"album": {"Access": {"image_list": True}}}).get(URL)) == []


@pytest.mark.parametrize(("admin", "sees"), [(True, True), (False, False), ("true", False), (1, False)])
def test_an_admin_secret_sees_its_own_organization_and_no_further(
    api_of: Callable[..., Client],
    secret: Secret,
    album: Album,
    other_organization: Organization,
    admin: Any,
    sees: bool,
) -> None:
    own, foreign = make_image(album), make_image(make_album(other_organization))
    assert ask(api_of(secret, admin=admin), own.pk, foreign.pk) == (ids_of(own) if sees else [])


def test_a_token_that_may_see_nothing_gets_an_empty_array(
    api_of: Callable[..., Client], secret: Secret, album: Album
) -> None:
    image = make_image(album)
    for response in (api_of(secret).get(URL), api_of(secret).get(URL, {"ids[]": ids_of(image)})):
        assert (response.status_code, response.content) == (200, b"[]")
        assert "Link" not in response.headers
        assert response.headers["X-token"]


def test_a_person_is_not_limited_by_the_abilities_of_the_token(user: User, album: Album) -> None:
    from tests.factories import sign

    image = make_image(album)
    now = int(timezone.now().timestamp())
    token = sign({"exp": now + 60, "iat": now, "user_id": str(user.pk), "abilities": {}}, login_key(user))
    assert ids_in(Client(headers={"Authorization": bearer(token)}).get(URL)) == ids_of(image)


# The cost


def furnish(album: Album, count: int, user: User) -> None:
    for number in range(count):
        make_image(album, uploader=user).tag(["everywhere", f"tag {number}"])


@pytest.mark.parametrize("kind", ["person", "secret"])
@pytest.mark.parametrize("method", ["ids", "page", "post"])
def test_fifty_images_take_as_many_queries_as_one(user: User, secret: Secret, kind: str, method: str) -> None:
    albums = [make_album(user.organization, f"album {number}") for number in range(5)]
    abilities = {album.public_id: {"Access": {"image_list": True}} for album in albums}
    token = user_token(user) if kind == "person" else secret_token(secret, abilities=abilities)
    client = Client(headers={"Authorization": bearer(token)})
    client.get(URL)  # notes the use of the secret, once an hour

    def queries() -> int:
        ids = [str(pk) for pk in Image.objects.values_list("pk", flat=True)]
        with CaptureQueriesContext(connection) as captured:
            if method == "post":
                response = client.post(URL, {"ids": ids}, content_type="application/json")
            else:
                response = client.get(URL, {"ids[]": ids} if method == "ids" else {})
        assert len(ids_in(response)) == Image.objects.count()
        return len(captured)

    furnish(albums[0], 1, user)
    for_one = queries()
    for album in albums:
        furnish(album, 10, user)
    assert queries() == for_one <= 3  # the token, the order, the texts


def test_an_empty_list_of_ids_asks_for_no_image(api: Client, album: Album) -> None:
    make_image(album)
    with CaptureQueriesContext(connection) as captured:
        assert ids_in(api.post(URL, {"ids": []}, content_type="application/json")) == []
    assert len(captured) == 1


# Text


NAUGHTY = [
    "undefined", "null", "None", "true", "NaN", "-1", "0x10", "1e999", "１２３", "٣", "1/2", "$1.00",
    "' OR 1=1--", "1; DROP TABLE images_image", "'; EXEC xp_cmdshell --", "\\", "\\\\", "\\0", "\\u0000", "%", "%00",
    "%s %d %(a)s", "{0} {{}}", "${HOME}", "{{ 7*7 }}", "<script>alert(1)</script>", "</script>&amp;", "<!--", "]]>",
    "javascript:alert(1)", "../../etc/passwd", "..\\..\\", "C:\\con", "file.jpg.exe", "a;b,c", '"quoted"', "'", '"', "`",
    "line\nbreak", "carriage\rreturn", "tab\tand\x0b\x0c", "\x01\x1f\x7f", "\x85\xa0\xad", "\ufeffBOM", "\u200b\u200e\u202eevil",
    "\u2028\u2029", "\ufffe\uffff", "é", "e\u0301", "Å", "ﬃ", "ß", "İı", "田中さん", "الكل في", "שלום", "Ṱ̺̺̕o͞ ̷i̲", "👩‍👩‍👧‍👦🇫🇷",
    "\U0010ffff", "𝕿𝖍𝖊", " leading and trailing ", "a" * 255, "é" * 255, "&#60;", "+1 + 2", "?a=b#c", "~", "*", "[]", "😀" * 60,
]  # fmt: skip


@pytest.mark.parametrize("text", NAUGHTY, ids=range(len(NAUGHTY)))
def test_naughty_text_comes_back_as_it_was_given(api: Client, organization: Organization, text: str) -> None:
    """Titles, tags, filenames and metadata take anything; an album's id what fits in a segment of a path."""
    segment = "".join(c for c in text if c != "/" and ord(c) >= 32 and ord(c) != 127) or "x"
    album = Album.objects.named(organization.pk, segment)
    facts = {"original_filename": text, text: [text, {text: text}]}
    image = make_image(album, title=text, description=text, filename=text, infos=facts, metadatas=facts)
    image.tag([text])
    [answer] = api.get(URL, {"album_id": segment}).json()
    assert [answer[name] for name in ("title", "description", "filename", "album_id", "tag_names")] == [
        text,
        text,
        text,
        segment,
        [text],
    ]
    assert answer["infos"] == answer["metadatas"] == facts
    assert ids_in(api.post(URL, {"album_id": segment}, content_type="application/json")) == ids_of(image)


@pytest.mark.parametrize("depth", [100, 240, 252, 254])
def test_facts_of_any_depth_that_are_stored_can_be_answered(api: Client, album: Album, depth: int) -> None:
    nested: Any = "x"
    for _ in range(depth):
        nested = [nested]
    try:
        with transaction.atomic():
            make_image(album, infos={"a": nested})
    except TypeError:
        assert not Image.objects.exists()
    else:
        assert api.get(URL).json()[0]["infos"] == {"a": nested}


def test_numbers_keep_their_notation(api: Client, album: Album) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 6_000, tzinfo=UTC)
    facts = {"int": 1, "float": 1.0, "long": 48.861934399999996, "big": 2**53 + 1, "tiny": 1e-7}
    make_image(album, infos=facts, crop_x=3, created_at=now)
    content = api.get(URL).content.decode()
    assert '"infos":{"int":1,"float":1.0,"long":48.861934399999996,"big":9007199254740993,"tiny":1e-7}' in content
    assert '"crop_x":3.0,"crop_y":0.0' in content
    assert '"created_at":"2026-01-02T04:04:05.006+01:00"' in content
