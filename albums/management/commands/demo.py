"""Makes a user and an album of photographs in the default organization, and prints how to see them."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import Organization, User
from accounts.tokens import SharinpixToken
from albums.folders.folder import files_of, import_folder
from albums.models import Album

EMAIL = "demo@example.com"
ALBUM = "demo"
PHOTOS = Path(settings.BASE_DIR) / "albums" / "demo" / "photos"
TAGS = {"Texture": ["texture"], "Chelsea": ["animal", "pet"], "Raccoon": ["animal"], "Café": ["still life"]}
"""Beginnings of file names -> tags."""


class Command(BaseCommand):
    help = "Makes a person and an album of photographs to try the server with; running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.default()
        user, password = self.person(organization)
        album = Album.objects.named(organization.pk, ALBUM)
        tasks = files_of(PHOTOS)
        report = import_folder(album, tasks, len(os.sched_getaffinity(0)), lambda: None)
        if report.added:
            self.tag(album)
        self.explain(user, password, album)

    def person(self, organization: Organization) -> tuple[User, str | None]:
        """The demo's superuser, with the password if it was made now."""
        if found := User.objects.filter(email=EMAIL).first():
            return found, None
        password = secrets.token_urlsafe(9)
        user = User.objects.create_superuser(EMAIL, password, organization=organization, fullname="Demo")
        return user, password

    def tag(self, album: Album) -> None:
        for image in album.images.select_related("album"):
            for beginning, names in TAGS.items():
                if image.filename.startswith(beginning):
                    image.tag(names)

    def explain(self, user: User, password: str | None, album: Album) -> None:
        kept = f"as printed when it was made (new one: .venv/bin/python manage.py changepassword {EMAIL})"
        token = SharinpixToken.for_user(user)
        ids = album.images.in_order().filter(trashed_at__isnull=True).values_list("id", flat=True)[:3]
        query = "&".join(f"ids[]={image_id}" for image_id in ids)
        self.stdout.write(
            f"\nAdmin     {settings.PUBLIC_URL}/admin/\n"
            f"Email     {EMAIL}\n"
            f"Password  {password or kept}\n"
            f"API       {settings.PUBLIC_URL}/api/docs/\n"
            f"Token     {token}\n\n"
            f"curl -g -H 'Authorization: Token token=\"{token}\"' "
            f"'{settings.PUBLIC_URL}/api/v1/image_syncs?{query}'\n"
        )
