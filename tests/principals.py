"""All kinds of clients that ask for the data of an organization, and what they must not see or touch (no tests in here)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import time_machine
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from accounts.models import Organization, Secret, User
from accounts.tokens import SharinpixToken
from albums.uploads.models import StorageFile
from images.models import Upload
from tests.accounts.holders import jws
from tests.factories import bearer, make_stored_image, secret_token, user_token
from tests.tenants import Tenant, tenant

ALBUM = "001A"
PASSWORD = "correct horse 7"
OURS = {"no ability", "the ability elsewhere", "image_list", "image_upload", "admin secret", "person"}
THEIRS = {"their person", "their admin secret"}
INVALID = {
    "no token",
    "garbage",
    "expired",
    "wrong key",
    "blocked person",
    "revoked secret",
    "person of an inactive organization",
    "secret of an inactive organization",
}
EVERYONE = OURS | THEIRS | INVALID
SEES = {"image_list", "admin secret", "person"}
UPLOADS = {"image_upload", "admin secret", "person"}
CLIENT = Client(raise_request_exception=False)
"""One for all requests: a new one would look for the static files again."""


class Principal(NamedTuple):
    """`token` opens the API, and `webhook` is its token for uploads into ALBUM; `email` is a person's."""

    token: str = ""
    webhook: str = ""
    email: str = "unknown@example.com"

    def ask(self, method: str, path: str, **send: Any) -> Any:
        """The answer to a request with the token."""
        own = {"Authorization": bearer(self.token)} if self.token else {}
        CLIENT.cookies.clear()
        return getattr(CLIENT, method)(path, headers={**own, **send.pop("headers", {})}, **send)


class World(NamedTuple):
    """Our organization, with what it uploaded and did not claim; theirs; and all who ask for ours."""

    ours: Tenant
    theirs: Tenant
    uploaded: Upload
    native: Upload
    sent: StorageFile
    principals: dict[str, Principal]

    def secrets(self, name: str) -> set[str]:
        """What must not be in an answer to this principal that may not see our pictures."""
        image = self.ours.image
        found = {str(image.pk), image.delivery_id, "ours picture", "ours title", "ours tag", "ours@example.com"}
        if name in OURS:
            return found
        return found | {str(self.ours.organization.pk), "ours person", "ours secret", "ours reason", "ours.example"}


def issued(token: str, email: str = "unknown@example.com", expires: float = 3_600) -> Principal:
    """The principal of a token that is valid now."""
    return Principal(token, SharinpixToken(token.encode()).for_uploads(ALBUM, int(time.time() + expires)), email)


def person(organization: Organization, email: str) -> tuple[User, Principal]:
    """A person of the organization, with a token."""
    user = User.objects.create_user(email, PASSWORD, organization=organization)
    return user, issued(user_token(user), email)


def world() -> World:
    """Everything of two organizations, and the principals."""
    ours = tenant(Organization.objects.default(), "ours", make_stored_image, ALBUM)
    theirs = tenant(Organization.objects.create(name="theirs"), "theirs", album_id=ALBUM)
    columns = {"format": "jpg", "width": 4, "height": 3, "bytes": 9, "original": "nowhere", "exifs": {}}
    uploaded = Upload.objects.create(organization=ours.organization, public_id="uploaded", version=1, **columns)
    native = Upload.objects.create(public_id="native", version=1, **columns)
    sent = StorageFile.objects.create(
        organization=ours.organization,
        album_name=ALBUM,
        name="a.jpg",
        size=9,
        upload=Upload.objects.create(organization=ours.organization, public_id="sent", version=1, **columns),
    )
    return World(ours, theirs, uploaded, native, sent, {**valid(ours, theirs), **invalid(ours)})


def valid(ours: Tenant, theirs: Tenant) -> dict[str, Principal]:
    """Tokens of OURS and THEIRS."""

    def holding(tenant: Tenant, **claims: Any) -> Principal:
        return issued(secret_token(tenant.secret, **claims))

    def granting(album: str, *abilities: str) -> dict[str, Any]:
        return {album: {"Access": dict.fromkeys(abilities, True)}}

    return {
        "no ability": holding(ours, abilities={}),
        "the ability elsewhere": holding(ours, abilities=granting("elsewhere", "image_list", "image_upload")),
        "image_list": holding(ours, abilities=granting(ALBUM, "image_list")),
        "image_upload": holding(ours, abilities=granting(ALBUM, "image_upload")),
        "admin secret": holding(ours, admin=True),
        "person": person(ours.organization, "person@example.com")[1],
        "their person": person(theirs.organization, "their.person@example.com")[1],
        "their admin secret": holding(theirs, admin=True),
    }


def invalid(ours: Tenant) -> dict[str, Principal]:
    """Tokens that were valid, or never were."""
    inactive = Organization.objects.create(name="inactive")
    blocked, blocked_person = person(ours.organization, "blocked@example.com")
    revoked, _ = Secret.issue(ours.organization, "revoked")
    of_inactive, _ = Secret.issue(inactive, "of an inactive organization")
    found = {
        "no token": Principal(),
        "garbage": Principal("gar.ba.ge", "gar.ba.ge"),
        "wrong key": Principal(
            jws({"iss": str(ours.secret.pk), "admin": True}, "wrong" * 8),
            jws(
                {"iss": str(ours.secret.pk), "album_id": ALBUM, "organization_id": str(ours.organization.pk)}, "w" * 40
            ),
        ),
        "blocked person": blocked_person,
        "revoked secret": issued(secret_token(revoked, admin=True)),
        "person of an inactive organization": person(inactive, "inactive@example.com")[1],
        "secret of an inactive organization": issued(secret_token(of_inactive, admin=True)),
    }
    with time_machine.travel(datetime.now(UTC) - timedelta(days=1)):
        found["expired"] = issued(user_token(ours.user))
    User.objects.filter(pk=blocked.pk).update(is_active=False)
    revoked.revoke()
    Organization.objects.filter(pk=inactive.pk).update(is_active=False)
    return found


def rows() -> dict[str, int]:
    """The number of rows of every table."""
    tables = [model._meta.db_table for model in apps.get_models()]
    counts = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(counts)
        return dict(cursor.fetchall())


def rows_of(organization: Organization) -> dict[str, int]:
    """The number of the organization's rows in every table that has such."""
    found = {}
    for model in apps.get_models():
        names = {field.name for field in model._meta.get_fields()}
        path = next((p for p in ("organization", "album__organization") if p.partition("__")[0] in names), None)
        if path:
            found[model._meta.db_table] = model._default_manager.filter(**{path: organization}).count()
    return found


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """The tables whose number of rows differs."""
    return {table for table in before if before[table] != after[table]}


def shown(response: Any) -> str:
    """All that an answer says: headers and body."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{response.headers}\n{body.decode(errors='replace')}"


def failures(checks: dict[str, Callable[[], None]]) -> dict[str, str]:
    """What fails of the checks; each is undone."""
    found = {}
    for name, check in checks.items():
        with transaction.atomic():
            try:
                check()
            except AssertionError as error:
                found[name] = str(error)
            transaction.set_rollback(True)
    return found
