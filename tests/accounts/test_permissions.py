"""Who may call what: every route of the API says so, the schema repeats it, and a denial comes before anything else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from accounts.models import Organization, Secret
from albums.models import Album

FORM = "application/x-www-form-urlencoded"
UPLOAD, SOMEWHERE = "`image_upload` in the album", "`image_upload` in any album"
TAGS = "for tags that the organization lacks: `image_tag` in the album, or the right to make them"
EXPECTED: dict[str, dict[str, list[str]]] = {
    "image_syncs": {"get": ["any token"], "post": ["any token"]},
    "albums": {"post": ["people and admin secrets"]},
    "album": {"get": ["any token"]},
    "album_images": {"get": ["any token"], "post": [UPLOAD, TAGS]},
    "webhook": {"post": []},
    "storage_files_of": {"post": [UPLOAD]},
    "storage_files": {"post": [UPLOAD]},
    "storage_file": {"put": [SOMEWHERE]},
    "imports": {"post": [UPLOAD, TAGS]},
    "import": {"get": [SOMEWHERE]},
    "native_upload": {"get": []},
    "native_image": {"post": []},
    "native_batch": {"post": []},
    "login": {"post": []},
}
"""Route name -> method -> what a token must be or hold; the last five check signatures, tokens or passwords themselves."""


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """(path, pattern) of every route below /api/v1/."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif path.startswith("api/v1/"):
            yield path, pattern


def permissions(pattern: URLPattern) -> dict[str, list[str]]:
    """Method -> `who` of the permissions that its view asks."""
    view_class: Any = getattr(pattern.callback, "cls")  # noqa: B009  (untyped)
    actions = getattr(pattern.callback, "actions", None)
    methods = actions or {name: name for name in view_class.http_method_names if hasattr(view_class, name)}
    found = {}
    for method, action in methods.items():
        if method not in {"options", "head"}:
            view = view_class()
            view.action = action
            found[method] = [permission.who for permission in view.get_permissions()]
    return found


@pytest.mark.any_database
def test_every_route_says_who_may_call_it() -> None:
    assert {str(pattern.name): permissions(pattern) for _, pattern in routes()} == EXPECTED


@pytest.mark.any_database
def test_the_schema_says_the_same() -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    described = [operation["x-permissions"] for path in paths.values() for operation in path.values()]
    assert sorted(described) == sorted(who for methods in EXPECTED.values() for who in methods.values())


MALFORMED: dict[str, tuple[str, str, Any]] = {
    "an image without anything": ("post", "albums/a/images", {}),
    "a claim that is none": ("post", "albums/a/images", {"cloudinary": 7}),
    "metadatas that are no object": ("post", "albums/a/images", {"cloudinary": {}, "metadatas": 7}),
    "an album that cannot be": ("post", "albums/../images", {"cloudinary": {}}),
    "an import of nothing": ("post", "imports", {"album_id": "a"}),
    "an import by another protocol": ("post", "imports", {"album_id": "a", "url": "ftp://a.example/a.jpg"}),
    "an import of another type": ("post", "imports", {"album_id": "a", "import_type": "salesforce"}),
    "an import into no album": ("post", "imports", {"url": "http://a.example/a.jpg"}),
    "a file without a size": ("post", "storage_files", {"album_id": "a", "name": "a.jpg"}),
    "a file that is too large": ("post", "storage_files", {"album_id": "a", "name": "a.jpg", "size": 10**12}),
    "a file of no album": ("post", "storage_files", {"name": "a.jpg", "size": 9}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_denial_comes_before_every_400(case: str, secret: Secret, api_of: Callable[..., Client]) -> None:
    method, path, body = MALFORMED[case]
    strangers = [Client(), api_of(secret), api_of(secret, abilities={"a": {"Access": {"image_list": True}}})]
    for client in strangers:
        response = getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")
        assert (response.status_code, response.headers["X-message"], response.content) == (401, "Access denied", b"")
    holder = api_of(secret, admin=True)
    response = getattr(holder, method)(f"/api/v1/{path}", body, content_type="application/json")
    assert response.status_code in {400, 404, 413} and response.headers["X-message"] != "Access denied"


def test_tags_are_judged_before_the_file_is(secret: Secret, api_of: Callable[..., Client]) -> None:
    may_upload = api_of(secret, abilities={"a": {"Access": {"image_upload": True}}})
    body = {"album_id": "a", "url": "ftp://a.example/a.jpg", "tags": ["new"]}
    assert may_upload.post("/api/v1/imports", body, content_type="application/json").status_code == 401
    body["tags"] = []
    assert may_upload.post("/api/v1/imports", body, content_type="application/json").status_code == 400


def test_a_field_that_a_route_does_not_know_opens_nothing(secret: Secret, api_of: Callable[..., Client]) -> None:
    may_upload = api_of(secret, abilities={"a": {"Access": {"image_upload": True}}})
    body = {"album_id": "a", "url": "http://a.example/a.jpg", "tags": ["new"], "cloudinary": {}}
    assert may_upload.post("/api/v1/imports", body, content_type="application/json").status_code == 401


@pytest.mark.parametrize("path", ["imports", "storage_files", "storages/any/storage_files", "albums/a/images"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"[]", "application/json"), (b"{bad", "application/json"), (b"\xff=1", FORM), (b"x", "text/plain")],
)
def test_a_token_that_may_upload_nowhere_is_denied_whatever_the_body(
    path: str, body: bytes, content_type: str, secret: Secret, api_of: Callable[..., Client]
) -> None:
    for client in (api_of(secret), api_of(secret, abilities=[1, 2])):
        assert client.post(f"/api/v1/{path}", body, content_type=content_type).status_code == 401


def test_a_denied_request_makes_no_album(organization: Organization, secret: Secret, api_of: Any) -> None:
    api_of(secret).post("/api/v1/albums/a/images", {"cloudinary": {}}, content_type="application/json")
    assert not Album.objects.exists()
