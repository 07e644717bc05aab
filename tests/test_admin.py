"""The admin as a whole: what holds for every list and every page of it."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client

from accounts.models import Organization, Secret, User
from albums.imports.models import Import
from albums.models import Album
from albums.uploads.models import DroppedUpload
from images.models import Image, Tag, Tagging, Thumbnail
from tests.staff import add_url, list_url, logged_in, rows_on, staff_of, text, url_of
from tests.tenants import Tenant, tenant

OURS: list[type[Model]] = [
    Organization, User, Secret, Album, Image, Thumbnail, Tag, Tagging, Import, DroppedUpload,
]  # fmt: skip
FAILURE: dict[type[Model], dict[str, Any]] = {AccessAttempt: {"failures_since_start": 1}, AccessLog: {}}
SUPERUSERS_ALONE: list[type[Model]] = [Group, AccessAttempt, AccessLog]


@pytest.fixture
def ours(organization: Organization) -> Tenant:
    return tenant(organization, "ours")


@pytest.fixture
def theirs(other_organization: Organization) -> Tenant:
    return tenant(other_organization, "theirs")


def test_every_model_of_ours_has_its_place_in_the_admin() -> None:
    assert set(admin.site._registry) == {*OURS, *SUPERUSERS_ALONE}


@pytest.mark.parametrize("model", OURS)
def test_a_superuser_sees_the_rows_of_all_organizations(
    root: Client, ours: Tenant, theirs: Tenant, model: type[Model]
) -> None:
    shown = rows_on(root.get(list_url(model)))
    assert ours.row(model) in shown and theirs.row(model) in shown
    assert root.get(url_of(theirs.row(model))).status_code == 200


@pytest.mark.parametrize("model", OURS)
def test_staff_see_the_rows_of_their_own_organization_alone(
    staff: Client, ours: Tenant, theirs: Tenant, model: type[Model]
) -> None:
    response = staff.get(list_url(model))
    assert ours.row(model) in rows_on(response)
    assert theirs.row(model) not in rows_on(response)
    assert "theirs" not in text(response)
    assert staff.get(url_of(ours.row(model))).status_code == 200


@pytest.mark.parametrize("model", OURS)
def test_another_organizations_row_is_like_one_that_does_not_exist(
    staff: Client, theirs: Tenant, model: type[Model]
) -> None:
    row = theirs.row(model)
    for url in (url_of(row), url_of(row, "delete"), url_of(row, "history")):
        for response in (staff.get(url), staff.post(url, {"post": "yes", "name": "stolen"})):
            # Where the permission is lacking altogether the answer is 403, whatever the row.
            assert response.status_code in {302, 403}
            assert "theirs" not in text(response)
    row.refresh_from_db()  # still there
    assert "stolen" not in str(row)


@pytest.mark.parametrize("model", [*OURS, *SUPERUSERS_ALONE])
@pytest.mark.parametrize("may", [True, False], ids=["may look", "may not look"])
def test_a_history_is_told_and_refused_like_the_page_of_its_row(
    organization: Organization, ours: Tenant, theirs: Tenant, model: type[Model], may: bool
) -> None:
    person = staff_of(organization)
    if not may:
        person.user_permissions.clear()
    browser = logged_in(person)
    if model in SUPERUSERS_ALONE:
        rows = [
            model._default_manager.create(
                **({"name": "a group"} if model is Group else {"username": "x"} | FAILURE[model])
            )
        ]
    else:
        rows = [ours.row(model), theirs.row(model)]
    for key in [*(row.pk for row in rows), uuid.uuid4(), 987_654_321, "junk"]:
        page, history = (browser.get(f"{list_url(model)}{key}/{kind}/") for kind in ("change", "history"))
        assert history.status_code == page.status_code, key
        assert history.headers.get("Location") == page.headers.get("Location")
        assert may or history.status_code == 403


def test_a_history_names_people_of_ones_own_organization_alone(
    staff: Client, person: User, ours: Tenant, other_organization: Organization, root: Client
) -> None:
    outsider = User.objects.create_superuser("far@example.com", "correct horse 7", organization=other_organization)
    outsider.fullname = "Far Away"
    outsider.save()
    rename = {"organization": str(ours.organization.pk), "name": "renamed"}
    assert logged_in(outsider).post(url_of(ours.tag), rename).status_code == 302
    assert staff.post(url_of(ours.tag), {**rename, "name": "again"}).status_code == 302
    page = text(staff.get(url_of(ours.tag, "history")))
    assert page.count("Changed Name.") == 2
    assert "an administrator" in page and str(person.email) in page
    assert "far@example.com" not in page and "Far Away" not in page
    assert "far@example.com" in text(root.get(url_of(ours.tag, "history")))


@pytest.mark.parametrize(
    "given", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", "\\\\evil"]
)
def test_a_next_page_elsewhere_leads_to_the_index(superuser: User, given: str) -> None:
    form = {"username": "root@example.com", "password": "correct horse 7"}
    for response in (
        Client().post(f"/admin/login/?next={quote(given)}", form),
        Client().post("/admin/login/", {**form, "next": given}),
    ):
        assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    ours = Client().post("/admin/login/", {**form, "next": "/admin/images/image/"})
    assert ours.headers["Location"] == "/admin/images/image/"


@pytest.mark.parametrize("model", OURS)
def test_a_search_for_another_organizations_row_finds_nothing(
    staff: Client, ours: Tenant, theirs: Tenant, model: type[Model]
) -> None:
    for term in ("theirs", str(theirs.row(model).pk), str(theirs.image.pk)):
        response = staff.get(list_url(model), {"q": term})
        found = rows_on(response)
        assert theirs.row(model) not in found and "theirs p" not in text(response)


@pytest.mark.parametrize("model", OURS)
def test_actions_reach_no_row_of_another_organization(staff: Client, theirs: Tenant, model: type[Model]) -> None:
    row = theirs.row(model)
    for action in ("delete_selected", "revoke", "try_again", "process_again"):
        sent = {"action": action, "_selected_action": [str(row.pk)], "post": "yes", "select_across": "1"}
        response = staff.post(list_url(model), sent)
        assert response.status_code < 500
    for untouched in theirs:
        untouched.refresh_from_db()
    assert (theirs.secret.revoked_at, theirs.fetched.status, theirs.image.processed) == (None, "failed", True)


@pytest.mark.parametrize(
    ("source", "field"), [(Tagging, "tag"), (Tag, "organization"), (Album, "organization"), (User, "organization")]
)
def test_autocompletion_offers_no_row_of_another_organization(
    staff: Client, ours: Tenant, theirs: Tenant, source: type[Model], field: str
) -> None:
    query = {"app_label": source._meta.app_label, "model_name": source.__name__.lower(), "field_name": field}
    response = staff.get("/admin/autocomplete/", query)
    offered = {choice["id"] for choice in response.json()["results"]}
    mine, not_mine = (ours.tag, theirs.tag) if field == "tag" else (ours.organization, theirs.organization)
    assert offered == {str(mine.pk)}
    assert staff.get("/admin/autocomplete/", {**query, "term": str(not_mine)}).json()["results"] == []


@pytest.mark.parametrize("model", SUPERUSERS_ALONE)
def test_what_belongs_to_no_organization_is_for_superusers_alone(
    staff: Client, root: Client, model: type[Model]
) -> None:
    assert staff.get(list_url(model)).status_code == 403
    assert list_url(model) not in text(staff.get("/admin/"))
    assert root.get(list_url(model)).status_code == 200
    assert list_url(model) in text(root.get("/admin/"))


@pytest.mark.parametrize("path", [list_url, add_url])
def test_whoever_is_no_staff_is_sent_to_the_login(user: User, path: Callable[[type[Model]], str]) -> None:
    for client in (Client(), logged_in(user)):
        for model in (User, Secret, Album, Tag):
            response = client.get(path(model))
            assert response.status_code == 302
            assert response.headers["Location"].startswith("/admin/login/")


def test_staff_without_permissions_see_no_list(organization: Organization, ours: Tenant) -> None:
    person = staff_of(organization)
    person.user_permissions.clear()
    client = logged_in(person)
    assert {client.get(list_url(model)).status_code for model in OURS} == {403}
    assert "/change/" not in text(client.get("/admin/"))


def test_every_form_needs_its_csrf_token(organization: Organization, ours: Tenant) -> None:
    client = logged_in(staff_of(organization), enforce_csrf_checks=True)
    forms = [
        (add_url(Secret), {"name": "forged"}),
        (add_url(Album), {"public_id": "forged"}),
        (url_of(ours.image), {"title": "forged", "rotation": "90"}),
        (url_of(ours.image, "delete"), {"post": "yes"}),
        (list_url(Image), {"action": "delete_selected", "_selected_action": str(ours.image.pk), "post": "yes"}),
        (list_url(Secret), {"action": "revoke", "_selected_action": str(ours.secret.pk)}),
        (list_url(Import), {"action": "try_again", "_selected_action": str(ours.fetched.pk)}),
    ]
    assert [client.post(url, sent).status_code for url, sent in forms] == [403] * len(forms)
    ours.image.refresh_from_db()
    ours.secret.refresh_from_db()
    assert (ours.image.title, ours.image.rotation, ours.secret.revoked_at) == ("ours title", 0, None)
    assert not Secret.objects.filter(name="forged").exists()


def test_the_fifth_wrong_password_locks_the_login(superuser: User) -> None:
    def login(password: str) -> int:
        return Client().post("/admin/login/", {"username": superuser.email, "password": password}).status_code

    assert [login(f"wrong {number}") for number in range(5)] == [200, 200, 200, 200, 429]
    assert login("correct horse 7") == 429


JUNK_QUERIES = [
    "q=%00",
    "q=a%00b",
    "q=" + "x" * 5_000,
    "q=" + "x+" * 2_500,
    "q=" + "'\"%5C%25_" * 40,
    "q=%F0%9F%98%80%E2%80%AE%ED%A0%80",
    "q=" + quote("' OR 1=1--"),
    "p=junk",
    "p=-1",
    "p=99999999999999999999999",
    "p=",
    "o=junk",
    "o=-99.1.1",
    "o=" + "1." * 5_000,
    "all=junk",
    "e=1",
    "album=junk",
    "album=%00",
    "album=99999999999999999999999999",
    "album=%C2%B2",
    "album=-1",
    "trash=junk",
    "trash=%00",
    "state=%00",
    "state=" + "x" * 5_000,
    "variant=%00",
    "status__exact=%00",
    "status__exact=junk",
    "error=junk",
    "params__contains=Bearer",
    "variant=a%00",
    "format=" + "x" * 5_000,
    "created_at__gte=junk",
    "created_at__gte=%00",
    "created_at__gte=99999-01-01",
    "created_at__gte=0001-01-01+00:00:00%2B23:59",
    "created_at__year=99999999999999999999",
    "created_at__isnull=junk",
    "is_active__exact=junk",
    "is_active__exact=%00",
    "organization__id__exact=junk",
    "organization__id__exact=%00",
    "album__organization__id__exact=junk",
    "image__album__organization__id__exact=" + "9" * 5_000,
    "id__exact=junk",
    "id__in=junk,junk",
    "pk=junk",
    "title__regex=(",
    "filename__regex=%5B",
    "name__iregex=*",
    "ciphertext__startswith=gAAAA",
    "password__startswith=pbkdf2",
    "organization__secrets__ciphertext__startswith=g",
    "exifs__a__b=1",
    "__=1",
    "%00=1",
    "a%00b__exact=1",
    "_popup=1&_to_field=junk",
    "_changelist_filters=%00%00",
    "unknown=" + "x" * 5_000,
]


@pytest.mark.parametrize("model", [*OURS, *SUPERUSERS_ALONE])
def test_no_query_whatever_breaks_a_list(root: Client, ours: Tenant, model: type[Model]) -> None:
    answers = {junk[:60]: root.get(f"{list_url(model)}?{junk}", follow=True).status_code for junk in JUNK_QUERIES}
    assert {junk: status for junk, status in answers.items() if status not in {200, 400}} == {}


@pytest.mark.parametrize("lookup", ["ciphertext__startswith", "organization__secrets__ciphertext__startswith"])
def test_lists_cannot_be_searched_by_columns_that_they_never_show(staff: Client, ours: Tenant, lookup: str) -> None:
    guess = ours.secret.ciphertext[:10]
    assert staff.get(list_url(Secret), {lookup: guess}).status_code == 400
    assert staff.get(list_url(User), {"password__startswith": "md5"}).status_code == 400
    assert staff.get(list_url(Import), {"params__contains": "Bearer"}).status_code == 400


NO_KEYS = ["junk", "\0", "0", "-1", "9" * 40, "x" * 5_000, "<script>alert(1)</script>", "' OR 1=1--", "\u202e"]


@pytest.mark.parametrize("model", OURS)
def test_a_page_of_no_row_leads_back_to_the_index(root: Client, model: type[Model]) -> None:
    for junk in (*map(quote, NO_KEYS), "%ED%A0%80"):
        for page in ("change", "delete", "history"):
            response = root.get(f"{list_url(model)}{junk}/{page}/")
            assert response.status_code in {302, 403, 404}, junk
        assert "<script>alert" not in text(root.get("/admin/"))


@pytest.mark.parametrize("model", OURS)
def test_an_action_on_no_row_does_nothing(root: Client, ours: Tenant, model: type[Model]) -> None:
    before = model._default_manager.count()
    for junk in NO_KEYS:
        sent = {"action": "delete_selected", "_selected_action": [junk], "post": "yes", "index": "0"}
        assert root.post(list_url(model), sent).status_code in {200, 302, 403}, junk
    assert model._default_manager.count() == before


@pytest.mark.parametrize(
    "query",
    [
        "",
        "app_label=images&model_name=tagging&field_name=tag&term=%00",
        "app_label=images&model_name=tagging&field_name=tag&term=" + "x+" * 2_500,
        "app_label=images&model_name=tagging&field_name=tag&page=junk",
        "app_label=junk&model_name=tagging&field_name=tag",
        "app_label=images&model_name=image&field_name=exifs",
        "app_label=%00&model_name=%00&field_name=%00",
    ],
)
def test_no_query_whatever_breaks_autocompletion(root: Client, ours: Tenant, query: str) -> None:
    assert root.get(f"/admin/autocomplete/?{query}").status_code in {200, 403, 404}


@pytest.mark.parametrize("model", [Organization, User, Secret, Album, Tag])
def test_nothing_whatever_breaks_the_page_that_adds(root: Client, model: type[Model]) -> None:
    for junk in NO_KEYS:
        sent = {"organization": junk, "name": junk, "public_id": junk, "user": junk, "_changelist_filters": junk}
        assert root.get(add_url(model), sent).status_code == 200, junk
        response = root.post(add_url(model), {**sent, "public_id": "\0", "name": "\0"})
        assert response.status_code == 200 and "errorlist" in text(response), junk


@pytest.mark.parametrize("model", OURS)
def test_the_way_from_a_type_to_its_row_tells_nothing(root: Client, ours: Tenant, model: type[Model]) -> None:
    kind = ContentType.objects.get_for_model(model).pk
    for row in (str(ours.row(model).pk), "junk", "%00"):
        assert root.get(f"/admin/r/{kind}/{row}/").status_code == 404
