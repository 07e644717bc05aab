"""A library of images such as phones send: 100 to an album, about 3 KB of answer each."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Organization, User
from albums.models import Album
from albums.ordering import STEP
from images.models import Image, Tag, Tagging

PER_ALBUM = 100
CAMERAS = [("Apple", "iPhone 13"), ("samsung", "SM-G991B"), ("Google", "Pixel 6"), ("FUJIFILM", "X-T4")]


def exifs(pick: random.Random, taken: datetime) -> dict[str, Any]:
    make, model = pick.choice(CAMERAS)
    stamp = taken.strftime("%Y:%m:%d %H:%M:%S")
    return {
        "Make": make, "Model": model, "Orientation": pick.choice([1, 3, 6, 8]), "DateTime": stamp,
        "DateTimeOriginal": stamp, "DateTimeDigitized": stamp, "ExposureTime": round(pick.random() / 60, 6),
        "FNumber": pick.choice([1.6, 1.8, 2.2]), "ISOSpeedRatings": pick.choice([50, 100, 320, 640]),
        "FocalLength": 5.1, "ColorSpace": 65535, "ExifImageWidth": 4032, "ExifImageHeight": 3024,
        "GPSLatitude": [48.0, pick.randint(0, 59) + 0.0, round(pick.random() * 60, 2)], "GPSLatitudeRef": "N",
    }  # fmt: skip


def infos(pick: random.Random, album: str, name: str, taken: datetime) -> dict[str, Any]:
    return {
        "bytes": pick.randint(800_000, 4_000_000), "created_at": taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "etag": f"{pick.getrandbits(128):032x}", "format": "jpg", "height": 3024, "resource_type": "image",
        "tags": [album], "type": "authenticated", "width": 4032, "original_filename": name,
        "location": {"accuracy": 12, "latitude": 48 + pick.random(), "longitude": 2 + pick.random()},
    }  # fmt: skip


def fill(count: int) -> User:
    """Makes the library and returns the person who sees all of it; stored texts are not made."""
    pick = random.Random(4)
    organization = Organization.objects.default()
    user = User.objects.create_user("bench@example.com", "correct horse 7", organization=organization, sfid="005A")
    tags = Tag.objects.bulk_create(Tag(organization=organization, name=f"tag {number}") for number in range(50))
    names = [f"001A{number:011d}" for number in range(-(-count // PER_ALBUM))]
    albums = Album.objects.bulk_create([Album(organization=organization, public_id=name) for name in names])
    for start in range(0, count, 5_000):
        images = [
            image(pick, number, albums[number // PER_ALBUM], user) for number in range(start, min(start + 5_000, count))
        ]
        Image.objects.bulk_create(images)
        links = ((made, tag) for made in images for tag in pick.sample(tags, 2))
        Tagging.objects.bulk_create(Tagging(image=made, tag=tag) for made, tag in links)
    return user


def image(pick: random.Random, number: int, album: Album, user: User) -> Image:
    taken = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    name = f"Site {number} façade nord"
    facts = infos(pick, album.public_id, name, taken)
    return Image(
        id=uuid.UUID(int=pick.getrandbits(128), version=4), album=album, position=(number % PER_ALBUM + 1) * STEP,
        uploader=user, created_at=taken, updated_at=taken, taken_at=taken, filename=name, format="jpg",
        title=f"Façade {number}", description="As seen from the street, before the works.", color="#7D7D7D",
        size=facts["bytes"], infos=facts, exifs=exifs(pick, taken), metadatas={"inspection": number, "floor": "2"},
        gps_html_lat=facts["location"]["latitude"], gps_html_lng=facts["location"]["longitude"], width=4032, height=3024,
        original_width=4032, original_height=3024, rotation=pick.choice([0, 0, 0, 90]),
        delivery_id=f"{pick.getrandbits(96):024x}"[:20], delivery_version=1700000000 + number, processed=True,
    )  # fmt: skip
