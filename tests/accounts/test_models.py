import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.encryption import Undecipherable
from accounts.models import Organization, Secret, User

pytestmark = pytest.mark.django_db


def test_the_default_organization_is_made_once() -> None:
    assert Organization.objects.default() == Organization.objects.default()
    assert Organization.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_needs_the_default_organization_while_another_makes_it_gets_the_same_one() -> None:
    """The second has seen none, and must wait for the first to commit."""
    found: list[uuid.UUID] = []

    def need() -> None:
        try:
            found.append(Organization.objects.default().pk)
        finally:
            connection.close()

    second = threading.Thread(target=need)
    with transaction.atomic():
        made = Organization.objects.default()
        second.start()
        time.sleep(0.3)
        assert found == []
    second.join(timeout=20)
    assert found == [made.pk]
    assert Organization.objects.count() == 1


COLUMNS = {
    "one_default_organization": "accounts_organization.is_default",
    "user_sfid_is_unique_in_organization": "accounts_user.organization_id, accounts_user.sfid",
}
"""SQLite names the columns of a unique constraint rather than the constraint."""


def broken(constraint: str) -> Callable[[Organization], object]:
    """A write that the named constraint forbids."""
    writes: dict[str, Callable[[Organization], object]] = {
        "one_default_organization": lambda o: Organization.objects.create(name="Second", is_default=True),
        "organization_has_a_name": lambda o: Organization.objects.create(name=""),
        "accounts_organization.sfid": lambda o: [Organization.objects.create(name="x", sfid="1") for _ in "ab"],
        "user_email_is_unique": lambda o: [User.objects.create(organization=o, email=e) for e in ("a@b.c", "A@B.C")],
        "user_sfid_is_unique_in_organization": lambda o: [User.objects.create(organization=o, sfid="1") for _ in "ab"],
        "user_sfid_is_null_or_text": lambda o: User.objects.create(organization=o, sfid=""),
        "user_email_is_null_or_text": lambda o: User.objects.create(organization=o, email=""),
        "secret_has_a_value": lambda o: Secret.objects.create(organization=o, name="x"),
    }
    return writes[constraint]


@pytest.mark.parametrize(
    "constraint",
    [
        "one_default_organization",
        "organization_has_a_name",
        "accounts_organization.sfid",
        "user_email_is_unique",
        "user_sfid_is_unique_in_organization",
        "user_sfid_is_null_or_text",
        "user_email_is_null_or_text",
        "secret_has_a_value",
    ],
)
def test_the_database_itself_refuses_what_must_not_be(organization: Organization, constraint: str) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        broken(constraint)(organization)
    named = str(refusal.value)
    assert constraint.rpartition(".")[2] in named or (connection.vendor == "sqlite" and COLUMNS[constraint] in named)


def test_many_people_may_have_no_email_and_no_salesforce_id(organization: Organization) -> None:
    for _ in range(3):
        User.objects.create_user(None, organization=organization)
    assert User.objects.filter(email=None, sfid=None).count() == 3


def test_people_of_two_organizations_may_share_a_salesforce_id(
    organization: Organization, other_organization: Organization
) -> None:
    for owner in (organization, other_organization):
        User.objects.create_user(None, organization=owner, sfid="005")
    assert User.objects.filter(sfid="005").count() == 2


def test_an_organization_is_found_by_id_salesforce_id_and_name() -> None:
    known = Organization.objects.create(name="Acme", sfid="00D000000000001")
    for reference in (str(known.pk), known.pk.hex, "00D000000000001", "Acme", "  Acme  "):
        assert Organization.objects.named(reference) == known
    assert Organization.objects.count() == 1


def test_without_a_name_the_default_organization_is_meant() -> None:
    assert Organization.objects.named(None) == Organization.objects.default()


def test_a_name_that_nobody_has_yet_is_created_once() -> None:
    made = Organization.objects.named("New")
    assert (made.name, made.is_default) == ("New", False)
    assert Organization.objects.named("New") == made
    unknown = str(uuid.uuid4())
    assert Organization.objects.named(unknown).name == unknown


