"""POST /api/v1/login, and the lock behind it and behind the admin's own form."""

import json
from typing import Any

import jwt
import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from accounts.models import Organization, User
from tests.factories import bearer, login_key

URL = "/api/v1/login"
RIGHT, WRONG = "correct horse 7", "wrong horse 8"
SENTENCE = "Too many failures: please wait a quarter of an hour."


def log_in(email: Any = "ann@example.com", password: Any = RIGHT, **extra: Any) -> HttpResponse:
    response: Any = Client().post(
        URL, json.dumps({"email": email, "password": password}), content_type="application/json", **extra
    )
    return response  # type: ignore[no-any-return]


def assert_denied(response: HttpResponse) -> None:
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-message"] == "Access denied"


def test_email_and_password_are_exchanged_for_a_token_and_the_endpoint(user: User, settings: Any) -> None:
    settings.PUBLIC_URL = "https://pictures.example.com:8443"
    response = log_in()
    answer = json.loads(response.content)
    assert response.status_code == 200
    assert list(answer) == ["token", "endpoint"]
    assert answer["endpoint"] == "pictures.example.com:8443"
    claims = jwt.decode(answer["token"], login_key(user), algorithms=["HS256"])
    assert list(claims) == ["exp", "iat", "user_id"]
    assert claims["exp"] - claims["iat"] == 14_400
    assert claims["user_id"] == str(user.pk)
    assert Client().get("/api/v1/image_syncs", headers={"Authorization": bearer(answer["token"])}).status_code == 200


def test_no_cookie_is_set(user: User) -> None:
    assert not log_in().cookies
    assert not log_in(password=WRONG).cookies


@pytest.mark.parametrize("path", [URL, URL + "/"])
def test_login_works_with_and_without_a_slash(user: User, path: str) -> None:
    body = {"email": "ann@example.com", "password": RIGHT}
    assert Client().post(path, body, content_type="application/json").status_code == 200


@pytest.mark.parametrize("email", ["ANN@EXAMPLE.COM", "Ann@Example.com", "  ann@example.com "])
def test_the_case_of_the_email_does_not_matter(user: User, email: str) -> None:
    assert log_in(email).status_code == 200


def test_a_form_is_read_like_json(user: User) -> None:
    form = {"email": "ann@example.com", "password": RIGHT}
    assert Client().post(URL, form).status_code == 200
    urlencoded = "email=ann%40example.com&password=correct+horse+7"
    assert Client().post(URL, urlencoded, content_type="application/x-www-form-urlencoded").status_code == 200


def test_a_wrong_password_is_denied_in_every_form(user: User) -> None:
    assert_denied(log_in(password=WRONG))
    assert_denied(Client().post(URL, {"email": "ann@example.com", "password": WRONG}))  # type: ignore[arg-type]
    urlencoded = "email=ann%40example.com&password=wrong"
    form_type = "application/x-www-form-urlencoded"
    assert_denied(Client().post(URL, urlencoded, content_type=form_type))  # type: ignore[arg-type]


@pytest.mark.parametrize("password", ["", "correct horse 7 ", "Correct horse 7"])
def test_a_password_counts_to_the_letter(user: User, password: str) -> None:
    assert log_in(password=password).status_code in {400, 401}


def test_an_unknown_email_is_denied_like_a_wrong_password(user: User) -> None:
    assert_denied(log_in("nobody@example.com"))


def test_an_inactive_person_is_denied(user: User) -> None:
    User.objects.update(is_active=False)
    assert_denied(log_in())


def test_people_of_an_inactive_organization_are_denied(user: User) -> None:
    Organization.objects.update(is_active=False)
    assert_denied(log_in())


