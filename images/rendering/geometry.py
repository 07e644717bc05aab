"""The arithmetic of a chain on a picture of a given size, without pixels.

A chain becomes a Plan: a Head, which turns and samples the original, then further operations. Sizes are whole pixels,
halves rounded up, at least 1. Boxes are (left, top, right, bottom) and may be fractional.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from images.delivery.transformations import MAX_SIDE, Gravity, Step, Transformation

Size = tuple[int, int]
Box = tuple[float, float, float, float]

_POSITIONS: dict[Gravity, tuple[int, int]] = {
    "north_west": (0, 0),
    "north": (1, 0),
    "north_east": (2, 0),
    "west": (0, 1),
    "center": (1, 1),
    "east": (2, 1),
    "south_west": (0, 2),
    "south": (1, 2),
    "south_east": (2, 2),
}
"""Where a gravity places a picture across and down, in halves of the space left."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The part of the picture in `box`, at `size`."""

    box: Box
    size: Size


@dataclass(frozen=True, slots=True)
class Turn:
    """A rotation clockwise, in quarter turns."""

    quarters: int


@dataclass(frozen=True, slots=True)
class Pad:
    """The picture on a canvas of `size`, its corner at `offset`."""

    size: Size
    offset: tuple[int, int]


Operation = Sample | Turn | Pad


@dataclass(frozen=True, slots=True)
class Head:
    """Turn the upright original by `quarters`, then sample: `box` is in pixels of the turned original."""

    quarters: int
    box: Box
    size: Size

    @property
    def resizes(self) -> bool:
        left, top, right, bottom = self.box
        return self.size != (right - left, bottom - top)

    @property
    def shrink(self) -> float:
        """How many pixels of the original, along the side that has fewest, make one."""
        left, top, right, bottom = self.box
        return min((right - left) / self.size[0], (bottom - top) / self.size[1])

    def then(self, operation: Sample | Turn, whole: Size) -> "Head":
        """This followed by `operation`, as one Head; only where this one does not resize.

        `whole` is the size of the turned original.
        """
        if isinstance(operation, Sample):
            left, top, _, _ = self.box
            x0, y0, x1, y1 = operation.box
            return Head(self.quarters, (left + x0, top + y0, left + x1, top + y1), operation.size)
        box, size = self.box, self.size
        for _ in range(operation.quarters):
            box, size = turned(box, whole), size[::-1]
            whole = whole[::-1]
        return Head((self.quarters + operation.quarters) % 4, box, size)


@dataclass(frozen=True, slots=True)
class Plan:
    head: Head
    tail: tuple[Operation, ...]
    size: Size

    @property
    def pixels(self) -> int:
        """How many are made on the way, those of the result too."""
        sizes = [self.head.size, *(step.size for step in self.tail if not isinstance(step, Turn)), self.size]
        return sum(width * height for width, height in sizes)


def plan(size: Size, transformation: Transformation) -> Plan:
    """The Plan of a chain for an upright original of `size`."""
    head, tail = Head(0, (0, 0, *size), size), list[Operation]()
    current = size
    for step in transformation.steps:
        for operation in operations(step, current):
            if tail or head.resizes or isinstance(operation, Pad):
                tail.append(operation)
            else:
                head = head.then(operation, size if head.quarters % 2 == 0 else size[::-1])
            current = after(operation, current)
    return Plan(head, tuple(tail), current)


def bounded(plan: Plan, side: int) -> Plan:
    """The same with both sides of the result within `side`, shrunk in proportion if need be."""
    if max(plan.size) <= side:
        return plan
    size = fitted(plan.size, side, side)
    return Plan(plan.head, (*plan.tail, Sample((0, 0, *plan.size), size)), size)


def after(operation: Operation, size: Size) -> Size:
    if isinstance(operation, Turn):
        return size[::-1] if operation.quarters % 2 else size
    return operation.size


