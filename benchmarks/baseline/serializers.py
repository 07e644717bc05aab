import hashlib
import hmac
import re
import unicodedata
from datetime import UTC

import cloudinary.utils
from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from images.models import Image

SEND = "fl_attachment/dpr_auto,q_auto,f_auto"
FIT = "c_fit,h_1920,w_1920"


def picture(image, transformation, *, prefixed=True):
    url, _ = cloudinary.utils.cloudinary_url(
        image.delivery_id,
        cloud_name=settings.CLOUD_NAME,
        api_secret=settings.DELIVERY_KEYS[0],
        secure=True,
        type=image.delivery_type,
        version=image.delivery_version,
        format="jpg",
        sign_url=True,
        raw_transformation=transformation,
    )
    return f"/assets/blank.jpg#{url}" if prefixed and not image.processed else url


def signature(text, digits):
    return hmac.new(settings.SIGNING_KEYS[0].encode(), text.encode(), hashlib.sha256).hexdigest()[:digits]


def proxied(image, kind):
    plain = unicodedata.normalize("NFKD", image.filename).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-") or "image"
    host = settings.PUBLIC_URL.partition("://")[2]
    thumbnail = signature(f"thumbnail:{image.id}:{kind}", 11)
    return (
        f"{settings.PROXY_URL}/{slug}.{image.format}?s={signature(f'proxy:{image.id}:{kind}', 7)}"
        f"&url={host}/images/{image.id}/thumbnails/{kind}-{thumbnail}.jpg"
    )


class Timestamp(serializers.DateTimeField):
    def to_representation(self, value):
        return value and value.astimezone(timezone.get_default_timezone()).isoformat(timespec="milliseconds")


class TakenAt(serializers.DateTimeField):
    def to_representation(self, value):
        return value and value.astimezone(UTC).isoformat(timespec="milliseconds")


class PlainImageSerializer(serializers.ModelSerializer):
    public_id = serializers.UUIDField(source="id")
    gps = serializers.SerializerMethodField()
    gps_ip = serializers.ReadOnlyField()
    gps_exifs = serializers.ReadOnlyField()
    gps_html = serializers.ReadOnlyField()
    created_at = Timestamp()
    updated_at = Timestamp()
    taken_at = TakenAt()
    infos = serializers.JSONField()
    exifs = serializers.JSONField()
    metadatas = serializers.JSONField()
    original_url = serializers.SerializerMethodField()
    external_urls = serializers.SerializerMethodField()
    size = serializers.SerializerMethodField()
    album_id = serializers.CharField(source="album.public_id")
    tag_names = serializers.SerializerMethodField()
    user_sfid = serializers.SerializerMethodField()
    thumbnails = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = (
            "id public_id infos exifs gps gps_ip gps_exifs gps_html created_at updated_at taken_at width height rotation "
            "crop_x crop_y crop_w crop_h metadatas original_url original_width original_height external_urls filename "
            "format title description page group_id color size processed processing_error album_id tag_names user_sfid "
            "thumbnails"
        ).split()

    def get_gps(self, image):
        return image.gps_html or image.gps_exifs or image.gps_ip

    def get_size(self, image):
        return image.infos.get("bytes")

    def get_tag_names(self, image):
        return sorted(tag.name for tag in image.tags.all())

    def get_user_sfid(self, image):
        return image.uploader.sfid if image.uploader else None

    def edits(self, image):
        crop = ""
        if image.crop_w and image.crop_h:
            crop = f"c_crop,h_{image.crop_h:.0f},w_{image.crop_w:.0f},x_{image.crop_x:.0f},y_{image.crop_y:.0f}/"
        return crop, f"a_{image.rotation}/" if image.rotation else ""

    def get_original_url(self, image):
        return picture(image, "fl_attachment", prefixed=False)

    def get_external_urls(self, image):
        crop, rotation = self.edits(image)
        return {
            "fill100": picture(image, f"{crop}{rotation}c_fit,w_300"),
            "fit2000": picture(image, f"{crop}{rotation}c_fit,h_2000,w_2000"),
            "mini": proxied(image, "mini"),
            "large": proxied(image, "thumbnail"),
            "full": proxied(image, "full"),
        }

    def get_thumbnails(self, image):
        crop, rotation = self.edits(image)
        head = f"{crop}{FIT}/{rotation}"
        return {
            "original": picture(image, SEND),
            "full_no_sharinpix": picture(image, f"{FIT}/{SEND}"),
            "full": picture(image, f"{head}{SEND}"),
            "large": picture(image, f"{head}c_fill,h_200,w_200/{SEND}"),
            "mini": picture(image, f"{head}c_fill,h_100,w_100/{SEND}"),
        }
