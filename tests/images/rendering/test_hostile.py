"""Files that are no pictures, or worse: one error for all of them, in no time."""

import pickle
import random
import struct
import time
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image, ImageFile, UnidentifiedImageError

from images.delivery.transformations import Transformation
from images.rendering import EXTENSIONS, FileFacts, Limits, PictureError, examine, identify, inspect, limits, render
from tests.images.samples import animation, bomb, chunk, corners, facts, file_of, png_claiming, quarters

pytestmark = pytest.mark.any_database
HEIC = Path(__file__).parents[1] / "data" / "upright.heic"
CHAIN = Transformation.parse("c_fit,w_16")
OF_HEADERS = {"empty", "unidentified", "too_large", "too_many_frames", "too_slow"}


def rendered(source: bytes, limits: Limits | None = None) -> bytes:
    return render(source, CHAIN, extension="jpg", webp=False, limits=limits or Limits()).content


def refusal(source: bytes, limits: Limits | None = None) -> str:
    """The code of the error, which all agree on; what only pixels betray passes inspect."""
    code = refusal_of_pixels(source, limits)
    if code in OF_HEADERS:
        with pytest.raises(PictureError) as early:
            inspect(source, limits=limits or Limits())
        assert early.value.code == code
    else:
        assert inspect(source, limits=limits or Limits()).bytes == len(source)
    return code


def refusal_of_pixels(source: bytes, limits: Limits | None = None) -> str:
    """The code of the error, which render and examine agree on."""
    with pytest.raises(PictureError) as one:
        rendered(source, limits)
    with pytest.raises(PictureError) as other:
        examine(source, {"mini": CHAIN}, limits=limits or Limits())
    assert one.value.code == other.value.code
    assert str(one.value).endswith(".") and len(str(one.value)) < 100
    return one.value.code


FILES = {
    "jpg": file_of(quarters(), "JPEG"),
    "png": file_of(quarters(), "PNG"),
    "webp": file_of(quarters(), "WEBP"),
    "avif": file_of(quarters(), "AVIF"),
    "gif": file_of(quarters(), "GIF"),
    "tif": file_of(quarters(), "TIFF"),
    "bmp": file_of(quarters(), "BMP"),
    "heic": HEIC.read_bytes(),
}


