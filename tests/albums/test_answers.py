"""What the API tells of albums and of images that were just made."""

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404

from accounts.models import Organization, User
from accounts.tokens import SharinpixToken
from albums import answers
from albums.models import Album
from sharinpix.renderers import dumps
from tests.albums.uploads.sending import IMG35
from tests.factories import make_album, make_image


@pytest.fixture
def token(user: User) -> SharinpixToken:
    return SharinpixToken(str(SharinpixToken.for_user(user)).encode())


def test_looking_makes_an_album_and_telling_does_not(token: SharinpixToken) -> None:
    assert answers.album_answer(token, "a")["images_count"] == 0
    assert not Album.objects.exists()
    assert answers.answer_creating_album(token, "a")["public_id"] == "a"
    assert Album.objects.get().public_id == "a"
    with pytest.raises(ValidationError):
        answers.answer_creating_album(token, "..")


def test_images_that_tie_show_the_later_one_first(token: SharinpixToken, organization: Organization) -> None:
    album = make_album(organization, "a")
    images = [make_image(album, position=7) for _ in range(3)]
    body = dumps(answers.album_answer(token, "a"))
    places = [body.index(str(image.pk).encode()) for image in images]
    assert places == sorted(places, reverse=True)


def test_an_image_is_told_with_its_35_keys_until_it_is_gone(organization: Organization) -> None:
    image = make_image(make_album(organization))
    image.tag(["roof"])
    content = dumps(answers.image_answer(image.pk).data)
    assert content.count(b'"tag_names"') == 0 and all(f'"{key}":'.encode() in content for key in IMG35)
    with pytest.raises(Http404):
        answers.image_answer(uuid.uuid4())
