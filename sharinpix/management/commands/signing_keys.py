"""`manage.py signing_keys`: the keys of URLs by fingerprint, and the variables to set for a new one or without one."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sharinpix.signing_keys import SigningKey, retired_fingerprints


class Command(BaseCommand):
    help = (
        "Lists the keys of URLs: fingerprint, source, and what each does. The keys stand in the environment, so "
        "--new and --retire change nothing: they print the variables to set before a restart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--new", action="store_true", help="print SIGNING_KEYS with a new key in front, which signs")
        one.add_argument("--retire", metavar="FINGERPRINT", help="print the variables under which this key is dead")

    def handle(self, *args: Any, new: bool, retire: str | None, **options: Any) -> None:
        if new:
            self.print_variable("SIGNING_KEYS", [secrets.token_urlsafe(32), *given_keys()])
            self.stderr.write("Set this, restart, and run backfill_urls. Every URL of before goes on working.")
        elif retire is not None:
            self.print_retirement(retire)
        else:
            self.print_keys()

    def print_keys(self) -> None:
        known: list[SigningKey] = settings.KNOWN_SIGNING_KEYS
        for key in known:
            does = "retired" if key.retired else "verifies"
            does = "signs and verifies" if key.key == settings.SIGNING_KEYS[0] else does
            self.stdout.write(f"{key.fingerprint}  {key.source:<20}  {does}")
        for fingerprint in retired_fingerprints():
            if fingerprint not in {key.fingerprint for key in known}:
                self.stdout.write(
                    f"{fingerprint}  {'RETIRED_SIGNING_KEYS':<20}  retired, and no key of the environment"
                )
        if settings.DELIVERY == "cloudinary":
            self.stderr.write("Image URLs and uploads are signed by the secret of CLOUDINARY_URL, links by these keys.")

    def print_retirement(self, fingerprint: str) -> None:
        """A key of SIGNING_KEYS leaves it; a derived one can only be named, since its secret has other uses."""
        found = next((key for key in settings.KNOWN_SIGNING_KEYS if key.fingerprint == fingerprint), None)
        if found is None:
            raise CommandError(f"No key has the fingerprint {fingerprint!r}: `signing_keys` lists them.")
        if found.retired:
            raise CommandError("This key is retired already.")
        if not set(settings.SIGNING_KEYS) - {found.key}:
            raise CommandError("This is the only key that signs: make another one first (--new).")
        if found.source == "SIGNING_KEYS":
            self.print_variable("SIGNING_KEYS", [key for key in given_keys() if key != found.key])
        self.print_variable("RETIRED_SIGNING_KEYS", [*retired_fingerprints(), fingerprint])
        self.stderr.write("Set this and restart; run backfill_urls if the key signed. URLs of this key are dead then.")

    def print_variable(self, name: str, values: list[str]) -> None:
        self.stdout.write(f"{name}={','.join(values)}")


def given_keys() -> list[str]:
    """The keys of SIGNING_KEYS itself."""
    return [key.key for key in settings.KNOWN_SIGNING_KEYS if key.source == "SIGNING_KEYS"]
