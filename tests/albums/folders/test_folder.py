"""A folder of photographs becomes an album: what is read off them, in which order, and what is reported."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from PIL import Image as Pillow

from albums.folders.folder import natural
from albums.models import Album
from albums.ordering import STEP
from images.delivery import signed_urls
from images.delivery.variants import STORED
from images.models import Image
from images.storage import storage
from images.uploads.filenames import display_name
from tests.factories import jpeg
from tests.images.links import UPRIGHT, content_of, opened
from tests.images.samples import corners, file_of, oriented, quarters

HEIC = Path(__file__).resolve().parents[2] / "images" / "data" / "upright.heic"
FORMATS = {
    # Format -> our name of it.
    "AVIF": "avif",
    "BMP": "bmp",
    "GIF": "gif",
    "JPEG": "jpg",
    "PNG": "png",
    "TIFF": "tif",
    "WEBP": "webp",
}
SURROGATES = os.fsdecode(b"caf\xe9 latin.jpg")


def photographed() -> bytes:
    """Lying on its side, upright by EXIF: 64 x 48; with a place, a date and a camera."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 5D"
    exif.get_ifd(0x8769)[0x9003] = "2018:01:01 08:00:00"
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 15.0, 0.0)})
    return file_of(quarters(64, 48).transpose(Pillow.Transpose.ROTATE_90), "JPEG", exif=exif)


def fill(folder: Path) -> None:
    files = {
        "Photo 10.jpg": jpeg(),
        "Photo 2.jpg": jpeg(color="#CC3366"),
        "photo 1.jpg": photographed(),
        "Photo 2 copy.jpg": jpeg(color="#CC3366"),
        "sub/deeper/inner.png": file_of(quarters()),
        "sub/Photo 3.JPEG": jpeg(),
        "mislabelled.jpg": file_of(quarters(), "WEBP"),
        "no suffix": jpeg(),
        SURROGATES: jpeg(),
        "formats/picture.heic": HEIC.read_bytes(),
        "broken/cut.jpg": oriented(1, 640, 480)[:-500],
        "broken/empty.jpg": b"",
        "broken/lies.png": b"<html></html>",
        os.fsdecode(b"broken/\xff.jpg"): b"",
        "notes.txt": b"words",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "empty": b"",
        ".hidden.jpg": jpeg(),
        ".hidden/inside.jpg": jpeg(),
    }
    files |= {f"formats/picture.{extension}": file_of(quarters(), name) for name, extension in FORMATS.items()}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "broken/unreadable.jpg").symlink_to("/proc/self/mem")  # reading its first byte is an error, even for root
    (folder / "linked").symlink_to(folder / "sub")


IN_ORDER = [
    "caf\ufffd latin",
    *["picture"] * 8,
    "mislabelled",
    "no suffix",
    "photo 1",
    "Photo 2 copy",
    "Photo 2",
    "Photo 10",
    "inner",
    "Photo 3",
]


@dataclass
class Imported:
    folder: Path
    album: Album
    output: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.output.strip("\n").split("\n")

    def named(self, filename: str, **fields: Any) -> Image:
        return self.album.images.get(filename=filename, **fields)


def run(folder: Path, album: str = "holidays") -> str:
    output = StringIO()
    call_command("import_folder", folder, album=album, stdout=output, verbosity=0)
    return output.getvalue()


