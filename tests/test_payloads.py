"""What a comparison of payloads says when it fails."""

from typing import Any

import pytest

from tests.payloads import assert_same_payload, difference

pytestmark = pytest.mark.any_database
IMAGE = {"id": "7", "title": "Roof", "width": 4, "thumbnails": {"large": "/l", "mini": "/m"}}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([IMAGE, {**IMAGE, "title": "Door"}], "payload[1]['title'] is 'Door', expected 'Roof'."),
        ([IMAGE, {**IMAGE, "width": 4.0}], "payload[1]['width'] is 4.0, expected 4."),
        ([{**IMAGE, "thumbnails": {"large": "/l", "mini": "/x"}}, IMAGE],
         "payload[0]['thumbnails']['mini'] is '/x', expected '/m'."),
        ([{**IMAGE, "thumbnails": {"mini": "/m", "large": "/l"}}, IMAGE],
         "payload[0]['thumbnails'] has the key 'mini' where 'large' is expected."),
        ([{**IMAGE, "palette": []}, IMAGE], "payload[0] has the key 'palette' with [], expected no such key."),
        ([{"id": "7", "width": 4}, IMAGE], "payload[0] has no key 'title', expected 'Roof'."),
        ([{**IMAGE, "thumbnails": None}, IMAGE],
         "payload[0]['thumbnails'] is None, expected {'large': '/l', 'mini': '/m'}."),
        ([IMAGE], "payload has 1 entries, expected 2."),
        ({}, f"payload is {{}}, expected {[IMAGE, IMAGE]}."),
    ],
)  # fmt: skip
def test_a_failure_names_the_place_the_key_and_both_values(found: Any, sentence: str) -> None:
    with pytest.raises(AssertionError) as failure:
        assert_same_payload(found, [IMAGE, IMAGE])
    assert str(failure.value) == sentence


def test_the_same_payload_passes() -> None:
    assert_same_payload([IMAGE, dict(IMAGE)], [dict(IMAGE), IMAGE])
    assert difference({}, {}) is None
    assert difference([], []) is None
