"""Staff for tests of the admin: people who may do all that permissions allow, and their browsers."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db import connection, models
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Organization, User

# What would do harm on a page that does not escape it; a name that reads backwards
EVIL = "\"><script>alert(1)</script>'&amp;\u202egnp.exe"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def staff_of(organization: Organization, email: str = "staff@example.com", **fields: Any) -> User:
    """A person of the organization's staff with every permission that there is, who is no superuser."""
    person = User.objects.create_user(email, "correct horse 7", organization=organization, is_staff=True, **fields)
    person.user_permissions.set(Permission.objects.all())
    return person


def logged_in(user: User, **options: Any) -> Client:
    """A client in whose session the person is logged in."""
    client = Client(**options)
    client.force_login(user, backend=BACKEND)
    return client


def list_url(model: type[models.Model]) -> str:
    """The path of the admin's list of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def add_url(model: type[models.Model]) -> str:
    """The path of the admin's form for a new row of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")


def url_of(row: models.Model, page: str = "change") -> str:
    """The path of a page of the admin about one row: change, delete, history."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def text(response: Any) -> str:
    """The page as text."""
    content: bytes = response.content
    return content.decode()


def queries(client: Client, url: str) -> int:
    """How many queries the page takes; asked twice, since the first look fills caches."""
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        response: HttpResponse = client.get(url)  # type: ignore[assignment]
    assert response.status_code == 200, (url, response.status_code)
    return len(captured)


def rows_on(response: Any) -> list[Any]:
    """The rows that a list shows."""
    return list(response.context["cl"].result_list)


def errors_on(response: Any) -> dict[str, list[str]]:
    """What a form that was sent back complains about."""
    form = response.context["adminform"].form
    found = {name: list(messages) for name, messages in form.errors.items()}
    for formset in response.context["inline_admin_formsets"]:
        for errors in formset.formset.errors:
            found |= {f"inline {name}": list(messages) for name, messages in errors.items()}
        if together := list(formset.formset.non_form_errors()):
            found["inline"] = together
    return found
