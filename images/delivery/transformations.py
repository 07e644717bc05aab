"""Transformation chains as they stand in delivery URLs: a value object over a closed grammar (pure).

A chain is steps joined by `/`, a step is parameters joined by `,`, a parameter is `<key>_<value>`:

    c_crop,h_11,w_10,x_3,y_2/c_fit,h_1920,w_1920/a_90/fl_attachment/dpr_auto,q_auto,f_auto

`Transformation.parse` and `str` are exact inverses. What is not in the grammar is refused, never corrected: the
text is what was signed and what names a cached file, so each picture must have one spelling only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast, get_args

Crop = Literal["fill", "fit", "scale", "pad", "crop", "limit"]
Gravity = Literal[
    "center", "north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west"
]  # fmt: skip
Format = Literal["auto", "jpg", "png", "webp", "avif"]
Auto = Literal["auto"]

MAX_LENGTH = 500
MAX_STEPS = 10
MAX_SIDE = 4096
"""Pixels that a resized side may have."""
MAX_COORDINATE = 100_000
"""Pixels that a side or an offset of a cropped region may have: a crop never enlarges, so originals bound it."""

FIELDS = {
    "c": "crop",
    "w": "width",
    "h": "height",
    "x": "x",
    "y": "y",
    "g": "gravity",
    "a": "angle",
    "q": "quality",
    "f": "format",
    "dpr": "dpr",
    "fl": "attachment",
}
"""Every key of the grammar -> the field of `Step` that holds its value."""

_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,5}")
_SHOWN = 40

Word = TypeVar("Word", bound=str)


class TransformationError(ValueError):
    """A chain outside the grammar; str() is a sentence that names the wrong part."""


def _shown(text: str) -> str:
    # ascii(), since the text comes from a URL and is written into headers and logs.
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _pieces(text: str) -> dict[str, str]:
    """The parameters of one step as key -> value, in the order given."""
    found: dict[str, str] = {}
    for piece in text.split(","):
        key, _, value = piece.partition("_")
        if key not in FIELDS:
            raise TransformationError(f"There is no transformation parameter {_shown(piece)}.")
        if key in found:
            raise TransformationError(f"The parameter {_shown(key)} stands twice in the step {_shown(text)}.")
        found[key] = value
    return found


def _refused(key: str, value: str) -> TransformationError:
    return TransformationError(f"The transformation parameter {_shown(f'{key}_{value}')} has a value we do not know.")


def _word(pieces: Mapping[str, str], key: str, words: tuple[Word, ...]) -> Word | None:
    if key not in pieces:
        return None
    for word in words:
        if word == pieces[key]:
            return word
    raise _refused(key, pieces[key])


def _number(pieces: Mapping[str, str], key: str) -> int | None:
    if key not in pieces:
        return None
    if not _NUMBER.fullmatch(pieces[key]):
        raise _refused(key, pieces[key])
    return int(pieces[key])


def _number_or_auto(pieces: Mapping[str, str], key: str) -> int | Auto | None:
    return "auto" if pieces.get(key) == "auto" else _number(pieces, key)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain. Lengths are pixels, `angle` is degrees clockwise; None means that the parameter is absent.

    `order` holds the keys present, as written. A Step that exists is a valid one: building another raises
    TransformationError. Where a step both resizes and rotates, it resizes first.
    """

    crop: Crop | None = None
    width: int | None = None
    height: int | None = None
    x: int | None = None
    y: int | None = None
    gravity: Gravity | None = None
    angle: int | None = None
    quality: int | Auto | None = None
    format: Format | None = None
    dpr: int | Auto | None = None
    attachment: bool = False
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # By identity: a coordinate or an angle of 0 equals False and is present all the same.
        values = {key: getattr(self, field) for key, field in FIELDS.items()}
        present = {key for key, value in values.items() if value is not None and value is not False}
        if not present:
            raise TransformationError("A transformation has an empty step.")
        if len(self.order) != len(present) or set(self.order) != present:
            raise TransformationError(
                f"The order {_shown(repr(self.order))} does not match the parameters of the step."
            )
        self._check_ranges()
        self._check_sides()
        self._check_companions()

    @classmethod
    def parse(cls, text: str) -> "Step":
        """The step that `text` spells; raises TransformationError."""
        if not text:
            raise TransformationError("A transformation has an empty step.")
        pieces = _pieces(text)
        return cls(
            crop=_word(pieces, "c", cast(tuple[Crop, ...], get_args(Crop))),
            width=_number(pieces, "w"),
            height=_number(pieces, "h"),
            x=_number(pieces, "x"),
            y=_number(pieces, "y"),
            gravity=_word(pieces, "g", cast(tuple[Gravity, ...], get_args(Gravity))),
            angle=_number(pieces, "a"),
            quality=_number_or_auto(pieces, "q"),
            format=_word(pieces, "f", cast(tuple[Format, ...], get_args(Format))),
            dpr=_number_or_auto(pieces, "dpr"),
            attachment=_word(pieces, "fl", ("attachment",)) is not None,
            order=tuple(pieces),
        )

    def __str__(self) -> str:
        return ",".join(f"{key}_{self._value(key)}" for key in self.order)

    @property
    def mode(self) -> Crop | None:
        """How the step resizes: sides without `c_` scale, as Cloudinary has it. None: it does not resize."""
        if self.crop is None and (self.width is not None or self.height is not None):
            return "scale"
        return self.crop

    @property
    def sides(self) -> tuple[int | None, int | None]:
        """Width and height in device pixels: as given, times the step's own `dpr`."""
        dpr = self.dpr if isinstance(self.dpr, int) else 1
        return (
            None if self.width is None else self.width * dpr,
            None if self.height is None else self.height * dpr,
        )

    def _value(self, key: str) -> str:
        return "attachment" if key == "fl" else str(getattr(self, FIELDS[key]))

    def _refuse_outside(self, key: str, allowed: range) -> None:
        value = getattr(self, FIELDS[key])
        if isinstance(value, int) and value not in allowed:
            raise TransformationError(
                f"The transformation parameter {_shown(f'{key}_{value}')} is outside "
                f"{allowed[0]} to {allowed[-1]}{f' in steps of {allowed.step}' if allowed.step > 1 else ''}."
            )

    def _check_ranges(self) -> None:
        side = MAX_COORDINATE if self.crop == "crop" else MAX_SIDE
        for key in ("w", "h"):
            self._refuse_outside(key, range(1, side + 1))
        for key in ("x", "y"):
            self._refuse_outside(key, range(MAX_COORDINATE + 1))
        self._refuse_outside("a", range(-360, 361, 90))
        self._refuse_outside("q", range(1, 101))
        self._refuse_outside("dpr", range(1, 4))

    def _check_sides(self) -> None:
        side = MAX_COORDINATE if self.crop == "crop" else MAX_SIDE
        if any(length is not None and length > side for length in self.sides):
            raise TransformationError(f"The step {_shown(str(self))} makes a side of more than {side} pixels.")

    def _check_companions(self) -> None:
        if self.crop is not None and self.width is None and self.height is None:
            raise TransformationError(f"The step {_shown(str(self))} needs a width or a height.")
        if (self.x is not None or self.y is not None) and self.crop != "crop":
            raise TransformationError(f"The step {_shown(str(self))} has x or y without c_crop.")
        if self.gravity is not None and self.crop not in ("crop", "fill", "pad"):
            raise TransformationError(f"The step {_shown(str(self))} has a gravity without c_crop, c_fill or c_pad.")


