"""Decodes an original once and makes the pictures of several chains from it."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from PIL import Image

from images.delivery.transformations import Transformation
from images.rendering.colours import resizable, srgb
from images.rendering.geometry import Box, Head, Operation, Pad, Plan, Sample, Size, Turn, plan, unturned
from images.rendering.sources import SOURCE_FORMATS, load, translated

_FILTER = Image.Resampling.BICUBIC
_GAP = 2.0
"""`reducing_gap` of Pillow's resize(): shrinks by whole factors first, which takes a third of the time."""

_UPRIGHT = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 3),
    6: (False, 1),
    7: (True, 1),
    8: (False, 3),
}
"""EXIF orientation -> how to set a stored picture upright: mirror left to right, then turn clockwise by quarters."""

_TRANSPOSITIONS = {
    (False, 1): Image.Transpose.ROTATE_270,
    (False, 2): Image.Transpose.ROTATE_180,
    (False, 3): Image.Transpose.ROTATE_90,
    (True, 0): Image.Transpose.FLIP_LEFT_RIGHT,
    (True, 1): Image.Transpose.TRANSVERSE,
    (True, 2): Image.Transpose.FLIP_TOP_BOTTOM,
    (True, 3): Image.Transpose.TRANSPOSE,
}

Made = tuple[Head, tuple[Operation, ...]]


def upright(image: Image.Image, orientation: int) -> Size:
    """The size of an image, which was opened and not loaded, after it is set upright."""
    return image.size[::-1] if _turning(image, orientation)[1] % 2 else image.size


def _turning(image: Image.Image, orientation: int) -> tuple[bool, int]:
    return _UPRIGHT[1 if SOURCE_FORMATS[image.format or ""].upright else orientation]


class Original:
    """An original's pixels, decoded once and as small as the chains allow.

    `size` is the upright width and height in pixels, `plans` has one entry per chain, in their order.
    """

    def __init__(self, image: Image.Image, orientation: int, transformations: Sequence[Transformation]) -> None:
        """Decodes an image that was just opened. Raises PictureError."""
        self._mirrored, self._turns = _turning(image, orientation)
        claimed = image.size
        plans = [plan(self._upright(claimed), transformation) for transformation in transformations]
        self._factor = load(image, min(found.head.shrink for found in plans))
        # Some containers claim another size than their pixels turn out to have.
        self.size = self._upright(claimed if self._factor > 1 else image.size)
        self.plans = [plan(self.size, transformation) for transformation in transformations]
        self._profile = image.info.get("icc_profile")
        with translated():
            self._image = resizable(image)
        counts = Counter(made for found in self.plans for made in _stages(found))
        self._kept: dict[Made, Image.Image | None] = {made: None for made, count in counts.items() if count > 1}

    def picture(self, plan: Plan) -> Image.Image:
        """The picture of a plan, in sRGB. First operations that several of `plans` share are done once."""
        return self._made(plan.head, plan.tail)

    def _upright(self, size: Size) -> Size:
        return size[::-1] if self._turns % 2 else size

    def _made(self, head: Head, tail: tuple[Operation, ...]) -> Image.Image:
        image = self._kept.get((head, tail))
        if image is None:
            image = _applied(tail[-1], self._made(head, tail[:-1])) if tail else self._sampled(head)
            if (head, tail) in self._kept:
                self._kept[head, tail] = image
        return image

    def _sampled(self, head: Head) -> Image.Image:
        # Turned and converted to sRGB after it was shrunk, since both take time per pixel.
        turns = (self._turns + head.quarters) % 4
        box, size = head.box, head.size
        whole = self.size[::-1] if head.quarters % 2 else self.size
        for _ in range(turns):
            box, size, whole = unturned(box, whole), size[::-1], whole[::-1]
        if self._mirrored:
            box = whole[0] - box[2], box[1], whole[0] - box[0], box[3]
        left, top, right, bottom = (edge / self._factor for edge in box)
        image = srgb(resampled(self._image, (left, top, right, bottom), size), self._profile)
        transposition = _TRANSPOSITIONS.get((self._mirrored, turns))
        return image if transposition is None else image.transpose(transposition)


def _stages(plan: Plan) -> Iterator[Made]:
    return ((plan.head, plan.tail[:length]) for length in range(len(plan.tail) + 1))


def _applied(operation: Operation, image: Image.Image) -> Image.Image:
    match operation:
        case Sample(box, size):
            return resampled(image, box, size)
        case Turn(quarters):
            return image.transpose(_TRANSPOSITIONS[False, quarters])
        case Pad(size, offset):
            # Transparent white, which becomes white where the format has no transparency.
            canvas = Image.new("RGBA", size, (255, 255, 255, 0))
            canvas.paste(image.convert("RGBA"), offset)
            return canvas


def resampled(image: Image.Image, box: Box, size: Size) -> Image.Image:
    """The part of the image in `box` at `size`, always a new image."""
    left, top = math.floor(box[0]), math.floor(box[1])
    outer = left, top, min(math.ceil(box[2]), image.width), min(math.ceil(box[3]), image.height)
    if outer != (0, 0, *image.size):
        # Cropped first, since the filter reads pixels around its box, which must not contribute.
        image = image.crop(outer)
    inner = box[0] - left, box[1] - top, min(box[2] - left, image.width), min(box[3] - top, image.height)
    return image.resize(size, _FILTER, inner, _GAP)
