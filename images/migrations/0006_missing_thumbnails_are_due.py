"""Images that were left without thumbnails, as an edit could leave them, become work."""

from django.db import migrations
from django.db.models import Count, Q

STORED = ("full", "large", "mini")


def mark(apps, schema_editor):
    images = apps.get_model("images", "Image").objects.filter(processed=True, processing_error=None).exclude(original="")
    kept = Count("thumbnails", filter=Q(thumbnails__variant__in=STORED))
    images.alias(kept=kept).filter(kept__lt=len(STORED)).update(thumbnails_due=True)


class Migration(migrations.Migration):
    dependencies = [("images", "0005_thumbnails_due_upload_exif_resync_spans")]
    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
