"""Answers that leave out the keys of a resync are cut out of the stored text where its writer says, never by search."""

from typing import Any

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from images import representations
from images.models import Image, Representation
from images.representations import spans_of, without_spans
from images.serializers import AlbumImageSerializer
from images.syncs.reader import texts_of
from sharinpix.renderers import dumps
from tests.factories import make_album, make_image

NAMES = ["a", "b", "tag_names", "c", "user_sfid", "thumbnails"]
VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=6) | st.sampled_from(['","tag_names":[', "<&>é😀", "\\"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.any_database
@given(
    names=st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=6),
    values=st.lists(VALUES, min_size=6, max_size=6),
    data=st.data(),
)
def test_cutting_leaves_the_other_keys_wherever_they_stand(names: list[str], values: list[Any], data: Any) -> None:
    keys = dict(zip(names, values, strict=False))
    left_out = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names) - 1))
    left_out = [name for name in names if name in left_out]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representations, "resync_keys", lambda: tuple(left_out))
        spans = spans_of(keys, len(dumps(keys)))
    expected = {name: value for name, value in keys.items() if name not in left_out}
    assert without_spans(dumps(keys), spans) == dumps(expected)


@pytest.mark.django_db
def test_an_image_full_of_look_alikes_is_cut_as_its_serializer_says(organization: Organization, api: Client) -> None:
    trap = '","tag_names":["x"],"user_sfid":"y","thumbnails":{'
    infos = {"bytes": 1, "tag_names": [trap], "thumbnails": {"user_sfid": trap}}
    image = make_image(make_album(organization, "a"), title=trap, filename=trap[:200], infos=infos, metadatas=infos)
    image.tag([trap[:100], "<b>&"])
    row = Image.objects.select_related("album", "uploader").prefetch_related("tags").get()
    expected = dumps(AlbumImageSerializer().to_representation(row))
    assert texts_of([image.pk]) == [expected]
    assert orjson.loads(api.get("/api/v1/albums/a/images").content) == [orjson.loads(expected)]
    Representation.objects.update(stamp="stale", document="{}", resync_spans="[[0,1]]")
    assert texts_of([image.pk]) == [expected]