def test_of_two_with_one_name_the_older_is_meant() -> None:
    older = Organization.objects.create(name="Twin", created_at=timezone.now() - timedelta(days=1))
    Organization.objects.create(name="Twin")
    assert Organization.objects.named("Twin") == older


@pytest.mark.parametrize("reference", ["", "   ", "\0", "a" * 256])
def test_a_name_that_cannot_be_one_is_refused_with_a_sentence(reference: str) -> None:
    with pytest.raises(ValidationError, match="1 to 255 characters"):
        Organization.objects.named(reference)


def test_a_person_belongs_to_the_default_organization_unless_another_is_named() -> None:
    assert User.objects.create_user("a@example.com", "pass").organization == Organization.objects.default()


def test_a_person_without_an_email_can_do_nothing(organization: Organization) -> None:
    user = User.objects.create_user(None, organization=organization, sfid="005")
    assert (user.email, user.is_active, user.has_usable_password()) == (None, False, False)
    assert str(user) == "005"


def test_a_superuser_may_enter_the_admin(organization: Organization) -> None:
    user = User.objects.create_superuser("root@example.com", "pass", organization=organization)
    assert (user.is_staff, user.is_superuser, user.is_active) == (True, True, True)


@pytest.mark.parametrize("email", ["no address", "a@b@c", "a\n@example.com", "ann@EXAMPLE.com"])
def test_a_malformed_or_taken_email_is_refused(user: User, email: str) -> None:
    with pytest.raises(ValidationError):
        User.objects.create_user(email, "pass", organization=user.organization)


def test_a_person_is_found_by_email_in_any_case(user: User) -> None:
    assert User.objects.get_by_natural_key("ANN@Example.COM") == user


def test_a_secret_is_encrypted_with_a_value_that_is_known_once(organization: Organization) -> None:
    secret, plain = Secret.issue(organization, "tests")
    stored = Secret.objects.get(pk=secret.pk)
    assert plain not in stored.ciphertext
    assert stored.key() == plain
    assert str(stored) == "tests"


def test_a_renewed_secret_has_another_value(secret: Secret) -> None:
    before = secret.key()
    after = secret.renew()
    assert before != after == Secret.objects.get(pk=secret.pk).key()


def test_the_url_of_a_secret_is_the_form_that_clients_read(secret: Secret, settings: Any) -> None:
    settings.PUBLIC_URL = "https://pictures.example.com:8443"
    assert secret.url("PLAIN") == f"sharinpix://{secret.pk}:PLAIN@pictures.example.com:8443/api/v1"


def test_a_secret_outlives_the_rotation_of_the_server_key(secret: Secret, settings: Any) -> None:
    plain = secret.key()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert secret.key() == plain
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Undecipherable):
        secret.key()


def test_revoking_twice_keeps_the_first_date(secret: Secret) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        secret.revoke()
    with time_machine.travel("2026-05-02T12:00:00+00:00", tick=False):
        secret.revoke()
        Secret.objects.get(pk=secret.pk).revoke()
    assert secret.revoked_at == Secret.objects.get(pk=secret.pk).revoked_at
    assert secret.revoked_at is not None and secret.revoked_at.day == 1


def test_the_use_of_a_secret_is_written_at_most_once_an_hour(secret: Secret, django_assert_num_queries: Any) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        secret.touch()
        used = Secret.objects.get(pk=secret.pk)
        assert used.last_used_at == timezone.now()
        clock.shift(timedelta(minutes=59, seconds=59))
        with django_assert_num_queries(0):
            used.touch()
        clock.shift(timedelta(seconds=2))
        used.touch()
        assert Secret.objects.get(pk=secret.pk).last_used_at == timezone.now()


def test_many_uses_at_once_write_one_date(secret: Secret) -> None:
    """Each has read the row before any wrote: the condition must be in the UPDATE."""
    first, second = Secret.objects.get(pk=secret.pk), Secret.objects.get(pk=secret.pk)
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        first.touch()
        noted = timezone.now()
        clock.shift(timedelta(minutes=1))
        second.touch()
    assert Secret.objects.get(pk=secret.pk).last_used_at == noted
