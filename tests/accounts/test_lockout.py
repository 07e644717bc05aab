"""Which failed logins lock whom out."""

import http.client
import json
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client

from accounts.lockout import ADDRESS_LIMIT
from accounts.models import User
from tests.servers import web

URL = "/api/v1/login"
RIGHT, WRONG = "correct horse 7", "wrong horse 8"


@pytest.fixture
def behind_nginx(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1


def log_in(email: str = "ann@example.com", password: str = RIGHT, client: str = "198.51.100.7", **headers: str) -> int:
    """The status of a login through the proxy of this host; the client's own headers come before what it appends."""
    forged = headers.get("forged", "")
    sent = {"X-Forwarded-For": f"{forged}, {client}" if forged else client}
    body = json.dumps({"email": email, "password": password})
    return Client(headers=sent).post(URL, body, content_type="application/json").status_code


@pytest.mark.usefixtures("behind_nginx")
def test_the_failures_of_one_client_lock_that_client_alone(user: User) -> None:
    assert [log_in(password=WRONG) for _ in range(6)] == [401] * 4 + [429] * 2
    assert log_in() == 429
    assert log_in(client="198.51.100.8") == 200
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"198.51.100.7"}


@pytest.mark.usefixtures("behind_nginx")
def test_a_client_that_invents_addresses_is_locked_all_the_same(user: User) -> None:
    statuses = [log_in(password=WRONG, forged=f"203.0.113.{number}") for number in range(6)]
    assert statuses == [401] * 4 + [429] * 2


@pytest.mark.usefixtures("behind_nginx")
def test_addresses_of_one_ipv6_network_count_as_one(user: User) -> None:
    statuses = [log_in(password=WRONG, client=f"2001:db8:1:2::{number}") for number in range(6)]
    assert statuses == [401] * 4 + [429] * 2
    assert log_in(client="2001:db8:1:3::1") == 200


def test_without_trusted_proxies_all_clients_of_a_proxy_are_one(user: User) -> None:
    assert [log_in(password=WRONG, client=f"198.51.100.{number}") for number in range(6)] == [401] * 4 + [429] * 2


@pytest.mark.usefixtures("behind_nginx")
def test_an_address_that_tries_many_emails_is_locked_for_all_of_them(user: User) -> None:
    statuses = [log_in(f"a{number}@example.com", WRONG) for number in range(ADDRESS_LIMIT + 3)]
    assert statuses == [401] * (ADDRESS_LIMIT - 1) + [429] * 4
    assert log_in() == 429
    form = {"username": "ann@example.com", "password": RIGHT}
    assert Client(headers={"X-Forwarded-For": "198.51.100.7"}).post("/admin/login/", form).status_code == 429
    assert log_in(client="198.51.100.8") == 200


@pytest.mark.usefixtures("behind_nginx")
def test_the_lock_of_an_address_ends_after_a_quarter_of_an_hour(user: User) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        for number in range(ADDRESS_LIMIT):
            log_in(f"a{number}@example.com", WRONG)
        clock.shift(14 * 60)
        assert log_in() == 429
        clock.shift(2 * 60)
        assert log_in() == 200


@pytest.mark.usefixtures("behind_nginx")
def test_one_client_that_repeats_one_wrong_password_for_ever_locks_nobody_else_out(user: User, superuser: User) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        for _ in range(ADDRESS_LIMIT + 10):
            log_in(password=WRONG)
        assert log_in("root@example.com") == 200
        clock.shift(16 * 60)  # the attempts during the lock did not make it longer
        assert log_in() == 200


@pytest.mark.usefixtures("behind_nginx")
def test_a_success_forgets_the_failures_of_that_email_alone(user: User) -> None:
    for number in range(ADDRESS_LIMIT - 3):
        log_in(f"a{number}@example.com", WRONG)
    assert [log_in(password=WRONG), log_in(password=WRONG), log_in()] == [401, 401, 200]
    statuses = [log_in(f"b{number}@example.com", WRONG) for number in range(3)]
    assert statuses == [401, 401, 429]


def test_clients_without_an_address_are_locked_by_email_alone(user: User) -> None:
    def enter(email: str) -> int:
        body = json.dumps({"email": email, "password": WRONG})
        return Client(REMOTE_ADDR="").post(URL, body, content_type="application/json").status_code

    assert {enter(f"a{number}@example.com") for number in range(ADDRESS_LIMIT + 5)} == {401}
    assert [enter("ann@example.com") for _ in range(5)] == [401] * 4 + [429]


@pytest.mark.parametrize("forwarded", ["unknown", "\xff", "1.2.3.4, ", "fe80::1%eth0", "[::1]:80", "a" * 8_000])
@pytest.mark.usefixtures("behind_nginx")
def test_no_header_breaks_the_login(user: User, forwarded: str) -> None:
    body = json.dumps({"email": "ann@example.com", "password": WRONG})
    client = Client(headers={"X-Forwarded-For": forwarded})
    assert client.post(URL, body, content_type="application/json").status_code == 401


@pytest.mark.parametrize("name", ["ß" * 254, "ΐ" * 254, "a" * 10_000, "\u202e" * 200, "a\0b"])
def test_no_name_breaks_the_login(db: None, name: str) -> None:
    form = {"username": name, "password": WRONG}
    assert [Client().post("/admin/login/", form).status_code for _ in range(4)] == [200] * 4
    body = json.dumps({"email": f"a@{name[:60]}.{name[60:120]}.{name[120:180]}.com", "password": WRONG})
    assert Client().post(URL, body, content_type="application/json").status_code in {400, 401}


def test_two_processes_of_a_server_count_together_by_the_address_that_the_proxy_tells() -> None:
    with web(WEB_CONCURRENCY="2", TRUSTED_PROXIES="1") as server:
        make = "from accounts.models import User; User.objects.create_user('ann@example.com', 'correct horse 7')"
        server.manage("shell", "-c", make)

        def ask(password: str, client: str) -> int:
            connection = http.client.HTTPConnection("localhost", server.port, timeout=30)
            headers = {"Content-Type": "application/json", "X-Forwarded-For": f"203.0.113.9, {client}"}
            body = json.dumps({"email": "ann@example.com", "password": password})
            connection.request("POST", URL, body, headers)
            try:
                return connection.getresponse().status
            finally:
                connection.close()

        assert [ask(WRONG, "198.51.100.7") for _ in range(6)] == [401] * 4 + [429] * 2
        assert [ask(RIGHT, "198.51.100.7"), ask(RIGHT, "198.51.100.8")] == [429, 200]
