"""How tests read the answer of a resync."""

from typing import Any

import orjson

from images.models import Image

URL = "/api/v1/image_syncs"
FORM = "application/x-www-form-urlencoded"


def found(response: Any) -> list[str]:
    """The ids of the images that a resync answered, in its order."""
    assert response.status_code == 200, response.content
    return [image["id"] for image in orjson.loads(response.getvalue())]


def ids_of(*images: Image) -> list[str]:
    """Their ids as a resync has them."""
    return [str(image.pk) for image in images]


def refusal(response: Any) -> str:
    """The sentence of a 400, which stands in the header and in the body."""
    assert response.status_code == 400
    assert response.json()["error"]["message"] == response.headers["X-message"]
    assert "X-token" not in response.headers
    return str(response.headers["X-message"])
