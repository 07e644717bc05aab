"""What processing learns of an original from one look."""

import hashlib
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import pytest
from PIL import Image, ImageFile
from PIL.ExifTags import GPS, IFD, Base

from images.delivery.transformations import Transformation
from images.rendering import PictureError, examine, originals, render
from images.rendering.colours import resizable
from tests.images.samples import STORED, animation, corners, file_of, oriented, quarters

pytestmark = pytest.mark.any_database

FIT, SEND = "c_fit,h_1920,w_1920", "fl_attachment/dpr_auto,q_auto,f_auto"
HEIC = Path(__file__).parents[1] / "data" / "upright.heic"


def variants(edit: str = "", turn: str = "") -> dict[str, Transformation]:
    head = f"{edit}{FIT}/{turn}"
    chains = {"full": head, "large": f"{head}c_fill,h_200,w_200/", "mini": f"{head}c_fill,h_100,w_100/"}
    return {name: Transformation.parse(f"{chain}{SEND}") for name, chain in chains.items()}


def photo(width: int = 640, height: int = 480) -> bytes:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Canon", "EOS 5D", 6
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2018:01:01 08:00:00"
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLatitude: (48.0, 30.0, 0.0),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: (2.0, 15.0, 0.0),
        }
    )
    return file_of(quarters(width, height).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def test_one_look_tells_all() -> None:
    source = photo()
    found = examine(source, variants())
    assert (found.format, found.width, found.height, found.orientation, found.frames) == ("jpg", 640, 480, 6, 1)
    assert (found.taken_at, found.gps) == (datetime(2018, 1, 1, 8, tzinfo=UTC), (-48.5, 2.25))
    assert (found.exifs["Make"], found.exifs["GPSLatitudeRef"]) == ("Canon", "S")
    assert (found.sha256, found.md5) == (hashlib.sha256(source).hexdigest(), hashlib.md5(source).hexdigest())
    assert found.bytes == len(source)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_three_variants_are_upright_jpegs_of_their_sizes(orientation: int) -> None:
    found = examine(oriented(orientation, 640, 480), variants()).renditions
    assert {name: (made.width, made.height) for name, made in found.items()} == {
        "full": (1920, 1440),
        "large": (200, 200),
        "mini": (100, 100),
    }
    for made in found.values():
        assert made.format == "jpg"
        assert corners(made.content) == ("red", "green", "blue", "yellow")


@pytest.mark.parametrize(
    ("edit", "turn"),
    [("", ""), ("", "a_90/"), ("c_crop,h_301,w_303,x_5,y_7/", ""), ("c_crop,h_300,w_300,x_0,y_0/", "a_270/")],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF"])
def test_together_the_variants_are_what_each_chain_makes_alone(edit: str, turn: str, format: str) -> None:
    source = oriented(6, 3000, 2000) if format == "JPEG" else file_of(quarters(300, 200), format)
    wanted = variants(edit, turn)
    found = examine(source, wanted)
    for name, chain in wanted.items():
        assert found.renditions[name] == render(source, chain, extension="jpg", webp=False)


def test_chains_that_share_nothing_come_from_one_decode_at_the_size_of_the_largest() -> None:
    source = oriented(1, 1600, 1200)
    chains = {"small": Transformation.parse("c_fit,w_100"), "whole": Transformation.parse("a_180")}
    found = examine(source, chains).renditions
    assert found["small"].width == 100
    assert found["whole"] == render(source, chains["whole"], extension="jpg", webp=False)
    assert corners(found["whole"].content) == ("yellow", "blue", "green", "red")
    assert corners(found["small"].content) == ("red", "green", "blue", "yellow")


def test_an_original_is_decoded_once_and_common_steps_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads, samples = [], []
    load, resampled = ImageFile.ImageFile.load, originals.resampled

    def counted_load(image: ImageFile.ImageFile) -> object:
        loads.extend([image] if image.tile else [])
        return load(image)

    def counted_sample(
        image: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]
    ) -> Image.Image:
        samples.append(size)
        return resampled(image, box, size)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted_load)
    monkeypatch.setattr(originals, "resampled", counted_sample)
    examine(file_of(quarters(), "JPEG"), variants(turn="a_90/"))
    assert len(loads) == 1
    assert sorted(samples) == [(100, 75), (100, 100), (200, 200), (1920, 1440)]


