"""What no other user of the host may read: the folder of all data, and a database of SQLite."""

import os
import stat
from contextlib import suppress
from pathlib import Path

BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite appends to a database's name for its own files, which get the mode of the database."""


def private_folder(path: Path) -> Path:
    """The folder, made where it is missing, and closed to other users."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    close_to_others(path)
    return path


def private_database(name: str) -> None:
    """Makes the file where it is missing, since SQLite would make it readable for all, and closes it to other users."""
    if name in {"", ":memory:"} or name.startswith("file:"):
        return
    with suppress(OSError):  # it is there already, or cannot be made: SQLite will tell
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for suffix in BESIDE:
        close_to_others(Path(f"{name}{suffix}"))


def close_to_others(path: Path) -> None:
    """Takes the rights of group and others off a file or folder of ours.

    One of another owner stays as it is, and so does a folder that all users share, such as /tmp.
    """
    with suppress(OSError):  # it is missing, or on a disk that is read only
        found = path.stat()
        ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
        if ours and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(found.st_mode & stat.S_IRWXU)
