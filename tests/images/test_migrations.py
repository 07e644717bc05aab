"""What the migrations do to rows."""

from importlib import import_module

import pytest
from django.apps import apps

from accounts.models import Organization
from images.models import Image
from tests.factories import make_album, make_image, make_stored_image


@pytest.mark.django_db
def test_images_that_were_left_without_thumbnails_become_work(organization: Organization) -> None:
    album = make_album(organization)
    whole, bare, failed = (make_stored_image(album) for _ in range(3))
    elsewhere = make_image(album)
    bare.thumbnails.filter(variant="mini").delete()
    failed.thumbnails.all().delete()
    with failed.changing():
        Image.objects.filter(pk=failed.pk).update(processing_error="undecodable: It is damaged.")
    Image.objects.update(thumbnails_due=False)
    import_module("images.migrations.0006_missing_thumbnails_are_due").mark(apps, None)
    due = set(Image.objects.filter(thumbnails_due=True).values_list("pk", flat=True))
    assert due == {bare.pk} and not due & {whole.pk, failed.pk, elsewhere.pk}
