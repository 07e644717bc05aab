"""Adding a key or a variant is one change in one file, as docs/architecture.md promises: each is tried on a copy."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from images.delivery.variants import STORED
from images.serializers import ImageSerializer
from tests.edited_trees import EditedTree
from tests.payloads import assert_same_payload

pytestmark = pytest.mark.any_database
PLACES = {
    "first": ("    id = serializers.UUIDField(read_only=True)\n", "public_id", "before"),
    "in the middle": ("    metadatas = serializers.DictField(read_only=True)\n", "original_url", "after"),
    "between the keys of a resync": (
        "    user_sfid = serializers.CharField(read_only=True, allow_null=True)\n",
        "",
        "before",
    ),
    "before thumbnails": ("    thumbnails = ThumbnailsField()\n", "", "before"),
    "last": ("    thumbnails = ThumbnailsField()\n", "", "after"),
}
# Named as no key or variant will be, so that these tests hold while keys and variants are added
LINE = '    probe = serializers.JSONField(read_only=True, source="palette", help_text="[colour, percent].")\n'

PREPARED = """
import io, json
from django.conf import settings
from django.test import Client
from PIL import Image as Pillow
from drf_spectacular.generators import SchemaGenerator
from accounts.models import Organization, User
from accounts.tokens import SharinpixToken
from images.models import Image, Representation
from images.representations import stamp
from tests.payloads import assert_same_payload

settings.ALLOWED_HOSTS.append("testserver")
user = User.objects.create_user("ann@example.com", "correct horse 7", organization=Organization.objects.default())
client = Client(headers={"Authorization": f"Token {SharinpixToken.for_user(user)}"})

def picture(*size):
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "#3366CC").save(buffer, "JPEG")
    buffer.seek(0)
    buffer.name = "a.jpg"
    return buffer

schema = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
"""
ANSWERS = """
def body(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content) if response.streaming else response.content

created = body(client.post("/api/v1/albums/a/images", {"file": picture(640, 480)}))
first = body(client.get("/api/v1/image_syncs"))
Representation.objects.update(stamp="stale", document="{}")
computed = body(client.get("/api/v1/image_syncs"))
assert_same_payload(json.loads(computed), json.loads(first))
assert computed == first, "computed and stored differ"
print(json.dumps({
    "created": json.loads(created),
    "resync": json.loads(first)[0],
    "album": json.loads(body(client.get("/api/v1/albums/a/images")))[0],
    "cover": json.loads(body(client.get("/api/v1/albums/a")))["thumbnails"][0],
    "schema": {name: list(schema[name]["properties"]) for name in ("Image", "AlbumImage")},
    "stamp": stamp(),
}))
"""


@pytest.fixture
def tree(tmp_path: Path) -> EditedTree:
    return EditedTree(tmp_path)


def answers(tree: EditedTree) -> Any:
    return orjson.loads(tree.script(PREPARED + ANSWERS).splitlines()[-1])


@pytest.mark.parametrize("place", PLACES)
def test_a_new_key_is_one_line_and_stands_in_its_place_in_every_answer(tree: EditedTree, place: str) -> None:
    line, _, side = PLACES[place]
    tree.replace("images/serializers.py", line, LINE + line if side == "before" else line + LINE)
    found = answers(tree)
    keys = found["schema"]["Image"]
    assert (len(keys), keys.count("probe")) == (len(ImageSerializer().fields) + 1, 1)
    neighbour = line.split()[0]
    assert keys.index("probe") - keys.index(neighbour) == (-1 if side == "before" else 1)
    others = [key for key in keys if key not in {"tag_names", "user_sfid"}]
    assert list(found["resync"]) == keys
    for answer in ("created", "album", "cover"):
        assert list(found[answer]) == others, answer
    assert found["schema"]["AlbumImage"] == others
    assert found["resync"]["probe"] == found["created"]["probe"] == [["#3266CC", 100.0]]


def test_a_new_key_makes_stored_texts_stale(tree: EditedTree) -> None:
    before = answers(tree)["stamp"]
    tree.replace("images/serializers.py", PLACES["last"][0], PLACES["last"][0] + LINE)
    assert (
        tree.run(
            "-c", "import django\ndjango.setup()\nfrom images.representations import stamp\nprint(stamp())"
        ).strip()
        != before
    )


PROBE = '    "probe": Variant(f"{EDITED}c_fill,h_400,w_400/{SEND}", BOTH, stored=True, kind="probe"),\n'
SIZES = """
made = client.post("/api/v1/albums/a/images", {"file": picture(2400, 1600)}).json()
[found] = client.get(f"/api/v1/image_syncs?ids[]={made['id']}").json()

def size(url):
    response = client.get(url.removeprefix("http://testserver"))
    while response.status_code == 302:
        response = client.get(response["Location"].removeprefix("http://testserver"))
    assert response.status_code == 200, (url, response.content)
    return Pillow.open(io.BytesIO(b"".join(response) if response.streaming else response.content)).size

def sizes():
    return {key: {name: size(url) for name, url in found[key].items()} for key in ("thumbnails", "external_urls")}

rows = {row.variant: (row.width, row.height) for row in Image.objects.get().thumbnails.all()}
stored = sizes()
Image.objects.get().thumbnails.all().delete()
assert sizes() == stored, "rendered on demand and stored differ"
schema = schema["Image"]["properties"]
print(json.dumps({
    "rows": rows, "sizes": stored, "schema": {key: list(schema[key]["properties"]) for key in stored},
}))
"""
# A variant that is added promises its size here
PROMISED = {
    "original": [2400, 1600], "full_no_sharinpix": [1920, 1280], "full": [1920, 1280], "probe": [400, 400],
    "large": [200, 200], "mini": [100, 100], "fill100": [300, 200], "fit2000": [2000, 1333],
}  # fmt: skip


@pytest.mark.parametrize("place", ["full", "large", "mini"])
def test_a_new_variant_is_one_row_and_every_picture_has_the_size_that_its_name_promises(
    tree: EditedTree, place: str
) -> None:
    file = "images/delivery/variants.py"
    [row] = [line for line in (tree.root / file).read_text().splitlines(True) if line.startswith(f'    "{place}": ')]
    tree.replace(file, row, PROBE + row)
    found = orjson.loads(tree.script(PREPARED + SIZES).splitlines()[-1])
    assert found["rows"] == {name: PROMISED[name] for name in (*STORED, "probe")}
    for key, pictures in found["sizes"].items():
        assert "probe" in pictures
        assert_same_payload({key: pictures}, {key: {name: PROMISED[name] for name in pictures}})
        assert found["schema"][key] == list(pictures)
