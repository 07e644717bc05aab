"""Imports albums from another server, by its answers of image_syncs."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from albums.folders.syncs import SyncImport
from sharinpix.parsers import without_nul


class Command(BaseCommand):
    help = "Loads the JSON of image_syncs answers: ids, order, tags, people and timestamps are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
        parser.add_argument("--organization", help="id, Salesforce id or name; a new name is created")

    def handle(self, *args: Any, files: list[str], organization: str | None, **options: Any) -> None:
        documents = [document for name in files for document in self.read(name)]
        try:
            owner = Organization.objects.named(organization)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        report = SyncImport(owner).run(documents)
        self.stdout.write(f"{report.created} created, {report.updated} updated, {len(report.refused)} refused.")
        if report.refused:
            reasons = "\n".join(f"  {image}: {reason}" for image, reason in report.refused)
            raise CommandError(f"Refused:\n{reasons}")

    def read(self, name: str) -> list[Any]:
        try:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            documents = without_nul(orjson.loads(content))
        except OSError as error:
            raise CommandError(f"{name}: {error.strerror}.") from error
        except orjson.JSONDecodeError as error:
            raise CommandError(f"{name} is not JSON.") from error
        except RecursionError as error:
            raise CommandError(f"{name} is nested too deeply.") from error
        if not isinstance(documents, list):
            raise CommandError(f"{name} does not hold an array of images.")
        return documents
