"""Says which stored texts are believed and yet not true."""

from uuid import UUID

from images import refresh
from images.models import Image, Representation


def false_texts() -> list[UUID]:
    """Ids of the images whose stored text carries the present stamp and differs from what would be computed."""
    believed = dict(Representation.objects.filter(stamp=refresh.stamp()).values_list("image_id", "document"))
    computed = dict(refresh.computed(list(believed))) if believed else {}
    return [image_id for image_id, text in believed.items() if computed.get(image_id) != text]


def untold() -> list[UUID]:
    """Ids of the images whose text is not stored, or not believed."""
    return list(Image.objects.exclude(representation__stamp=refresh.stamp()).values_list("id", flat=True))
