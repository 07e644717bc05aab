"""The demo: what a newcomer sees after one command, down to every picture."""

import json
import re
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.conf import settings as ours
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from PIL import Image as Pillow
from PIL import ImageChops, ImageOps, ImageStat

from accounts.models import Organization, User
from albums.models import Album
from images.models import Image, Tag
from tests.factories import bearer, user_token
from tests.images.links import content_of, flipped, is_picture, opened

PHOTOS = Path(ours.BASE_DIR) / "albums" / "demo" / "photos"
SMALL = (24, 24)


def run() -> str:
    output = StringIO()
    call_command("demo", stdout=output)
    return output.getvalue()


@pytest.fixture(scope="module")
def once(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """What the command prints; it runs once for all tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield run()
        transaction.set_rollback(True)


@pytest.fixture
def printed(once: str, db: None) -> str:
    return once


@pytest.fixture
def answer(printed: str) -> list[dict[str, Any]]:
    """The images as the printed token sees them."""
    token = re.search("^Token +(.*)$", printed, re.MULTILINE)
    assert token
    response = Client().get("/api/v1/image_syncs", headers={"Authorization": bearer(token[1])})
    assert response.status_code == 200
    found: list[dict[str, Any]] = json.loads(response.content)
    return found


def urls_of(image: dict[str, Any]) -> dict[str, str]:
    external = {f"external {name}": url for name, url in image["external_urls"].items()}
    return {"original_url": image["original_url"], **external, **image["thumbnails"]}


def original_of(image: dict[str, Any]) -> Pillow.Image:
    """The photograph as it is meant to be seen."""
    path = next(path for path in PHOTOS.iterdir() if path.stem == image["filename"])
    return ImageOps.exif_transpose(Pillow.open(path)).convert("RGB")


def promised(name: str, original: Pillow.Image) -> tuple[int, int]:
    squares = {"large": 200, "external large": 200, "mini": 100, "external mini": 100}
    boxes = {"full": 1920, "external full": 1920, "full_no_sharinpix": 1920, "external fit2000": 2000}
    width, height = original.size
    if name in squares:
        return squares[name], squares[name]
    if name == "external fill100":
        return 300, round(height * 300 / width)
    scale = boxes[name] / max(width, height) if name in boxes else 1
    return round(width * scale), round(height * scale)


def looks(picture: Pillow.Image) -> list[Pillow.Image]:
    """The picture in its eight positions, the upright one first; small and grey, to compare."""
    small = ImageOps.fit(picture.convert("L"), SMALL)
    return [small, *(small.transpose(way) for way in Pillow.Transpose)]


def is_upright(shown: Pillow.Image, original: Pillow.Image) -> bool:
    """Whether of all positions of the original the upright one is what is shown."""
    given = ImageOps.fit(shown.convert("L"), SMALL)
    distances = [ImageStat.Stat(ImageChops.difference(given, look)).mean[0] for look in looks(original)]
    return distances[0] == min(distances) and distances[0] < 4


def test_every_url_shows_its_picture_upright_and_at_the_promised_size(
    client: Client, answer: list[dict[str, Any]]
) -> None:
    assert len(answer) >= 8
    for image in answer:
        original = original_of(image)
        assert (image["width"], image["height"]) == original.size
        for name, url in urls_of(image).items():
            assert url.startswith("http://testserver/"), url
            shown = ImageOps.exif_transpose(Pillow.open(BytesIO(content_of(client, url))))
            wanted = promised(name, original)
            near = [abs(one - other) <= 1 for one, other in zip(shown.size, wanted, strict=True)]
            assert all(near), (url, shown.size, wanted)
            assert is_upright(shown, original), url


def test_only_the_original_needs_its_exif_to_be_seen_upright(client: Client, answer: list[dict[str, Any]]) -> None:
    turned = [image for image in answer if image["exifs"].get("Orientation", 1) != 1]
    assert len(turned) >= 2
    for image in turned:
        for name, url in urls_of(image).items():
            if name != "original_url":
                assert "exif" not in opened(content_of(client, url)).info, url
        original = Pillow.open(BytesIO(content_of(client, image["original_url"])))
        assert original.getexif()[0x0112] == image["exifs"]["Orientation"]


def test_no_url_with_a_changed_signature_shows_a_picture(client: Client, answer: list[dict[str, Any]]) -> None:
    tried = 0
    for image in answer:
        for url in urls_of(image).values():
            pieces = ("?s=", "&") if "?s=" in url else ("s--", "--/")
            for changed in flipped(url, *pieces):
                response = client.get(changed, follow=True)
                assert (response.status_code in {400, 401}, is_picture(response.content)) == (True, False), changed
                tried += 1
    assert tried == len(answer) * (8 * 8 + 3 * 7)


def test_several_photographs_have_a_place_a_date_and_tags(answer: list[dict[str, Any]]) -> None:
    for key in ("gps", "taken_at", "tag_names"):
        assert len([image for image in answer if image[key]]) >= 3, key
    assert {image["processed"] for image in answer} == {True}
    assert len({image["color"] for image in answer}) > 3


def test_photographs_stand_in_natural_order(answer: list[dict[str, Any]]) -> None:
    names = [image["filename"] for image in answer]
    assert names[-3:] == ["Texture 1 bricks", "Texture 2 grass", "Texture 10 gravel"]
    assert {image["album_id"] for image in answer} == {"demo"}


def test_another_organization_sees_none_of_it(printed: str, other_organization: Organization) -> None:
    stranger = User.objects.create_user("eve@example.com", "correct horse 7", organization=other_organization)
    ids = "&".join(f"ids[]={image_id}" for image_id in Image.objects.values_list("id", flat=True))
    client = Client(headers={"Authorization": bearer(user_token(stranger))})
    for query in ("", ids, "album_id=demo"):
        response = client.get(f"/api/v1/image_syncs?{query}")
        assert (response.status_code, response.json()) == (200, [])


def test_running_it_again_changes_nothing(printed: str) -> None:
    tables = (Organization, User, Album, Image, Tag, Image.tags.through)
    before = [list(model._default_manager.order_by("pk").values()) for model in tables]
    again = run()
    assert [list(model._default_manager.order_by("pk").values()) for model in tables] == before
    assert "as printed when it was made" in again


def test_the_printed_password_opens_the_admin(client: Client, printed: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those that it was made with
    email, password = (re.search(f"^{label} +(.*)$", printed, re.MULTILINE) for label in ("Email", "Password"))
    assert email and password
    response = client.post("/admin/login/?next=/admin/", {"username": email[1], "password": password[1]})
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_the_printed_curl_line_asks_for_the_first_images(printed: str) -> None:
    line = re.search(r"^curl -g -H '(Authorization): (.*)' 'http://testserver(.*)'$", printed, re.MULTILINE)
    assert line
    response = Client().get(line[3], headers={line[1]: line[2]})
    first = Album.objects.get().images.in_order()[:3]
    assert [image["id"] for image in response.json()] == [str(image.pk) for image in first]


def test_the_photographs_are_small_enough_to_ship_and_their_licences_are_named() -> None:
    licences = (PHOTOS.parent / "LICENSES.md").read_text()
    paths = list(PHOTOS.iterdir())
    assert len(paths) >= 8 and sum(path.stat().st_size for path in paths) < 3_000_000
    assert [path.name for path in paths if f"`{path.name}`" not in licences] == []
