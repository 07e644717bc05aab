"""Makes a secret and prints its URL, alone on stdout."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization, Secret


class Command(BaseCommand):
    help = "Makes a secret that programs sign their own tokens with, and prints its URL, the only time it is shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what it is for, as the admin lists it")
        parser.add_argument("--organization", help="id, Salesforce id or name; a new name is created")

    def handle(self, *args: Any, name: str, organization: str | None, **options: Any) -> None:
        if not 0 < len(name) <= 255:
            raise CommandError("A secret's name has 1 to 255 characters.")
        try:
            owner = Organization.objects.named(organization)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        secret, plain = Secret.issue(owner, name)
        self.stdout.write(secret.url(plain))