@dataclass(frozen=True, slots=True)
class Transformation:
    """A chain of at most 10 steps and 500 characters; without steps it changes nothing but the encoding."""

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) > MAX_STEPS:
            raise TransformationError(
                f"A transformation has at most {MAX_STEPS} steps; this one has {len(self.steps)}."
            )
        if len(str(self)) > MAX_LENGTH:
            raise TransformationError(f"A transformation has at most {MAX_LENGTH} characters.")

    @classmethod
    def parse(cls, text: str) -> "Transformation":
        """The chain that `text` spells, "" being the one without steps; raises TransformationError."""
        if len(text) > MAX_LENGTH:
            raise TransformationError(f"A transformation has at most {MAX_LENGTH} characters.")
        return cls(tuple(Step.parse(step) for step in text.split("/")) if text else ())

    def __str__(self) -> str:
        return "/".join(map(str, self.steps))

    @property
    def attachment(self) -> bool:
        """Whether the answer is a download."""
        return any(step.attachment for step in self.steps)

    @property
    def is_original(self) -> bool:
        """Whether the chain asks for the stored original, byte for byte."""
        return str(self) == "fl_attachment"

    @property
    def format(self) -> Format | None:
        """The format that the last `f_` asks for."""
        return next((step.format for step in reversed(self.steps) if step.format is not None), None)

    @property
    def quality(self) -> int | Auto | None:
        """The quality that the last `q_` asks for."""
        return next((step.quality for step in reversed(self.steps) if step.quality is not None), None)
