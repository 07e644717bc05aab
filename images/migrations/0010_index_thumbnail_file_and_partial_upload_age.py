"""Indexes for sweeps, which read the whole table of thumbnails for each thousand files.

While they are built, some seconds for three million thumbnails, PostgreSQL lets nothing write to thumbnails.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('images', '0009_original_fault'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='partialupload',
            index=models.Index(fields=['created_at'], name='partial_upload_age'),
        ),
        migrations.AddIndex(
            model_name='thumbnail',
            index=models.Index(fields=['file'], name='thumbnail_file'),
        ),
    ]
