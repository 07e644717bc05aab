"""Revoked means revoked: what ends a person's tokens and sessions, and what the holder's secret signed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import Organization, Secret, User
from accounts.tokens import SharinpixToken, UploadToken
from tests.accounts.holders import ask, assert_denied
from tests.factories import secret_token, user_token
from tests.staff import add_url, list_url, logged_in, staff_of, url_of


def change_password(user: User) -> None:
    user.set_password("another horse 9")
    user.save()


def block(user: User) -> None:
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


def close_organization(user: User) -> None:
    organization = Organization.objects.get(pk=user.organization_id)
    organization.is_active = False
    organization.save()
    organization.is_active = True
    organization.save()


ENDS: dict[str, Callable[[User], None]] = {
    "a changed password": change_password,
    "a block, also after it": block,
    "a log-out everywhere": User.log_out_everywhere,
    "a closed organization, also after it": close_organization,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_ends_a_persons_tokens_ends_them_and_what_they_became(user: User, end: Callable[[User], None]) -> None:
    first = user_token(user)
    renewed = ask(first).headers["X-token"]
    end(User.objects.get(pk=user.pk))
    assert_denied(ask(first))
    assert_denied(ask(renewed))
    assert ask(user_token(User.objects.get(pk=user.pk))).status_code == 200


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_ends_a_persons_tokens_ends_the_sessions(superuser: User, end: Callable[[User], None]) -> None:
    browser = logged_in(superuser)
    assert browser.get("/admin/").status_code == 200
    end(User.objects.get(pk=superuser.pk))
    assert browser.get("/admin/").status_code == 302
    assert logged_in(User.objects.get(pk=superuser.pk)).get("/admin/").status_code == 200


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_ends_a_persons_tokens_ends_the_webhooks_of_their_forms(user: User, end: Callable[[User], None]) -> None:
    token = SharinpixToken(user_token(user).encode()).for_uploads("album", int(time.time()) + 600).encode()
    assert UploadToken(token).user == user
    end(User.objects.get(pk=user.pk))
    with pytest.raises(TokenError):
        UploadToken(token)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_other_people_stay_logged_in(user: User, superuser: User, end: Callable[[User], None]) -> None:
    if end is close_organization:
        superuser.organization = Organization.objects.create(name="Elsewhere")
        superuser.save()
    token, browser = user_token(superuser), logged_in(superuser)
    end(user)
    assert ask(token).status_code == 200
    assert browser.get("/admin/").status_code == 200


def test_a_revoked_secret_ends_the_webhooks_of_its_forms(secret: Secret) -> None:
    token = SharinpixToken(secret_token(secret, admin=True).encode())
    webhook = token.for_uploads("album", int(time.time()) + 600).encode()
    assert UploadToken(webhook).album_id == "album"
    secret.revoke()
    with pytest.raises(TokenError):
        UploadToken(webhook)


def test_a_change_of_anything_else_ends_nothing(user: User) -> None:
    token = user_token(user)
    user.fullname, user.email = "Ann", "other@example.com"
    user.save()
    user.organization.name = "Another name"
    user.organization.save()
    assert ask(token).status_code == 200


def test_a_row_that_was_read_before_takes_no_log_out_back(user: User) -> None:
    token, before = user_token(user), User.objects.get(pk=user.pk)
    user.log_out_everywhere()
    before.fullname = "Ann"
    before.save()
    assert_denied(ask(token))
    before.save(update_fields=["fullname"])
    assert (before.log_outs, User.objects.get(pk=user.pk).log_outs) == (1, 1)


def test_two_people_with_one_stored_password_have_keys_of_their_own(user: User, superuser: User) -> None:
    User.objects.update(password=user.password)
    token = SharinpixToken.for_user(User.objects.get(pk=user.pk))
    token["user_id"] = str(superuser.pk)
    assert_denied(ask(str(token)))


def test_the_person_is_read_with_one_statement(user: User) -> None:
    token = user_token(user).encode()
    SharinpixToken(token)
    with CaptureQueriesContext(connection) as captured:
        SharinpixToken(token)
    assert len(captured) == 1


# The admin


def enter(email: str) -> Any:
    form = {"username": email, "password": "correct horse 7"}
    return Client().post("/admin/login/?next=/admin/", form)


def test_people_of_an_inactive_organization_cannot_log_into_the_admin(superuser: User) -> None:
    Organization.objects.update(is_active=False)
    response = enter("root@example.com")
    assert response.status_code == 200
    assert "sessionid" not in response.cookies
    assert "Please enter the correct" in response.content.decode()


def test_no_session_of_an_inactive_organization_opens_the_admin(superuser: User) -> None:
    before = logged_in(superuser)
    Organization.objects.update(is_active=False)
    superuser.organization.refresh_from_db()
    for browser in (before, logged_in(superuser)):
        assert browser.get("/admin/").status_code == 302
        assert browser.get(list_url(User)).status_code == 302


def test_staff_log_a_person_out_everywhere(staff: Client, user: User) -> None:
    token = user_token(user)
    response = staff.post(
        list_url(User), {"action": "log_out_everywhere", "_selected_action": str(user.pk)}, follow=True
    )
    assert "Logged 1 user out everywhere." in response.content.decode()
    assert_denied(ask(token))
    assert staff.get(url_of(user, "history")).content.decode().count("Logged out everywhere.") == 1


def test_staff_log_out_nobody_who_may_more_and_nobody_elsewhere(
    staff: Client, superuser: User, other_organization: Organization
) -> None:
    stranger = User.objects.create_user("far@example.com", "correct horse 7", organization=other_organization)
    for person in (superuser, stranger):
        staff.post(list_url(User), {"action": "log_out_everywhere", "_selected_action": str(person.pk)})
        person.refresh_from_db()
        assert person.log_outs == 0


def test_whoever_may_only_look_logs_nobody_out(organization: Organization, user: User) -> None:
    reader = staff_of(organization, "reader@example.com")
    reader.user_permissions.set(reader.user_permissions.filter(codename__startswith="view"))
    logged_in(reader).post(list_url(User), {"action": "log_out_everywhere", "_selected_action": str(user.pk)})
    user.refresh_from_db()
    assert user.log_outs == 0


def test_a_superuser_closes_other_organizations_and_not_the_own_one(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    for one in (organization, other_organization):
        root.post(url_of(one), {"name": one.name, "sfid": ""})
    organization.refresh_from_db()
    other_organization.refresh_from_db()
    assert (organization.is_active, other_organization.is_active) == (True, False)
    root.post(add_url(Organization), {"name": "Made inactive", "sfid": ""})
    assert not Organization.objects.get(name="Made inactive").is_active
