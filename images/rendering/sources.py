"""Opens files of uploaders, which may be hostile: the accepted formats, and one error for all failures."""

import errno
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pi_heif
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from images.rendering import exif, structure
from images.rendering.limits import Code, Limits, PictureError

pi_heif.register_heif_opener()

Source = bytes | Path | BinaryIO
"""A picture's file: its bytes, its path, or a seekable binary file, which is left open."""


class SourceFormat(NamedTuple):
    """An accepted format; `suffixes` are those of files in imported folders.

    `magic` is a regular expression for its first 32 bytes, and `check` looks at what a file is made of before a decoder
    does. `upright` says that the decoder applies the EXIF orientation by itself. Without `magic` it is a format that
    another decoder yields: MPO is read by the JPEG plugin, and naming it in Image.open() raises KeyError for unknown
    files.
    """

    extension: str
    content_type: str
    suffixes: str = ""
    magic: bytes = b""
    check: Callable[[BinaryIO, Limits], None] | None = None
    upright: bool = False


SOURCE_FORMATS = {
    "JPEG": SourceFormat("jpg", "image/jpeg", ".jpg .jpeg .jpe .jfif", rb"\xff\xd8\xff", structure.check_jpeg),
    "MPO": SourceFormat("jpg", "image/jpeg"),
    "PNG": SourceFormat("png", "image/png", ".png .apng", rb"\x89PNG\r\n\x1a\n", structure.check_png),
    "WEBP": SourceFormat("webp", "image/webp", ".webp", rb"RIFF....WEBP", structure.check_webp),
    "AVIF": SourceFormat(
        "avif", "image/avif", ".avif", rb"....ftyp(avi[fs]|(mif1|msf1).{4,16}avi[fs])", structure.check_boxes
    ),
    "HEIF": SourceFormat(
        "heic", "image/heic", ".heic .heif .hif", rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", structure.check_boxes
    ),
    "GIF": SourceFormat("gif", "image/gif", ".gif", rb"GIF8[79]a", structure.check_gif),
    "TIFF": SourceFormat(
        "tif", "image/tiff", ".tif .tiff", rb"(II|MM)([*+]\0|\0[*+])", structure.check_tiff, upright=True
    ),
    "BMP": SourceFormat("bmp", "image/bmp", ".bmp .dib", rb"BM", structure.check_bmp),
}
"""By Pillow's name: the only decoders that are used. No SVG, PDF or PostScript, which can hold programs."""

ASKED = [name for name, found in SOURCE_FORMATS.items() if found.magic]
EXTENSIONS = {name: found.extension for name, found in SOURCE_FORMATS.items()}
"""Pillow's name of a format -> the name in this project, which is the extension."""
CONTENT_TYPES = {found.extension: found.content_type for found in SOURCE_FORMATS.values()}
SUFFIXES = frozenset(suffix for found in SOURCE_FORMATS.values() for suffix in found.suffixes.split())
"""Suffixes of pictures in imported folders: such a file that is no picture is reported, others are ignored."""

_MAGIC = [(re.compile(found.magic, re.DOTALL), found) for found in SOURCE_FORMATS.values() if found.magic]

FAULTS: tuple[type[Exception], ...] = (*exif.FAULTS, zlib.error, Image.DecompressionBombError)
"""What decoders raise on malformed files."""

_MOST_GIF_BLOCKS = 1_000_000
"""Blocks of a GIF that are read: more than 100 MB of full blocks have."""


def identify(source: Source) -> str:
    """The format of a file ("jpg", "png", "webp", "avif", "heic", "gif", "tif", "bmp") by its first bytes alone.

    No decoder looks at it, so that it costs nothing whatever the file is. Raises PictureError.
    """
    with opened_file(source) as file:
        return _identified(file).extension


def _identified(file: BinaryIO) -> SourceFormat:
    file.seek(0)
    head = file.read(32)
    for magic, found in _MAGIC:
        if magic.match(head):
            return found
    raise PictureError("unidentified" if head else "empty")


@contextmanager
def opened_file(source: Source) -> Iterator[BinaryIO]:
    """The source as a seekable file. Only a file that was opened here is closed."""
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        yield source


