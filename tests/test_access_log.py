"""The log of the shipped server: a JSON object a line, whatever a request holds."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.servers import Web, web
from tests.test_server import ask

pytestmark = pytest.mark.any_database


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web() as running:
        running.manage("demo")
        yield running


@pytest.fixture(scope="module")
def token(server: Web) -> str:
    return server.manage("create_token", "demo@example.com")


def lines_of(server: Web, text: str, least: int = 1) -> list[dict[str, Any]]:
    """The lines of answers that hold the text, once there are so many: a line is written after its answer."""
    deadline = time.monotonic() + 10
    while True:
        lines = [line for line in server.output().splitlines() if text in line and '"status"' in line]
        if len(lines) >= least or time.monotonic() > deadline:
            return [json.loads(line) for line in lines]
        time.sleep(0.05)


def test_every_answer_has_a_line_in_the_log_with_its_route_and_principal(server: Web, token: str) -> None:
    _, headers, body = ask(server, "/api/v1/image_syncs?ids[]=a-secret", token)
    line = lines_of(server, headers["x-request-id"])[-1]
    person = jwt.decode(token, options={"verify_signature": False})["user_id"]
    assert line["id"] == headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/image_syncs", 200)
    assert line["route"].startswith("api/v1/image_syncs")
    assert (line["principal"], line["bytes"]) == (person, len(body))
    assert line["ms"] > 0
    assert "a-secret" not in server.output()


def test_a_secret_is_named_in_the_log_by_its_id(server: Web) -> None:
    secret_id, _, plain = server.manage("create_secret", "logged").removeprefix("sharinpix://").partition(":")
    secret = jwt.encode({"iss": secret_id, "admin": True}, plain.partition("@")[0], algorithm="HS256")
    _, headers, _ = ask(server, "/api/v1/image_syncs", secret)
    assert lines_of(server, headers["x-request-id"])[-1]["principal"] == secret_id
    assert secret not in server.output()
    _, headers, _ = ask(server, "/api/v1/image_syncs", "made.up.token")
    assert lines_of(server, headers["x-request-id"])[-1]["principal"] is None


@pytest.mark.parametrize(
    "forged",
    ["%0a%7b%22status%22:%20200%7d", "%0d%0aforged", "%1b[31m", "%c2%9b31m", "%e2%80%a8", "%ff%00", '"', "%22"],
)
def test_no_path_forges_a_line_of_the_log(server: Web, forged: str) -> None:
    marked = uuid.uuid4().hex
    for path in (f"/{marked}{forged}", f"/api/v1/albums/{marked}{forged}", f"/admin/{marked}{forged}"):
        ask(server, path)
    assert len(lines_of(server, marked, least=3)) == 3
    assert_objects(server.output())


def test_a_request_that_cannot_be_read_forges_no_line_either(server: Web) -> None:
    for data in (b"GET /\x1b[31m\x00 HTTP/1.1\r\n\r\n", b"\xff\n\n\r\n\r\n", b"GET / HTTP/1.1\r\nA\x1b: b\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65_536)
    assert_objects(server.output())


def assert_objects(output: str) -> None:
    """Every line is a JSON object of plain characters."""
    assert output.replace("\n", "").isprintable() and output.isascii()
    for line in output.splitlines():
        try:
            assert isinstance(json.loads(line), dict)
        except ValueError:
            pytest.fail(line)
