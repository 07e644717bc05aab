"""Albums in the admin: COVERS images of each in the list, up to GALLERY images on the page of one."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin_base import SavesInsideChanging, ScopedAdmin
from albums.imports import admin as imports_admin  # noqa: F401  (registers)
from albums.models import Album
from albums.uploads import admin as uploads_admin  # noqa: F401  (registers)
from images.models import Image
from images.previews import preview_of

COVERS = 4
GALLERY = 200


@admin.register(Album)
class AlbumAdmin(SavesInsideChanging, ScopedAdmin[Album]):
    list_display = ("covers", "public_id", "images_count", "organization", "created_at")
    list_display_links = ("covers", "public_id")
    list_select_related = ("organization",)
    list_per_page = 50
    search_fields = ("public_id",)
    ordering = ("-created_at", "-id")
    readonly_fields: ClassVar = ("gallery", "created_at")

    def get_fields(self, request: HttpRequest, obj: Album | None = None) -> tuple[str, ...]:
        base = ("public_id", "organization")
        return base if obj is None else (*base, "created_at", "gallery")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        first = Image.objects.filter(trashed_at__isnull=True).in_order()[:COVERS]
        found = super().get_queryset(request).with_counts()  # type: ignore[attr-defined]
        return found.prefetch_related(Prefetch("images", queryset=first, to_attr="first_images"))  # type: ignore[no-any-return]

    def get_deleted_objects(
        self, objs: Iterable[Album], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Protects albums that hold images, trashed ones included; the images are counted, not listed."""
        albums = Album.objects.filter(pk__in=[album.pk for album in objs]).order_by("public_id", "pk")
        full = albums.annotate(held=Count("images")).filter(held__gt=0)
        if full:
            return [], {}, set(), [held_by(album) for album in full]
        return super().get_deleted_objects(objs, request)

    @admin.display(description="")
    def covers(self, album: Album) -> SafeString:
        images: list[Image] = album.first_images  # type: ignore[attr-defined]
        pictures = format_html_join("", "{}", ((preview_of(image, "mini", 80),) for image in images))
        return format_html('<span class="covers">{}</span>', pictures) if images else SafeString("empty")

    @admin.display(description="images", ordering="images_count")
    def images_count(self, album: Album) -> int:
        return int(album.images_count)  # type: ignore[attr-defined]

    @admin.display(description="pictures")
    def gallery(self, album: Album) -> SafeString:
        """The album's images in its order, each with a link to its page."""
        images = album.images.filter(trashed_at__isnull=True).in_order()[:GALLERY]
        links = (
            (reverse("admin:images_image_change", args=[image.pk]), preview_of(image, "large", 140)) for image in images
        )
        pictures = format_html_join("", '<a href="{}">{}</a>', links)
        return format_html(
            '<div class="gallery">{}</div><p><a href="{}">All {} as a list</a></p>',
            pictures or "Nothing yet.",
            list_of(album),
            self.images_count(album),
        )


def list_of(album: Album, trash: str = "") -> str:
    """The URL of the image list with this album's images."""
    return f"{reverse('admin:images_image_changelist')}?album={album.pk}{trash}"


def held_by(album: Album) -> SafeString:
    """Why an album cannot be deleted: the number of its images, with a link to them."""
    count: int = album.held  # type: ignore[attr-defined]
    images = "1 image" if count == 1 else f"{count:,} images"
    return format_html('<a href="{}">{} of the album {}</a>', list_of(album, "&trash=all"), images, str(album))
