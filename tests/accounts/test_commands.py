"""create_token and create_secret print one thing, alone on stdout, so that scripts can use it."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Organization, Secret, User
from tests.factories import bearer, sign

pytestmark = pytest.mark.django_db


def printed(*command: Any, **options: Any) -> str:
    """What the command writes to stdout; to stderr it writes nothing."""
    out, err = StringIO(), StringIO()
    call_command(*command, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def test_create_token_prints_a_token_that_works_and_nothing_else(user: User, capfd: pytest.CaptureFixture[str]) -> None:
    output = printed("create_token", "ann@example.com")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", output)
    assert Client().get("/api/v1/image_syncs", headers={"Authorization": bearer(output.strip())}).status_code == 200
    assert capfd.readouterr() == ("", "")


def test_create_token_takes_the_email_in_any_case(user: User) -> None:
    assert printed("create_token", "Ann@EXAMPLE.com").count(".") == 2


@pytest.mark.parametrize("email", ["nobody@example.com", "", "None", "' OR 1=1--"])
def test_create_token_refuses_an_unknown_email_with_a_sentence(user: User, email: str) -> None:
    User.objects.create_user(None, organization=user.organization)
    with pytest.raises(CommandError, match="No active person has the email"):
        printed("create_token", email)


def test_create_token_refuses_whoever_is_inactive(user: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="No active person"):
        printed("create_token", "ann@example.com")
    User.objects.update(is_active=True)
    Organization.objects.update(is_active=False)
    with pytest.raises(CommandError, match="No active person"):
        printed("create_token", "ann@example.com")


def test_create_secret_prints_a_url_whose_secret_signs_tokens(settings: Any, capfd: pytest.CaptureFixture[str]) -> None:
    settings.PUBLIC_URL = "https://pictures.example.com"
    output = printed("create_secret", "Phones")
    found = re.fullmatch(r"sharinpix://([0-9a-f-]{36}):([A-Za-z0-9_-]{43})@pictures\.example\.com/api/v1\n", output)
    assert found
    secret = Secret.objects.get()
    assert (str(secret.pk), secret.name, secret.organization) == (found[1], "Phones", Organization.objects.default())
    token = sign({"iss": found[1]}, found[2])
    assert Client().get("/api/v1/image_syncs", headers={"Authorization": bearer(token)}).status_code == 200
    assert capfd.readouterr() == ("", "")


def test_create_secret_belongs_to_the_organization_that_is_named(other_organization: Organization) -> None:
    printed("create_secret", "a", organization=str(other_organization.pk))
    printed("create_secret", "b", "--organization", "Brand new")
    owners = dict(Secret.objects.values_list("name", "organization__name"))
    assert owners == {"a": other_organization.name, "b": "Brand new"}


@pytest.mark.parametrize("name", ["", "a" * 256])
def test_create_secret_refuses_a_name_that_cannot_be_one(name: str) -> None:
    with pytest.raises(CommandError, match="1 to 255 characters"):
        printed("create_secret", name)
    assert not Secret.objects.exists()


def test_create_secret_refuses_an_organization_without_a_name() -> None:
    with pytest.raises(CommandError, match="1 to 255 characters"):
        printed("create_secret", "a", organization=" ")
    assert not Secret.objects.exists()
