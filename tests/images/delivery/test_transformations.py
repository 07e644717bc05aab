import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.delivery.transformations import FIELDS, Step, Transformation, TransformationError

pytestmark = pytest.mark.any_database
FIT = "c_fit,h_1920,w_1920"
SEND = "fl_attachment/dpr_auto,q_auto,f_auto"

RECORDED = [
    f"{FIT}/{SEND}",
    "fl_attachment",
    f"{FIT}/c_fill,h_200,w_200/{SEND}",
    SEND,
    f"{FIT}/c_fill,h_100,w_100/{SEND}",
    "c_fit,w_300",
    "c_fit,h_2000,w_2000",
    f"{FIT}/{SEND}/c_fit,h_1000,w_1000",
    f"{FIT}/{SEND}/a_90",
    "a_90/c_fit,w_300",
    "a_90/c_fit,h_2000,w_2000",
    f"{FIT}/a_90/{SEND}",
    f"{FIT}/a_90/c_fill,h_200,w_200/{SEND}",
    "c_crop,h_11,w_10,x_3,y_2/c_fit,w_300",
    "c_crop,h_11,w_10,x_3,y_2/c_fit,h_2000,w_2000",
    f"c_crop,h_11,w_10,x_3,y_2/{FIT}/{SEND}",
    f"c_crop,h_11,w_10,x_3,y_2/{FIT}/a_90/c_fill,h_200,w_200/{SEND}",
    f"{FIT}/{SEND}/c_fit,h_202,w_201",
    f"{FIT}/{SEND}/c_crop,h_200,w_200",
    f"{FIT}/{SEND}/c_fit,h_500,w_500/c_fill,h_200,w_200",
    f"{FIT}/{SEND}/c_fit,w_100",
]


@pytest.mark.parametrize("chain", RECORDED)
def test_recorded_chains_are_spelled_as_they_were_read(chain: str) -> None:
    assert str(Transformation.parse(chain)) == chain


def test_a_step_has_typed_values() -> None:
    crop, auto = Transformation.parse("c_crop,h_11,w_10,x_0,y_2,g_north_east/dpr_2,q_auto,f_webp,a_-90,w_5").steps
    assert (crop.crop, crop.width, crop.height, crop.x, crop.y, crop.gravity) == ("crop", 10, 11, 0, 2, "north_east")
    assert (auto.dpr, auto.quality, auto.format, auto.angle, auto.width) == (2, "auto", "webp", -90, 5)
    assert auto.order == ("dpr", "q", "f", "a", "w")


def test_sides_without_a_crop_scale() -> None:
    assert Step.parse("w_5").mode == "scale"
    assert Step.parse("q_5").mode is None


def test_dpr_multiplies_the_sides_of_its_own_step() -> None:
    first, second = Transformation.parse("c_fit,w_100,h_50,dpr_3/c_fit,w_100,dpr_auto").steps
    assert first.sides == (300, 150)
    assert second.sides == (100, None)


def test_the_empty_chain_has_no_steps() -> None:
    assert Transformation.parse("") == Transformation(())
    assert str(Transformation(())) == ""


def test_the_original_is_a_lone_attachment() -> None:
    assert Transformation.parse("fl_attachment").is_original
    assert not Transformation.parse("fl_attachment/fl_attachment").is_original
    assert not Transformation.parse("fl_attachment,q_auto").is_original
    assert not Transformation.parse("").is_original


def test_any_step_makes_it_an_attachment() -> None:
    assert Transformation.parse("w_1/fl_attachment/q_1").attachment
    assert not Transformation.parse("w_1/q_1").attachment


def test_the_last_format_and_quality_count() -> None:
    chain = Transformation.parse("f_png,q_1/f_auto,q_auto/w_3")
    assert (chain.format, chain.quality) == ("auto", "auto")
    assert (Transformation.parse("w_3").format, Transformation.parse("w_3").quality) == (None, None)


def test_chains_with_the_same_text_are_equal_and_hash_alike() -> None:
    assert len({Transformation.parse("w_1,h_2"), Transformation.parse("w_1,h_2"), Transformation.parse("h_2,w_1")}) == 2