@contextmanager
def opened(file: BinaryIO, limits: Limits) -> Iterator[tuple[Image.Image, int]]:
    """The picture in a file, its pixels not decoded yet, and its number of frames.

    Raises PictureError above the limits, also for a MemoryError in the block.
    """
    # Pillow's own limit is one global for the process. It also bounds what the header does not show (the tiles of a
    # TIFF), so it stays, and is raised to the largest of the limits given.
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, limits.pixels)
    with _opened(file, limits) as image:
        if image.width * image.height > limits.pixels:
            raise PictureError("too_large")
        with translated(header=True):
            frames = _frames(image, file, limits.frames)
        if frames > limits.frames:
            raise PictureError("too_many_frames")
        if image.width * image.height * frames > limits.pixels:
            raise PictureError("too_large")
        limits.before_decoding(image.width * image.height * frames)
        try:
            yield image, frames
        except MemoryError as error:
            raise PictureError("too_large") from error


@contextmanager
def _opened(file: BinaryIO, limits: Limits) -> Iterator[Image.Image]:
    # To open some bombs takes minutes, before they say how many pixels they have.
    check = _identified(file).check
    with translated(header=True):
        if check is not None:
            check(file, limits)
        file.seek(0)
        image = Image.open(file, formats=ASKED)
    with image:
        yield image


def format_of(image: Image.Image) -> str:
    return EXTENSIONS[image.format or ""]


def load(image: Image.Image, shrink: float) -> int:
    """Decodes the pixels, shrunk by 1, 2, 4 or 8, at most by `shrink`; more than 1 only for JPEG, where it saves time.

    Returns the factor. Raises PictureError.
    """
    factor = 1
    with translated():
        if isinstance(image, JpegImagePlugin.JpegImageFile) and shrink >= 2:
            factor = 8 if shrink >= 8 else 4 if shrink >= 4 else 2
            # Pillow takes the smaller ratio of both sides: a size of other proportions would shrink too little.
            target = max(1, image.width // factor), max(1, image.height // factor)
            factor = factor if image.draft(None, target) else 1
        image.load()
    return factor


@contextmanager
def translated(*, header: bool = False) -> Iterator[None]:
    """Raises exceptions of decoders as PictureError, except an OSError of the storage, which is not the file's fault.

    With `header` the code is `unidentified`, whatever the first bytes of the file are.
    """
    try:
        yield
    except FAULTS as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL, errno.EOVERFLOW):
            raise
        raise PictureError(_code(error, header)) from error


def _code(error: Exception, header: bool) -> Code:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError):
        return "too_large"
    if "memory" in str(error).lower():  # of a codec, in its own words
        return "too_large"
    if header or isinstance(error, UnidentifiedImageError):
        return "unidentified"
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return "truncated"
    return "undecodable"


def _frames(image: Image.Image, file: BinaryIO, most: int) -> int:
    """The number of frames, or `most` + 1 if there are more, so that counting is bounded."""
    if image.format == "MPO":
        # The others are previews and depth maps, which are not decoded.
        return 1
    if image.format == "GIF":
        return _gif_frames(file, most)
    if image.format == "TIFF":
        return _tiff_frames(file, most)
    return int(getattr(image, "n_frames", 1))


def _tiff_frames(file: BinaryIO, most: int) -> int:
    count = 1
    # Opened a second time, for a page that cannot be read leaves its tags in the image.
    with suppress(*FAULTS), Image.open(file, formats=("TIFF",)) as pages:
        while count <= most:
            pages.seek(count)
            count += 1
    return count


def _gif_frames(file: BinaryIO, most: int) -> int:
    # Counted by hand: Pillow reads to the end, which takes minutes for 100 MB of tiny frames.
    file.seek(10)
    file.seek(_palette_bytes(file.read(3)[0]), 1)
    count, blocks = 0, _MOST_GIF_BLOCKS
    while count <= most and (kind := file.read(1)) in (b"!", b","):
        if kind == b",":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                break
            file.seek(_palette_bytes(descriptor[8]), 1)
            count += 1
        file.seek(1, 1)
        while length := file.read(1).strip(b"\0"):
            file.seek(length[0], 1)
            blocks -= 1
            if not blocks:
                return most + 1
    return max(1, count)


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