MALFORMED: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"ann@example.com"',
    b"{}",
    b'{"email":"ann@example.com"}',
    b'{"password":"x"}',
    b'{"email":"no address","password":"x"}',
    b'{"email":null,"password":null}',
    b'{"email":[],"password":{}}',
    b'{"email":{"a":1},"password":["x"]}',
    b'{"email":true,"password":true}',
    b'{"email":1,"password":NaN}',
    b'{"email":"ann@example.com","password":"\\ud800"}',
    b'{"email":"ann@example.com\\u0000","password":""}',
    b'{"email":"%s@example.com","password":"x"}' % (b"a" * 300),
    b'{"email":"ann@example.com","password":"%s"}' % (b"a" * 1_025),
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:40]))
def test_a_malformed_body_is_a_400_with_a_sentence(user: User, body: bytes) -> None:
    response = Client().post(URL, body, content_type="application/json")
    assert response.status_code == 400
    assert response.headers["X-message"].endswith(".")
    assert response.json()["error"]["message"] == response.headers["X-message"]


def test_fields_that_are_wrong_are_named(user: User) -> None:
    fields = Client().post(URL, {"email": "no address"}, content_type="application/json").json()["error"]["fields"]
    assert list(fields) == ["email", "password"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/json; charset=latin-1",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=" + "x" * 1_000,
        ";;;",
        "",
    ],
)
@pytest.mark.parametrize("query", ["", "?a=%00&b=%FF&%ED%A0%80", "?a=%C3%A9"])
def test_no_content_type_breaks_the_login(user: User, content_type: str, query: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    parts = part % (b"email", b"ann@example.com") + part % (b"password", b"wr\xc3\xa9ng\xff") + b"--x--\r\n"
    for body in (parts, b'{"email":"ann@example.com","password":"wrong"}', b"email=ann%40example.com&password=w%00"):
        assert Client().generic("POST", URL + query, body, content_type=content_type).status_code in {
            400,
            401,
            415,
            429,
        }


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_login_is_a_post(db: None, method: str) -> None:
    response = getattr(Client(), method)(URL)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def assert_locked(response: HttpResponse) -> None:
    assert response.status_code == 429
    assert response.headers["X-message"] == SENTENCE
    assert json.loads(response.content) == {"error": {"code": "too_many_requests", "message": SENTENCE}}


def test_five_failures_lock_the_person_out_even_with_the_right_password(user: User) -> None:
    for _ in range(4):
        assert_denied(log_in(password=WRONG))
    assert_locked(log_in(password=WRONG))
    assert_locked(log_in())


def test_the_lock_opens_after_a_quarter_of_an_hour(user: User) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        for _ in range(5):
            log_in(password=WRONG)
    with time_machine.travel("2026-05-01T12:14:00+00:00", tick=False):
        assert_locked(log_in(REMOTE_ADDR="127.0.0.1"))
    with time_machine.travel("2026-05-01T12:30:00+00:00", tick=False):
        assert log_in().status_code == 200


def test_the_lock_does_not_care_about_the_case_of_the_email(user: User) -> None:
    for email in ("ann@example.com", "Ann@example.com", "ANN@example.com", "ann@EXAMPLE.com", "aNN@example.com"):
        log_in(email, WRONG)
    assert_locked(log_in())


def test_others_are_not_locked_out(user: User, superuser: User) -> None:
    for _ in range(6):
        log_in(password=WRONG)
    assert log_in("root@example.com").status_code == 200
    assert log_in(REMOTE_ADDR="192.0.2.7").status_code == 200


def test_a_success_starts_the_count_anew(user: User) -> None:
    for _ in range(4):
        log_in(password=WRONG)
    assert log_in().status_code == 200
    for _ in range(4):
        assert_denied(log_in(password=WRONG))
    assert log_in().status_code == 200


def test_the_form_of_the_admin_is_locked_too(superuser: User) -> None:
    def enter(password: str) -> int:
        form = {"username": "root@example.com", "password": password}
        return Client().post("/admin/login/?next=/admin/", form).status_code

    assert enter(RIGHT) == 302
    assert [enter(WRONG) for _ in range(5)] == [200, 200, 200, 200, 429]
    assert enter(RIGHT) == 429
    assert_locked(log_in("root@example.com"))


def test_the_password_is_kept_nowhere(user: User) -> None:
    from axes.models import AccessAttempt

    log_in(password="a-secret-typed-wrong")
    Client().post(URL, {"email": "ann@example.com", "password": "a-secret-typed-wrong"})
    rows = json.dumps(list(AccessAttempt.objects.values()), default=str)
    assert "ann@example.com" in rows
    assert "a-secret-typed-wrong" not in rows
