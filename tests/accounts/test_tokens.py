"""Every hostile or odd token of the threat list, by its number, against the real endpoint."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, Secret, User
from tests.accounts.holders import URL, Holder, ask, assert_denied, jws, tampered
from tests.factories import make_album, make_image, secret_token


@pytest.fixture
def holder(user: User, secret: Secret) -> Holder:
    return Holder(user, secret)


def in_standard_base64(holder: Holder) -> str:
    """A token whose signature is written with + or /, as other libraries' base64 would."""
    signed = (holder.of_secret(n=number) for number in range(100))
    token = next(token for token in signed if "-" in token.split(".")[2] or "_" in token.split(".")[2])
    return tampered(token, 2, lambda part: part.replace("-", "+").replace("_", "/"))


def with_iss(iss: bytes) -> Callable[[Holder], str]:
    return lambda holder: jws(b'{"iss":' + iss + b"}", holder.key)


def with_user_id(user_id: bytes) -> Callable[[Holder], str]:
    return lambda holder: jws(b'{"exp":9999999999,"user_id":' + user_id + b"}", holder.server_key)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


REFUSED: dict[str, Callable[[Holder], str]] = {
    "T1-none": lambda h: h.of_secret({"alg": "none"}),
    "T1-none-unsigned": lambda h: tampered(h.of_secret({"alg": "none"}), 2, lambda _: ""),
    "T1-None": lambda h: h.of_secret({"alg": "None"}),
    "T1-null": lambda h: h.of_secret({"alg": None}),
    "T1-HS512": lambda h: jws({"iss": str(h.secret.pk)}, h.key, {"alg": "HS512"}, hashlib.sha512),
    "T1-RS256": lambda h: h.of_secret({"alg": "RS256"}),
    "T1-missing": lambda h: h.of_secret({"typ": "JWT"}),
    "T1-list": lambda h: h.of_secret({"alg": ["HS256"]}),
    "T1-int": lambda h: h.of_secret({"alg": 256}),
    "T1-object": lambda h: h.of_secret({"alg": {"HS256": True}}),
    "T1-lower-case": lambda h: h.of_secret({"alg": "hs256"}),
    "T1-header-list": lambda h: h.of_secret(b'["HS256"]'),
    "T1-header-text": lambda h: h.of_secret(b"no json"),
    "T1-header-not-utf8": lambda h: h.of_secret(b'{"alg":"\xff"}'),
    "T2-wrong-secret": lambda h: jws({"iss": str(h.secret.pk)}, "another key"),
    "T2-server-key-for-a-secret": lambda h: jws({"iss": str(h.secret.pk)}, h.server_key),
    "T2-secret-key-for-a-user": lambda h: jws({"exp": 9999999999, "user_id": str(h.user.pk)}, h.key),
    "T2-truncated": lambda h: h.of_secret()[:-1],
    "T2-empty-signature": lambda h: tampered(h.of_secret(), 2, lambda _: ""),
    "T2-two-parts": lambda h: h.of_secret().rpartition(".")[0],
    "T2-four-parts": lambda h: h.of_secret() + ".e30",
    "T2-one-part": lambda h: "e30",
    "T2-only-dots": lambda h: "..",
    "T2-padding-at-the-end": lambda h: h.of_secret() + "==",
    "T2-padding-in-the-header": lambda h: tampered(h.of_secret(), 0, lambda part: part + "="),
    "T2-padding-in-the-payload": lambda h: tampered(h.of_secret(), 1, lambda part: part + "=="),
    "T2-standard-base64": in_standard_base64,
    "T2-space-inside": lambda h: h.of_secret().replace(".", ". "),
    "T2-space-at-the-end": lambda h: h.of_secret() + " ",
    "T2-line-break": lambda h: h.of_secret() + "\n",
    "T2-NUL": lambda h: h.of_secret() + "\0",
    "T2-non-ASCII": lambda h: h.of_secret() + "é",
    "T2-payload-not-base64": lambda h: "e30.a.e30",
    "T2-payload-not-utf8": lambda h: jws(b'{"iss":"\xff"}', h.key),
    "T2-payload-not-json": lambda h: jws(b"iss", h.key),
    "T2-payload-list": lambda h: jws([str(h.secret.pk)], h.key),
    "T2-payload-text": lambda h: jws("iss", h.key),
    "T2-payload-empty": lambda h: jws({}, h.key),
    "T3-expired": lambda h: h.of_secret(exp=int(time.time()) - 60),
    "T3-expired-user": lambda h: h.of_user(exp=int(time.time()) - 60),
    "T3-zero": lambda h: h.of_secret(exp=0),
    "T3-negative": lambda h: h.of_secret(exp=-1),
    "T3-abc": lambda h: h.of_secret(exp="abc"),
    "T3-NaN": lambda h: jws(b'{"exp":NaN,"iss":"%s"}' % str(h.secret.pk).encode(), h.key),
    "T3-Infinity": lambda h: jws(b'{"exp":Infinity,"iss":"%s"}' % str(h.secret.pk).encode(), h.key),
    "T3-1e400": lambda h: jws(b'{"exp":1e400,"iss":"%s"}' % str(h.secret.pk).encode(), h.key),
    "T3-object": lambda h: h.of_secret(exp={}),
    "T3-list": lambda h: h.of_secret(exp=[9999999999]),
    "T3-true": lambda h: h.of_secret(exp=True),
    "T3-null": lambda h: h.of_user(exp=None),
    "T6-user-without-exp": lambda h: jws({"user_id": str(h.user.pk)}, h.server_key),
    "T7-nbf-in-the-future": lambda h: h.of_secret(nbf=int(time.time()) + 60),
    "T9-int": with_iss(b"1"),
    "T9-list": with_iss(b'["a"]'),
    "T9-object": with_iss(b'{"a":1}'),
    "T9-null": with_iss(b"null"),
    "T9-true": with_iss(b"true"),
    "T9-empty": with_iss(b'""'),
    "T9-NUL": with_iss(b'"\\u0000"'),
    "T9-NUL-behind-the-id": lambda h: jws({"iss": f"{h.secret.pk}\0"}, h.key),
    "T9-surrogate": with_iss(b'"\\ud800"'),
    "T9-unicode-digits": with_iss('"１２３４５６７８-1234-1234-1234-123456789012"'.encode()),
    "T9-upper-case": lambda h: jws({"iss": str(h.secret.pk).upper()}, h.key),
    "T9-braces": lambda h: jws({"iss": f"{{{h.secret.pk}}}"}, h.key),
    "T9-urn": lambda h: jws({"iss": h.secret.pk.urn}, h.key),
    "T9-no-dashes": lambda h: jws({"iss": h.secret.pk.hex}, h.key),
    "T9-line-break": lambda h: jws({"iss": f"{h.secret.pk}\n"}, h.key),
    "T9-user-int": with_user_id(b"1"),
    "T9-user-list": with_user_id(b"[]"),
    "T9-user-NUL": with_user_id(b'"\\u0000"'),
    "T9-user-surrogate": with_user_id(b'"\\udfff"'),
    "T9-user-injection": with_user_id(b'"\' OR 1=1--"'),
    "T9-NUL-in-another-claim": lambda h: h.of_secret(abilities={"a\0b": {"Access": {"image_list": True}}}),
    "T10-unknown-secret": lambda h: jws({"iss": str(uuid.uuid4())}, h.key),
    "T10-unknown-user": lambda h: h.of_user(user_id=str(uuid.uuid4())),
    "T11-foreign-user-with-own-secret": lambda h: jws({"exp": 9999999999, "user_id": str(h.secret.pk)}, h.key),
    "T13-1-MB": lambda h: h.of_secret(a="a" * 750_000),
    "T13-1-MB-of-dots": lambda h: "." * 1_000_000,
    "T14-nested-100000": lambda h: jws(b'{"a":' + nested(100_000) + b"}", h.key),
    "T14-nested-2500": lambda h: jws(b'{"a":' + nested(2_500) + b"}", h.key),
    "T14-header-nested-2500": lambda h: h.of_secret(b'{"alg":"HS256","a":' + nested(2_500) + b"}"),
    "T16-crit": lambda h: h.of_secret({"alg": "HS256", "crit": ["exp"]}),
    "T16-crit-unknown": lambda h: h.of_secret({"alg": "HS256", "crit": ["b64", "x"], "x": 1}),
    "T16-b64-false": lambda h: h.of_secret({"alg": "HS256", "b64": False, "crit": ["b64"]}),
    "T17-picture": lambda h: h.of_secret(image_id=str(uuid.uuid4()), abilities={}),
    "T17-picture-by-id": lambda h: h.of_secret(id=str(uuid.uuid4())),
    "T17-transformations": lambda h: h.of_secret(transformations=[]),
    "T17-sharinpix": lambda h: h.of_secret(sharinpix=True),
    "T17-webhook": lambda h: h.of_secret(organization_id=str(uuid.uuid4()), album_id="a"),
    "T17-webhook-of-the-server": lambda h: h.of_user(organization_id=str(uuid.uuid4()), album_id="a"),
    "T17-picture-of-the-server": lambda h: h.of_user(image_id=str(uuid.uuid4())),
    "T17-key-of-another-purpose": lambda h: jws(
        {"exp": 9999999999, "user_id": str(h.user.pk)}, django_settings.SIGNING_KEYS[0]
    ),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_token_that_proves_nothing_is_denied_and_leaves_no_trace(
    holder: Holder, make: Callable[[Holder], str]
) -> None:
    assert_denied(ask(make(holder)))
    holder.secret.refresh_from_db()
    assert holder.secret.last_used_at is None


ACCEPTED: dict[str, Callable[[Holder], str]] = {
    "T4-exp-text": lambda h: h.of_secret(exp=str(int(time.time()) + 60)),
    "T4-exp-float": lambda h: h.of_secret(exp=time.time() + 60.5),
    "T4-exp-text-of-a-user": lambda h: h.of_user(exp=str(int(time.time()) + 60)),
    "T5-exp-1e18": lambda h: h.of_secret(exp=10**18),
    "T5-exp-above-64-bits": lambda h: h.of_user(exp=99999999999999999999),
    "T6-secret-without-exp": lambda h: h.of_secret(),
    "T7-iat-in-the-future": lambda h: h.of_user(iat=int(time.time()) + 86_400),
    "T7-iat-text": lambda h: h.of_secret(iat="yesterday"),
    "T7-nbf-within-the-leeway": lambda h: h.of_secret(nbf=int(time.time()) + 20),
    "T7-exp-within-the-leeway": lambda h: h.of_secret(exp=int(time.time()) - 20),
    "T8-aud": lambda h: h.of_secret(aud="somebody"),
    "T8-aud-list": lambda h: h.of_user(aud=["a", "b"]),
    "T8-sub-int": lambda h: h.of_secret(sub=1),
    "T8-jti-int": lambda h: h.of_user(jti=1),
    "T14-duplicate-key": lambda h: jws(b'{"iss":"nobody","iss":"%s"}' % str(h.secret.pk).encode(), h.key),
    "T15-kid": lambda h: h.of_secret({"alg": "HS256", "kid": "../../dev/null"}),
    "T15-jku": lambda h: h.of_secret({"alg": "HS256", "jku": "http://evil.example.com/keys"}),
    "T15-x5u": lambda h: h.of_secret({"alg": "HS256", "x5u": "http://evil.example.com/keys"}),
    "T15-jwk": lambda h: h.of_secret({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}),
    "node-client": lambda h: h.of_secret({"alg": "HS256", "cty": "JWT"}),
    "PHP-client": lambda h: h.of_secret({"typ": "JWT", "alg": "HS256"}),
    "CLI-client": lambda h: h.of_secret({"alg": "HS256", "typ": "JWT"}, iat=int(time.time()), admin=True),
    "user": lambda h: h.of_user(),
    "user-with-abilities": lambda h: h.of_user(abilities={}),
    "search": lambda h: h.of_secret(q="beach", id="x"),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_an_odd_token_that_is_rightly_signed_is_accepted(holder: Holder, make: Callable[[Holder], str]) -> None:
    response = ask(make(holder))
    assert (response.status_code, response.content) == (200, b"[]")
    assert response.headers["X-token"].count(".") == 2


@pytest.mark.parametrize(
    "exp", ["1" + "0" * 400, "9" * 5_000, "1e308", "-1e308"], ids="T5-400 T14-5000 T5-1e308 T3-".split()
)
def test_an_endless_exp_never_breaks_the_server(holder: Holder, exp: str) -> None:
    token = jws(b'{"exp":%s,"iss":"%s"}' % (exp.encode(), str(holder.secret.pk).encode()), holder.key)
    assert ask(token).status_code in {200, 401}


@pytest.mark.parametrize("depth", [50, 200, 500, *range(820, 1_030, 10)])
def test_claims_of_any_depth_are_renewed_or_denied(holder: Holder, depth: int) -> None:
    """T14: what the library can still read it must also be able to write."""
    token = jws(b'{"iss":"%s","a":%s}' % (str(holder.secret.pk).encode(), nested(depth)), holder.key)
    assert ask(token).status_code in {200, 401}


def refused_owner(holder: Holder, case: str) -> str:
    """Makes the owner of a sound token unworthy of it and returns the token."""
    token = holder.of_secret() if "secret" in case else holder.of_user()
    match case:
        case "T10-revoked-secret":
            holder.secret.revoke()
        case "T10-deleted-secret":
            Secret.objects.all().delete()
        case "T10-inactive-user":
            User.objects.update(is_active=False)
        case "T10-deleted-user":
            User.objects.all().delete()
        case _:
            Organization.objects.update(is_active=False)
    return token


@pytest.mark.parametrize(
    "case",
    [
        "T10-revoked-secret",
        "T10-deleted-secret",
        "T10-inactive-user",
        "T10-deleted-user",
        "T10-secret-of-an-inactive-organization",
        "T10-user-of-an-inactive-organization",
    ],
)
def test_a_token_dies_with_its_owner(holder: Holder, case: str) -> None:
    token = refused_owner(holder, case)
    assert_denied(ask(token))


def test_an_unknown_secret_costs_what_a_wrong_signature_costs(holder: Holder) -> None:
    """T10: one query and one HMAC, so that neither answers nor queries tell which ids exist."""
    counts = []
    for token in (jws({"iss": str(uuid.uuid4())}, "k"), jws({"iss": str(holder.secret.pk)}, "k")):
        with CaptureQueriesContext(connection) as queries:
            assert_denied(ask(token))
        counts.append(len(queries))
    assert counts == [1, 1]


def test_a_user_id_signed_by_a_secret_is_never_an_identity(
    user: User, other_organization: Organization, api_of: Callable[..., Client]
) -> None:
    """T11: the secret's organization decides, whatever person the token names."""
    make_image(make_album(user.organization))
    foreign, _ = Secret.issue(other_organization, "theirs")
    theirs = make_image(make_album(other_organization))
    for claims in ({"user_id": str(user.pk)}, {"user_id": str(user.pk), "admin": True}):
        found = [image["id"] for image in api_of(foreign, **claims).get(URL).json()]
        assert found == ([str(theirs.pk)] if "admin" in claims else [])


MALFORMED_ABILITIES: list[Any] = [
    None,
    1,
    "a",
    [],
    ["album"],
    {"album": None},
    {"album": []},
    {"album": "Access"},
    {"album": {"Access": None}},
    {"album": {"Access": ["image_list"]}},
    {"album": {"Access": "image_list"}},
    {"album": {"Access": {"image_list": "true"}}},
    {"album": {"Access": {"image_list": 1}}},
    {"album": {"Access": {"image_list": [True]}}},
    {"album": {"access": {"image_list": True}}},
    {"Access": {"image_list": True}},
]


@pytest.mark.parametrize("abilities", MALFORMED_ABILITIES, ids=lambda value: f"T12-{json.dumps(value)}")
def test_malformed_abilities_grant_nothing(holder: Holder, abilities: Any) -> None:
    make_image(make_album(holder.user.organization, "album"))
    response = ask(holder.of_secret(abilities=abilities))
    assert (response.status_code, response.content) == (200, b"[]")


def padded_to(holder: Holder, size: int) -> str:
    """A token of exactly this many characters."""
    fill = (size - len(holder.of_secret(a=""))) * 3 // 4
    return next(token for n in range(-9, 9) if len(token := holder.of_secret(a="a" * (fill + n))) == size)


def test_a_token_may_have_8_kib_and_not_a_byte_more(holder: Holder) -> None:
    """T13: the longest that is accepted; its renewal would be longer still and is not sent."""
    response = ask(padded_to(holder, 8_192))
    assert response.status_code == 200
    assert "X-token" not in response.headers
    assert_denied(ask(padded_to(holder, 8_193)))


def test_generated_secrets_hold_32_random_bytes_in_characters_that_no_client_splits_at(
    organization: Organization,
) -> None:
    """T18."""
    plain = {Secret.issue(organization, "x")[1] for _ in range(20)}
    assert len(plain) == 20
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", value) for value in plain)


def test_a_token_in_the_query_string_opens_nothing_and_is_not_logged(
    holder: Holder, caplog: pytest.LogCaptureFixture
) -> None:
    """T19: image_syncs takes a token from the header alone."""
    token = holder.of_user()
    assert_denied(Client().get(URL, {"token": token}))  # type: ignore[arg-type]
    assert token not in caplog.text


def test_secrets_are_encrypted_at_rest_and_two_may_be_active_at_once(organization: Organization) -> None:
    """T20: a new one is handed out before the old one is revoked."""
    (old, old_plain), (new, _) = Secret.issue(organization, "old"), Secret.issue(organization, "new")
    assert old_plain not in old.ciphertext
    assert [ask(secret_token(secret)).status_code for secret in (old, new)] == [200, 200]
    old.revoke()
    assert [ask(secret_token(secret)).status_code for secret in (old, new)] == [401, 200]
