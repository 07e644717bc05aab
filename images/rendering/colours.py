"""Colours: converts every mode and ICC profile of files to 8-bit sRGB, and computes palettes."""

from io import BytesIO

from PIL import Image, ImageCms

from images.rendering.sources import FAULTS

_SRGB = ImageCms.createProfile("sRGB")
_TOPS = (1.0, 255.0, 65535.0)
_WHITE = 255
_PROFILE_FAULTS: tuple[type[Exception], ...] = (ImageCms.PyCMSError, *FAULTS)
_MOST_COLOURS = 32


def resizable(image: Image.Image) -> Image.Image:
    """The picture in a mode whose pixels can be averaged: L, LA, RGB, RGBA, CMYK or LAB; the same if it is in one."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image)
    if image.has_transparency_data:
        mode = "LA" if image.mode in ("1", "L", "LA", "La") else "RGBA"
    else:
        mode = {"1": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(image.mode, "RGB")
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep grey as L, scaled: Pillow's own conversion clips at 255."""
    numbers = image.convert("I").convert("F") if image.mode.startswith("I;") else image.convert("F")
    # getextrema() gives pairs for pictures of several bands, and this one has one.
    low, high = (float(edge) for edge in numbers.getextrema() if not isinstance(edge, tuple))
    if image.mode.startswith("I;16"):
        top = 65535.0
    else:
        # No file says what white is in 32 bits: take the least of the usual values that all pixels are within.
        top = next((top for top in _TOPS[image.mode != "F" :] if high <= top), high)
    bottom = min(low, 0.0)
    scale = _WHITE / (top - bottom)
    offset = 0.5 - bottom * scale
    return numbers.point(lambda value: value * scale + offset).convert("L")


def srgb(image: Image.Image, profile: object) -> Image.Image:
    """A resizable picture as L, LA, RGB or RGBA in sRGB, by its ICC profile (bytes) if there is a valid one."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    plain = image.convert(image.mode[:-1]) if alpha is not None and profile else image
    found = _through(plain, profile) if isinstance(profile, bytes) else None
    if found is None:
        return image.convert("RGB") if image.mode in ("CMYK", "LAB") else image
    if alpha is not None:
        found.putalpha(alpha)
    return found


def _through(image: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if image.mode == "RGB" and "srgb" in (source.profile.profile_description or "").casefold():
            return None
        return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except _PROFILE_FAULTS:
        # Damaged, or a profile of another colour space: a picture with unconverted colours is better than none.
        return None


def flattened(image: Image.Image) -> Image.Image:
    """The picture on white, as L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    background = Image.new(image.mode[:-1], image.size, "white")
    background.paste(image.convert(image.mode[:-1]), mask=image.getchannel("A"))
    return background


def palette(image: Image.Image) -> list[tuple[str, float]]:
    """The colours of a small opaque picture as "#RRGGBB", each with the percent of pixels near to it.

    At most 32, the largest first, without those that round to 0.0 percent.
    """
    # The octree counts how many pixels lie near a colour; a median cut would make all its shares alike.
    reduced = image.convert("RGB").quantize(_MOST_COLOURS, Image.Quantize.FASTOCTREE)
    colours = reduced.getpalette() or []
    found = []
    for count, index in sorted(reduced.getcolors() or [], reverse=True):
        assert isinstance(index, int)
        red, green, blue = colours[3 * index : 3 * index + 3]
        found.append((f"#{red:02X}{green:02X}{blue:02X}", round(100 * count / (image.width * image.height), 1)))
    return [(colour, percent) for colour, percent in found if percent]
