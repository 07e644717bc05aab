"""Images in the admin: list, page, edits."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, model_ngettext
from django.db.models import Prefetch, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin_base import ScopedAdmin
from images.admin.filters import AlbumFilter, StateFilter, TrashFilter
from images.admin.forms import ImageForm
from images.delivery import signed_urls
from images.models import FaultyOriginal, Image, Tag, Tagging, Thumbnail
from images.previews import as_json, preview_of, ready
from images.storage import storage
from images.tags.admin import TaggingInline
from sharinpix.errors import Unavailable


@admin.register(Image)
class ImageAdmin(ScopedAdmin[Image]):
    form = ImageForm
    organization_lookup = "album__organization"
    deleted_with_row = (Thumbnail, Tagging)
    list_display = ("preview", "name", "in_album", "tag_list", "pixels", "taken_at", "is_ready", "created_at")
    list_display_links = ("preview", "name")
    list_filter = (AlbumFilter, TrashFilter, StateFilter, "created_at")
    list_per_page = 50
    search_fields = ("filename", "title", "album__public_id", "tags__name", "id")
    search_help_text = "File name, title, album, tag or id"
    ordering = ("-created_at", "id")
    inlines = (TaggingInline,)
    fieldsets: ClassVar = (
        (None, {"fields": ("large_preview", "links", "title", "description")}),
        ("Edit", {"fields": ("rotation", ("crop_x", "crop_y", "crop_w", "crop_h")),
                  "description": "The crop is in pixels of the upright original and comes before the rotation. "
                                 "All four empty: no crop."}),
        (
            "Where and when",
            {"fields": ("in_album", "uploader", "taken_at", "gps", "created_at", "updated_at", "trashed_at")},
        ),
        (
            "File",
            {"fields": ("filename", "format", "pixels", "original_pixels", "weight", "color", "colours", "sha256",
                        "phash")},
        ),
        ("Processing", {"fields": ("processed", "processing_error", "fault", "processing_attempts",
                                   "processing_since")}),
        ("Details", {"classes": ("collapse",), "fields": ("id", "group_id", "delivery_id", "delivery_version",
                                                         "delivery_type", "key", "all_infos", "all_exifs",
                                                         "all_metadatas")}),
    )  # fmt: skip
    actions = ("process_again",)
    TEXTS = frozenset({"title", "description"})
    EDITS = frozenset({"rotation", "crop_x", "crop_y", "crop_w", "crop_h"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        tags = Prefetch("tags", queryset=Tag.objects.order_by("name"))
        return super().get_queryset(request).select_related("album", "uploader").prefetch_related(tags)

    def get_readonly_fields(self, request: HttpRequest, obj: Image | None = None) -> list[str]:
        return [name for name in flatten_fieldsets(self.fieldsets) if name not in self.TEXTS | self.EDITS]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # pictures come by upload and import

    def save_model(self, request: HttpRequest, obj: Image, form: ModelForm[Image], change: bool) -> None:
        changed = set(form.changed_data)
        if changed & self.TEXTS:
            obj.caption(obj.title, obj.description)
        if changed & self.EDITS:
            obj.edit(obj.rotation, obj.crop_box)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for added in formset.extra_forms:
            added.instance.user = request.user
        if formset.has_changed():
            with form.instance.changing():
                super().save_formset(request, form, formset, change)
        else:
            super().save_formset(request, form, formset, change)

    @admin.action(description="Process the selected images again", permissions=["change"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        images = list(queryset.exclude(original=""))
        for image in images:
            image.process_again()
        message = f"Processing {len(images)} {model_ngettext(queryset, len(images))} again."
        if left := queryset.count() - len(images):
            message += f" The original of {left} {model_ngettext(queryset, left)} is not here."
        self.message_user(request, message)

    @admin.display(description="")
    def preview(self, image: Image) -> SafeString:
        return preview_of(image, "mini", 100)

    @admin.display(description="Picture")
    def large_preview(self, image: Image) -> SafeString:
        if image.trashed_at:
            return preview_of(image, "full", 480)
        url = ready(signed_urls.current_delivery().thumbnails(image)["full"])
        return format_html('<img class="whole" src="{}" alt="{}">', url, str(image))

    @admin.display
    def links(self, image: Image) -> SafeString:
        here = signed_urls.current_delivery()
        return format_html(
            '<a href="{}">Open it large</a> · <a href="{}">Download the original</a>',
            ready(here.external_urls(image)["fit2000"]),
            here.original_url(image),
        )

    @admin.display(ordering="filename")
    def name(self, image: Image) -> str:
        return str(image)

    @admin.display(description="album", ordering="album__public_id")
    def in_album(self, image: Image) -> SafeString:
        url = reverse("admin:albums_album_change", args=[image.album_id])
        return format_html('<a href="{}">{}</a>', url, image.album.public_id)

    @admin.display(description="tags")
    def tag_list(self, image: Image) -> str:
        return ", ".join(sorted(image.tag_names))

    @admin.display(description="pixels", ordering="width")
    def pixels(self, image: Image) -> SafeString:
        return format_html('<span class="one-line">{} × {}</span>', image.width, image.height)

    @admin.display(description="pixels of the original")
    def original_pixels(self, image: Image) -> str:
        return f"{image.original_width} × {image.original_height}"

    @admin.display(description="size")
    def weight(self, image: Image) -> str:
        return "-" if image.size is None else f"{filesizeformat(image.size)} ({image.size:,} bytes)"

    @admin.display(boolean=True, description="ready", ordering="processed")
    def is_ready(self, image: Image) -> bool | None:
        """True: processed. False: it cannot be decoded, or its original is gone. None: not processed yet."""
        return False if image.processing_error or image.original_fault else image.processed or None

    @admin.display(description="fault of the original")
    def fault(self, image: Image) -> str:
        """What is wrong with the stored original; looked up, so that the page is right before any reader meets it."""
        if not image.original:
            return "-"
        try:
            image.check_original(storage.stored_size(str(image.original)))
        except FaultyOriginal as error:
            return str(error)
        except Unavailable:
            return "The storage does not answer."
        return FaultyOriginal.SENTENCES[image.original_fault] if image.original_fault else "-"

    @admin.display(description="palette")
    def colours(self, image: Image) -> SafeString:
        found = ((color, f"{color}, {percent} %") for color, percent in image.palette[:8])
        swatches = format_html_join("", '<span class="swatch" style="background:{}" title="{}"></span>', found)
        return format_html('<span class="palette">{}</span>', swatches) if image.palette else SafeString("-")

    @admin.display(description="GPS")
    def gps(self, image: Image) -> str:
        point = image.gps
        return f"{point[0]:.6f}, {point[1]:.6f}" if point else "-"

    @admin.display(description="key of the original")
    def key(self, image: Image) -> str:
        return str(image.original) or "-"

    @admin.display(description="infos")
    def all_infos(self, image: Image) -> SafeString:
        return as_json(image.infos)

    @admin.display(description="EXIF")
    def all_exifs(self, image: Image) -> SafeString:
        return as_json(image.exifs)

    @admin.display(description="metadatas")
    def all_metadatas(self, image: Image) -> SafeString:
        return as_json(image.metadatas)
