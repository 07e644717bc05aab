"""Prints a user token, alone on stdout."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.tokens import SharinpixToken


class Command(BaseCommand):
    help = "Prints a token of the person with this email; it lives four hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email, is_active=True, organization__is_active=True).first()
        if user is None:
            raise CommandError(f"No active person has the email {email!r}.")
        self.stdout.write(str(SharinpixToken.for_user(user)))
