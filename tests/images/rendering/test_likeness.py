"""A perceptual hash says which pictures are alike, whatever became of their files."""

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from images.rendering import examine
from tests.images.samples import STORED, file_of

pytestmark = pytest.mark.any_database
PHOTOS = sorted((Path(__file__).parents[3] / "albums" / "demo" / "photos").iterdir())
FEW, MANY = 4, 16
"""Bits of 64: pictures that share nothing differ in 32, give or take."""


def photograph(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def phash(source: bytes | Path) -> str:
    found = examine(source, {}).phash
    assert len(found) == 16 and found == f"{int(found, 16):016x}"
    return found


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.stem)
def test_the_same_picture_in_another_file_is_a_few_bits_away_at_most(path: Path) -> None:
    image = photograph(path)
    others = {
        "scaled": file_of(image.resize((image.width // 3, image.height // 3), Image.Resampling.LANCZOS), "JPEG"),
        "enlarged": file_of(image.resize((1500, 1500 * image.height // image.width)), "WEBP"),
        "another quality": file_of(image, "JPEG", quality=40),
        "brightened": file_of(ImageEnhance.Brightness(image).enhance(1.1), "JPEG"),
        "another format": file_of(image, "PNG"),
    }
    distances = {name: apart(phash(path), phash(source)) for name, source in others.items()}
    assert max(distances.values()) <= FEW, distances


def test_other_pictures_are_many_bits_away() -> None:
    hashes = [phash(path) for path in PHOTOS]
    assert min(apart(one, other) for one, other in combinations(hashes, 2)) >= MANY


def test_a_picture_turned_in_its_file_and_back_by_its_exif_is_the_same() -> None:
    image = photograph(PHOTOS[0])
    upright = phash(file_of(image, "JPEG"))
    for orientation, transposition in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = image if transposition is None else image.transpose(transposition)
        assert apart(upright, phash(file_of(stored, "JPEG", exif=exif))) <= FEW
        if transposition is not None:
            assert apart(upright, phash(file_of(stored, "JPEG"))) >= MANY


def test_pictures_of_nothing_are_alike() -> None:
    flat = {phash(file_of(Image.new("RGB", (300, 200), color), "JPEG")) for color in ("#808080", "#123456", "#FFFFFF")}
    assert flat == {"8000000000000000"}


def test_what_is_faint_as_noise_decides_nothing() -> None:
    gradient = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    noise = Image.merge("RGB", [Image.effect_noise((640, 480), 4) for _ in range(3)])
    assert apart(phash(file_of(gradient)), phash(file_of(Image.blend(gradient, noise, 0.1)))) <= FEW
