from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder


def forget_representation(apps, schema_editor):
    MigrationRecorder(schema_editor.connection).record_unapplied('images', '0002_representation')


class Migration(migrations.Migration):
    """The history of databases that name images.0002_representation, as a new database's is.

    That migration made the table of representations; 0001_initial makes it today, and the file is gone. The table is
    the same, so its record alone goes. Undoing this does not bring it back: nothing would read it.
    """

    dependencies = [
        ('images', '0003_image_resync_index'),
    ]

    operations = [
        migrations.RunPython(forget_representation, migrations.RunPython.noop),
    ]
