"""Organizations, people and secrets in the admin."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import Organization, Secret, User
from tests.factories import bearer, secret_token
from tests.staff import EVIL, add_url, errors_on, list_url, logged_in, queries, rows_on, staff_of, text, url_of


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    """What the page of a user sends when nothing but these is changed."""
    sent = {"email": user.email or "", "fullname": user.fullname, "sfid": user.sfid or ""}
    return {**sent, "organization": str(user.organization_id), "is_active": "on", **changes}


# Lists


def test_the_list_of_organizations_asks_as_often_for_50_as_for_1(root: Client) -> None:
    once = queries(root, list_url(Organization))
    for number in range(50):
        User.objects.create_user(None, organization=Organization.objects.create(name=f"O{number}"), sfid=f"P{number}")
    assert queries(root, list_url(Organization)) == once


def test_the_list_of_users_asks_as_often_for_50_as_for_1(root: Client) -> None:
    once = queries(root, list_url(User))
    for number in range(50):
        User.objects.create_user(None, organization=Organization.objects.create(name=f"O{number}"), sfid=f"P{number}")
    assert queries(root, list_url(User)) == once


def test_the_list_of_secrets_asks_as_often_for_50_as_for_1(root: Client, secret: Secret) -> None:
    once = queries(root, list_url(Secret))
    for number in range(50):
        Secret.issue(Organization.objects.create(name=f"O{number}"), f"S{number}")
    assert queries(root, list_url(Secret)) == once


def test_the_list_of_organizations_counts_their_people_also_for_staff(staff: Client, person: User, user: User) -> None:
    (shown,) = rows_on(staff.get(list_url(Organization)))
    assert (shown, shown.people_count) == (person.organization, 2)


def test_secrets_are_filtered_by_whether_they_are_revoked(root: Client, organization: Organization) -> None:
    valid, revoked = Secret.issue(organization, "valid")[0], Secret.issue(organization, "gone")[0]
    revoked.revoke()
    assert rows_on(root.get(list_url(Secret), {"state": "valid"})) == [valid]
    assert rows_on(root.get(list_url(Secret), {"state": "revoked"})) == [revoked]
    assert len(rows_on(root.get(list_url(Secret)))) == 2


def test_superusers_alone_filter_by_organization(
    root: Client, staff: Client, person: User, other_organization: Organization
) -> None:
    stranger = User.objects.create_user("bob@example.com", organization=other_organization)
    assert rows_on(root.get(list_url(User), {"organization__id__exact": str(other_organization.pk)})) == [stranger]
    assert staff.get(list_url(User), {"organization__id__exact": str(other_organization.pk)}).status_code == 400
    assert "Somebody else" not in text(staff.get(list_url(User)))


@pytest.mark.parametrize(("term", "found"), [("ANN@", True), ("nobody", False)])
def test_people_are_found_by_their_email(root: Client, user: User, term: str, found: bool) -> None:
    assert (user in rows_on(root.get(list_url(User), {"q": term}))) is found


def test_names_are_shown_as_text_and_never_as_markup(root: Client, organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(name=EVIL)
    user = User.objects.create_user("evil@example.com", organization=organization, fullname=EVIL)
    secret, _ = Secret.issue(organization, EVIL)
    pages = [list_url(Organization), list_url(User), list_url(Secret), url_of(organization), url_of(user)]
    for url in (*pages, url_of(secret), url_of(user, "delete"), url_of(secret, "history")):
        page = text(root.get(url))
        assert "<script>alert" not in page, url
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page, url


# Organizations


def test_staff_may_look_at_their_organization_and_change_nothing_of_it(staff: Client, person: User) -> None:
    assert staff.get(url_of(person.organization)).status_code == 200
    for url in (url_of(person.organization), url_of(person.organization, "delete"), add_url(Organization)):
        assert staff.post(url, {"name": "Taken over", "post": "yes"}).status_code == 403
    assert not Organization.objects.filter(name="Taken over").exists()


def test_a_superuser_renames_an_organization(root: Client, organization: Organization) -> None:
    response = root.post(url_of(organization), {"name": "Acme", "sfid": "", "is_active": "on"})
    organization.refresh_from_db()
    assert response.status_code == 302
    assert (organization.name, organization.sfid, organization.is_default) == ("Acme", None, True)


def test_the_default_organization_is_never_deleted(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    assert root.post(url_of(organization, "delete"), {"post": "yes"}).status_code == 403
    assert root.post(url_of(other_organization, "delete"), {"post": "yes"}).status_code == 302
    assert list(Organization.objects.all()) == [organization]


# People


def test_staff_add_people_to_their_own_organization_whatever_they_send(
    staff: Client, person: User, other_organization: Organization
) -> None:
    password = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    sent = {"email": "new@example.com", "fullname": "New", "organization": str(other_organization.pk), **password}
    response = staff.post(add_url(User), {**sent, "is_superuser": "on", "is_staff": "on"})
    assert response.status_code == 302
    made = User.objects.get(email="new@example.com")
    assert (made.organization, made.is_staff, made.is_superuser) == (person.organization, False, False)
    assert made.check_password("xK4-tide-91")


def test_superusers_add_people_to_any_organization(root: Client, other_organization: Organization) -> None:
    password = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    sent = {"email": "new@example.com", "fullname": "", "organization": str(other_organization.pk), **password}
    assert root.post(add_url(User), sent).status_code == 302
    assert User.objects.get(email="new@example.com").organization == other_organization


def test_ones_own_organization_is_proposed(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    for url in (add_url(User), add_url(Secret), f"{add_url(Secret)}?organization={other_organization.pk}"):
        assert re.findall(r'<option value="(\S+)" selected', text(root.get(url))) == [str(organization.pk)]


def test_an_email_that_somebody_has_is_refused_in_a_sentence(root: Client, user: User) -> None:
    password = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    response = root.post(add_url(User), {"email": "ANN@example.com", "organization": user.organization_id, **password})
    assert errors_on(response) == {"email": ["This email is taken already."]}


def test_staff_cannot_promote_themselves(staff: Client, person: User, other_organization: Organization) -> None:
    person.user_permissions.remove(Permission.objects.get(codename="delete_album"))
    group = Group.objects.create(name="Everything")
    everything = {"is_superuser": "on", "groups": [group.pk], "organization": str(other_organization.pk)}
    response = staff.post(
        url_of(person),
        form_of(person, fullname="Me", user_permissions=[p.pk for p in Permission.objects.all()], **everything),
    )
    assert response.status_code == 302
    person.refresh_from_db()
    assert person.fullname == "Me"
    assert not person.is_superuser and not person.groups.exists() and not person.has_perm("albums.delete_album")
    assert person.organization != other_organization


def test_staff_cannot_touch_a_superuser(staff: Client, superuser: User) -> None:
    assert staff.get(url_of(superuser)).status_code == 200  # looking is allowed
    new = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    assert staff.post(url_of(superuser), form_of(superuser, email="mine@example.com")).status_code == 403
    assert staff.post(f"{list_url(User)}{superuser.pk}/password/", new).status_code == 403
    assert staff.post(url_of(superuser, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(superuser.pk)], "post": "yes"}
    staff.post(list_url(User), chosen)
    superuser.refresh_from_db()
    assert superuser.email == "root@example.com" and superuser.check_password("correct horse 7")


@pytest.mark.parametrize("active", [True, False])
def test_staff_cannot_set_the_password_of_someone_who_may_more(
    organization: Organization, person: User, active: bool
) -> None:
    humble = staff_of(organization, "humble@example.com")
    humble.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    User.objects.filter(pk=person.pk).update(is_active=active)
    new = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    assert logged_in(humble).post(f"{list_url(User)}{person.pk}/password/", new).status_code == 403
    person.refresh_from_db()
    assert person.check_password("correct horse 7")


def test_staff_set_the_password_of_someone_who_may_no_more_than_they(staff: Client, user: User) -> None:
    new = {"usable_password": "true", "password1": "xK4-tide-91", "password2": "xK4-tide-91"}
    assert staff.post(f"{list_url(User)}{user.pk}/password/", new).status_code == 302
    user.refresh_from_db()
    assert user.check_password("xK4-tide-91")


def test_people_without_an_email_are_edited_like_others(staff: Client, organization: Organization) -> None:
    mentioned = User.objects.create_user(None, organization=organization, sfid="005A")
    assert staff.post(url_of(mentioned), form_of(mentioned, fullname="Imported")).status_code == 302
    mentioned.refresh_from_db()
    assert (mentioned.email, mentioned.sfid, mentioned.fullname) == (None, "005A", "Imported")
    assert f'<a href="{url_of(mentioned)}">Imported</a>' in text(staff.get(list_url(User)))


def test_a_salesforce_id_that_a_colleague_has_is_refused(staff: Client, organization: Organization, user: User) -> None:
    User.objects.create_user(None, organization=organization, sfid="005A")
    response = staff.post(url_of(user), form_of(user, sfid="005A"))
    assert response.status_code == 200 and errors_on(response)


# Secrets


def issued(response: Any) -> tuple[str, str]:
    """The id and the plain value that the page shows."""
    found = re.search(r"sharinpix://([0-9a-f-]{36}):([\w-]{43})@testserver/api/v1", text(response))
    assert found
    return found[1], found[2]


def test_the_page_after_making_a_secret_shows_a_url_that_works(root: Client, organization: Organization) -> None:
    response = root.post(add_url(Secret), {"organization": str(organization.pk), "name": "Phones"})
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    key, value = issued(response)
    secret = Secret.objects.get(pk=key)
    assert (secret.name, secret.organization, secret.key()) == ("Phones", organization, value)
    token = secret_token(secret, admin=True)
    answer = Client(headers={"Authorization": bearer(token)}).get("/api/v1/image_syncs")
    assert answer.status_code == 200


def test_a_secrets_value_is_nowhere_but_on_the_page_that_follows_its_making(
    root: Client, organization: Organization
) -> None:
    response = root.post(add_url(Secret), {"organization": str(organization.pk), "name": "Phones"})
    key, value = issued(response)
    assert text(response).count(value) == 1
    secret = Secret.objects.get(pk=key)
    for url in (list_url(Secret), url_of(secret), url_of(secret, "history"), "/admin/", add_url(Secret)):
        assert value not in text(root.get(url))
        assert secret.ciphertext not in text(root.get(url))
    assert value not in str([morsel.OutputString() for morsel in root.cookies.values()])
    assert value not in str([session.get_decoded() for session in Session.objects.all()])
    assert value not in str(list(LogEntry.objects.values()))
    assert value not in str(list(Secret.objects.values()))


def test_staff_make_secrets_of_their_own_organization_whatever_they_send(
    staff: Client, person: User, other_organization: Organization
) -> None:
    response = staff.post(add_url(Secret), {"organization": str(other_organization.pk), "name": "Theirs"})
    assert Secret.objects.get(pk=issued(response)[0]).organization == person.organization
    assert not other_organization.secrets.exists()


def test_a_secret_is_renamed_and_keeps_its_value_and_organization(
    root: Client, secret: Secret, other_organization: Organization
) -> None:
    value = secret.key()
    sent = {"name": "Renamed", "organization": str(other_organization.pk), "ciphertext": "mine", "revoked_at_0": "x"}
    response = root.post(url_of(secret), sent, follow=True)
    renamed = Secret.objects.get(pk=secret.pk)
    assert (renamed.name, renamed.organization, renamed.key()) == ("Renamed", secret.organization, value)
    assert value not in text(response)


def test_revoked_secrets_stay_in_the_list_and_their_tokens_are_refused(
    staff: Client, organization: Organization
) -> None:
    revoked, kept = Secret.issue(organization, "old")[0], Secret.issue(organization, "new")[0]
    chosen = {"action": "revoke", "_selected_action": [str(revoked.pk)]}
    assert "refused from now on" in text(staff.post(list_url(Secret), chosen, follow=True))

    def status(secret: Secret) -> int:
        token = secret_token(secret, admin=True)
        return Client(headers={"Authorization": bearer(token)}).get("/api/v1/image_syncs").status_code

    assert (status(revoked), status(kept)) == (401, 200)
    assert {str(row) for row in rows_on(staff.get(list_url(Secret)))} == {"old", "new"}
    entry = LogEntry.objects.get(object_id=str(revoked.pk))
    assert entry.get_change_message() == "Revoked."


def test_a_secret_is_never_deleted(root: Client, secret: Secret) -> None:
    assert root.post(url_of(secret, "delete"), {"post": "yes"}).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [str(secret.pk)], "post": "yes"}
    root.post(list_url(Secret), sent)
    assert Secret.objects.filter(pk=secret.pk).exists()


def test_whoever_may_only_look_at_secrets_makes_and_revokes_none(organization: Organization, secret: Secret) -> None:
    person = staff_of(organization)
    person.user_permissions.set(Permission.objects.filter(codename="view_secret"))
    client = logged_in(person)
    assert client.get(url_of(secret)).status_code == 200
    assert client.post(add_url(Secret), {"name": "mine"}).status_code == 403
    client.post(list_url(Secret), {"action": "revoke", "_selected_action": [str(secret.pk)]})
    secret.refresh_from_db()
    assert secret.revoked_at is None
