"""Who may do what in the admin: every page of every model, asked by all kinds of people about one organization's rows.

A page of a kind that PAGES does not know fails. What is denied changes nothing and shows nothing.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Organization, User
from tests.factories import bearer, user_token
from tests.principals import changed, failures, rows, shown
from tests.staff import BACKEND, staff_of
from tests.tenants import Tenant, tenant

pytestmark = [pytest.mark.django_db, pytest.mark.any_database, pytest.mark.bypasses_changing]
OUTSIDE = {"no session", "a token of the API", "person", "blocked staff"}
"""They are led to the log-in."""
INSIDE = {"staff without permissions", "their staff", "staff", "superuser"}
SUPERUSERS_ALONE = {Group, AccessAttempt, AccessLog}
PAGES: dict[str, set[int]] = {
    "index": {200},
    "login": {200, 302},
    "logout": {302, 405},
    "password_change": {200},
    "password_change_done": {200},
    "autocomplete": {403},
    "jsi18n": {200},
    "app_list": {200, 404},
    "changelist": {200, 403},
    "add": {200, 403},
    "history": {200, 302, 403},
    "delete": {200, 302, 403},
    "change": {200, 302, 403},
    "password": {200, 403, 404},
    "old change": {302},
    "anything": {404},
}
"""Kind of a page -> what people inside may be answered to a GET; whether a row is shown, `secrets` says."""
LOGINS = {"django_session", "axes_accesslog"}
OPEN = {"login", "logout"}
CLIENT = Client(raise_request_exception=False)


class Page(NamedTuple):
    kind: str
    path: str
    model: type[Model] | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.model.__name__ if self.model else ''}".strip()


def routes(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


def page_of(path: str, route: URLPattern) -> Page:
    """The page that a route of the admin leads to; `{pk}` in its path stands for a key."""
    name = str(route.name or "")
    concrete = "/" + path.replace("<path:object_id>", "{pk}").replace("<id>", "{pk}")
    for model in admin.site._registry:
        below = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        if concrete.startswith(below):
            rest = concrete.removeprefix(below).removeprefix("{pk}/").rstrip("/")
            return Page(rest or ("old change" if "{pk}" in concrete else "changelist"), concrete, model)
    if name == "app_list":
        return Page(name, "/admin/images/")
    return Page(name or "anything", "/admin/nothing/" if not name else concrete)


def pages() -> list[Page]:
    """Every page of the admin, but Django's `r/`, which sharinpix.urls keeps shut."""
    site = next(r for r in get_resolver().url_patterns if isinstance(r, URLResolver) and r.namespace == "admin")
    found = routes(site.url_patterns, "admin/")
    return [page_of(path, route) for path, route in found if route.name != "view_on_site"]


class Scene(NamedTuple):
    ours: Tenant
    people: dict[str, Any]
    others: dict[type[Model], Model]

    def row(self, model: type[Model]) -> Model:
        return self.others[model] if model in self.others else self.ours.row(model)

    def visit(self, name: str, method: str, path: str, fields: Any = None) -> Any:
        CLIENT.cookies.clear()
        person = self.people[name]
        headers = {}
        if name == "a token of the API":
            headers = {"Authorization": bearer(user_token(person))}
        elif person is not None:
            CLIENT.force_login(person, backend=BACKEND)
            if name == "blocked staff":
                User.objects.filter(pk=person.pk).update(is_active=False)
        return getattr(CLIENT, method)(path, fields, headers=headers)


@pytest.fixture
def scene(organization: Organization, other_organization: Organization) -> Scene:
    ours = tenant(organization, "ours")
    plain = User.objects.create_user("plain@example.com", organization=other_organization, is_staff=True)
    people = {
        "no session": None,
        "a token of the API": User.objects.create_superuser("token@example.com", organization=organization),
        "person": User.objects.create_user("person@example.com", organization=organization),
        "blocked staff": staff_of(organization, "blocked@example.com"),
        "staff without permissions": plain,
        "their staff": staff_of(other_organization, "their.staff@example.com"),
        "staff": staff_of(organization),
        "superuser": User.objects.create_superuser("root@example.com", organization=organization),
    }
    others: dict[type[Model], Model] = {
        Group: Group.objects.create(name="ours group"),
        AccessAttempt: AccessAttempt.objects.create(username="ours attempt", failures_since_start=1),
        AccessLog: AccessLog.objects.create(username="ours log"),
    }
    return Scene(ours, people, others)


def test_every_page_is_of_a_kind_that_is_known() -> None:
    assert {page.kind for page in pages()} == set(PAGES)


def may_see(name: str, page: Page) -> bool:
    """Whether the page may show something of our rows."""
    return name == "superuser" or (name == "staff" and page.model not in SUPERUSERS_ALONE)


def seen(scene: Scene, page: Page, name: str) -> None:
    """A GET changes nothing, and shows our rows to our staff alone."""
    path = page.path.format(pk=scene.row(page.model).pk if page.model else "")
    before = rows()
    response = scene.visit(name, "get", path)
    if name in OUTSIDE and page.kind not in OPEN:
        assert (response.status_code, response.headers["Location"][:13]) == (302, "/admin/login/")
    else:
        assert response.status_code in PAGES[page.kind], response.status_code
    if page.kind in {"changelist", "change"} and may_see(name, page):
        assert response.status_code == 200
    if not may_see(name, page):
        said = shown(response).replace(path, "")
        assert "ours" not in said and str(scene.ours.organization.pk) not in said
    assert changed(before, rows()) <= LOGINS


def written(scene: Scene, page: Page, name: str) -> None:
    """A POST of a person who may not see the rows leaves them as they are."""
    assert page.model
    row = scene.row(page.model)
    path, kept = page.path.format(pk=row.pk), page.model._default_manager.filter(pk=row.pk).values()
    before, values = rows(), list(kept)
    fields = {"post": "yes", "name": "stolen", "action": "delete_selected", "_selected_action": str(row.pk)}
    password = {"password1": "stolen horse 7", "password2": "stolen horse 7"}
    for action in ("delete_selected", "revoke", "retry", "process_again"):
        response = scene.visit(name, "post", path, {**fields, **password, "action": action})
        assert response.status_code in {200, 302, 403, 404}, response.status_code
        assert "ours" not in shown(response)
        if page.kind != "changelist":
            break
    assert list(kept) == values
    assert changed(before, rows()) <= LOGINS


@pytest.mark.parametrize("page", pages(), ids=str)
def test_a_page_shows_rows_to_those_alone_who_may_see_them(page: Page, scene: Scene) -> None:
    checks: dict[str, Callable[[], None]] = {name: partial(seen, scene, page, name) for name in OUTSIDE | INSIDE}
    assert set(scene.people) == set(checks)
    if page.model and page.kind != "add":
        deniers = OUTSIDE | {"staff without permissions", "their staff"}
        checks |= {f"a POST of {name}": partial(written, scene, page, name) for name in deniers}
    assert failures(checks) == {}
