"""The server as it is shipped: `make serve` with two processes, over HTTP."""

import gzip
import http.client
import http.cookiejar
import json
import re
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import brotli
import gunicorn.http.message
import jwt
import pytest
from backports import zstd

from sharinpix.locks import FileLock
from tests.servers import Web, web


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web() as running:
        running.manage("demo")
        yield running


@pytest.fixture(scope="module")
def token(server: Web) -> str:
    return server.manage("create_token", "demo@example.com")


def ask(
    server: Web, path: str, token: str = "", method: str = "GET", body: bytes | None = None, **named: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name, and body; headers are sent by keyword, `accept_encoding="gzip"`."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    headers = {name.replace("_", "-"): value for name, value in named.items()}
    if token:
        headers["Authorization"] = f'Token token="{token}"'
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def test_a_picture_has_one_spelling_on_the_wire(server: Web, token: str) -> None:
    (image, *_) = json.loads(ask(server, "/api/v1/image_syncs", token)[2])
    path = image["thumbnails"]["mini"].removeprefix(server.url)
    assert ask(server, path)[0] == 200
    for other in (path.replace("c_fit", "%63_fit"), path.replace("/fl_", "%2ffl_"), f"{path}?", f"{path}?a=1"):
        status, headers, _ = ask(server, other)
        assert (status, headers["location"]) == (302, server.url + path)
    assert ask(server, path.replace("/v", "/v0"))[0] == 401
    assert ask(server, f"/{path}")[0] == 404


@pytest.mark.parametrize("brackets", ["[]", "%5B%5D", "%5b%5d"])
def test_a_get_may_name_ten_thousand_ids(server: Web, token: str, brackets: str) -> None:
    known = [image["id"] for image in json.loads(ask(server, "/api/v1/image_syncs", token)[2])]
    query = "&".join(f"ids{brackets}={image_id}" for image_id in ids(10_000 - len(known)) + known)
    status, _, body = ask(server, f"/api/v1/image_syncs?{query}", token)
    assert status == 200
    assert [image["id"] for image in json.loads(body)] == known


def test_a_request_line_of_500_kb_is_accepted(server: Web, token: str) -> None:
    status, _, _ = ask(server, f"/api/v1/image_syncs?ids[]={ids(1)[0]}&album_id={'a' * 500_000}", token)
    assert status == 200


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
def test_a_request_line_above_1_mb_is_refused_quickly(server: Web, token: str, size: int) -> None:
    try:
        status, _, _ = ask(server, f"/api/v1/image_syncs?ids[]={'a' * size}", token)
    except (BrokenPipeError, ConnectionResetError):
        status = 414  # it hung up on us while we were still sending
    assert status in {400, 414, 431}
    assert ask(server, "/assets/blank.jpg")[0] == 200


def test_the_constant_that_bounds_the_request_line_is_still_where_we_set_it() -> None:
    assert isinstance(gunicorn.http.message.MAX_REQUEST_LINE, int)


def test_10_001_ids_are_refused_with_a_sentence(server: Web, token: str) -> None:
    body = json.dumps({"ids": ids(10_001)}).encode()
    status, answer, _ = ask(server, "/api/v1/image_syncs", token, "POST", body, content_type="application/json")
    assert status == 400
    assert answer["x-message"] == "At most 10,000 ids can be asked for at once."


def test_a_token_of_8_kib_reaches_the_application(server: Web) -> None:
    status, headers, _ = ask(server, "/api/v1/image_syncs", "a" * 8_192)
    assert status == 401
    assert headers["x-message"] == "Access denied"


@pytest.mark.parametrize(
    ("coding", "decompress"), [("gzip", gzip.decompress), ("br", brotli.decompress), ("zstd", zstd.decompress)]
)
def test_answers_are_compressed_by_what_the_client_accepts(
    server: Web, token: str, coding: str, decompress: object
) -> None:
    _, _, plain = ask(server, "/api/v1/image_syncs", token)
    _, headers, body = ask(server, "/api/v1/image_syncs", token, accept_encoding=coding)
    assert headers["content-encoding"] == coding
    assert len(body) < len(plain) / 3
    assert decompress(body) == plain  # type: ignore[operator]


def test_static_files_and_the_api_page_are_served_without_a_build_step(server: Web) -> None:
    status, headers, body = ask(server, "/static/admin/css/base.css")
    assert status == 200 and headers["content-type"].startswith("text/css") and b"body" in body
    status, _, page = ask(server, "/api/docs/")
    assert status == 200
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.decode()):
        assert ask(server, asset)[0] == 200
    assert not re.search(r'(?:src|href)="https?://', page.decode())


def test_a_slow_request_is_finished_before_the_server_stops() -> None:
    with web() as running:
        running.manage("demo")
        token = running.manage("create_token", "demo@example.com")
        image = json.loads(ask(running, "/api/v1/image_syncs", token)[2])[0]
        path = image["external_urls"]["fit2000"].removeprefix(running.url)
        statuses: list[int] = []
        clients = [threading.Thread(target=lambda: statuses.append(ask(running, path)[0])) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.05)
        assert running.stop() == 0
        for client in clients:
            client.join()
        assert statuses.count(200) == len(statuses) == 4


