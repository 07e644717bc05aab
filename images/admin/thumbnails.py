"""Stored thumbnails in the admin."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from accounts.admin_base import ReadOnly, ScopedAdmin
from images.models import Thumbnail
from images.previews import link_to, preview_of


@admin.register(Thumbnail)
class ThumbnailAdmin(ReadOnly, ScopedAdmin[Thumbnail]):
    organization_lookup = "image__album__organization"
    list_display = ("preview", "of_image", "variant", "pixels", "format", "weight", "created_at")
    list_display_links = ("variant",)
    list_filter = ("variant", "format")
    list_select_related = ("image",)
    list_per_page = 50
    search_fields = ("image__filename", "image__title", "image__id")
    search_help_text = "File name, title or id of the image"
    ordering = ("-created_at", "id")
    fields = ("preview", "of_image", "variant", "chain", "pixels", "format", "weight", "digest", "key", "created_at")
    readonly_fields = fields

    @admin.display(description="picture")
    def preview(self, thumbnail: Thumbnail) -> SafeString:
        return preview_of(thumbnail.image, "mini", 60)

    @admin.display(description="image", ordering="image__filename")
    def of_image(self, thumbnail: Thumbnail) -> SafeString:
        return link_to(thumbnail.image)

    @admin.display(ordering="width")
    def pixels(self, thumbnail: Thumbnail) -> str:
        return f"{thumbnail.width} × {thumbnail.height}"

    @admin.display(description="size", ordering="bytes")
    def weight(self, thumbnail: Thumbnail) -> str:
        return filesizeformat(thumbnail.bytes)

    @admin.display(description="key of the file")
    def key(self, thumbnail: Thumbnail) -> str:
        return str(thumbnail.file)
