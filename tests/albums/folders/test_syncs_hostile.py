"""Documents that no server should send: each is refused with a sentence, or loaded so that it can be shown."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from albums.models import Album
from images.models import Image
from tests.albums.folders.test_syncs import document, load, refusal
from tests.fuzzing import examples

FIELDS = sorted(document())
DEEP: Any = "bottom"
for _ in range(300):
    DEEP = [DEEP]


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here imports."""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", "not-a-uuid"),
        ("id", 5),
        ("id", True),
        ("id", "3bafd689-308a-47c2-a945-b71c0f7a6361\n"),
        ("id", "{3bafd689-308a-47c2-a945-b71c0f7a6361}"),
        ("id", "' OR 1=1--"),
        ("id", ["3bafd689-308a-47c2-a945-b71c0f7a6361"]),
        ("infos", []),
        ("infos", "text"),
        ("infos", None),
        ("infos", {"deep": DEEP}),
        ("exifs", 5),
        ("exifs", {"deep": DEEP}),
        ("metadatas", DEEP),
        ("gps_html", [91, 0]),
        ("gps_html", [0, 181]),
        ("gps_html", [1]),
        ("gps_html", [1, 2, 3]),
        ("gps_html", ["NaN", 0]),
        ("gps_html", "1,2"),
        ("gps_html", {"lat": 1}),
        ("gps_html", [None, 1]),
        ("created_at", None),
        ("created_at", 1554745136),
        ("created_at", "yesterday"),
        ("created_at", "9999-12-31T23:59:59-23:00"),
        ("created_at", "0001-01-01T00:00:00+23:00"),
        ("taken_at", "0000-00-00T00:00:00Z"),
        ("width", -1),
        ("width", None),
        ("width", "wide"),
        ("width", True),
        ("width", 1.5),
        ("width", 2**31),
        ("width", 2**63),
        ("width", "9" * 5_000),
        ("rotation", 45),
        ("rotation", True),
        ("rotation", None),
        ("crop_x", -1),
        ("crop_x", "NaN"),
        ("crop_w", "nan"),
        ("crop_h", "Infinity"),
        ("crop_h", 1e300),
        ("crop_h", None),
        ("group_id", 5),
        ("original_url", "/image/upload/" * 70_000),
        ("filename", "x" * 256),
        ("filename", None),
        ("filename", ["x"]),
        ("format", "x" * 33),
        ("title", ["x"]),
        ("title", {"x": 1}),
        ("page", -1),
        ("group_id", "x"),
        ("color", "x" * 33),
        ("processed", None),
        ("processed", "perhaps"),
        ("album_id", ""),
        ("album_id", None),
        ("album_id", "a/b"),
        ("album_id", ".."),
        ("album_id", "x" * 256),
        ("album_id", "a\nb"),
        ("album_id", {"x": 1}),
        ("tag_names", "a"),
        ("tag_names", [""]),
        ("tag_names", [None]),
        ("tag_names", [{"x": 1}]),
        ("tag_names", ["x" * 256]),
        ("tag_names", [str(number) for number in range(1_001)]),
        ("user_sfid", ""),
        ("user_sfid", {}),
        ("user_sfid", "x" * 256),
        ("user_sfid", ["x"]),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_wrong_value_is_refused_with_a_sentence_and_the_rest_is_loaded(
    tmp_path: Path, field: str, value: object
) -> None:
    good = document(album_id="good", tag_names=[])
    message = refusal(document(**{field: value}), good, folder=tmp_path)
    assert message.startswith("Refused:\n  image 1: ") and message.endswith(".") and len(message) < 300
    assert [str(image.pk) for image in Image.objects.all()] == [good["id"]]


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, True, [{"id": 1}]], ids=ascii)
def test_what_is_no_image_is_refused_and_the_rest_is_loaded(tmp_path: Path, value: object) -> None:
    assert "image 1: " in refusal(value, document(), folder=tmp_path)
    assert Image.objects.count() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'{"id": 1}',
        b"[NaN]",
        b"[1e999]",
        b'["\\ud800"]',
        b"\xff\xfe",
        b"[" * 2_000 + b"]" * 2_000,
        b"[" * 1_000 + b"]" * 1_000,
        b"[{}]" * 2,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_list_of_images_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "syncs.json"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        call_command("import_syncs", str(file), stdout=StringIO())
    assert len(str(refused.value)) < 300
    assert (Image.objects.count(), Album.objects.count()) == (0, 0)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Is a directory"):
        call_command("import_syncs", str(tmp_path), stdout=StringIO())


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_refused_or_has_a_default_that_can_be_shown(api: Client, tmp_path: Path, field: str) -> None:
    sent = document()
    del sent[field]
    reason = outcome(sent, tmp_path)
    assert reason == "" or f"{field}: This field is required." in reason
    assert len(api.get("/api/v1/image_syncs").json()) == (0 if reason else 1)


def test_nul_is_left_out_wherever_it_stands(api: Client, tmp_path: Path) -> None:
    sent = document(
        title="a\0b", filename="\0", infos={"a\0": ["\0b"]}, tag_names=["a\0"], album_id="a\0b", user_sfid="0\0"
    )
    load(sent, folder=tmp_path)
    found = api.get("/api/v1/image_syncs").json()[0]
    assert (found["title"], found["filename"], found["infos"]) == ("ab", "", {"a": ["b"]})
    assert (found["tag_names"], found["album_id"], found["user_sfid"]) == (["a"], "ab", "0")


def test_numbers_of_any_size_within_infos_are_loaded(api: Client, tmp_path: Path) -> None:
    sent = document(infos={"bytes": 2**63, "big": 10**40, "small": 1e-300, "flag": True})
    load(sent, folder=tmp_path)
    found = api.get("/api/v1/image_syncs").json()[0]
    assert (found["size"], found["infos"]["big"], Image.objects.get().size) == (2**63, 1e40, None)


@pytest.mark.parametrize("size", ["3604", None, -1, 1.5, [1], {"a": 1}, 2**64], ids=ascii)
def test_a_size_is_sent_back_as_it_came(api: Client, tmp_path: Path, size: object) -> None:
    load(document(infos={"bytes": size}), folder=tmp_path)
    assert api.get("/api/v1/image_syncs").json()[0]["size"] == size
    assert Image.objects.get().size is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["NaN", "-0", "1e5", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@examples(150)
@given(changes=st.dictionaries(st.sampled_from([field for field in FIELDS if field != "id"]), JSON, max_size=3))
@example(changes={"crop_x": 1e9, "crop_w": 0.5, "crop_h": 2**31})
@example(changes={"metadatas": 5, "page": 0, "original_width": 0, "original_height": 0})
def test_whatever_is_accepted_can_be_shown(api: Client, tmp_path: Path, changes: dict[str, Any]) -> None:
    reason = outcome(document(**changes), tmp_path)
    answer = api.get("/api/v1/image_syncs")
    assert (answer.status_code, len(answer.json())) == (200, 0 if reason else 1)
    assert reason == "" or "Refused" in reason
    Image.objects.all().delete()


def outcome(sent: dict[str, Any], folder: Path) -> str:
    """Why the document is refused; empty where it is loaded."""
    try:
        load(sent, folder=folder)
    except CommandError as error:
        return str(error)
    return ""
