"""Says which stored texts pass for current and yet are not true."""

import json
from uuid import UUID

from images import payload_rows
from images.models import Image, Representation
from images.representations import stamp
from tests.payloads import difference


def computed_now(ids: list[UUID]) -> dict[UUID, tuple[str, str]]:
    """Image id -> its text as it would be computed, and the spans of the keys of a resync in it, as JSON."""
    texts = payload_rows.computed_texts(Image, ids) if ids else ()
    return {text.image_id: (text.json.decode(), json.dumps(text.spans, separators=(",", ":"))) for text in texts}


def false_texts() -> list[UUID]:
    """Ids of the images of which a text is stored under the present stamp that differs from what would be computed."""
    current = Representation.objects.filter(stamp=stamp())
    stored = {pk: (text, spans) for pk, text, spans in current.values_list("image_id", "document", "resync_spans")}
    computed = computed_now(list(stored))
    return [image_id for image_id, text in stored.items() if computed.get(image_id) != text]


def differences() -> list[str]:
    """A sentence for each of these images: the first key whose stored value is not what would be computed."""
    ids = false_texts()
    stored = dict(Representation.objects.filter(image_id__in=ids).values_list("image_id", "document"))
    computed = {image_id: text for image_id, (text, _) in computed_now(ids).items()}
    return [
        difference(json.loads(stored[pk]), json.loads(computed.get(pk, "null")), f"stored {pk}")
        or f"stored {pk} is written otherwise: {stored[pk]}"
        for pk in ids
    ]


def untold() -> list[UUID]:
    """Ids of the images whose text is not stored, or not believed."""
    return list(Image.objects.exclude(representation__stamp=stamp()).values_list("id", flat=True))
