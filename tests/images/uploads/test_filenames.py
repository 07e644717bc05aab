"""Names of files as people may be shown them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.uploads.filenames import MAX_BYTES, display_name, shown

pytestmark = pytest.mark.any_database
HOSTILE = {
    "photo.jpg": "photo.jpg",
    "../../etc/passwd": "passwd",
    "C:\\Users\\ann\\photo.jpg": "photo.jpg",
    "a/b\\c.jpg": "c.jpg",
    "folder/": "",
    "..": "..",
    "a\r\nSet-Cookie: b": "aSet-Cookie: b",
    "a\0b": "ab",
    "\u202egpj.exe": "gpj.exe",
    "\u2066a\u2069\ufeff\u200b": "a",
    "e\u0301": "é",
    "\U0001f600.jpg": "\U0001f600.jpg",
    "\ud800x": "\ufffdx",
    "caf\udce9.jpg": "caf\ufffd.jpg",
    "  a b  ": "a b",
    "<script>": "<script>",
    "": "",
}


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_is_shown_without_folders_and_invisible_characters(name: str) -> None:
    assert shown(name) == HOSTILE[name]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("photo.jpg", "photo"),
        ("Façade nord.JPEG", "Façade nord"),
        ("a.b.c.jpg", "a.b.c"),
        ("none", "none"),
        (".htaccess", ".htaccess"),
        ("...jpg", "...jpg"),
        ("v1.2 of the house, seen", "v1.2 of the house, seen"),
        ("dot.", "dot"),
        ("../../x.jpg", "x"),
        ("a/.jpg", ".jpg"),
        ("", ""),
    ],
)
def test_a_display_name_goes_without_its_extension(name: str, stem: str) -> None:
    assert display_name(name) == stem


@given(st.text(st.characters(exclude_categories=[])))
def test_any_name_can_be_shown_and_stored(name: str) -> None:
    for found in (shown(name), display_name(name)):
        assert len(found.encode()) <= MAX_BYTES
        assert found == shown(found)
        assert not {unicodedata.category(c) for c in found} & {"Cc", "Cf", "Cs"}
        assert "/" not in found
        assert "\\" not in found


@given(st.text(st.sampled_from("é\U0001f600a"), min_size=300))
def test_a_long_name_is_cut_between_characters(name: str) -> None:
    assert MAX_BYTES - 4 < len(shown(name).encode()) <= MAX_BYTES
    assert "\ufffd" not in shown(name)
