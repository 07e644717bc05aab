"""What processing costs: a photograph against the fastest pipeline written by hand, and whether an import fills the cores."""

import io
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

import orjson
from PIL import Image, ImageChops

from benchmarks.hostile import hostile, spent
from benchmarks.measure import interleaved
from images import decoding, rendering
from images.limits import picture_limits
from images.processing import work
from tests.servers import ROOT

LYING = 6
"""The EXIF orientation of a photograph that was taken upright: a quarter turn clockwise sets it right."""


def photograph(width: int, height: int, seed: int) -> bytes:
    """A JPEG as heavy as a camera's: noise of every size, the larger the stronger, as in what is photographed."""
    chance, bands = random.Random(seed), []
    for _ in "RGB":
        band, side, strength = Image.new("L", (width, height), 128), 8, 1.0
        while side <= max(width, height):
            size = max(1, side * width // max(width, height)), max(1, side * height // max(width, height))
            noise = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
            noise = noise.point([round(128 + (value - 128) * strength) for value in range(256)])
            band = ImageChops.add(band, noise.resize((width, height), Image.Resampling.BICUBIC), 1, -128)
            side, strength = side * 2, strength * 0.83
        bands.append(band)
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = LYING
    Image.merge("RGB", bands).save(file, "JPEG", quality=85, exif=exif)
    return file.getvalue()


def by_hand(source: bytes, resampling: Image.Resampling) -> list[bytes]:
    """The three thumbnails of a photograph of 4000 x 3000 that lies, and nothing else: no facts, no other format."""
    image = Image.open(io.BytesIO(source))
    image.draft("RGB", (2000, 1500))
    full = image.resize((1920, 1440), resampling, reducing_gap=1.0).transpose(Image.Transpose.ROTATE_270)
    large = full.resize((200, 200), resampling, (0, 240, 1440, 1680), reducing_gap=1.0)
    found = []
    for thumbnail in (full, large, large.resize((100, 100), resampling, reducing_gap=1.0)):
        file = io.BytesIO()
        thumbnail.save(file, "JPEG", quality=82)
        found.append(file.getvalue())
    return found


def examining(rounds: int) -> dict[str, Any]:
    """Processor time of one photograph of 12 megapixels, that of its decoder process too."""
    source, chains, limits = photograph(4000, 3000, 0), work.stored_transformations(), picture_limits()
    contenders: dict[str, Callable[[], object]] = {
        "ours": lambda: decoding.examine(source, chains, limits=limits),
        "in this process": lambda: rendering.examine(source, chains, limits=limits),
        "as sharp": lambda: by_hand(source, Image.Resampling.BICUBIC),
        "softer": lambda: by_hand(source, Image.Resampling.HAMMING),
    }
    found: dict[str, Any] = dict(interleaved(contenders, rounds, spent))
    return found | {"bytes": len(source)}


def small(rounds: int) -> dict[str, Any]:
    """A picture of about 300 KB, read by a decoder and in this process."""
    source, chains, limits = photograph(1200, 900, 0), work.stored_transformations(), picture_limits()
    contenders: dict[str, Callable[[], object]] = {
        "ours": lambda: decoding.examine(source, chains, limits=limits),
        "in this process": lambda: rendering.examine(source, chains, limits=limits),
    }
    return dict(interleaved(contenders, rounds, spent)) | {"bytes": len(source)}


def folder_of(count: int, different: int) -> Path:
    """Photographs of 3 megapixels; they repeat, but for a comment that makes each a file of its own."""
    folder = Path(os.environ["DATA_DIR"]) / "photographs"
    folder.mkdir()
    photographs = [photograph(2048, 1536, seed) for seed in range(different)]
    for number in range(count):
        content, comment = photographs[number % different], b"%08d" % number
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (folder / f"{number}.jpg").write_bytes(content[:2] + segment + content[2:])
    return folder


def importing(count: int) -> dict[str, float]:
    """Processor time of an import and all its processes, as a share of what the cores had to give in that time."""
    folder, manage = folder_of(count, 40), [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
    before, start = spent_by_children(), time.perf_counter()
    command = [*manage, "import_folder", str(folder), "--album", "bench", "--verbosity", "0"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    wall, used = time.perf_counter() - start, spent_by_children() - before
    if not done.stdout.startswith(f"{count} added"):
        raise SystemExit(done.stdout)
    return {"wall": wall, "used": used, "busy": used / (wall * len(os.sched_getaffinity(0)))}


def spent_by_children() -> float:
    """Processor seconds of the child processes that ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(count: int, rounds: int) -> None:
    """Prints one JSON object on stdout; `benchmarks.__main__` makes a table of it."""
    ordinary = photograph(1_600, 1_200, 0)
    found = {
        "examining": examining(rounds),
        "small": small(rounds),
        "hostile": hostile(work.stored_transformations(), picture_limits(), ordinary),
        "importing": importing(count),
    }
    sys.stdout.buffer.write(orjson.dumps(found, default=lambda value: value._asdict()))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
