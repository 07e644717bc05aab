"""The settings as a fresh process reads them from its environment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.any_database
KEY = "only-for-this-test-0123456789-0123456789-0123456789"
READ = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name, None) for name in sys.argv[1:]}, default=str))
"""
ASK = """
import json, sys
import django
django.setup()
from django.test import Client
answers = []
for method, path, headers in json.loads(sys.argv[1]):
    response = Client(headers=headers).generic(method, path)
    cookies = {name: dict(cookie) for name, cookie in response.cookies.items()}
    headers = {name.title(): value for name, value in response.headers.items()}
    answers.append({"status": response.status_code, "cookies": cookies, **headers})
print(json.dumps(answers))
"""


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that knows nothing but the given environment."""
    known = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "sharinpix.settings", **environment}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60)


def settings_of(folder: Path, *names: str, **environment: str) -> dict[str, Any]:
    done = run(READ, *names, DATA_DIR=str(folder), **{"SECRET_KEY": KEY, **environment})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def answers(folder: Path, *requests: tuple[str, str, dict[str, str]], **environment: str) -> list[dict[str, Any]]:
    done = run(ASK, json.dumps(requests), DATA_DIR=str(folder), SECRET_KEY=KEY, **environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_the_defaults_are_an_embedded_server(tmp_path: Path) -> None:
    names = "DEBUG PUBLIC_URL PROXY_URL ALLOWED_HOSTS DELIVERY DELIVERY_URL CLOUD_NAME TIME_ZONE SIGNING_KEYS DATABASES"
    found = settings_of(tmp_path, *names.split(), PORT="8123")
    database = found.pop("DATABASES")["default"]
    assert len(found.pop("SIGNING_KEYS")) == 1
    assert found == {
        "DEBUG": False,
        "PUBLIC_URL": "http://localhost:8123",
        "PROXY_URL": "http://localhost:8123/proxy",
        "ALLOWED_HOSTS": ["localhost", "localhost", "127.0.0.1"],
        "DELIVERY": "local",
        "DELIVERY_URL": "http://localhost:8123",
        "CLOUD_NAME": "sharinpix",
        "TIME_ZONE": "UTC",
    }
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", str(tmp_path / "db.sqlite3"))
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_the_limits_of_uploads_are_read_from_the_environment(tmp_path: Path) -> None:
    names = ("MAX_UPLOAD_MB", "MAX_MEGAPIXELS", "MAX_FRAMES")
    assert settings_of(tmp_path, *names) == dict(zip(names, (100, 100, 500), strict=True))
    given = dict(zip(names, ("20", "150", "60"), strict=True))
    assert settings_of(tmp_path, *names, **given) == {name: int(value) for name, value in given.items()}


def test_a_cloudinary_url_hands_delivery_over(tmp_path: Path) -> None:
    names = "DELIVERY DELIVERY_URL CLOUD_NAME DELIVERY_KEYS PUBLIC_URL PROXY_URL TIME_ZONE"
    given = {
        "CLOUDINARY_URL": "cloudinary://1234:abcd@sadaasdasd",
        "PUBLIC_URL": "https://localhost",
        "PROXY_URL": "https://sharinpix-proxy-dev.herokuapp.com",
        "TIME_ZONE": "Europe/Paris",
    }
    expected = {
        "DELIVERY": "cloudinary",
        "DELIVERY_URL": "https://res.cloudinary.com",
        "CLOUD_NAME": "sadaasdasd",
        "DELIVERY_KEYS": ["abcd"],
        **{name: given[name] for name in ("PUBLIC_URL", "PROXY_URL", "TIME_ZONE")},
    }
    assert settings_of(tmp_path, *names.split(), **given) == expected
    assert settings_of(tmp_path, "DELIVERY", DELIVERY="local", **given) == {"DELIVERY": "local"}


def test_postgresql_is_reached_by_its_url_with_health_checks(tmp_path: Path) -> None:
    url = "postgresql://ann:p%40ss@db.example.com:5433/pictures"
    database = settings_of(tmp_path, "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert database["ENGINE"] == "sharinpix.postgresql"
    assert [database[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "ann",
        "p@ss",
        "db.example.com",
        5433,
        "pictures",
    ]
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (600, True)


def test_each_key_signs_urls_with_a_key_of_its_own_newest_first(tmp_path: Path) -> None:
    before = settings_of(tmp_path, "SIGNING_KEYS")["SIGNING_KEYS"]
    after = settings_of(tmp_path, "SIGNING_KEYS", SECRET_KEY="newer", SECRET_KEY_FALLBACKS=KEY)["SIGNING_KEYS"]
    assert after[1:] == before
    assert KEY not in before


REFUSED = [
    ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    ({"DEBUG": "maybe"}, "DEBUG must be 1 or 0"),
    ({"PORT": "70000"}, "PORT must be a whole number"),
    ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be a whole number"),
    ({"PUBLIC_URL": "pictures.example.com"}, "PUBLIC_URL must look like"),
    ({"PUBLIC_URL": "https://example.com/path"}, "PUBLIC_URL must look like"),
    ({"PROXY_URL": "ftp://x"}, "PROXY_URL must look like"),
    ({"DELIVERY_URL": "x"}, "DELIVERY_URL must look like"),
    ({"DELIVERY": "s3"}, "DELIVERY must be one of local, cloudinary"),
    ({"DELIVERY": "cloudinary"}, "DELIVERY=cloudinary needs CLOUDINARY_URL"),
    ({"CLOUDINARY_URL": "x"}, "CLOUDINARY_URL must look like"),
    ({"CLOUD_NAME": "a/b"}, "CLOUD_NAME may hold"),
    ({"CLOUD_NAME": "admin"}, "CLOUD_NAME may not be"),
    ({"CORS_ORIGINS": "https://a.example.com, b.example.com"}, "CORS_ORIGINS must hold origins"),
    ({"S3_ENDPOINT_URL": "storage.example.com"}, "S3_ENDPOINT_URL must look like"),
    ({"IMPORT_ALLOW_NETS": "localhost"}, "IMPORT_ALLOW_NETS must hold networks"),
    ({"PREPARED_STATEMENTS": "maybe"}, "PREPARED_STATEMENTS must be 1 or 0"),
    ({"RETIRED_SIGNING_KEYS": "0123456789abcdeF"}, "RETIRED_SIGNING_KEYS must hold fingerprints"),
    ({"LONG_SIGNATURES": "x"}, "LONG_SIGNATURES must be 1 or 0"),
    ({"DERIVED_CACHE_MB": "x"}, "DERIVED_CACHE_MB must be a whole number"),
    ({"MAX_UPLOAD_MB": "0"}, "MAX_UPLOAD_MB must be a whole number"),
    ({"MAX_MEGAPIXELS": "0.5"}, "MAX_MEGAPIXELS must be a whole number"),
    ({"SECRET_TOKEN_MAX_HOURS": "4h"}, "SECRET_TOKEN_MAX_HOURS must be a whole number"),
    ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be a whole number"),
    ({"TRUSTED_PROXIES": "nginx"}, "TRUSTED_PROXIES must be a whole number"),
    ({"MAX_FRAMES": "-1"}, "MAX_FRAMES must be a whole number"),
    ({"TIME_ZONE": "Mars/Olympus"}, "TIME_ZONE must be a time zone"),
    ({"DATABASE_URL": "mysql://u@h/d"}, "DATABASE_URL must name a PostgreSQL or SQLite database"),
    ({"DATABASE_URL": "nonsense"}, "DATABASE_URL must"),
    ({"DATABASE_URL": "postgresql://u@h:port/d"}, "DATABASE_URL must look like"),
]


@pytest.mark.parametrize(
    ("environment", "sentence"), REFUSED, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_a_malformed_variable_stops_the_server_with_a_sentence_that_names_it(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    done = run(
        "from django.conf import settings; settings.DEBUG", DATA_DIR=str(tmp_path), **{"SECRET_KEY": KEY, **environment}
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {sentence}")
    assert last.endswith(".")


def test_the_key_that_is_kept_in_the_data_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("the kept key\n")
    assert settings_of(tmp_path, "SECRET_KEY", SECRET_KEY="") == {"SECRET_KEY": "the kept key"}


def test_behind_https_cookies_are_secure_and_plain_requests_are_sent_there(tmp_path: Path) -> None:
    secure = {"Host": "pictures.example.com", "X-Forwarded-Proto": "https"}
    plain, forged, api, admin = answers(
        tmp_path,
        ("GET", "/api/v1/image_syncs?a=b", {"Host": "pictures.example.com"}),
        ("GET", "/api/v1/image_syncs", {**secure, "X-Forwarded-Proto": "http"}),
        ("GET", "/api/v1/image_syncs", secure),
        ("GET", "/admin/login/", secure),
        PUBLIC_URL="https://pictures.example.com",
    )
    assert (plain["status"], plain["Location"]) == (301, "https://pictures.example.com/api/v1/image_syncs?a=b")
    assert forged["status"] == 301
    (by_another_name,) = answers(
        tmp_path,
        ("GET", "/api/v1/image_syncs", {"Host": "localhost"}),
        PUBLIC_URL="https://pictures.example.com",
        ALLOWED_HOSTS="localhost",
    )
    assert by_another_name["Location"] == "https://pictures.example.com/api/v1/image_syncs"
    assert "Strict-Transport-Security" not in plain
    assert (api["status"], api["Strict-Transport-Security"]) == (401, "max-age=31536000")
    assert admin["status"] == 200
    assert admin["cookies"]["csrftoken"]["secure"] is True
    found = settings_of(tmp_path, "SESSION_COOKIE_SECURE", "CSRF_TRUSTED_ORIGINS", PUBLIC_URL="https://a.example.com")
    assert found == {"SESSION_COOKIE_SECURE": True, "CSRF_TRUSTED_ORIGINS": ["https://a.example.com"]}


def test_without_https_nothing_is_redirected_and_a_forwarded_scheme_is_not_believed(tmp_path: Path) -> None:
    api, admin = answers(
        tmp_path,
        ("GET", "/api/v1/image_syncs", {"Host": "localhost", "X-Forwarded-Proto": "https"}),
        ("GET", "/admin/login/", {"Host": "localhost"}),
    )
    assert api["status"] == 401
    assert "Strict-Transport-Security" not in api
    assert admin["cookies"]["csrftoken"]["secure"] == ""


def test_a_host_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    ours, foreign, odd = answers(
        tmp_path,
        ("GET", "/api/v1/image_syncs", {"Host": "pictures.example.com"}),
        ("GET", "/api/v1/image_syncs", {"Host": "evil.example.com"}),
        ("GET", "/api/v1/image_syncs", {"Host": 'a b"<'}),
        PUBLIC_URL="http://pictures.example.com",
    )
    assert [ours["status"], foreign["status"], odd["status"]] == [401, 400, 400]
    assert foreign["X-Message"] == "The request is malformed."


def test_browsers_of_the_listed_origins_alone_may_read_the_api(tmp_path: Path) -> None:
    origin = {"Host": "localhost", "Origin": "https://app.example.com"}
    preflight = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    retry = {**preflight, "Access-Control-Request-Headers": "authorization,idempotency-key,content-range"}
    listed, asked, other, page, uploaded, stored, retried = answers(
        tmp_path,
        ("GET", "/api/v1/image_syncs", origin),
        ("OPTIONS", "/api/v1/image_syncs", preflight),
        ("GET", "/api/v1/image_syncs", {**origin, "Origin": "https://evil.example.com"}),
        ("GET", "/admin/login/", origin),
        ("POST", "/v1_1/sharinpix/auto/upload", origin),
        ("POST", "/storage_files", origin),
        ("OPTIONS", "/api/v1/albums/a/images", retry),
        CORS_ORIGINS="https://app.example.com",
    )
    assert listed["Access-Control-Allow-Origin"] == "https://app.example.com"
    for upload in (uploaded, stored):  # where forms lead
        assert upload["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert {"idempotency-key", "content-range"} <= set(retried["Access-Control-Allow-Headers"].split(", "))
    assert {"X-token", "X-message", "Link", "X-access-image_upload", "X-access-einstein_box"} <= set(
        listed["Access-Control-Expose-Headers"].split(", ")
    )
    assert {name.lower() for name in listed["Vary"].split(", ")} == {"accept-encoding", "origin"}
    assert asked["status"] == 200
    assert "authorization" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in other
    assert "Access-Control-Allow-Origin" not in page