def test_a_large_jpeg_is_shrunk_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def seen(image: Image.Image) -> Image.Image:
        sizes.append(image.size)
        return resizable(image)

    monkeypatch.setattr(originals, "resizable", seen)
    for orientation in (1, 6):
        width, height = (4000, 3000) if STORED[orientation] is None else (3000, 4000)
        examine(oriented(orientation, width, height), variants())
    assert sizes == [(2000, 1500), (2000, 1500)]


def test_the_colour_is_the_one_that_most_of_the_picture_has() -> None:
    image = Image.new("RGB", (300, 300), (18, 52, 86))
    image.paste((255, 255, 255), (0, 0, 300, 90))
    assert examine(file_of(image), variants()).color == "#123456"
    assert examine(file_of(image), {}).color == "#123456"
    assert examine(file_of(image), {"full": Transformation.parse("f_png")}).color == "#123456"
    assert examine(file_of(Image.new("L", (9, 9), 255)), {}).color == "#FFFFFF"
    assert examine(file_of(Image.new("RGBA", (9, 9), (0, 0, 0, 0))), {}).color == "#FFFFFF"


def test_the_palette_is_of_the_whole_picture_and_begins_with_the_colour() -> None:
    image = Image.new("RGB", (800, 100), (18, 52, 86))
    image.paste((255, 255, 255), (0, 0, 600, 100))
    image.paste((200, 30, 30), (790, 0, 800, 100))
    for renditions in ({}, variants()):
        found = examine(file_of(image), renditions)
        # A few per cent lie between the two, where they meet.
        assert [colour for colour, _ in found.palette[:2]] == ["#FFFFFF", "#123456"]
        assert [percent for _, percent in found.palette[:2]] == pytest.approx([75, 24], abs=5)
        assert found.color == found.palette[0][0]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF"])
def test_every_format_is_examined_from_a_path(format: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(HEIC.read_bytes() if format == "HEIF" else file_of(quarters(320, 240), format))
    found = examine(path, variants())
    assert (found.width, found.height, found.bytes) == (320, 240, path.stat().st_size)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert corners(found.renditions["full"].content)[:3] == ("red", "green", "blue")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_exif_is_found_in_every_format_that_has_it(format: str, tmp_path: Path) -> None:
    exif = Image.open(BytesIO(photo())).getexif()
    del exif[Base.Orientation]
    path = tmp_path / "picture"
    path.write_bytes(file_of(quarters(), format, exif=exif))
    for source in (path, path.read_bytes()):
        found = examine(source, variants())
        assert (found.gps, found.exifs["Model"]) == ((-48.5, 2.25), "EOS 5D")
        assert found.taken_at == datetime(2018, 1, 1, 8, tzinfo=UTC)


def test_the_frames_of_an_animation_are_counted() -> None:
    assert examine(animation(3), {}).frames == 3


def test_an_open_file_is_read_from_its_start_and_left_open() -> None:
    file = BytesIO(photo())
    file.seek(99)
    found = examine(file, {})
    assert (found.bytes, found.md5) == (len(file.getvalue()), hashlib.md5(file.getvalue()).hexdigest())
    assert not file.closed


def test_results_and_errors_come_back_from_a_spawned_process() -> None:
    source = photo(64, 48)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        good, bad = pool.submit(examine, source, variants()), pool.submit(examine, b"rubbish", variants())
        assert good.result() == examine(source, variants())
        with pytest.raises(PictureError) as error:
            bad.result()
    assert error.value.code == "unidentified"
    assert pickle.loads(pickle.dumps(good.result())) == good.result()


def test_no_django_is_imported_by_a_worker() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(imported, "django").result() is False


def imported(name: str) -> bool:
    import sys

    import images.rendering  # noqa: F401

    return name in sys.modules
