"""The Authorization header on the way in, X-token on the way out."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client

from accounts.models import Secret, User
from tests.factories import bearer, login_key, secret_token, sign, user_token

URL = "/api/v1/image_syncs"
FOUR_HOURS = 14_400

MALFORMED = [
    "",
    " ",
    "Token",
    "Token ",
    "Token token",
    "Token token=",
    'Token token=""',
    'Token token="',
    'Token token="{token}',
    'Token token={token}"',
    "Token token='{token}'",
    'Token token="{token}"x',
    'Token token="{token}""{token}"',
    'Token token = "{token}"',
    'Tokentoken="{token}"',
    "Token {token} {token}",
    "{token}",
    "Basic dXNlcjpwYXNz",
    "Basic {token}",
    'Digest username="a", realm="b"',
    "Bearer",
    "Bearer token=",
    "Bearer,{token}",
    "\0",
    'Token token="\0"',
    'Token token="é"',
    "Bearer " + "a" * 100_000,
    "Token " + " " * 100_000 + "a",
    "Token token=" * 1_000,
    '"' * 8_000,
    "Bearer " + ",;" * 4_000,
]


@pytest.mark.parametrize("header", MALFORMED, ids=lambda header: header[:24].replace("\0", "NUL"))
def test_a_malformed_header_is_denied(user: User, header: str) -> None:
    response = Client().get(URL, headers={"Authorization": header.replace("{token}", user_token(user))})
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-message"] == "Access denied"
    assert "X-token" not in response.headers


@pytest.mark.django_db
def test_a_request_without_a_header_is_denied() -> None:
    response = Client().get(URL)
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-message"] == "Access denied"


@pytest.mark.parametrize(
    "header",
    [
        'Token token="{token}"',
        "Token token={token}",
        'Token token="{token}", nonce="def"',
        'Token token="{token}"; nonce="def"',
        "Token {token}",
        'Token "{token}"',
        "Bearer {token}",
        'Bearer "{token}"',
        'Bearer token="{token}"',
        'TOKEN Token="{token}"',
        "bearer   {token}  ",
    ],
)
def test_every_documented_form_of_the_header_is_accepted(user: User, header: str) -> None:
    response = Client().get(URL, headers={"Authorization": header.replace("{token}", user_token(user))})
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "head"])
def test_no_method_gets_past_without_a_token(db: None, method: str) -> None:
    response = getattr(Client(), method)(URL)
    assert response.status_code == 401
    assert response.headers["X-message"] == "Access denied"


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def renewed(token: str) -> str:
    response = Client().get(URL, headers={"Authorization": bearer(token)})
    assert response.status_code == 200
    return response.headers["X-token"]


def test_a_canonical_token_comes_back_byte_for_byte_within_the_second(user: User) -> None:
    with time_machine.travel("2026-05-01T12:00:00.4+00:00", tick=False):
        token = user_token(user)
    with time_machine.travel("2026-05-01T12:00:00.9+00:00", tick=False):
        assert renewed(token) == token
    with time_machine.travel("2026-05-01T12:00:01.1+00:00", tick=False):
        assert renewed(token) != token


def test_the_header_of_a_token_of_ours_is_the_documented_one(user: User) -> None:
    assert base64.urlsafe_b64decode(user_token(user).split(".")[0] + "==") == b'{"typ":"JWT","alg":"HS256"}'


def test_a_renewed_token_lives_four_hours_from_now(user: User) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        token = user_token(user)
    with time_machine.travel("2026-05-01T15:59:59+00:00", tick=False):
        claims = claims_of(renewed(token))
        assert claims == {"exp": int(time.time()) + FOUR_HOURS, "iat": int(time.time()), "user_id": str(user.pk)}
    with time_machine.travel("2026-05-01T16:00:31+00:00", tick=False):
        assert Client().get(URL, headers={"Authorization": bearer(token)}).status_code == 401


def test_a_renewed_token_has_the_published_order_and_every_other_claim_in_its_own(secret: Secret) -> None:
    given = {
        "zebra": [1, {"b": 2, "a": 1}],
        "storage": "s",
        "iss": str(secret.pk),
        "abilities": {"é<": {"Access": {"see": True}}},
        "iat": 1,
        "user_id": str(uuid.uuid4()),
        "exp": 9_999_999_999,
        "admin": True,
    }
    claims = claims_of(renewed(sign(given, secret.key())))
    assert list(claims) == ["exp", "iat", "user_id", "iss", "storage", "zebra", "abilities", "admin"]
    kept = {name: value for name, value in given.items() if name not in {"exp", "iat"}}
    assert {name: claims[name] for name in kept} == kept
    assert json.dumps(claims["zebra"]) == json.dumps(given["zebra"])


def test_a_secret_token_without_exp_comes_back_with_one(secret: Secret) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        claims = claims_of(renewed(secret_token(secret, admin=True)))
        assert claims == {
            "exp": int(time.time()) + FOUR_HOURS,
            "iat": int(time.time()),
            "iss": str(secret.pk),
            "admin": True,
        }
        assert list(claims) == ["exp", "iat", "iss", "admin"]


def test_a_renewed_token_is_signed_with_the_key_of_the_one_that_came(user: User, secret: Secret) -> None:
    assert jwt.decode(renewed(secret_token(secret)), secret.key(), algorithms=["HS256"], options={"verify_iat": False})
    assert jwt.decode(renewed(user_token(user)), login_key(user), algorithms=["HS256"])


def test_a_renewed_token_is_as_good_as_the_first(user: User, secret: Secret) -> None:
    for token in (user_token(user), secret_token(secret, admin=True)):
        assert claims_of(renewed(renewed(token))).keys() == claims_of(renewed(token)).keys()


DAY = 86_400


@pytest.fixture
def renewed_for_a_day(settings: Any) -> None:
    settings.SECRET_TOKEN_MAX_HOURS = 24


@pytest.mark.usefixtures("renewed_for_a_day")
def test_with_a_bound_no_chain_of_renewals_of_a_secret_token_outlives_it(secret: Secret) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        begun = int(time.time())
        token = secret_token(secret, exp=begun + 600, iat=begun, admin=True)
        for _ in range(8):
            token = renewed(token)
            claims = claims_of(token)
            assert claims == {"exp": min(int(time.time()) + FOUR_HOURS, begun + DAY), "iat": begun, **claims}
            clock.shift(3 * 3_600)
        token_at_the_end = claims_of(token)["exp"]
        assert token_at_the_end == begun + DAY
        assert Client().get(URL, headers={"Authorization": bearer(token)}).headers.get("X-token") is None


@pytest.mark.usefixtures("renewed_for_a_day")
def test_a_token_that_outlives_the_bound_by_itself_is_good_and_not_renewed(secret: Secret) -> None:
    now = int(time.time())
    token = secret_token(secret, exp=now + 30 * DAY, iat=now - 2 * DAY)
    response = Client().get(URL, headers={"Authorization": bearer(token)})
    assert response.status_code == 200
    assert "X-token" not in response.headers


@pytest.mark.usefixtures("renewed_for_a_day")
@pytest.mark.parametrize("iat", [None, "yesterday", [], {}, True, 2**63, 1e300, -5.5, 4_102_444_800])
def test_an_iat_that_says_nothing_begins_now_or_long_ago(secret: Secret, iat: Any) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        now = int(time.time())
        token = secret_token(secret, exp=now + 60, iat=iat)
        response = Client().get(URL, headers={"Authorization": bearer(token)})
        assert response.status_code == 200
        if iat == -5.5:
            assert "X-token" not in response.headers
        else:
            assert claims_of(response.headers["X-token"])["iat"] == now


@pytest.mark.usefixtures("renewed_for_a_day")
def test_the_bound_is_for_secret_tokens_with_an_end_alone(user: User, secret: Secret) -> None:
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False) as clock:
        person = user_token(user)
        for _ in range(10):
            clock.shift(3 * 3_600)
            person = renewed(person)
            assert claims_of(renewed(secret_token(secret, iat=5)))["iat"] == int(time.time())


def test_without_a_bound_a_secret_token_is_renewed_without_end(secret: Secret) -> None:
    now = int(time.time())
    token = renewed(secret_token(secret, exp=now + 60, iat=now - 400 * DAY))
    assert claims_of(token)["exp"] >= now + FOUR_HOURS


def test_refusals_carry_no_token(api: Client) -> None:
    for response in (api.get(URL, {"per_page": "0"}), api.put(URL)):
        assert response.status_code in {400, 405}
        assert "X-token" not in response.headers


def rotate(settings: Any, *fallbacks: str) -> None:
    settings.SECRET_KEY = "the-new-key-0123456789-0123456789-0123456789"
    settings.SECRET_KEY_FALLBACKS = list(fallbacks)


@pytest.mark.parametrize("make", [user_token, secret_token], ids=["user", "secret"])
def test_a_token_survives_the_rotation_of_the_server_key(
    user: User, secret: Secret, settings: Any, make: Callable[[Any], str]
) -> None:
    token = make(user if make is user_token else secret)
    rotate(settings, "one-in-between-0123456789-0123456789", settings.SECRET_KEY)
    assert renewed(token)


def test_a_user_token_is_renewed_with_the_newest_key(user: User, settings: Any) -> None:
    token = user_token(user)
    rotate(settings, settings.SECRET_KEY)
    newer = renewed(token)
    settings.SECRET_KEY_FALLBACKS = []
    assert renewed(newer)
    assert Client().get(URL, headers={"Authorization": bearer(token)}).status_code == 401


def test_a_secret_that_no_key_decrypts_is_denied(secret: Secret, settings: Any) -> None:
    token = secret_token(secret)
    rotate(settings)
    response = Client().get(URL, headers={"Authorization": bearer(token)})
    assert (response.status_code, response.headers["X-message"]) == (401, "Access denied")


@pytest.mark.parametrize("ciphertext", ["x", "gAAAA", "é", "=" * 100])
def test_a_secret_whose_ciphertext_is_broken_is_denied(secret: Secret, ciphertext: str) -> None:
    token = secret_token(secret)
    Secret.objects.update(ciphertext=ciphertext)
    assert Client().get(URL, headers={"Authorization": bearer(token)}).status_code == 401


def test_the_use_of_a_secret_is_noted_once_an_hour(secret: Secret, django_assert_num_queries: Any) -> None:
    client = Client(headers={"Authorization": bearer(secret_token(secret))})
    with time_machine.travel("2026-05-01T12:00:00+00:00", tick=False):
        client.get(URL)
        with django_assert_num_queries(1):  # the secret; without abilities no image is asked for
            client.get(URL)
    secret.refresh_from_db()
    assert secret.last_used_at is not None and secret.last_used_at.hour == 12
    with time_machine.travel("2026-05-01T13:00:01+00:00", tick=False):
        client.get(URL)
    secret.refresh_from_db()
    assert secret.last_used_at.hour == 13
