"""What other users of the host cannot read."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sharinpix.private_files import private_database, private_folder
from tests.servers import ROOT

pytestmark = pytest.mark.any_database
KEY = "only-for-this-test-0123456789-0123456789-0123456789"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def manage(folder: Path, *arguments: str, **environment: str) -> None:
    """A command of manage.py under the umask that lets all users read."""
    known = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "SECRET_KEY": KEY, **environment}
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=known, check=True, capture_output=True, timeout=120, umask=0o022)


def test_a_new_server_keeps_its_data_to_itself(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    manage(data, "migrate", "--verbosity", "0")
    assert (mode(data), mode(data / "db.sqlite3"), mode(data / "incoming")) == (0o700, 0o600, 0o700)


def test_what_is_open_from_before_is_closed_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    database = sqlite3.connect(data / "db.sqlite3")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE a (b)")
    (data / "secret_key").write_text(KEY)
    files = [data / name for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "secret_key")]
    for path in files:
        path.chmod(0o644)
    manage(data, "check", SECRET_KEY="")
    assert mode(data) == 0o700
    assert [mode(path) for path in files] == [0o600] * 4
    assert database.execute("SELECT * FROM a").fetchall() == []
    database.close()


def test_the_files_that_sqlite_makes_later_are_closed_too(tmp_path: Path) -> None:
    name = tmp_path / "elsewhere.sqlite3"
    private_database(str(name))
    database = sqlite3.connect(name)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE a (b)")
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "elsewhere.sqlite3": 0o600,
        "elsewhere.sqlite3-wal": 0o600,
        "elsewhere.sqlite3-shm": 0o600,
    }
    database.close()


@pytest.mark.parametrize("name", ["", ":memory:", "file:memory?mode=memory", "/nowhere/at/all.sqlite3"])
def test_a_database_without_a_file_is_left_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    private_database(name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_all_users_share_stays_open(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    private_folder(shared)
    assert mode(shared) == 0o1777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
def test_what_another_user_owns_stays_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    os.chown(theirs, 12_345, 12_345)
    private_folder(theirs)
    assert mode(theirs) == 0o755
