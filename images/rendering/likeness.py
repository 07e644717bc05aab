"""A perceptual hash: alike pictures share all but a few of its bits."""

import math
import operator
from collections.abc import Sequence

from PIL import Image

_SIDE, _WAVES = 32, 8
_FAINT = 64.0
"""The strength of a wave of a quarter of a grey level: a weaker one may be noise, which must decide no bit."""

_COSINES = [
    [math.cos(math.pi * wave * (2 * place + 1) / (2 * _SIDE)) for place in range(_SIDE)] for wave in range(_WAVES)
]


def phash(image: Image.Image) -> str:
    """The perceptual hash of an opaque picture, 16 hex digits.

    One bit for each of the 8 x 8 lowest terms of the cosine transform of the picture in 32 x 32 greys.
    """
    pixels = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()
    across = [_waves(pixels[start : start + _SIDE]) for start in range(0, len(pixels), _SIDE)]
    strengths = [strength for column in zip(*across, strict=True) for strength in _waves(column)]
    bits = "".join("1" if strength > _FAINT else "0" for strength in strengths)
    return f"{int(bits, 2):016x}"


def _waves(values: Sequence[float]) -> list[float]:
    return [sum(map(operator.mul, values, cosines)) for cosines in _COSINES]
