"""Fixtures: an organization, its people and secrets, and pictures."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from accounts.models import Organization, Secret, User
from tests.factories import bearer, secret_token, user_token
from tests.fuzzing import register_profiles
from tests.staff import logged_in, staff_of
from tests.stored_representations import differences, false_texts

register_profiles()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests whose outcome cannot depend on the database run once: on SQLite."""
    if connection.vendor == "sqlite":
        return
    once = [item for item in items if item.get_closest_marker("any_database")]
    items[:] = [item for item in items if item not in set(once)]
    config.hook.pytest_deselected(items=once)


@pytest.fixture(autouse=True, scope="session")
def _routes() -> None:
    """Routes are made of the settings when they are first asked for: here, before a test changes settings."""
    import_module(django_settings.ROOT_URLCONF)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Passwords are hashed in no time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def organization(db: None) -> Organization:
    """The default organization."""
    return Organization.objects.default()


@pytest.fixture
def other_organization(db: None) -> Organization:
    """An organization beside the default one, without people."""
    return Organization.objects.create(name="Somebody else")


@pytest.fixture
def user(organization: Organization) -> User:
    """ann@example.com, a person of the default organization without any permission."""
    return User.objects.create_user("ann@example.com", "correct horse 7", organization=organization)


@pytest.fixture
def superuser(organization: Organization) -> User:
    """root@example.com, a superuser of the default organization."""
    return User.objects.create_superuser("root@example.com", "correct horse 7", organization=organization)


@pytest.fixture
def person(organization: Organization) -> User:
    """A person of the default organization with the permissions of staff."""
    return staff_of(organization)


@pytest.fixture
def staff(person: User) -> Client:
    """`person`, logged in to the admin."""
    return logged_in(person)


@pytest.fixture
def root(superuser: User) -> Client:
    """`superuser`, logged in to the admin."""
    return logged_in(superuser)


@pytest.fixture
def secret(organization: Organization) -> Secret:
    """A secret of the default organization."""
    return Secret.issue(organization, "tests")[0]


@pytest.fixture
def api(user: User) -> Client:
    """A client with a user token."""
    return Client(headers={"Authorization": bearer(user_token(user))})


@pytest.fixture
def api_of() -> Callable[..., Client]:
    """api_of(secret, abilities=...): a client with a token that the secret signed over these claims."""

    def client(secret: Secret, **claims: Any) -> Client:
        return Client(headers={"Authorization": bearer(secret_token(secret, **claims))})

    return client


@pytest.fixture(autouse=True)
def _stored_texts_are_true(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that wrote: what the stored representations say is what would be computed.

    A test that writes without `changing()` on purpose is marked `bypasses_changing`.
    """
    marked = request.node.get_closest_marker("django_db") is not None
    if marked or {"db", "transactional_db", "live_server"} & set(request.fixturenames):
        request.getfixturevalue("_django_db_helper")
        yield
        if request.node.get_closest_marker("bypasses_changing") is None:
            assert false_texts() == [], differences()
    else:
        yield


@pytest.fixture
def native_on(settings: Any) -> None:
    """The server takes native uploads, which it does not by default."""
    settings.NATIVE_UPLOAD = True


@pytest.fixture
def served(settings: Any) -> Iterator[Callable[[bytes], str]]:
    """served(content): the URL of a server of this host that answers with it as a JPEG; imports may go there."""
    contents: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents[int(self.path.rpartition("-")[2].partition(".")[0])]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.IMPORT_ALLOW_NETS = ["127.0.0.0/8"]

    def serve(content: bytes) -> str:
        contents.append(content)
        return f"http://127.0.0.1:{server.server_port}/picture-{len(contents) - 1}.jpg"

    try:
        yield serve
    finally:
        server.shutdown()
        server.server_close()
