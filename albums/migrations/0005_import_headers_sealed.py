"""Headers of imports are encrypted in a column of their own, and dropped from those that have ended."""

import orjson
from django.conf import settings
from django.db import migrations, models
from django.db.models import TextField
from django.db.models.functions import Cast

from accounts.encryption import encrypt

BATCH = 500


def seal(apps, schema_editor):
    imports = apps.get_model("albums", "Import").objects.using(schema_editor.connection.alias)
    found = imports.alias(text=Cast("params", TextField())).filter(text__contains='"headers":').order_by("pk")
    rows = list(found.only("params", "status")[:BATCH])
    while rows:
        changed = [row for row in rows if isinstance(row.params, dict) and isinstance(row.params.get("headers"), dict)]
        for row in changed:
            headers = row.params["headers"]
            if headers and row.status in ("waiting", "fetching"):
                row.sealed_headers = encrypt(orjson.dumps(headers).decode(), [settings.SECRET_KEY])
            row.params = {**row.params, "headers": dict.fromkeys(headers, "not shown")}
        imports.bulk_update(changed, ["params", "sealed_headers"], batch_size=100)
        rows = list(found.only("params", "status").filter(pk__gt=rows[-1].pk)[:BATCH])


class Migration(migrations.Migration):
    dependencies = [("albums", "0004_import_claim")]
    operations = [
        migrations.AddField("import", "sealed_headers", models.TextField(editable=False, null=True)),
        migrations.RunPython(seal, migrations.RunPython.noop),
    ]
