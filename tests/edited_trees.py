"""Runs a script on a copy of the sources in which some lines were added, as a developer would add them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers import ROOT

FOLDERS = ("sharinpix", "accounts", "images", "albums", "templates", "tests")


class EditedTree:
    """A copy of the project below `folder` with a SQLite database of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        self.root.mkdir()
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        shutil.copy(ROOT / "manage.py", self.root)
        self.data = folder / "data"

    def replace(self, file: str, old: str, new: str) -> None:
        """Replaces the one occurrence of a text in a file."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str, **environment: str) -> str:
        """The standard output of Python with these arguments; a failure shows what it wrote."""
        known: Mapping[str, str] = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "sharinpix.settings",
            "DATA_DIR": str(self.data),
            "DATABASE_URL": f"sqlite:///{self.data}/db.sqlite3",
            **environment,
        }
        done = subprocess.run([sys.executable, *arguments], cwd=self.root, env=known, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def script(self, text: str) -> str:
        """The output of a script that runs on a migrated database."""
        self.run("manage.py", "migrate", "--verbosity", "0")
        return self.run("-c", f"import django\ndjango.setup()\n{text}")
