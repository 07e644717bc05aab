"""What can go wrong while a folder is imported, and that nothing of it stops the rest."""

import os
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts.models import Organization
from albums.folders.folder import files_of, import_folder
from albums.folders.reading import Task
from albums.models import Album
from albums.ordering import STEP
from tests.albums.folders.deadly import DeadlyPath
from tests.factories import jpeg, make_album, make_image
from tests.images.samples import animation

NOBODY = 65_534


def run(folder: Path, album: str = "holidays", organization: str | None = None) -> str:
    output = StringIO()
    options = {"album": album, "organization": organization, "verbosity": 0}
    call_command("import_folder", folder, stdout=output, **options)
    return output.getvalue()


def test_a_file_that_kills_its_process_is_reported_and_stops_nothing(
    organization: Organization, tmp_path: Path
) -> None:
    names = [f"{number}.jpg" for number in range(1, 13)]
    for name in names:
        (tmp_path / name).write_bytes(jpeg())
    deadly = {"3.jpg", "11.jpg"}
    tasks = [
        Task(DeadlyPath(tmp_path / name), name) if name in deadly else Task(tmp_path / name, name) for name in names
    ]
    album, ticks = make_album(organization), list[int]()
    report = import_folder(album, tasks, 1, lambda: ticks.append(1))
    assert report.broken == [(name, "Reading it killed the process.") for name in names if name in deadly]
    assert (report.added, len(ticks)) == (10, 12)
    assert [f"{image.filename}.jpg" for image in album.images.in_order()] == [n for n in names if n not in deadly]


def test_pictures_beyond_the_limits_of_the_server_are_reported(
    organization: Organization, tmp_path: Path, settings: Any
) -> None:
    settings.MAX_MEGAPIXELS, settings.MAX_FRAMES = 1, 3
    files = {"1.gif": animation(4), "2.gif": animation(3), "3.jpg": jpeg(1000, 1001), "4.jpg": jpeg(1000, 1000)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    report = import_folder(make_album(organization), files_of(tmp_path), 1, lambda: None)
    assert report.added == 2
    assert report.broken == [
        ("1.gif", "The picture has too many frames."),
        ("3.jpg", "The picture has too many pixels."),
    ]


def test_a_file_that_is_gone_before_it_is_read_is_reported(organization: Organization, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg())
    tasks = [*files_of(tmp_path), Task(tmp_path / "2.jpg", "2.jpg")]
    report = import_folder(make_album(organization), tasks, 1, lambda: None)
    assert (report.added, report.broken) == (1, [("2.jpg", "No such file or directory")])


def test_a_file_that_is_gone_before_it_is_kept_is_reported_and_stops_nothing(
    organization: Organization, tmp_path: Path
) -> None:
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        (tmp_path / name).write_bytes(jpeg())
    tasks, album = files_of(tmp_path), make_album(organization)
    report = import_folder(album, tasks, 1, lambda: (tmp_path / "2.jpg").unlink(missing_ok=True))
    assert (report.added, report.broken) == (2, [("2.jpg", "No such file or directory")])


def test_an_import_killed_between_its_files_goes_on_where_it_was(organization: Organization, tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        (tmp_path / name).write_bytes(jpeg())
    album = make_album(organization)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(album, files_of(tmp_path), 1, stop)
    assert album.images.count() == 1
    report = import_folder(album, files_of(tmp_path), 1, lambda: None)
    assert (report.added, report.known) == (2, 1)


def test_an_import_that_another_one_overtook_leaves_no_file_behind(organization: Organization, tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(jpeg())
    album, seen = make_album(organization), list[int]()

    def overtake() -> None:
        if not seen:
            seen.append(1)
            import_folder(album, files_of(tmp_path)[1:], 1, lambda: None)

    before = originals()
    report = import_folder(album, files_of(tmp_path), 1, overtake)
    assert (report.added, report.known, album.images.count()) == (1, 1, 2)
    assert len(originals() - before) == 2


def originals() -> set[str]:
    root = Path(str(default_storage.path("originals")))
    return {path.name for path in root.rglob("*") if path.is_file()}


def test_new_pictures_follow_those_that_are_there(organization: Organization, tmp_path: Path) -> None:
    album = make_album(organization, "holidays")
    last = make_image(album, position=5 * STEP)
    (tmp_path / "1.jpg").write_bytes(jpeg())
    run(tmp_path)
    assert [image.position for image in album.images.in_order()] == [last.position, 6 * STEP]


def test_an_empty_folder_adds_nothing(organization: Organization, tmp_path: Path) -> None:
    assert run(tmp_path) == "0 added, 0 already there, 0 broken.\n"


def test_what_is_no_folder_is_refused_with_a_sentence(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        run(tmp_path / "missing")
    assert not Album.objects.exists()


@pytest.mark.parametrize("album", ["", "a/b", "..", "x" * 256, "a\nb"])
def test_an_unfit_album_id_is_refused_with_a_sentence(db: None, tmp_path: Path, album: str) -> None:
    with pytest.raises(CommandError, match="An album's id"):
        run(tmp_path, album=album)
    assert not Album.objects.exists()


def test_an_album_of_another_organization_is_filled_when_it_is_named(db: None, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg())
    run(tmp_path, organization="Somebody new")
    assert Album.objects.get().organization.name == "Somebody new"
    assert Album.objects.get().images.count() == 1


def test_a_link_that_leads_nowhere_is_reported_and_a_pipe_is_not_waited_for(
    organization: Organization, tmp_path: Path
) -> None:
    (tmp_path / "nowhere.jpg").symlink_to("missing.jpg")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    report = import_folder(make_album(organization), files_of(tmp_path), 1, lambda: None)
    assert report.broken == [
        ("nowhere.jpg", "No such file or directory"),
        ("round.jpg", "Too many levels of symbolic links"),
    ]


def test_folders_and_files_that_may_not_be_read_are_listed_so_that_they_are_reported() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for inner, mode in (("closed", 0o000), ("listed only", 0o444)):
            (folder / inner).mkdir()
            (folder / inner / "photo.jpg").write_bytes(jpeg())
            (folder / inner).chmod(mode)
        assert listed_by_nobody(folder) == ["closed", "listed only/photo.jpg"]
        for inner in ("closed", "listed only"):
            (folder / inner).chmod(0o755)


def listed_by_nobody(folder: Path) -> list[str]:
    """The tasks as a process finds them that is not root's, to whom nothing is closed."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            os.write(writer, "\n".join(task.relative for task in files_of(folder)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as output:
        listed = output.read().split("\n")
    os.waitpid(child, 0)
    return listed
