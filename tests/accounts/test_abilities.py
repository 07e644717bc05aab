from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.abilities import access, albums_granting, is_admin, is_for_the_api, may_create_tag

pytestmark = pytest.mark.any_database
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "Access", "image_list", "see"]), inner),
    max_leaves=8,
)


def claims(**albums: Any) -> dict[str, Any]:
    return {"abilities": {name: {"Access": access} for name, access in albums.items()}}


def test_an_ability_is_granted_by_true_alone() -> None:
    given_claims = claims(
        a={"image_list": True},
        b={"image_list": "true"},
        c={"image_list": 1},
        d={"image_list": False},
        e={"see": True},
        f={"see": True, "image_list": True},
    )
    assert albums_granting(given_claims, "image_list") == ["a", "f"]
    assert albums_granting(given_claims, "see") == ["e", "f"]


def test_albums_keep_the_order_of_the_token() -> None:
    assert albums_granting(claims(z={"see": True}, a={"see": True}, m={"see": True}), "see") == ["z", "a", "m"]


@given(abilities=ANYTHING)
def test_claims_of_any_shape_grant_only_what_they_say(abilities: Any) -> None:
    for album_id in albums_granting({"abilities": abilities}, "image_list"):
        assert abilities[album_id]["Access"]["image_list"] is True


@given(abilities=ANYTHING)
def test_access_is_always_a_mapping(abilities: Any) -> None:
    assert isinstance(access({"abilities": abilities}, "a"), dict)


def test_access_is_what_the_album_lists() -> None:
    assert access(claims(a={"see": True, "image_crop": "x"}), "a") == {"see": True, "image_crop": "x"}
    assert access(claims(a={"see": True}), "b") == {}
    assert access({}, "a") == {}


@pytest.mark.parametrize("value", [None, False, 1, "true", [True], {"admin": True}])
def test_nothing_but_true_makes_an_admin(value: Any) -> None:
    assert is_admin({"admin": True})
    assert not is_admin({"admin": value})
    assert not is_admin({})


@pytest.mark.parametrize(
    "names",
    [
        {"image_id"},
        {"transformations"},
        {"sharinpix"},
        {"id"},
        {"organization_id", "album_id"},
        {"image_id", "abilities", "admin"},
        {"organization_id", "album_id", "admin", "abilities"},
    ],
    ids=lambda names: "+".join(sorted(names)),
)
def test_a_token_made_for_a_picture_or_a_webhook_is_not_for_the_api(names: set[str]) -> None:
    assert not is_for_the_api(dict.fromkeys(names | {"iss", "exp", "iat", "user_id"}, "x"))


@pytest.mark.parametrize(
    "names",
    [
        set(),
        {"abilities"},
        {"admin"},
        {"id", "abilities"},
        {"id", "admin"},
        {"id", "q"},
        {"album_id"},
        {"organization_id"},
        {"path", "storage"},
    ],
    ids=lambda names: "+".join(sorted(names)) or "none",
)
def test_claims_of_the_published_clients_are_for_the_api(names: set[str]) -> None:
    assert is_for_the_api(dict.fromkeys(names | {"iss", "exp", "iat", "user_id"}, "x"))


@pytest.mark.parametrize(
    ("tags", "may"),
    [
        ({"create": True}, True),
        ({"create": "true"}, True),
        ({"create": 1}, False),
        ({"create": "yes"}, False),
        ({"create": False}, False),
        ({"auto_tag": "roof"}, True),
        ({"auto_tag": ["roof", "north"]}, True),
        ({"auto_tag": "roofs"}, False),
        ({"auto_tag": {"roof": True}}, False),
        ({}, False),
        ([], False),
        ("roof", False),
        (None, False),
    ],
)
def test_a_tag_may_be_made_by_who_may_make_all_or_names_it(tags: Any, may: bool) -> None:
    assert may_create_tag({"abilities": {"tags": tags}}, "roof") is may


@given(abilities=ANYTHING)
def test_claims_of_any_shape_can_be_asked_for_tags(abilities: Any) -> None:
    assert may_create_tag({"abilities": abilities}, "roof") is False
    assert may_create_tag({"abilities": {"tags": {"create": abilities, "auto_tag": abilities}}}, "\0") in {True, False}
