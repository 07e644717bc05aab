"""The named variants of an image and their transformation chains (pure; API: image URLs).

An edit is a rotation (degrees, clockwise) and a crop (x, y, width, height in pixels of the upright original, or
None). Where both are set the crop comes first, in every variant.
"""

from typing import NamedTuple

FIT = "c_fit,h_1920,w_1920"
SEND = "fl_attachment/dpr_auto,q_auto,f_auto"
ORIGINAL = "fl_attachment"

THUMBNAILS = ("original", "full_no_sharinpix", "full", "large", "mini")
EXTERNAL = ("fill100", "fit2000")
STORED = ("full", "large", "mini")
"""Variants that processing writes to files, one Thumbnail row each."""
KINDS = {"mini": "mini", "thumbnail": "large", "full": "full", "original": "original"}
"""The kind in a thumbnail link -> the variant that it leads to."""


class Edit(NamedTuple):
    rotation: int = 0
    crop: tuple[float, float, float, float] | None = None


UNEDITED = Edit()


def number(value: float) -> str:
    """A pixel count as chains write it: whole, since no renderer cuts a pixel in two."""
    return str(int(value))


def crop_step(edit: Edit) -> str:
    if edit.crop is None:
        return ""
    x, y, width, height = map(number, edit.crop)
    return f"c_crop,h_{height},w_{width},x_{x},y_{y}/"


def rotation_step(edit: Edit) -> str:
    return f"a_{edit.rotation}/" if edit.rotation else ""


def external_chains(edit: Edit) -> tuple[str, str]:
    """The chains of `fill100` and `fit2000`."""
    head = crop_step(edit) + rotation_step(edit)
    return f"{head}c_fit,w_300", f"{head}c_fit,h_2000,w_2000"


def thumbnail_chains(edit: Edit) -> tuple[str, str, str, str, str]:
    """The chains of `original`, `full_no_sharinpix`, `full`, `large` and `mini`."""
    head = f"{crop_step(edit)}{FIT}/{rotation_step(edit)}"
    return (
        SEND,
        f"{FIT}/{SEND}",
        f"{head}{SEND}",
        f"{head}c_fill,h_200,w_200/{SEND}",
        f"{head}c_fill,h_100,w_100/{SEND}",
    )


def stored_chains(edit: Edit) -> dict[str, str]:
    """The chains of the stored variants, by name."""
    return dict(zip(STORED, thumbnail_chains(edit)[2:], strict=True))
