"""The declared fields compute what is sent, stored and described."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from accounts.models import User
from images import payload_rows
from images.models import Image, Representation
from images.serializers import ImageSerializer, image_serializer
from sharinpix.serializers import CompiledSerializer
from tests.factories import make_album, make_image
from tests.payloads import assert_same_payload

KEYS = (
    "id public_id infos exifs gps gps_ip gps_exifs gps_html created_at updated_at taken_at width height rotation crop_x "
    "crop_y crop_w crop_h metadatas original_url original_width original_height external_urls filename format title "
    "description page group_id color size processed processing_error album_id tag_names user_sfid thumbnails"
).split()
MOMENTS = {"created_at", "updated_at", "taken_at"}
NOON = datetime(2026, 5, 1, 12, 0, 0, 184_000, tzinfo=UTC)


@pytest.fixture(params=["plain", "full"])
def image(request: pytest.FixtureRequest, user: User) -> Image:
    """An image that knows nothing, and one that knows everything."""
    album = make_album(user.organization, "a/b é".replace("/", "-"))
    if request.param == "plain":
        return make_image(album, created_at=NOON, updated_at=NOON, infos={}, processed=False, delivery_id="")
    User.objects.update(sfid="005")
    image = make_image(
        album,
        created_at=NOON,
        updated_at=NOON,
        taken_at=NOON,
        infos={"z": 1, "bytes": "3604", "a": [1.0, None]},
        exifs={"Make": "Canon"},
        metadatas={"b": 1, "a": 2},
        gps_ip_lat=1.5,
        gps_ip_lng=2.5,
        gps_exifs_lat=-90.0,
        gps_exifs_lng=180.0,
        gps_html_lat=48.861934399999996,
        gps_html_lng=2.348967,
        rotation=90,
        crop_x=3.0,
        crop_y=2.5,
        crop_w=10.0,
        crop_h=11.0,
        width=11,
        height=10,
        title="<b>&",
        description="two\nlines",
        page=2,
        group_id="3bafd689-308a-47c2-a945-b71c0f7a6361",
        uploader=User.objects.get(),
        processing_error="No picture.",
    )
    image.tag(["b", "a", "é"])
    return Image.objects.select_related("album", "uploader").prefetch_related("tags").get()


def by_the_framework(image: Image) -> dict[str, Any]:
    """What the framework's own to_representation makes of the declared fields."""
    return dict(serializers.Serializer.to_representation(ImageSerializer(), image))


def sent(image: Image) -> dict[str, Any]:
    """What is sent of an image: its stored text, parsed."""
    return dict(orjson.loads(Representation.objects.get(image=image).document))


def as_json(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_what_the_framework_makes_of_its_field(image: Image, name: str) -> None:
    expected = as_json(by_the_framework(image)[name])
    found = sent(image)[name]
    assert found == expected
    assert type(found) is type(expected)


def test_the_37_keys_are_computed_and_stored_in_the_published_order(image: Image) -> None:
    assert list(sent(image)) == list(ImageSerializer(image).data) == list(by_the_framework(image)) == KEYS
    assert len(KEYS) == 37


def test_a_row_of_columns_gives_what_the_model_gives(image: Image) -> None:
    [text] = payload_rows.computed_texts(Image, [image.pk])
    assert_same_payload(orjson.loads(text.json), as_json(image_serializer().to_representation(image)))


def test_a_column_whose_type_is_not_the_fields_would_be_noticed(image: Image) -> None:
    """Fields of AS_STORED skip their conversion: the framework's own must change nothing."""
    serializer = image_serializer()
    skipped = [name for name, _, convert in serializer.steps if convert is None]
    assert len(skipped) > 20
    converted = {name: serializer.fields[name].to_representation for name in skipped}
    row = serializer.to_representation(image)
    assert [name for name in skipped if row[name] is not None and converted[name](row[name]) != row[name]] == []


def test_moments_have_milliseconds_and_the_offset_of_their_zone(image: Image) -> None:
    answer = sent(image)
    assert answer["created_at"] == answer["updated_at"] == "2026-05-01T14:00:00.184+02:00"
    assert answer["taken_at"] in {None, "2026-05-01T12:00:00.184+00:00"}


def test_tags_are_sent_in_name_order(image: Image) -> None:
    assert sent(image)["tag_names"] in ([], ["a", "b", "é"])


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"html", "exifs", "ip"}, [3.0, 3.5]),
        ({"exifs", "ip"}, [2.0, 2.5]),
        ({"ip"}, [1.0, 1.5]),
        (set(), None),
    ],
    ids=["html", "exif", "ip", "none"],
)
def test_the_point_is_html_else_exif_else_ip(user: User, known: set[str], expected: list[float] | None) -> None:
    fields = {f"gps_{source}_lat": float(n) for n, source in enumerate(("ip", "exifs", "html"), 1) if source in known}
    fields |= {f"gps_{source}_lng": n + 0.5 for n, source in enumerate(("ip", "exifs", "html"), 1) if source in known}
    point = sent(make_image(make_album(user.organization), **fields))["gps"]
    assert (point and list(point)) == expected


def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def test_the_schema_describes_all_37_keys_in_order() -> None:
    image = schema()["components"]["schemas"]["Image"]
    assert list(image["properties"]) == KEYS
    assert sorted(image["required"]) == sorted(KEYS)
    assert list(image["properties"]["external_urls"]["properties"]) == ["fill100", "fit2000", "mini", "large", "full"]
    assert list(image["properties"]["thumbnails"]["properties"]) == "original full_no_sharinpix full large mini".split()


def test_the_schema_describes_both_ways_to_ask_for_a_resync() -> None:
    [described] = [found for path, found in schema()["paths"].items() if path.rstrip("/") == "/api/v1/image_syncs"]
    assert {"get", "post"} <= set(described)
    assert {parameter["name"] for parameter in described["get"]["parameters"]} == {
        "ids[]",
        "album_id",
        "per_page",
        "cursor",
    }
    assert {"200", "400", "401"} <= set(described["get"]["responses"])


def test_the_schema_and_its_page_are_served_to_anybody(client: Client) -> None:
    assert b"image_syncs" in client.get("/api/schema/").content
    assert client.get("/api/docs/").status_code == 200


@pytest.mark.any_database
def test_a_field_of_the_whole_row_must_name_its_columns() -> None:
    class Computed(CompiledSerializer):
        answer = serializers.SerializerMethodField()

    with pytest.raises(TypeError, match="The field answer is computed of the whole row: it must name its columns"):
        Computed().columns  # noqa: B018  (the property raises)
