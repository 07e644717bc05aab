"""The named variants of an image and their transformation chains (pure; API: image URLs).

VARIANTS is the only list of them: the payload, the links, the stored files, the schema and the admin are derived from
it. An edit is a rotation (degrees, clockwise) and a crop (x, y, width, height in pixels of the upright original, or
None). Where both are set the crop comes first, in every variant.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

SEND = "fl_attachment/dpr_auto,q_auto,f_auto"
FIT = "c_fit,h_1920,w_1920"
EDITED = f"{{crop}}{FIT}/{{rotation}}"
ORIGINAL = "fl_attachment"
"""The chain of the original itself, byte for byte."""

Key = Literal["external_urls", "thumbnails"]
BOTH: tuple[Key, ...] = ("thumbnails", "external_urls")


class Variant(NamedTuple):
    """One picture of an image.

    `chain` is its transformation, in which `{crop}` and `{rotation}` stand for those of the edit. `keys` are the
    objects of the payload that name it. A `stored` one is rendered to a file once, by processing; the others are
    rendered on demand. `kind` names it in links that outlive edits: with one, `external_urls` holds a proxy URL.
    """

    chain: str
    keys: tuple[Key, ...] = ("thumbnails",)
    stored: bool = False
    kind: str = ""


VARIANTS: dict[str, Variant] = {
    "fill100": Variant("{crop}{rotation}c_fit,w_300", ("external_urls",)),
    "fit2000": Variant("{crop}{rotation}c_fit,h_2000,w_2000", ("external_urls",)),
    "original": Variant(SEND, kind="original"),
    "full_no_sharinpix": Variant(f"{FIT}/{SEND}"),
    "full": Variant(f"{EDITED}{SEND}", BOTH, stored=True, kind="full"),
    "large": Variant(f"{EDITED}c_fill,h_200,w_200/{SEND}", BOTH, stored=True, kind="thumbnail"),
    "mini": Variant(f"{EDITED}c_fill,h_100,w_100/{SEND}", BOTH, stored=True, kind="mini"),
}
"""By name, the largest first, which is the order of `thumbnails`. A new variant is a new row; no two have one kind, and
the chain of a stored one begins with EDITED, or edits would not show."""


def names_of(key: Key) -> list[str]:
    """The variants that an object of the payload holds, in its order: `external_urls` has its proxy URLs last, the
    smallest first."""
    named = [name for name, variant in VARIANTS.items() if key in variant.keys]
    if key == "thumbnails":
        return named
    links = [name for name in reversed(named) if VARIANTS[name].kind]
    return [name for name in named if name not in links] + links


STORED = tuple(name for name, variant in VARIANTS.items() if variant.stored)
"""Variants that processing writes to files, one Thumbnail row each."""
BY_KIND = {variant.kind: name for name, variant in VARIANTS.items() if variant.kind}
"""The kind in a link -> the variant that it leads to."""


class Edit(NamedTuple):
    rotation: int = 0
    crop: tuple[float, float, float, float] | None = None


UNEDITED = Edit()


def whole_pixels(value: float) -> str:
    """A number of pixels as chains write it, rounded down."""
    return str(int(value))


def crop_step(edit: Edit) -> str:
    if edit.crop is None:
        return ""
    x, y, width, height = map(whole_pixels, edit.crop)
    return f"c_crop,h_{height},w_{width},x_{x},y_{y}/"


def rotation_step(edit: Edit) -> str:
    return f"a_{edit.rotation}/" if edit.rotation else ""


@lru_cache(maxsize=4_096)
def chains(edit: Edit) -> Mapping[str, str]:
    """The chain of every variant, by name."""
    crop, rotation = crop_step(edit), rotation_step(edit)
    return {name: variant.chain.format(crop=crop, rotation=rotation) for name, variant in VARIANTS.items()}


def stored_chains(edit: Edit) -> dict[str, str]:
    """The chains of the stored variants, by name."""
    every = chains(edit)
    return {name: every[name] for name in STORED}
