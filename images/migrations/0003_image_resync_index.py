from django.db import migrations


class Migration(migrations.Migration):
    """The index image_resync, for databases that lack it.

    0001_initial adds it today and did not at first. To Django's eyes such a database has the index, so this is plain
    SQL that leaves a present one alone, and undoing it takes nothing away, since the index belongs to 0001_initial.
    While it is built, PostgreSQL lets nothing write to images.
    """

    dependencies = [
        ('images', '0002_uploads'),
    ]

    operations = [
        migrations.RunSQL(
            'CREATE INDEX IF NOT EXISTS "image_resync" ON "images_image" '
            '("id", "album_id", "position", "created_at", "trashed_at")',
            migrations.RunSQL.noop,
        ),
    ]
