"""What holds for every route that there is."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts.models import User
from tests.factories import bearer, user_token

EXAMPLES = {
    "object_id": "1",
    "album_id": "a",
    "image_id": str(uuid.uuid4()),
    "import_id": str(uuid.uuid4()),
    "file_id": str(uuid.uuid4()),
    "storage_id": "1",
    "cloud": "sharinpix",
    "link": "mini-0123456789a.jpg",
    "slug": "image.jpg",
    "path": "authenticated/s--aaaaaaaa--/fl_attachment/v1/a.jpg",
    "app_label": "albums",
    "content_type_id": "1",
    "url": "nowhere",
    "id": "1",
}
METHODS = ["OPTIONS", "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """The patterns of all paths, as the URLconf has them."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path


def example(route: str) -> str:
    """A path that the route matches."""
    named = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: EXAMPLES[found[1]], without_groups(route))
    return "/" + named.replace("/?", "/").replace("(?:auto|image|raw|video)", "auto").replace("\\", "")


def without_groups(route: str) -> str:
    """The route with `<name>` in place of each `(?P<name>…)`, which may hold groups itself."""
    while (start := route.find("(?P<")) >= 0:
        depth, end = 0, start
        for end in range(start, len(route)):
            depth += {"(": 1, ")": -1}.get(route[end], 0)
            if depth == 0:
                break
        name = route[start + 4 : route.index(">", start)]
        route = f"{route[:start]}<{name}>{route[end + 1 :]}"
    return route


@pytest.mark.parametrize("method", METHODS)
def test_no_method_on_any_route_is_an_error_of_the_server(root: Client, superuser: User, method: str) -> None:
    person = {"Authorization": bearer(user_token(superuser))}
    clients = {"nobody": Client(), "a person": Client(headers=person), "a superuser": root}
    found = {}
    for who, client in clients.items():
        client.raise_request_exception = False
        for route in routes():
            status = client.generic(method, example(route)).status_code
            if status >= 500:
                found[who, route] = status
    assert found == {}


def test_the_examples_reach_their_routes() -> None:
    paths = {example(route) for route in routes()}
    assert {"/api/docs/", "/api/v1/image_syncs/", "/api/v1/albums/a/images/", "/admin/albums/album/1/history/"} <= paths
    assert f"/v1_1/{settings.CLOUD_NAME}/auto/upload" in paths
    assert not [path for path in paths if set(path) & set("<>()^$?")]


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_options_of_a_page_tell_what_it_answers(db: None, path: str) -> None:
    response = Client().options(path)
    assert response.status_code == 200
    assert {"GET", "OPTIONS"} <= set(response.headers["Allow"].split(", "))
    assert "POST" not in response.headers["Allow"]
