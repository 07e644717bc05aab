"""Pictures for tests, made on the spot: four quarters of red, green, blue and yellow tell which way is up."""

import struct
import zlib
from dataclasses import fields
from io import BytesIO

from PIL import Image
from PIL.ExifTags import IFD

from images.delivery.transformations import Transformation
from images.rendering import FileFacts, Rendition, render

RED, GREEN, BLUE, YELLOW, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255)
QUARTERS = (RED, GREEN, BLUE, YELLOW)
"""Top left, top right, bottom left, bottom right."""

STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> how a camera stores an upright picture under it."""


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """The picture of four quarters, upright, in RGB."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(YELLOW, (width // 2, height // 2, width, height))
    return image


def file_of(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """The picture as a file's bytes; a JPEG of high quality unless the options say otherwise."""
    if format == "JPEG":
        options = {"quality": 95, "subsampling": 0} | options
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def made(source: bytes, chain: str = "", *, extension: str = "png", webp: bool = False) -> Rendition:
    """A rendition that was found to be what it says of itself."""
    rendition = render(source, Transformation.parse(chain), extension=extension, webp=webp)
    image = Image.open(BytesIO(rendition.content))
    image.load()
    assert (image.width, image.height) == (rendition.width, rendition.height)
    assert (image.format or "").lower() == {"jpg": "jpeg"}.get(rendition.format, rendition.format)
    return rendition


def oriented(orientation: int, width: int = 64, height: int = 48, format: str = "JPEG") -> bytes:
    """A file whose upright picture is `quarters()`."""
    image, transposition = quarters(width, height), STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return file_of(image if transposition is None else image.transpose(transposition), format, exif=exif)


def exif_of(
    main: dict[int, object] | None = None,
    photo: dict[int, object] | None = None,
    place: dict[int, object] | None = None,
) -> Image.Exif:
    """EXIF of these tags of the main, the photo's and the GPS directory: tag -> value."""
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(IFD.Exif).update(photo or {})
    exif.get_ifd(IFD.GPSInfo).update(place or {})
    return exif


def written(exif: Image.Exif) -> Image.Exif:
    """The same after a journey through a file, as Pillow reads it."""
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "JPEG", exif=exif)
    return Image.open(file).getexif()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG, with length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def bomb(side: int) -> bytes:
    """A black PNG of any size, a bit a pixel, that takes next to no bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    row = b"\0" * (1 + (side + 7) // 8)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(row * side, 9)) + chunk(b"IEND", b"")


def facts(inspected: FileFacts) -> dict[str, object]:
    """What is known of an original before it is decoded, of an Examined too."""
    return {field.name: getattr(inspected, field.name) for field in fields(FileFacts)}


def animation(frames: int, width: int = 4, height: int = 4, format: str = "GIF") -> bytes:
    """A file of so many frames, each in another colour than the one before."""
    # Each frame differs from the last, as encoders drop those that do not.
    images = [Image.new("RGB", (width, height), QUARTERS[number % 4]) for number in range(frames)]
    return file_of(images[0], format, save_all=True, append_images=images[1:], duration=100)


def profile(space: bytes = b"RGB ", *, swapped: bool = False) -> bytes:
    """An ICC profile with sRGB's primaries, linear; `swapped` exchanges red and green."""
    red, green, blue = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    if swapped:
        red, green = green, red
    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + b"\0" * 4 + struct.pack(">IH", 1, 0x0100) + b"\0\0"
    tags = {
        b"desc": b"desc" + b"\0" * 4 + struct.pack(">I", 5) + b"Test\0" + b"\0" * 79,
        b"wtpt": _xyz(white),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rXYZ": _xyz(red), b"gXYZ": _xyz(green), b"bXYZ": _xyz(blue)}
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _xyz(white)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: tuple[float, float, float]) -> bytes:
    """An XYZ value of an ICC profile."""
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def near(found: object, wanted: tuple[int, ...], tolerance: int = 24) -> bool:
    """Whether the pixel is the wanted colour, give or take `tolerance` of 255 in each channel."""
    return isinstance(found, tuple) and all(
        abs(one - other) <= tolerance for one, other in zip(found, wanted, strict=True)
    )


def corners(content: bytes, inset: int = 3) -> tuple[object, ...]:
    """The name of the colour in each corner: top left, top right, bottom left, bottom right."""
    image = Image.open(BytesIO(content)).convert("RGB")
    right, bottom = image.width - 1 - inset, image.height - 1 - inset
    names = {RED: "red", GREEN: "green", BLUE: "blue", YELLOW: "yellow", WHITE: "white"}
    found = []
    for place in ((inset, inset), (right, inset), (inset, bottom), (right, bottom)):
        pixel = image.getpixel(place)
        found.append(next((name for colour, name in names.items() if near(pixel, colour, 40)), pixel))
    return tuple(found)
