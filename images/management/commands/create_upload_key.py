"""`manage.py create_upload_key`: the configuration of Cloudinary's own packages to upload to this server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Organization
from images.uploads.keys import organization_signer


class Command(BaseCommand):
    help = "Prints cloudinary://key:secret@cloud for an organization; the package's upload_prefix is PUBLIC_URL."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", help="id, Salesforce id or name; made where none has that name")

    def handle(self, *args: Any, organization: str | None, **options: Any) -> None:
        if settings.DELIVERY != "local":
            raise CommandError("Uploads go to Cloudinary itself: its console has the key.")
        signer = organization_signer(Organization.objects.named(organization).pk)
        self.stdout.write(f"cloudinary://{signer.api_key}:{signer.secrets[0]}@{settings.CLOUD_NAME}")