def operations(step: Step, size: Size) -> Iterator[Operation]:
    """What one step does to a picture of `size`; a step resizes before it rotates."""
    for operation in _resizing(step, size):
        if operation != Sample((0, 0, *size), size):
            yield operation
    if step.angle is not None and step.angle % 360:
        yield Turn(step.angle % 360 // 90)


def _resizing(step: Step, size: Size) -> Iterator[Sample | Pad]:
    width, height = step.sides
    whole: Box = (0, 0, *size)
    match step.mode:
        case "crop":
            box = _region(step, size)
            yield Sample(box, (box[2] - box[0], box[3] - box[1]))
        case "fill" if width is not None and height is not None:
            yield Sample(_covering(size, (width, height), step.gravity or "center"), (width, height))
        case "limit":
            # Sides of at most the picture's own cannot enlarge it.
            room = min(width or size[0], size[0], MAX_SIDE), min(height or size[1], size[1], MAX_SIDE)
            yield Sample(whole, fitted(size, *room))
        case "scale" if width is not None and height is not None:
            yield Sample(whole, (width, height))
        case "pad" if width is not None and height is not None:
            inner = fitted(size, width, height)
            yield Sample(whole, inner)
            if inner != (width, height):
                across, down = _POSITIONS[step.gravity or "center"]
                yield Pad((width, height), ((width - inner[0]) * across // 2, (height - inner[1]) * down // 2))
        case "fit" | "fill" | "scale" | "pad":
            yield Sample(whole, fitted(size, width, height))


def fitted(size: Size, width: int | None, height: int | None) -> Size:
    """The largest size of the same proportions within the box, an absent side being MAX_SIDE; it may enlarge."""
    box_width, box_height = width or MAX_SIDE, height or MAX_SIDE
    if box_width * size[1] <= box_height * size[0]:
        return box_width, _proportional(size[1], box_width, size[0])
    return _proportional(size[0], box_height, size[1]), box_height


def _proportional(length: int, numerator: int, denominator: int) -> int:
    # Whole numbers, since a float would round 0.5 either way.
    return max(1, (2 * length * numerator + denominator) // (2 * denominator))


def _covering(size: Size, target: Size, gravity: Gravity) -> Box:
    """The largest part of the picture with the proportions of `target`."""
    width: float
    height: float
    width, height = size
    if width * target[1] >= height * target[0]:
        width = height * target[0] / target[1]
    else:
        height = width * target[1] / target[0]
    across, down = _POSITIONS[gravity]
    left, top = (size[0] - width) * across / 2, (size[1] - height) * down / 2
    return left, top, min(left + width, size[0]), min(top + height, size[1])


def _region(step: Step, size: Size) -> tuple[int, int, int, int]:
    """The region of a c_crop step, clamped to the picture; outside of it, the nearest pixel."""
    placed = step.x is not None or step.y is not None
    across, down = _POSITIONS[step.gravity or ("north_west" if placed else "center")]
    width, height = step.sides
    left, right = _extent(width or size[0], step.x or 0, across, size[0])
    top, bottom = _extent(height or size[1], step.y or 0, down, size[1])
    return left, top, right, bottom


def _extent(length: int, offset: int, position: int, whole: int) -> tuple[int, int]:
    # An offset leads inwards from the edge that the gravity names, and onwards from the centre.
    start = (whole - length) * position // 2 + (-offset if position == 2 else offset)
    first = min(max(start, 0), whole - 1)
    return first, max(min(start + length, whole), first + 1)


def turned(box: Box, size: Size) -> Box:
    """Where `box` of a picture of `size` lies once the picture is turned a quarter clockwise."""
    left, top, right, bottom = box
    return size[1] - bottom, left, size[1] - top, right


def unturned(box: Box, size: Size) -> Box:
    """The inverse of `turned`: `size` is the turned picture's."""
    left, top, right, bottom = box
    return top, size[0] - right, bottom, size[0] - left
