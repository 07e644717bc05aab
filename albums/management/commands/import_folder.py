"""Imports a folder of photographs into an album."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.models import Organization
from albums.folders.folder import files_of, import_folder
from albums.models import Album


class Command(BaseCommand):
    help = "Reads a folder of photographs into an album; running it again adds only what is new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--album", required=True, help="id of the album; made where there is none")
        parser.add_argument("--organization", help="id, Salesforce id or name; a new name is created")
        parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="default: every core")

    def handle(self, *args: Any, folder: Path, album: str, organization: str | None, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        try:
            target = Album.objects.named(Organization.objects.named(organization).pk, album)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        tasks = files_of(folder)
        with tqdm(total=len(tasks), unit="file", disable=None if options["verbosity"] else True) as bar:
            report = import_folder(target, tasks, max(1, options["processes"]), bar.update)
        ignored = f", {report.ignored} other files ignored" if report.ignored else ""
        self.stdout.write(f"{report.added} added, {report.known} already there, {len(report.broken)} broken{ignored}.")
        for relative, reason in report.broken:
            self.stdout.write(f"  {printable(relative)}: {reason}")


def printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
