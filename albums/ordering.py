"""Positions of images in an album: whole numbers with room between neighbours for later moves."""

STEP = 2**20


def positions_after(last: int | None, count: int) -> list[int]:
    """Positions of `count` images behind the one at `last`, which is None in an empty album."""
    first = STEP if last is None else last + STEP
    return [first + STEP * index for index in range(count)]
