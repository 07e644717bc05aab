"""Who may do what: every route, asked by every kind of client for the data of one organization.

A route without a row in CASES fails. What is denied leaves nothing behind and shows nothing.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import orjson
import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver

from images.delivery import signed_urls
from images.delivery.signing import answer_signature
from images.uploads.keys import organization_signer
from tests.accounts.holders import assert_denied
from tests.factories import jpeg
from tests.images.links import signed
from tests.principals import (
    ALBUM,
    EVERYONE,
    OURS,
    PASSWORD,
    SEES,
    THEIRS,
    UPLOADS,
    Principal,
    World,
    changed,
    failures,
    rows,
    rows_of,
    shown,
    world,
)

Send = Callable[[World, Principal], dict[str, Any]]


class Case(NamedTuple):
    """One request. `may` do it, and are answered `status`. `own` are answered the same about their own organization
    alone; `empty` get `hidden`, an answer that tells nothing. All others get `refusal`: 0 is the denial of the API.
    `kept` are the tables in which a refusal may leave rows."""

    route: str
    method: str
    path: Callable[[World, Principal], str]
    may: set[str]
    send: Send = lambda world, principal: {}
    status: int = 200
    own: set[str] = set()
    empty: set[str] = set()
    hidden: int = 200
    refusal: int = 0
    kept: set[str] = set()

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def at(path: str) -> Callable[[World, Principal], str]:
    """A path below which nothing depends on the world."""
    return lambda world, principal: path


def json(**fields: Any) -> Send:
    return lambda world, principal: {"data": orjson.dumps(fields), "content_type": "application/json"}


def posted_ids(world: World, principal: Principal) -> dict[str, Any]:
    return json(ids=[str(world.ours.image.pk)])(world, principal)


def picture(world: World, principal: Principal) -> dict[str, Any]:
    return {"data": {"file": SimpleUploadedFile("a.jpg", jpeg())}}


def answer_of(world: World) -> dict[str, Any]:
    """The answer to our upload, as its uploader got it."""
    signature = answer_signature("uploaded", 1, organization_signer(world.ours.organization.pk).secrets[0])
    return {"public_id": "uploaded", "version": 1, "signature": signature}


def claim(world: World, principal: Principal) -> dict[str, Any]:
    return json(cloudinary=answer_of(world), metadatas={})(world, principal)


def notification(world: World, principal: Principal) -> dict[str, Any]:
    body, moment = orjson.dumps(answer_of(world)), str(int(time.time()))
    signature = organization_signer(world.ours.organization.pk).notification_signature(body, moment)
    headers = {"X-Cld-Timestamp": moment, "X-Cld-Signature": signature}
    return {"data": body, "content_type": "application/json", "headers": headers}


def batch_of(name: str) -> Send:
    def send(world: World, principal: Principal) -> dict[str, Any]:
        entry = {"token": principal.token, "public_id": getattr(world, name).public_id, "album_id": ALBUM}
        return {"data": {"file": SimpleUploadedFile("batch.json", orjson.dumps([entry]))}}

    return send


def login(world: World, principal: Principal) -> dict[str, Any]:
    return json(email=principal.email, password=PASSWORD)(world, principal)


def link(world: World, principal: Principal) -> str:
    return signed_urls.current_delivery().thumbnail_path(str(world.ours.image.pk), "full")


def proxied(world: World, principal: Principal) -> str:
    url = signed_urls.current_delivery().proxy_url(str(world.ours.image.pk), "full", "a.jpg")
    return url.removeprefix(django_settings.PUBLIC_URL)


def delivered(world: World, principal: Principal) -> str:
    return signed(world.ours.image, "c_fit,h_20,w_20").removeprefix(django_settings.PUBLIC_URL)


def forged(path: Callable[[World, Principal], str], end: str) -> Callable[[World, Principal], str]:
    """The path with the character before `end` changed, which is of a signature."""

    def changed(world: World, principal: Principal) -> str:
        head, found, tail = path(world, principal).partition(end)
        return f"{head[:-1]}{'1' if head[-1] == '0' else '0'}{found}{tail}"

    return changed


FILE = {"album_id": ALBUM, "name": "a.jpg", "size": 9}
FETCH = {"album_id": ALBUM, "url": "http://pictures.example/a.jpg"}
LOGINS = {"axes_accessattempt", "axes_accesslog", "axes_accessfailurelog"}
CASES = [
    Case(
        "image_syncs",
        "get",
        lambda world, _: f"/api/v1/image_syncs?ids[]={world.ours.image.pk}",
        SEES,
        empty=OURS - SEES | THEIRS,
    ),
    Case("image_syncs", "get", at("/api/v1/image_syncs"), SEES, empty=OURS - SEES | THEIRS),
    Case("image_syncs", "get", at(f"/api/v1/image_syncs?album_id={ALBUM}"), SEES, empty=OURS - SEES | THEIRS),
    Case("image_syncs", "post", at("/api/v1/image_syncs"), SEES, posted_ids, empty=OURS - SEES | THEIRS),
    Case("albums", "post", at("/api/v1/albums"), {"admin secret", "person"}, own=THEIRS),
    Case("album", "get", at(f"/api/v1/albums/{ALBUM}"), SEES, own=THEIRS, empty=OURS - SEES),
    Case("album_images", "get", at(f"/api/v1/albums/{ALBUM}/images"), SEES, own=THEIRS, empty=OURS - SEES),
    Case("album_images", "post", at(f"/api/v1/albums/{ALBUM}/images"), UPLOADS, picture, own=THEIRS),
    Case("album_images", "post", at(f"/api/v1/albums/{ALBUM}/images"), UPLOADS, claim),
    Case("webhook", "post", lambda _, asks: f"/api/v1/cloudinary?token={asks.token}", set(), notification),
    # The holder of a secret signs any claims, those of a webhook too.
    Case("webhook", "post", lambda _, asks: f"/api/v1/cloudinary?token={asks.webhook}", OURS, notification, status=201),
    Case("storage_files_of", "post", at("/api/v1/storages/1/storage_files"), UPLOADS, json(**FILE), own=THEIRS),
    Case("storage_files", "post", at("/api/v1/storage_files"), UPLOADS, json(**FILE), own=THEIRS),
    Case(
        "storage_file",
        "put",
        lambda world, _: f"/api/v1/storage_files/{world.sent.pk}",
        UPLOADS,
        empty={"the ability elsewhere"} | THEIRS,
        hidden=404,
    ),
    Case("imports", "post", at("/api/v1/imports"), UPLOADS, json(**FETCH), own=THEIRS),
    Case(
        "import",
        "get",
        lambda world, _: f"/api/v1/imports/{world.ours.fetched.pk}",
        UPLOADS | {"the ability elsewhere"},
        empty=THEIRS,
        hidden=404,
    ),
    Case("native_upload", "get", at("/api/v1/native_upload"), set(), empty=EVERYONE),
    Case("native_image", "post", at("/api/v1/native_upload/image"), set(), json(public_id="uploaded", version=1)),
    Case(
        "native_batch",
        "post",
        at("/api/v1/native_upload/batch"),
        UPLOADS,
        batch_of("uploaded"),
        empty=EVERYONE - UPLOADS,
        kept={"albums_droppedupload", "images_nativeusage"},
    ),
    Case(
        "native_batch",
        "post",
        at("/api/v1/native_upload/batch"),
        UPLOADS,
        batch_of("native"),
        own=THEIRS,
        empty=EVERYONE - UPLOADS - THEIRS,
        kept={"albums_droppedupload", "images_nativeusage"},
    ),
    Case("login", "post", at("/api/v1/login"), {"person"}, login, own={"their person"}, kept=LOGINS),
    Case("thumbnail", "get", link, EVERYONE, status=302),
    Case("thumbnail", "get", forged(link, ".jpg"), set(), refusal=400),
    Case("proxy", "get", proxied, EVERYONE, status=302),
    Case("proxy", "get", forged(proxied, "&url"), set(), refusal=400),
    Case("delivery", "get", delivered, EVERYONE),
    Case("delivery", "get", forged(delivered, "--/c_"), set(), refusal=401),
    Case("upload", "post", at(f"/v1_1/{django_settings.CLOUD_NAME}/auto/upload"), set(), picture, refusal=401),
    Case("storage_upload", "post", at("/storage_files"), set(), picture, refusal=403),
    Case("upload_test", "get", at("/upload_test"), set(), empty=EVERYONE),
    Case("blank", "get", at("/assets/blank.jpg"), set(), empty=EVERYONE),
    Case("home", "get", at("/"), set(), empty=EVERYONE, hidden=302),
    Case("schema", "get", at("/api/schema/"), set(), empty=EVERYONE),
    Case("docs", "get", at("/api/docs/"), set(), empty=EVERYONE),
]


def routes(patterns: Any = None) -> Iterator[URLPattern]:
    """Every route but the admin's, which tests/test_access_admin.py asks for."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from routes(pattern.url_patterns)
        elif str(pattern.pattern) != "^admin/r/":
            yield pattern


