"""Positions: whole numbers with room between them."""

import pytest

from albums.ordering import STEP, positions_after

pytestmark = pytest.mark.any_database


def test_an_empty_album_begins_one_step_from_zero() -> None:
    assert positions_after(None, 3) == [STEP, 2 * STEP, 3 * STEP]


@pytest.mark.parametrize("last", [0, 1, STEP, -5, 2**40 + 3])
def test_what_is_added_follows_the_last_by_whole_steps(last: int) -> None:
    assert positions_after(last, 2) == [last + STEP, last + 2 * STEP]


def test_nothing_needs_no_position() -> None:
    assert positions_after(7, 0) == []


def test_a_step_leaves_room_for_twenty_halvings() -> None:
    assert STEP == 2**20


def test_a_million_images_fit_in_the_column() -> None:
    assert positions_after(None, 1_000_000)[-1] < 2**63
