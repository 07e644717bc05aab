"""How large and how complicated a picture may be, and the error that refuses it."""

from dataclasses import dataclass
from typing import Literal

Code = Literal["empty", "unidentified", "too_large", "too_many_frames", "too_slow", "truncated", "undecodable"]

SENTENCES: dict[Code, str] = {
    "empty": "The file is empty.",
    "unidentified": "The file is not a picture in a format we read.",
    "too_large": "The picture has too many pixels.",
    "too_many_frames": "The picture has too many frames.",
    "too_slow": "The picture took too long to read.",
    "truncated": "The picture's file ends too early.",
    "undecodable": "The picture's file is damaged.",
}


class PictureError(Exception):
    """The file is not a picture that can be rendered. `code` is the code of processing_error, str() a sentence."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)  # the code alone, so that the error can be pickled
        self.code: Code = code

    def __str__(self) -> str:
        return SENTENCES[self.code]


@dataclass(frozen=True)
class Limits:
    """Bounds of a picture by its header: width x height x frames in pixels, and frames.

    `scans`, `parts` and `metadata` (bytes) bound what a file is made of (images.rendering.structure). `seconds` of
    processor time, and more for large pictures, and `wall` seconds bind decoder processes alone, which override the
    methods.
    """

    pixels: int = 100_000_000
    frames: int = 500
    scans: int = 100
    parts: int = 50_000
    metadata: int = 16_000_000
    seconds: float = 2
    wall: float = 60

    def before_opening(self, pixels: int) -> None:
        """Called for a format whose decoder takes memory for the pixels as soon as it sees the header."""

    def before_decoding(self, pixels: int) -> None:
        """Called once the header has passed, with the pixels of all frames."""

    def before_encoding(self, pixels: int, format: str) -> None:
        """Called with the pixels that are to be made of the picture, those in between too."""