@pytest.mark.parametrize("format", FILES)
def test_a_format_is_known_by_its_content(format: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.exe"
    path.write_bytes(FILES[format])
    assert identify(FILES[format]) == identify(path) == identify(BytesIO(FILES[format])) == format
    assert format in EXTENSIONS.values()


def test_a_jpeg_of_several_pictures_is_a_jpeg() -> None:
    source = file_of(quarters(640, 480), "MPO", save_all=True, append_images=[Image.new("RGB", (640, 480))])
    assert identify(source) == "jpg"
    assert corners(rendered(source)) == ("red", "green", "blue", "yellow")
    assert examine(source, {}, limits=Limits(pixels=640 * 480)).frames == 1


def test_formats_that_are_programs_or_obscure_are_not_identified() -> None:
    for source in (
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"P6 2 2 255 " + b"\0" * 12,
        file_of(quarters(), "ICO"),
        file_of(quarters(), "PCX"),
        file_of(quarters(), "TGA"),
        file_of(quarters(), "PPM"),
        file_of(quarters(), "JPEG2000"),
        file_of(quarters(), "PDF"),
    ):
        assert refusal(source) == "unidentified"
        with pytest.raises(PictureError):
            identify(source)


def test_an_empty_file_is_empty() -> None:
    assert refusal(b"") == "empty"
    with pytest.raises(PictureError, match="empty"):
        identify(b"")


@pytest.mark.parametrize(
    "source",
    [b"\0", b"\xff", b"\xff\xd8", b"GIF89a", b"GIF89a/*<script>*/", b"\x89PNG\r\n\x1a\n<html>", b"RIFF\0\0\0\0WEBPVP8 ",
     b"BM", b"II*\0", b"\0\0\0\x1cftypheic", b"\0\0\0\x1cftypavif", b"\0\0\0\x1cftypmif1\0\0\0\0", b"hello" * 99],
)  # fmt: skip
def test_headers_without_a_picture_are_refused(source: bytes) -> None:
    assert refusal(source) == "unidentified"


@pytest.mark.parametrize("side", [10_001, 16_000, 30_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    assert refusal(png_claiming(side, side)) == "too_large"


@pytest.mark.parametrize("side", [16_000, 30_000])
def test_a_bomb_that_would_go_off_is_not_decoded(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = bomb(side)
    assert len(source) < 120_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", raising(AssertionError("It was decoded.")))
    assert refusal(source) == "too_large"


def test_as_many_pixels_as_are_allowed_are_decoded() -> None:
    source = bomb(9_000)
    assert len(source) < 12_000
    found = examine(source, {"mini": CHAIN})
    assert (found.width, found.height, found.color, found.renditions["mini"].width) == (9_000, 9_000, "#000000", 16)


def test_pixels_count_over_all_frames() -> None:
    for format in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):
        source = animation(3, 10, 10, format)
        assert refusal(source, Limits(pixels=299)) == "too_large", format
        assert rendered(source, Limits(pixels=300)), format


def test_frames_are_capped() -> None:
    for format in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):
        source = animation(5, 10, 10, format)
        assert refusal(source, Limits(frames=4)) == "too_many_frames", format
        assert examine(source, {}, limits=Limits(frames=5)).frames == 5, format


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_five_hundred_frames_are_the_most(format: str) -> None:
    assert examine(animation(500, 1, 1, format), {}).frames == 500
    assert refusal(animation(501, 1, 1, format)) == "too_many_frames"


def test_a_million_frames_are_not_counted_to_the_end() -> None:
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    source = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0" + frame * 1_000_000 + b";"
    start = time.process_time()
    assert refusal(source) == "too_many_frames"
    assert time.process_time() - start < 1


def test_a_limit_above_pillows_own_is_the_limit_that_counts() -> None:
    # 201 MP are refused by Pillow's own limit of 2 x 90 MP; within ours it is the decoder that finds nothing.
    assert refusal(png_claiming(20_100, 10_000), Limits(pixels=10**9)) in ("truncated", "undecodable")
    assert refusal(png_claiming(20_100, 10_000)) == "too_large"


@pytest.mark.parametrize("cut", [0.5, -2])
def test_a_truncated_jpeg_is_truncated_even_by_two_bytes(cut: float) -> None:
    source = file_of(quarters(640, 480), "JPEG")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert refusal(source[: int(len(source) * cut) if cut > 0 else int(cut)]) == "truncated"


@pytest.mark.parametrize("format", FILES)
def test_no_cut_of_a_file_gets_anything_but_a_picture_or_the_error(format: str) -> None:
    whole = FILES[format]
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        attempt(whole[:end])


@pytest.mark.parametrize("format", FILES)
def test_no_damage_to_a_file_gets_anything_but_a_picture_or_the_error(format: str) -> None:
    chance = random.Random(format)
    for _ in range(60):
        damaged = bytearray(FILES[format])
        for _ in range(chance.randrange(1, 8)):
            # Headers lie in front, and hold what is worth lying about.
            reach = len(damaged) if chance.random() < 0.3 else min(len(damaged), 300)
            damaged[chance.randrange(reach)] = chance.randrange(256)
        attempt(bytes(damaged))


FUZZED = Limits(pixels=10_000_000)


def attempt(source: bytes) -> None:
    """Looks at the file both ways: one error or facts, and a refusal by the header is the refusal of both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        early = outcome(lambda: inspect(source, limits=FUZZED))
        late = outcome(lambda: examine(source, {"mini": CHAIN}, limits=FUZZED))
    if isinstance(early, str):
        assert (early in OF_HEADERS, early) == (True, late)
    elif isinstance(late, FileFacts):
        # Containers may claim another size than their pixels turn out to have.
        assert facts(late) | {"width": 0, "height": 0} == facts(early) | {"width": 0, "height": 0}


def outcome(look: Callable[[], FileFacts]) -> FileFacts | str:
    try:
        return look()
    except PictureError as error:
        return error.code


def test_polyglots_lose_everything_but_the_picture() -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.html", "<script>alert(1)</script>")
    for source in (
        FILES["jpg"] + archive.getvalue(),
        file_of(quarters(), "JPEG", comment=b"*/=alert(1);/*"),
        FILES["png"] + b"<script>alert(1)</script>",
    ):
        examined = examine(source, {"mini": CHAIN})
        assert facts(examined) == facts(inspect(source, limits=Limits()))
        for content in (rendered(source), examined.renditions["mini"].content):
            assert corners(content, 1) == ("red", "green", "blue", "yellow")
            assert b"alert" not in content and b"PK" not in content


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_stop_a_picture() -> None:
    for exif in (b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        for format in ("JPEG", "WEBP", "PNG"):
            examined = examine(file_of(quarters(), format, exif=exif), {"mini": CHAIN})
            assert (examined.orientation, examined.width, examined.gps) == (1, 64, None)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_tiff_page_that_cannot_be_read_leaves_the_first_one_alone() -> None:
    source = bytearray(animation(2, 24, 24, "TIFF"))
    first = struct.unpack("<I", source[4:8])[0]
    entries = struct.unpack("<H", source[first : first + 2])[0]
    following = first + 2 + 12 * entries
    source[following : following + 4] = struct.pack("<I", len(source) - 3)
    assert corners(rendered(bytes(source))) == ("red",) * 4


def test_a_png_of_endless_text_is_refused_or_rendered() -> None:
    text = chunk(b"zTXt", b"a\0\0" + b"x" * 1000)
    attempt(FILES["png"][:33] + text + FILES["png"][33:])


@pytest.mark.parametrize(
    "fault",
    [OSError("x"), ValueError, TypeError, EOFError, SyntaxError, KeyError("x"), IndexError, struct.error, RuntimeError,
     AssertionError, AttributeError, ZeroDivisionError, OverflowError, NotImplementedError, OSError(22, "Invalid argument"),
     MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning, UnidentifiedImageError, UserWarning],
    ids=repr,
)  # fmt: skip
def test_whatever_a_decoder_raises_is_the_one_error(
    fault: BaseException | type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = set()
    for place in ("load", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(*{"load": (ImageFile.ImageFile, "load"), "open": (Image, "open")}[place], raising(fault))
            codes.add(refusal_of_pixels(FILES["jpg"]))
    large = fault in (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning)
    assert large == (codes == {"too_large"})


def test_trouble_of_the_storage_is_not_the_pictures_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", raising(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        rendered(FILES["png"])


def test_want_of_memory_while_resizing_is_the_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "resize", raising(MemoryError))
    assert refusal_of_pixels(FILES["png"]) == "too_large"


def raising(fault: BaseException | type[BaseException]) -> Callable[..., object]:
    def raise_it(*_: object, **__: object) -> object:
        raise fault

    return raise_it


def test_the_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(PictureError("truncated")))
    assert (error.code, str(error)) == ("truncated", str(PictureError("truncated")))


def test_every_code_has_a_sentence() -> None:
    assert set(limits.SENTENCES) == set(get_args(limits.Code))
