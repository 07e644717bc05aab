"""What files that are made to cost much take of the processor when they are uploaded, beside an ordinary one as large."""

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from images import decoding
from images.decoding import processes
from images.delivery.transformations import Transformation
from images.rendering import Limits, PictureError
from tests.images import bombs

HEIC = Path(__file__).resolve().parent.parent / "tests" / "images" / "data" / "upright.heic"
KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG, 200 scans": lambda: bombs.jpeg_of_flat_scans(200, 2_400, 1_800),
    "JPEG, 1,500 scans": lambda: bombs.jpeg_of_flat_scans(1_500, 800, 600),
    "JPEG, scans within the limit": lambda: bombs.jpeg_of_flat_scans(70, 5_000, 4_900),
    "JPEG, 1,500 segments of EXIF": lambda: bombs.jpeg_of_segments(1_500, 400),
    "JPEG, 1,500 large segments of EXIF": lambda: bombs.jpeg_of_segments(1_500),
    "PNG, texts": lambda: bombs.png_of_texts(600),
    "PNG, profiles": lambda: bombs.png_of_profiles(600),
    "PNG, profiles within the limit": lambda: bombs.png_of_profiles(100),
    "PNG, 100 megapixels of 16 bits": lambda: bombs.png_of_pixels(9_999),
    "PNG, empty chunks": lambda: bombs.png_of_chunks(49_000),
    "GIF, frames": lambda: bombs.gif_of_frames(400_000),
    "GIF, comments": lambda: bombs.gif_of_blocks(400_000),
    "GIF, 100 megapixels": lambda: bombs.flat("GIF", 9_999, 9_999),
    "WebP, 100 megapixels": lambda: bombs.flat("WEBP", 9_999, 9_999, lossless=True, method=0),
    "WebP, frames": lambda: bombs.webp_of_frames(500, 400, 400),
    "TIFF, strips": lambda: bombs.tiff_of_pieces(10, 75_000),
    "TIFF, tiles": lambda: bombs.tiff_of_pieces(4_500, 4_500, 16),
    "TIFF, tiles within the limit": lambda: bombs.tiff_of_pieces(3_200, 3_200, 16),
    "TIFF, LZW, 100 megapixels": lambda: bombs.flat("TIFF", 9_999, 9_999, compression="tiff_lzw"),
    "TIFF, directories": lambda: bombs.tiff_of_directories(400, 120),
    "AVIF, canvas of 16,384": lambda: bombs.boxes_claiming(bombs.flat("AVIF", 64, 64), 16_384, 16_384),
    "AVIF, 100 megapixels": lambda: bombs.flat("AVIF", 9_999, 9_999, speed=10),
    "AVIF, grid": lambda: bombs.boxes_of_tiles(60_000),
    "HEIC, canvas of 16,384": lambda: bombs.boxes_claiming(HEIC.read_bytes(), 16_384, 16_384),
    "HEIC, items": lambda: bombs.boxes_of_items(25_000),
    "BMP, runs": lambda: bombs.bmp_of_runs(9_999, 9_999, b"\0\0" * 9_999 + b"\0\1"),
    "BMP, runs within the limit": lambda: bombs.bmp_of_runs(
        5_000, 4_999, b"\0\2\xff\xff" * 100 + b"\0\0" * 4_000 + b"\0\1"
    ),
}


def spent() -> float:
    """Processor seconds of this process and of all its decoders, those that ended too."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(time.clock_gettime(clock_of(decoder.process.pid)) for decoder in processes.pool.idle)
    return time.process_time() + usage.ru_utime + usage.ru_stime + alive


def clock_of(process: int) -> int:
    """The clock of another process's processor time (man clock_getcpuclockid)."""
    return ~process << 3 | 2


def hostile(chains: Mapping[str, Transformation], limits: Limits, ordinary: bytes) -> dict[str, Any]:
    """Kind -> bytes, processor seconds to be examined, and what came of it; `ordinary` is a photograph beside them."""
    found = {name: examined(make(), chains, limits) for name, make in KINDS.items()}
    return {"ordinary": examined(ordinary, chains, limits), **found}


def examined(content: bytes, chains: Mapping[str, Transformation], limits: Limits) -> dict[str, Any]:
    start, answer = spent(), "read"
    try:
        decoding.examine(content, chains, limits=limits)
    except PictureError as error:
        answer = error.code
    return {"bytes": len(content), "seconds": spent() - start, "answer": answer}
