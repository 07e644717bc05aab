"""Fills an empty database by the code of the checkout that it runs in, and prints it as SQL; see README.md beside it."""

import os
import re
import sqlite3
import subprocess
import sys
from datetime import timedelta
from typing import Any

NOISE = re.compile(r"^(?:-- .*\n|--\n)+\n|^\\(?:un)?restrict .*\n\n", re.MULTILINE)
"""What pg_dump says of its work, of itself and to psql alone. No text that is stored here has such lines."""


def fill() -> None:
    """A few rows in every table that the code of this checkout keeps, made as it makes them."""
    from django.apps import apps
    from django.test import Client
    from django.utils import timezone

    from accounts.models import Organization, Secret, User
    from images.models import Image
    from tests.factories import bearer, jpeg, make_album, make_image, make_stored_image, secret_token

    organization = Organization.objects.default()
    other = Organization.objects.create(name='Hôtel d\'Été; "Nord" -- 100%', sfid="00D000000000001AAA")
    ann = User.objects.create_superuser(
        "ann@example.com", "correct horse 7", organization=organization, fullname="Ann", sfid="005000000000001AAA"
    )
    bob = User.objects.create_user("bob@example.com", "correct horse 8", organization=other)
    secret, revoked = Secret.issue(organization, "node client")[0], Secret.issue(other, "lost")[0]
    revoked.revoke()

    make_album(organization, "empty")
    house, foreign = make_album(organization, "a00-house"), make_album(other)
    front = make_stored_image(house, uploader=ann, title="Façade")
    front.tag(["outside", "naïve"], ann)
    back = make_stored_image(house, jpeg(color="#CC6633"), gps_exifs_lat=48.5, gps_exifs_lng=-2.25)
    back.tag(["outside"])
    back.edit(90, (1.0, 2.0, 20.0, 30.0))
    elsewhere = make_image(house, exifs={"Model": "Canon", "ISO": 100}, metadatas={"b": "2", "a": 1}, page=2)
    elsewhere.caption('It\'s "quoted"; 50% \\ done', "Two\n\nlines")
    make_image(house, trashed_at=timezone.now(), group_id=front.pk, import_key="0" * 64)
    make_image(house, processed=False, processing_error="format: This is no picture.")
    make_image(foreign, uploader=bob).tag(["outside"], bob)

    if any(model.__name__ == "Upload" for model in apps.get_models()):
        client = Client(headers={"Authorization": bearer(secret_token(secret, admin=True))})
        sent: dict[str, Any] = {"file": picture(jpeg(color="#339933")), "tags[]": ["garden"], "title": "Garden"}
        keyed = client.post("/api/v1/albums/a00-house/images", sent, headers={"Idempotency-Key": "once"})
        assert keyed.status_code == 200, keyed.content
        garden = Image.objects.get(title="Garden")

        upload = apps.get_model("images", "Upload")._default_manager
        ours: dict[str, Any] = {"organization": organization}
        unclaimed = upload.create(
            **ours, public_id="waits", version=7, original="originals/waits", answer={"z": 1, "a": 2}
        )
        whole = upload.create(**ours, public_id="whole", version=8, claimed_at=timezone.now())
        partial = apps.get_model("images", "PartialUpload")._default_manager
        partial.create(api_key=str(secret.pk), upload_id="whole", total=9, finished=whole)
        begun = partial.create(api_key=str(secret.pk), upload_id="begun", total=9, parameters={"tags": "a"})
        begun.parts.create(start=0, size=4, file="parts/0")
        begun.parts.create(start=4, size=3, file="parts/4")

        named: dict[str, Any] = {**ours, "album_name": "a00-house"}
        file = apps.get_model("albums", "StorageFile")._default_manager
        file.create(**named, uploader=ann, name="come.jpg", size=9, upload=unclaimed, metas={"color": "#112233"})
        file.create(**named, name="awaited.jpg", size=9)
        imports = apps.get_model("albums", "Import")._default_manager
        address, later = {"url": "https://example.com/a.jpg?b=1"}, timezone.now() + timedelta(days=1)
        imports.create(**named, params=address, status="done", image=garden, uploader=ann, attempts=1)
        imports.create(**named, params=address, due_at=later, idempotency_key="again")
        imports.create(**named, params=address, status="failed", error="It is no picture.", attempts=3)
        apps.get_model("albums", "DroppedUpload")._default_manager.create(
            **named, reason="No id.", entry={"b": 1, "a": 2}
        )


def picture(content: bytes) -> Any:
    """The content as a file to upload."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("Garden.jpg", content, "image/jpeg")


def sqlite_text(path: str) -> str:
    """Statements that make the database of this file again."""
    connection = sqlite3.connect(path)
    return "\n".join(connection.iterdump()) + "\n"


def postgresql_text(url: str) -> str:
    """Statements that any client can run: pg_dump writes some for psql alone, and a key that differs each time."""
    command = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", "--encoding=UTF8", url]
    return NOISE.sub("", subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Writes the dump of a migrated and filled database to standard output."""
    sys.path.insert(0, os.getcwd())
    import tests.environment

    assert tests.environment
    url = os.environ.setdefault("DATABASE_URL", f"sqlite:///{os.environ['DATA_DIR']}/db.sqlite3")
    os.environ["DJANGO_SETTINGS_MODULE"] = "sharinpix.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    fill()
    name = url.removeprefix("sqlite:///")
    sys.stdout.write(postgresql_text(url) if name == url else sqlite_text(name))


if __name__ == "__main__":
    main()