def methods(route: URLPattern) -> set[str]:
    """What a route answers, beside HEAD and OPTIONS; "get" for the functions, which all require a safe method."""
    view: Any = getattr(route.callback, "cls", None) or getattr(route.callback, "view_class", None)
    actions = getattr(route.callback, "actions", None)
    if route.name == "home" or view is None:
        return {"get"}  # Django's redirect answers every method alike
    return set(actions or (name for name in view.http_method_names if hasattr(view, name))) - {"head", "options"}


@pytest.fixture(autouse=True)
def _open_doors(settings: Any) -> None:
    settings.NATIVE_UPLOAD = True


@pytest.mark.any_database
def test_every_route_says_here_who_may_do_what() -> None:
    asked = {(case.route, case.method) for case in CASES}
    assert asked == {(str(route.name), method) for route in routes() for method in methods(route)}


def check(case: Case, world: World, name: str) -> None:
    before, ours = rows(), rows_of(world.ours.organization)
    principal = world.principals[name]
    response = principal.ask(case.method, case.path(world, principal), **case.send(world, principal))
    if name in case.may:
        assert response.status_code == case.status
        return
    said, after = shown(response), rows()
    assert not [secret for secret in world.secrets(name) if secret in said]
    assert changed(ours, rows_of(world.ours.organization)) <= case.kept
    if name in case.own:
        assert response.status_code == case.status
        return
    assert changed(before, after) <= case.kept
    if name in case.empty:
        assert response.status_code == case.hidden
    elif case.refusal:
        assert response.status_code == case.refusal
    else:
        assert_denied(response)


@pytest.mark.django_db
@pytest.mark.bypasses_changing
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_kind_of_client_gets_what_it_may_and_nothing_else(case: Case) -> None:
    made = world()
    assert set(made.principals) == EVERYONE
    assert failures({name: partial(check, case, made, name) for name in EVERYONE}) == {}


@pytest.mark.django_db
def test_another_method_does_nothing() -> None:
    made = world()
    before = rows()
    for route in {case.route for case in CASES} - {"home"}:
        known = [case for case in CASES if case.route == route]
        path = known[0].path(made, Principal())
        for method in {"get", "post", "put", "patch", "delete"} - {case.method for case in known}:
            for name in ("no token", "admin secret", "their admin secret"):
                response = made.principals[name].ask(method, path)
                assert response.status_code in {401, 405}, (method, path, name)
    assert rows() == before
