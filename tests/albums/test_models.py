"""Albums: known by any text that fits in one segment of a path."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from accounts.models import Organization
from albums.models import Album
from albums.ordering import STEP
from sharinpix.errors import Conflict
from tests.factories import make_album, make_image

FIT = [
    "00100000123BB177",
    "_sharinpix_sticker",
    "a b",
    "日本語 😀",
    "' OR 1=1--",
    "...",
    "%2F",
    "a\\b",
    "x" * 255,
    "A",
    "a",
]
UNFIT = ["", "/", "a/b", ".", "..", "x" * 256, "a\nb", "\0", "\x7f", "tab\t"]


@pytest.mark.parametrize("public_id", FIT, ids=ascii)
def test_an_album_is_made_when_it_is_first_named(organization: Organization, public_id: str) -> None:
    made = Album.objects.named(organization.pk, public_id)
    assert (made.public_id, str(made)) == (public_id, public_id)
    assert Album.objects.named(organization.pk, public_id) == made


def test_ids_differ_by_case(organization: Organization) -> None:
    assert Album.objects.named(organization.pk, "A") != Album.objects.named(organization.pk, "a")


@pytest.mark.parametrize("public_id", UNFIT, ids=ascii)
def test_an_id_that_fits_in_no_path_is_refused(organization: Organization, public_id: str) -> None:
    with pytest.raises(ValidationError, match="An album's id"):
        Album(organization=organization, public_id=public_id).clean()
    if "\0" not in public_id:  # which PostgreSQL's driver refuses to ask for
        with pytest.raises(ValidationError, match="An album's id"):
            Album.objects.named(organization.pk, public_id)
    assert not Album.objects.exists()


def test_each_organization_has_albums_of_its_own(organization: Organization, other_organization: Organization) -> None:
    ours, theirs = Album.objects.named(organization.pk, "a"), Album.objects.named(other_organization.pk, "a")
    assert (ours != theirs, ours.organization, theirs.organization) == (True, organization, other_organization)


@pytest.mark.django_db(transaction=True)
def test_an_album_that_many_name_at_once_is_made_once(organization: Organization) -> None:
    barrier = Barrier(6)

    def name(_: int) -> int:
        try:
            barrier.wait(20)
            return Album.objects.named(organization.pk, "a").pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(name, range(6)))) == 1
    assert Album.objects.count() == 1


def test_next_positions_follow_the_last_image_even_a_trashed_one(organization: Organization) -> None:
    album = make_album(organization)
    assert album.next_positions(2) == [STEP, 2 * STEP]
    make_image(album, position=3)
    make_image(album, position=10, trashed_at=timezone.now())
    make_image(make_album(organization), position=2**40)
    assert album.next_positions(2) == [10 + STEP, 10 + 2 * STEP]


def test_counts_leave_trashed_images_out(organization: Organization) -> None:
    album = make_album(organization)
    make_image(album)
    make_image(album, trashed_at=timezone.now())
    empty = make_album(organization)
    assert {found.pk: found.images_count for found in Album.objects.with_counts()} == {album.pk: 1, empty.pk: 0}  # type: ignore[attr-defined]


VIOLATIONS: dict[str, Callable[[Album], object]] = {
    "album_id_is_unique_in_organization": lambda album: make_album(album.organization, album.public_id),
    "album_id_is_a_path_segment": lambda album: Album.objects.create(organization=album.organization, public_id="a/b"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_database_refuses_what_breaks_an_invariant(organization: Organization, name: str) -> None:
    album = make_album(organization)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        VIOLATIONS[name](album)
    # SQLite names the columns of a unique constraint, not the constraint.
    assert name in str(refused.value) or (connection.vendor == "sqlite" and "UNIQUE" in str(refused.value))


@pytest.mark.parametrize("public_id", ["", ".", ".."])
def test_the_database_refuses_ids_that_clients_resolve_away(organization: Organization, public_id: str) -> None:
    with pytest.raises(IntegrityError, match="album_id_is_a_path_segment"), transaction.atomic():
        Album.objects.create(organization=organization, public_id=public_id)


def test_every_constraint_is_among_those_broken_here() -> None:
    assert {constraint.name for constraint in Album._meta.constraints} == set(VIOLATIONS)


def test_a_taken_id_is_a_conflict_and_changes_nothing(organization: Organization) -> None:
    make_album(organization, "taken")
    album = make_album(organization, "free")
    with pytest.raises(Conflict, match="has this id"):
        album.rename("taken")
    assert album.public_id == "free"
    assert Album.objects.get(pk=album.pk).public_id == "free"