REFUSED = {
    "an unknown key": "z_1",
    "an overlay": "l_text:hello",
    "an upper case key": "W_1",
    "a key alone": "w",
    "no value": "w_",
    "two underscores": "w__1",
    "a repeated key": "w_1,w_2",
    "a repeated flag": "fl_attachment,fl_attachment",
    "another flag": "fl_tiled",
    "an empty step": "/",
    "a leading slash": "/w_1",
    "a trailing slash": "w_1/",
    "two slashes": "w_1//w_2",
    "an empty parameter": "w_1,,h_1",
    "a trailing comma": "w_1,",
    "a blank": "w_1, h_1",
    "a line break at the end": "w_1\n",
    "a leading zero": "w_01",
    "a plus": "w_+1",
    "a decimal": "w_1.0",
    "an exponent": "w_1e3",
    "an underscore in a number": "w_1_0",
    "digits of another script": "w_\u0661",
    "full width digits": "w_\uff11",
    "a percent sign": "w_%31",
    "a NUL": "w_1\0",
    "a width of 0": "w_0",
    "a negative width": "w_-1",
    "a width over 4096": "c_fit,w_4097",
    "a height over 4096": "h_4097",
    "a crop over 100000": "c_crop,w_100001",
    "a negative offset": "c_crop,w_1,x_-1",
    "an offset over 100000": "c_crop,w_1,y_100001",
    "a width of many digits": "w_" + "9" * 400,
    "a side over 4096 by dpr": "c_fit,w_2049,dpr_2",
    "a crop over 100000 by dpr": "c_crop,w_50001,dpr_2",
    "dpr 4": "dpr_4",
    "dpr 0": "dpr_0",
    "dpr with decimals": "dpr_1.5",
    "quality 0": "q_0",
    "quality 101": "q_101",
    "quality by name": "q_auto:best",
    "another format": "f_gif",
    "an angle of 45": "a_45",
    "an angle of 450": "a_450",
    "minus zero": "a_-0",
    "another crop": "c_thumb,w_1",
    "another gravity": "c_fill,w_1,h_1,g_face",
    "a crop without sides": "c_fit",
    "a crop with an offset alone": "c_crop,x_1",
    "an offset without a crop": "x_1",
    "an offset in a fill": "c_fill,w_1,h_1,x_1",
    "a gravity without a crop": "w_1,g_north",
    "a gravity in a fit": "c_fit,w_1,g_north",
    "eleven steps": "/".join(["w_1"] * 11),
    "501 characters": "c_crop,h_100000,w_100000,x_100000,y_100000,g_south_west/" * 9,
    "a lone surrogate": "\ud800",
}


@pytest.mark.parametrize("chain", REFUSED.values(), ids=REFUSED)
def test_what_is_not_in_the_grammar_is_refused_with_a_short_sentence(chain: str) -> None:
    with pytest.raises(TransformationError) as refusal:
        Transformation.parse(chain)
    sentence = str(refusal.value)
    assert sentence.endswith(".") and sentence.isascii() and sentence.isprintable() and len(sentence) < 200


def test_the_sentence_names_the_offending_piece() -> None:
    with pytest.raises(TransformationError, match="'z_9'"):
        Transformation.parse("w_1,z_9,h_3")


def test_bounds_themselves_are_accepted() -> None:
    for chain in (
        "w_4096",
        "w_1",
        "c_crop,w_100000,x_100000,y_0",
        "a_-360",
        "a_360",
        "a_0",
        "q_1,dpr_1",
        "q_100,dpr_3",
    ):
        assert str(Transformation.parse(chain)) == chain
    assert len(Transformation.parse("/".join(["w_1"] * 10)).steps) == 10


def test_a_step_cannot_be_built_with_an_order_that_is_not_its_own() -> None:
    with pytest.raises(TransformationError):
        Step(width=1, height=2, order=("w",))
    with pytest.raises(TransformationError):
        Step(width=1, order=("w", "w"))
    with pytest.raises(TransformationError):
        Step(width=9999, order=("w",))
    assert str(Step(height=2, width=1, order=("h", "w"))) == "h_2,w_1"


VALUES = {
    "c": st.sampled_from(["fill", "fit", "scale", "pad", "crop", "limit", "thumb"]),
    "w": st.integers(-1, 5000).map(str),
    "h": st.integers(-1, 5000).map(str),
    "x": st.integers(-1, 100_001).map(str),
    "y": st.integers(-1, 100_001).map(str),
    "g": st.sampled_from(["center", "north", "south_west", "face"]),
    "a": st.sampled_from(["0", "90", "-90", "180", "360", "45"]),
    "q": st.sampled_from(["auto", "1", "80", "100", "101"]),
    "f": st.sampled_from(["auto", "jpg", "png", "webp", "avif", "gif"]),
    "dpr": st.sampled_from(["auto", "1", "2", "3", "4"]),
    "fl": st.just("attachment"),
}
PARAMETERS = st.sampled_from(sorted(FIELDS)).flatmap(lambda key: VALUES[key].map(lambda value: f"{key}_{value}"))
STEPS = st.lists(PARAMETERS, min_size=1, max_size=5).map(",".join)
NOISE = st.text(alphabet="cwhxygaqfdprlt_,/-0123456789autojn \n\u0661", max_size=30)


@given(st.one_of(st.lists(STEPS, max_size=6).map("/".join), NOISE, st.text(max_size=20)))
def test_every_text_is_refused_or_spelled_as_it_was_read(text: str) -> None:
    try:
        chain = Transformation.parse(text)
    except TransformationError:
        return
    assert str(chain) == text
    assert Transformation.parse(str(chain)) == chain
