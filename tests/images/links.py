"""What the tests of delivery share: URLs, flipped signatures, what a picture is."""

from collections.abc import Iterator
from io import BytesIO

from django.test import Client
from PIL import Image as Pillow

from images.delivery import signed_urls
from images.models import Image

UPRIGHT = ("red", "green", "blue", "yellow")
TURNED = ("blue", "red", "yellow", "green")
"""The corners of `samples.quarters()`, and those after a quarter turn clockwise."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def signed(image: Image, chain: str, extension: str = "jpg") -> str:
    """A delivery URL of the image under any chain, signed by us."""
    return signed_urls.current_delivery().url(
        chain,
        image.delivery_id,
        kind=image.delivery_type,
        version=image.delivery_version,
        extension=extension,
    )


def flipped(url: str, begin: str, end: str) -> Iterator[str]:
    """The URL with every single character between two pieces of it changed, one at a time."""
    first = url.index(begin) + len(begin)
    alphabet = "0123456789abcdef" if begin != "s--" else ALPHABET
    for place in range(first, url.index(end, first)):
        other = alphabet[(alphabet.index(url[place]) + 1) % len(alphabet)]
        yield url[:place] + other + url[place + 1 :]


def content_of(client: Client, url: str, **headers: str) -> bytes:
    """The picture that a URL leads to, after redirects."""
    response = client.get(url, follow=True, headers=headers)
    assert response.status_code == 200, (url, response.status_code)
    return b"".join(response) if response.streaming else response.content


def opened(content: bytes) -> Pillow.Image:
    """The decoded picture. Raises OSError where it is none."""
    picture = Pillow.open(BytesIO(content))
    picture.load()
    return picture


def is_picture(content: bytes) -> bool:
    """Whether it can be decoded."""
    try:
        opened(content)
    except OSError:
        return False
    return True