def test_resyncs_are_answered_while_pictures_wait_to_be_rendered(server: Web, token: str) -> None:
    """Every slot is taken by another process: pictures wait, everything else goes on."""
    images = json.loads(ask(server, "/api/v1/image_syncs", token)[2])
    with FileLock("render-0", wait=0, folder=Path(server.environment["DATA_DIR"]) / "locks") as held:
        assert held
        path = images[3]["external_urls"]["fit2000"].removeprefix(server.url)
        waiting = [threading.Thread(target=ask, args=(server, path)) for _ in range(12)]
        for client in waiting:
            client.start()
        time.sleep(0.3)
        assert all(ask(server, "/api/v1/image_syncs", token)[0] == 200 for _ in range(10))
        assert any(client.is_alive() for client in waiting)
    for client in waiting:
        client.join()


def test_what_is_refused_in_one_process_is_refused_by_the_next_request_to_another(server: Web) -> None:
    """Two servers of one process each on the same data: people and a secret are barred by the one, asked at the other."""
    first = Web(Path(server.environment["DATA_DIR"]), server.environment["DATABASE_URL"], WEB_CONCURRENCY="1")
    second = Web(Path(server.environment["DATA_DIR"]), server.environment["DATABASE_URL"], WEB_CONCURRENCY="1")
    first.start()
    second.start()
    try:
        secret_id, _, plain = (
            server.manage("create_secret", "to be revoked").removeprefix("sharinpix://").partition(":")
        )
        secret = jwt.encode({"iss": secret_id, "admin": True}, plain.partition("@")[0], algorithm="HS256")
        server.manage("shell", "-c", PERSON)
        person = server.manage("create_token", "barred@example.com")
        server.manage("shell", "-c", STAFF)
        admin = Browser(first)
        assert [ask(second, "/api/v1/image_syncs", token)[0] for token in (secret, person)] == [200, 200]
        admin.post("/admin/accounts/secret/", {"action": "revoke", "_selected_action": secret_id})
        assert ask(second, "/api/v1/image_syncs", secret)[0] == 401
        assert ask(second, "/api/v1/image_syncs", person)[0] == 200
        server.manage("shell", "-c", BARRED)
        assert ask(second, "/api/v1/image_syncs", person)[0] == 401
        elsewhere, chief = Browser(second), server.manage("create_token", "chief@example.com")
        assert ask(second, "/api/v1/image_syncs", chief)[0] == elsewhere.status("/admin/") == 200
        people = "/admin/accounts/user/"
        admin.post(people, {"action": "log_out_everywhere", "_selected_action": jwt_user(chief)})
        assert ask(second, "/api/v1/image_syncs", chief)[0] == 401
        assert elsewhere.status(people) == 302
    finally:
        first.stop()
        second.stop()


PERSON = "from accounts.models import User; User.objects.create_user('barred@example.com', 'correct horse 7')"
BARRED = "from accounts.models import User; User.objects.filter(email='barred@example.com').update(is_active=False)"
STAFF = "from accounts.models import User; User.objects.create_superuser('chief@example.com', 'correct horse 7')"


class Browser:
    """A session of a superuser in the admin."""

    def __init__(self, server: Web, email: str = "chief@example.com") -> None:
        self.server = server
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.opener.open(f"{server.url}/admin/login/").close()
        self.post("/admin/login/", {"username": email, "password": "correct horse 7", "next": "/admin/"})

    def post(self, path: str, fields: dict[str, str]) -> None:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        self.opener.open(f"{self.server.url}{path}", body).close()

    def status(self, path: str) -> int:
        """The status of a page, redirects included."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        return ask(self.server, path, cookie=cookies)[0]


LEAVER = """
from accounts.models import Organization, User
User.objects.create_superuser('{0}@example.com', 'correct horse 7', organization=Organization.objects.create(name='{0}'))
"""
LEAVES = {
    "password": "user.set_password('another horse 9'); user.save()",
    "block": "user.is_active = False; user.save()",
    "closed": "user.organization.is_active = False; user.organization.save()",
    "everywhere": "user.log_out_everywhere()",
}


@pytest.mark.parametrize("name", LEAVES)
def test_what_ends_a_login_in_one_process_ends_it_in_all_others(server: Web, name: str) -> None:
    """The change is made by a process of its own; two processes of the server are asked, some times each."""
    server.manage("shell", "-c", LEAVER.format(name))
    token, browser = server.manage("create_token", f"{name}@example.com"), Browser(server, f"{name}@example.com")

    def statuses() -> set[tuple[int, int]]:
        return {(ask(server, "/api/v1/image_syncs", token)[0], browser.status("/admin/")) for _ in range(8)}

    assert statuses() == {(200, 200)}
    find = f"from accounts.models import User; user = User.objects.get(email='{name}@example.com'); "
    server.manage("shell", "-c", find + LEAVES[name])
    assert statuses() == {(401, 302)}
    again = Browser(server, f"{name}@example.com").status("/admin/")
    assert again == (200 if name == "everywhere" else 302)


def jwt_user(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["user_id"])


@pytest.mark.parametrize("path", ["/api/v1/albums/a/images", "/storage_files", "/api/v1/imports"])
def test_a_body_of_unknown_length_is_asked_for_its_length(server: Web, token: str, path: str) -> None:
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    headers = {"Authorization": f'Token token="{token}"', "Content-Type": "multipart/form-data; boundary=x"}
    connection.request("POST", path, iter([b"--x\r\n", b"--x--\r\n"]), headers, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, response.headers["X-message"]) == (411, "Send the length of the body.")
    connection.close()


def test_no_token_is_ever_logged(server: Web, token: str) -> None:
    ask(server, f"/api/v1/image_syncs?token={token}", token)
    deadline = time.monotonic() + 10  # a line is written after its answer
    while "/api/v1/image_syncs" not in (output := server.output()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "/api/v1/image_syncs" in output
    assert token not in output