@pytest.fixture(scope="module")
def once(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    """The folder, imported once for all tests that only look."""
    folder = tmp_path_factory.mktemp("photographs")
    fill(folder)
    with django_db_blocker.unblock(), transaction.atomic():
        output = run(folder)
        yield Imported(folder, Album.objects.get(), output)
        transaction.set_rollback(True)


@pytest.fixture
def imported(once: Imported, db: None) -> Imported:
    return once


def test_pictures_stand_in_natural_order_of_their_paths(imported: Imported) -> None:
    images = list(imported.album.images.in_order())
    assert [image.filename for image in images] == IN_ORDER
    assert [image.position for image in images] == [STEP * place for place in range(1, len(images) + 1)]


def test_the_report_counts_and_names_what_is_broken_at_the_end(imported: Imported) -> None:
    assert imported.lines == [
        "17 added, 0 already there, 5 broken, 3 other files ignored.",
        "  broken/cut.jpg: The picture's file ends too early.",
        "  broken/empty.jpg: The file is empty.",
        "  broken/lies.png: The file is not a picture in a format we read.",
        "  broken/unreadable.jpg: Input/output error",
        "  broken/\\udcff.jpg: The file is empty.",
    ]


def test_a_photograph_is_stood_upright_by_its_exif(imported: Imported, client: Client) -> None:
    image = imported.named("photo 1")
    assert (image.width, image.height, image.original_width, image.original_height) == (64, 48, 64, 48)
    for url in signed_urls.current_delivery().thumbnails(image).values():
        assert corners(content_of(client, url)) == UPRIGHT


def test_place_date_and_camera_are_read_off_the_exif(imported: Imported) -> None:
    image = imported.named("photo 1")
    assert image.gps_exifs == (-33.5, 151.25)
    assert (image.gps_html, image.gps_ip) == (None, None)
    assert image.taken_at == datetime(2018, 1, 1, 8, tzinfo=UTC)
    assert (image.exifs["Model"], image.exifs["Orientation"]) == ("Canon EOS 5D", 6)


def test_a_picture_that_says_nothing_of_itself_has_no_place_and_no_date(imported: Imported) -> None:
    image = imported.named("Photo 2")
    assert (image.gps_exifs, image.taken_at, image.exifs) == (None, None, {})


def test_the_main_colour_is_found(imported: Imported) -> None:
    color = imported.named("Photo 2").color
    found = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    assert [abs(one - other) <= 4 for one, other in zip(found, (0xCC, 0x33, 0x66), strict=True)] == [True] * 3


def test_infos_are_what_an_upload_of_the_file_would_have_been_answered(imported: Imported) -> None:
    image = imported.named("photo 1")
    content = (imported.folder / "photo 1.jpg").read_bytes()
    assert list(image.infos) == (
        "bytes created_at etag format height resource_type tags type width original_filename".split()
    )
    assert (image.infos["bytes"], image.size) == (len(content), len(content))
    assert (image.infos["tags"], image.infos["original_filename"]) == (["holidays"], "photo 1")


def test_originals_are_kept_byte_for_byte_and_thumbnails_are_stored(imported: Imported) -> None:
    image = imported.named("photo 1")
    assert storage.read(str(image.original)) == (imported.folder / "photo 1.jpg").read_bytes()
    assert sorted(image.thumbnails.values_list("variant", flat=True)) == sorted(STORED)
    assert (image.processed, image.processing_error, image.delivery_type) == (True, None, "authenticated")


@pytest.mark.parametrize("format", [*FORMATS.values(), "heic"])
def test_every_format_is_read_and_shown_upright(imported: Imported, client: Client, format: str) -> None:
    image = imported.named("picture", format=format)
    mini = content_of(client, signed_urls.current_delivery().thumbnails(image)["full_no_sharinpix"])
    wanted = ("red", "green", "blue", "white" if format == "heic" else "yellow")
    assert (opened(mini).format, corners(mini, inset=20)) == ("JPEG", wanted)


def test_the_content_decides_the_format_and_not_the_name(imported: Imported) -> None:
    assert imported.named("mislabelled").format == "webp"
    assert imported.named("no suffix").format == "jpg"


def test_equal_files_of_different_paths_are_pictures_of_their_own(imported: Imported) -> None:
    one, other = imported.named("Photo 2"), imported.named("Photo 2 copy")
    assert (one.sha256 == other.sha256, one.original == other.original) == (True, False)


def test_hidden_files_and_linked_folders_are_left_out(imported: Imported) -> None:
    assert not imported.album.images.filter(filename__in=[".hidden", "inside"]).exists()
    assert imported.album.images.filter(filename="inner").count() == 1


def test_importing_again_adds_nothing_twice(imported: Imported) -> None:
    before = list(imported.album.images.in_order().values())
    lines = run(imported.folder).split("\n")
    assert lines[0] == "0 added, 17 already there, 5 broken, 3 other files ignored."
    assert list(imported.album.images.in_order().values()) == before


def test_importing_again_adds_what_is_new_behind_all_that_is_there(imported: Imported) -> None:
    (imported.folder / "A first one.jpg").write_bytes(jpeg())
    (imported.folder / "Photo 2.jpg").write_bytes(jpeg(color="#00FF00"))
    try:
        assert run(imported.folder).startswith("2 added, 16 already there")
    finally:
        (imported.folder / "A first one.jpg").unlink()
        (imported.folder / "Photo 2.jpg").write_bytes(jpeg(color="#CC3366"))
    names = [image.filename for image in imported.album.images.in_order()]
    assert names == [*IN_ORDER, "A first one", "Photo 2"]


def test_another_album_gets_pictures_of_its_own(imported: Imported) -> None:
    assert run(imported.folder / "sub", album="other").startswith("2 added")
    assert Album.objects.get(public_id="other").images.count() == 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.jpg", "photo"),
        ("a.b.jpg", "a.b"),
        (SURROGATES, "caf\ufffd latin"),
        ("e\u0301.jpg", "é"),
        ("\u202egpj.jpg", "gpj"),
        ("a\r\nb\x00\x7f.jpg", "ab"),
        ("\u200e.jpg", ""),
        ("日" * 100 + ".jpg", "日" * 85),
        (".jpg", ".jpg"),
    ],
    ids=ascii,
)
def test_a_display_name_holds_no_control_or_direction_characters(name: str, shown: str) -> None:
    assert display_name(Path(name).name) == shown


@pytest.mark.parametrize(
    "names",
    [
        ["1.jpg", "2.jpg", "10.jpg", "a1.jpg", "A2.jpg", "a10.jpg"],
        ["IMG_0009", "img_10", "IMG_0100"],
        ["2019/1.jpg", "2019/12.jpg", "2020/1.jpg"],
        ["", "0", "00000000000000000001", "a", "٣"],
    ],
)
def test_numbers_in_names_count_as_numbers(names: list[str]) -> None:
    found = names[::-1]
    found.sort(key=natural)
    assert found == names
