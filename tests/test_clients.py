"""The published clients, unmodified, against the shipped server."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cloudinary.uploader
import cloudinary.utils
import jwt
import pytest

from sharinpix.locks import FileLock
from tests.factories import bearer
from tests.servers import ROOT, Web, web

CLIENTS = ROOT / "tests" / "clients"
PHOTO = ROOT / "albums" / "demo" / "photos" / "Chelsea the cat.jpg"
ALBUM = "001NEVERSEEN"


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web() as running:
        yield running


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The clients' packages, fetched once for a checkout."""
    if not shutil.which("npm"):
        pytest.skip("needs node and npm")
    with FileLock("node_modules", wait=120):
        if not (CLIENTS / "node_modules" / "sharinpix").exists():
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=CLIENTS, check=True)
    return CLIENTS / "node_modules"


def asked(server: Web, path: str, token: str) -> Any:
    request = urllib.request.Request(f"{server.url}{path}", headers={"Authorization": bearer(token)})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_the_node_client_uploads_to_an_album_that_did_not_exist(server: Web, node_modules: Path) -> None:
    secret = urlsplit(server.manage("create_secret", "node"))
    command = ["node", str(CLIENTS / "upload.cjs"), f"{server.url}/api/v1", str(secret.username), str(secret.password)]
    environment = {**os.environ, "NODE_PATH": str(node_modules)}
    done = subprocess.run([*command, ALBUM, str(PHOTO)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    image = json.loads(done.stdout)
    assert image["album_id"] == ALBUM
    assert image["metadatas"] == {"inspection": 7}
    token = jwt.encode({"iss": secret.username, "admin": True}, str(secret.password), algorithm="HS256")
    (synced,) = asked(server, f"/api/v1/image_syncs?ids[]={image['id']}", token)
    assert synced["processed"] is True
    assert synced["processing_error"] is None
    urls = [synced["original_url"], *synced["external_urls"].values(), *synced["thumbnails"].values()]
    assert len(urls) == 11
    for url in urls:
        with urllib.request.urlopen(url) as picture:
            assert picture.headers["Content-Type"].startswith("image/"), url
    with urllib.request.urlopen(synced["original_url"]) as original:
        assert original.read() == PHOTO.read_bytes()


@pytest.fixture
def account(server: Web) -> Iterator[Any]:
    """The cloudinary package, configured for the server."""
    url = urlsplit(server.manage("create_upload_key"))
    before = dict(vars(cloudinary.config()))
    cloudinary.config(cloud_name=url.hostname, api_key=url.username, api_secret=url.password, upload_prefix=server.url)
    yield cloudinary.config()
    vars(cloudinary.config()).clear()
    vars(cloudinary.config()).update(before)


def test_the_cloudinary_package_uploads_and_believes_the_answer(account: Any) -> None:
    answer = cloudinary.uploader.upload(str(PHOTO), tags=["a", "b"], colors=True, phash=True, type="authenticated")
    assert cloudinary.utils.verify_api_response_signature(answer["public_id"], answer["version"], answer["signature"])
    assert (answer["width"], answer["height"], answer["format"]) == (451, 300, "jpg")
    assert answer["bytes"] == PHOTO.stat().st_size
    assert answer["tags"] == ["a", "b"]
    assert answer["original_filename"] == "Chelsea the cat"
    with urllib.request.urlopen(answer["secure_url"]) as picture:
        assert picture.headers["Content-Type"] == "image/jpeg"


def test_the_cloudinary_package_uploads_in_parts(account: Any, tmp_path: Path) -> None:
    photo = tmp_path / "large.jpg"
    photo.write_bytes(PHOTO.read_bytes() + os.urandom(11_000_000))  # what follows the picture is no matter of decoders
    answer = cloudinary.uploader.upload_large(str(photo), chunk_size=5 << 20, colors=True)
    assert answer["bytes"] == photo.stat().st_size
    assert cloudinary.utils.verify_api_response_signature(answer["public_id"], answer["version"], answer["signature"])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"api_secret": "wrong"}, cloudinary.exceptions.AuthorizationRequired),
        ({"public_id": "mine"}, cloudinary.exceptions.BadRequest),
        ({"cloud_name": "other"}, cloudinary.exceptions.BadRequest),
    ],
)
def test_the_cloudinary_package_understands_refusals(account: Any, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        cloudinary.uploader.upload(str(PHOTO), **options)
