"""What a file that takes too much, or kills its decoder, gets on each road: uploads, processing and delivery."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from albums.models import Album
from images.decoding import DecoderDied, processes
from images.models import Image
from images.processing import work
from images.serve import answers
from images.uploads.keys import Signer, organization_signer
from images.uploads.models import Upload
from tests.factories import make_album, make_stored_image, make_waiting_image
from tests.images import bombs
from tests.images.claims import again, claim_of
from tests.images.links import is_picture, signed
from tests.images.samples import oriented
from tests.images.uploads.sending import refused, send

pytestmark = pytest.mark.django_db
TOO_SLOW = "The picture took too long to read."


@pytest.fixture
def signer(organization: Organization) -> Signer:
    """Signs uploads of the default organization."""
    return organization_signer(organization.pk)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def decoder_is_sent(number: signal.Signals) -> None:
    """The signal reaches the decoder that gets the next file."""
    processes.pool.idle.append(processes.Decoder())
    os.kill(processes.pool.idle[-1].process.pid, number)


@pytest.fixture
def slow(settings: Any) -> Callable[[], None]:
    """slow(): the next file is read for longer than it may be."""

    def stop() -> None:
        settings.PROCESSING_TIMEOUT = 0.2
        decoder_is_sent(signal.SIGSTOP)

    return stop


BOMBS = {
    "segments": (422, TOO_SLOW, bombs.jpeg_of_segments(1_500, 100)),
    "scans": (422, TOO_SLOW, bombs.jpeg_of_scans(200, 60, 40)),
    "profiles": (422, TOO_SLOW, bombs.png_of_profiles(101)),
    "metadata": (413, "The picture has too many pixels.", bombs.jpeg_of_segments(300, kind=0xED, start=b"Photoshop")),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_when_it_is_uploaded_and_leaves_nothing(signer: Signer, kind: str) -> None:
    status, sentence, content = BOMBS[kind]
    assert refused(send(signer, content), status) == sentence
    assert not Upload.objects.exists()
    assert send(signer).status_code == 200


def test_an_upload_that_takes_too_long_is_refused_and_the_next_one_is_taken(
    signer: Signer, slow: Callable[[], None], settings: Any
) -> None:
    slow()
    assert refused(send(signer), 422) == TOO_SLOW
    settings.PROCESSING_TIMEOUT = 120
    assert send(signer).status_code == 200


def test_an_upload_that_kills_its_decoder_is_refused_and_the_next_one_is_taken(signer: Signer) -> None:
    decoder_is_sent(signal.SIGKILL)
    refused(send(signer), 422)
    assert send(signer).status_code == 200


def test_an_upload_that_finds_no_decoder_is_told_to_come_back(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "pool", processes.Decoders(1, 0.01))
    with processes.pool.places:
        assert int(send(signer).headers["Retry-After"]) > 0
    assert send(signer).status_code == 200


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_that_was_stored_is_marked_at_once(album: Album, kind: str) -> None:
    status, sentence, content = BOMBS[kind]
    image = make_waiting_image(album, content)
    assert work.process(image.pk)
    code = {422: "too_slow", 413: "too_large"}[status]
    assert (again(image).processing_error, claim_of(image)) == (f"{code}: {sentence}", (1, False))
    assert not work.process(image.pk)


def test_what_takes_too_long_is_marked_at_once(album: Album, slow: Callable[[], None]) -> None:
    image = make_waiting_image(album)
    slow()
    assert work.process(image.pk)
    assert (again(image).processing_error, claim_of(image)) == (f"too_slow: {TOO_SLOW}", (1, False))


def test_what_kills_its_decoder_is_tried_again_and_given_up_after_three_times(album: Album) -> None:
    image = make_waiting_image(album)
    for attempts in (1, 2, 3):
        decoder_is_sent(signal.SIGKILL)
        with pytest.raises(DecoderDied):
            work.process(image.pk)
        assert (again(image).processing_error, claim_of(image)[0]) == (None, attempts)
        Image.objects.filter(pk=image.pk).update(processing_since=None)
    assert work.process(image.pk)
    assert str(again(image).processing_error).startswith("poison: ")


def test_a_job_that_finds_no_decoder_is_not_the_files_fault(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    image = make_waiting_image(album)
    monkeypatch.setattr(processes, "pool", processes.Decoders(1, 0.01))
    with processes.pool.places, pytest.raises(processes.NoDecoder):
        work.process(image.pk)
    assert claim_of(image) == (0, False)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_where_a_decoder_fails_a_delivery_is_a_placeholder_that_is_not_cached(
    album: Album, client: Client, settings: Any, number: signal.Signals
) -> None:
    url = signed(make_stored_image(album, oriented(6)), "c_fit,w_31")
    placeholder = client.get(signed(make_waiting_image(album, processing_error="empty: It is."), "c_fit,w_31"))
    settings.PROCESSING_TIMEOUT = 0.2
    decoder_is_sent(number)
    response = client.get(url)
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")
    assert response.content == placeholder.content and is_picture(response.content)
    settings.PROCESSING_TIMEOUT = 120
    assert "immutable" in client.get(url).headers["Cache-Control"]


def test_a_picture_that_is_there_is_delivered_without_a_decoder(
    album: Album, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_stored_image(album, oriented(6))
    stored, cached = signed(image, image.thumbnails.get(variant="mini").chain), signed(image, "c_fit,w_32")
    original = signed(image, "fl_attachment")
    assert client.get(cached).status_code == 200
    monkeypatch.setattr(processes, "pool", None)
    for url in (stored, cached, original):
        response = client.get(url)
        assert (response.status_code, response.headers["Content-Type"]) == (200, "image/jpeg")


def test_a_bomb_among_the_originals_is_downloaded_without_being_opened(
    album: Album, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "decoding", None)
    image = make_waiting_image(album, BOMBS["segments"][2])
    response = client.get(signed(image, "fl_attachment"))
    assert response.headers["Content-Type"] == "image/jpeg"
    assert b"".join(response) == BOMBS["segments"][2]
