"""The chains of the named variants: plain, rotated, cropped and both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.delivery import variants
from images.delivery.transformations import Transformation
from images.delivery.variants import Edit

pytestmark = pytest.mark.any_database
F = "c_fit,h_1920,w_1920"
Q = "dpr_auto,q_auto,f_auto"
C = "c_crop,h_11,w_10,x_3,y_2"
FILL200, FILL100 = "c_fill,h_200,w_200", "c_fill,h_100,w_100"
CROP = (3.0, 2.0, 10.0, 11.0)
EDITS = {"plain": Edit(), "rotated": Edit(90), "cropped": Edit(0, CROP), "both": Edit(270, CROP)}

EXTERNAL = {
    "plain": ("c_fit,w_300", "c_fit,h_2000,w_2000"),
    "rotated": ("a_90/c_fit,w_300", "a_90/c_fit,h_2000,w_2000"),
    "cropped": (f"{C}/c_fit,w_300", f"{C}/c_fit,h_2000,w_2000"),
    "both": (f"{C}/a_270/c_fit,w_300", f"{C}/a_270/c_fit,h_2000,w_2000"),
}
EDITED = {
    "plain": (f"{F}/fl_attachment/{Q}", f"{F}/{FILL200}/fl_attachment/{Q}", f"{F}/{FILL100}/fl_attachment/{Q}"),
    "rotated": (
        f"{F}/a_90/fl_attachment/{Q}",
        f"{F}/a_90/{FILL200}/fl_attachment/{Q}",
        f"{F}/a_90/{FILL100}/fl_attachment/{Q}",
    ),
    "cropped": (
        f"{C}/{F}/fl_attachment/{Q}",
        f"{C}/{F}/{FILL200}/fl_attachment/{Q}",
        f"{C}/{F}/{FILL100}/fl_attachment/{Q}",
    ),
    "both": (
        f"{C}/{F}/a_270/fl_attachment/{Q}",
        f"{C}/{F}/a_270/{FILL200}/fl_attachment/{Q}",
        f"{C}/{F}/a_270/{FILL100}/fl_attachment/{Q}",
    ),
}


def chains(edit: Edit, *names: str) -> tuple[str, ...]:
    """The chains of the variants of these names, in their order."""
    every = variants.chains(edit)
    return tuple(every[name] for name in names)


@pytest.mark.parametrize("edit", EDITS)
def test_external_urls_crop_then_rotate_then_fit(edit: str) -> None:
    assert chains(EDITS[edit], "fill100", "fit2000") == EXTERNAL[edit]


@pytest.mark.parametrize("edit", EDITS)
def test_thumbnails_crop_before_they_fit_and_rotate_after(edit: str) -> None:
    assert chains(EDITS[edit], "full", "large", "mini") == EDITED[edit]


@pytest.mark.parametrize("edit", EDITS)
def test_the_unedited_variants_know_no_edit(edit: str) -> None:
    assert chains(EDITS[edit], "original", "full_no_sharinpix") == (f"fl_attachment/{Q}", f"{F}/fl_attachment/{Q}")


def test_full_and_full_no_sharinpix_are_one_chain_without_an_edit() -> None:
    assert len(set(chains(Edit(), "full", "full_no_sharinpix"))) == 1


@pytest.mark.parametrize("edit", EDITS)
def test_the_stored_variants_are_full_large_and_mini(edit: str) -> None:
    assert variants.stored_chains(EDITS[edit]) == dict(zip(("full", "large", "mini"), EDITED[edit], strict=True))


@pytest.mark.parametrize(
    ("value", "wanted"), [(10.0, "10"), (0.0, "0"), (3, "3"), (100_000.0, "100000"), (10.75, "10")]
)
def test_pixel_counts_are_written_whole(value: float, wanted: str) -> None:
    assert variants.whole_pixels(value) == wanted


LENGTHS = st.floats(1, 100_000)
OFFSETS = st.floats(0, 100_000)


@given(rotation=st.sampled_from([0, 90, 180, 270]), crop=st.none() | st.tuples(OFFSETS, OFFSETS, LENGTHS, LENGTHS))
def test_every_edit_has_chains_that_we_can_render(
    rotation: int, crop: tuple[float, float, float, float] | None
) -> None:
    edit = Edit(rotation, crop)
    for chain in variants.chains(edit).values():
        assert str(Transformation.parse(chain)) == chain


def test_no_two_variants_have_one_kind() -> None:
    kinds = [variant.kind for variant in variants.VARIANTS.values() if variant.kind]
    assert sorted(kinds) == sorted(variants.BY_KIND), "a kind stands in two rows: links would lead to the last one"


@pytest.mark.parametrize("name", variants.STORED)
def test_a_stored_variant_shows_edits(name: str) -> None:
    assert variants.VARIANTS[name].chain.startswith(variants.EDITED), "begin its chain with {EDITED}"
