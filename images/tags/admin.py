"""Tags in the admin, and the tags of an image on its page."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin_base import ReadOnly, SavesInsideChanging, ScopedAdmin, ScopedChoices
from images.models import Image
from images.previews import link_to, preview_of
from images.tags.models import Tag, Tagging


class TagSelect(AutocompleteSelect):
    """Leaves out malformed ids when an invalid form is shown again; Django's widget would query them and raise."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        return super().optgroups(name, [chosen for chosen in value if is_uuid(chosen)], attrs)


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class TaggingInline(ScopedChoices, admin.TabularInline[Tagging, Image]):
    model = Tagging
    extra = 0
    verbose_name = "tag"
    verbose_name_plural = "tags"
    fields = ("tag", "user", "created_at")
    readonly_fields = ("user", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tagging]:
        return super().get_queryset(request).select_related("tag", "user").order_by("tag__name", "id")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tag":
            kwargs["widget"] = TagSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_formset(self, request: HttpRequest, obj: Image | None = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        if field := formset.form.base_fields.get("tag"):
            field.widget.can_change_related = field.widget.can_view_related = False
        return formset


@admin.register(Tag)
class TagAdmin(SavesInsideChanging, ScopedAdmin[Tag]):
    deleted_with_row = (Tagging,)
    list_display = ("name", "organization", "used", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name",)
    ordering = ("name", "id")
    fields = ("name", "organization")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return super().get_queryset(request).annotate(uses=Count("taggings"))

    @admin.display(description="images", ordering="uses")
    def used(self, tag: Tag) -> int:
        return int(tag.uses)  # type: ignore[attr-defined]


@admin.register(Tagging)
class TaggingAdmin(ReadOnly, ScopedAdmin[Tagging]):
    organization_lookup = "image__album__organization"
    list_display = ("preview", "of_image", "tag", "user", "created_at")
    list_display_links = None
    list_select_related = ("image", "tag", "user")
    list_per_page = 50
    search_fields = ("tag__name", "image__filename", "image__title")
    search_help_text = "Tag, or file name or title of the image"
    ordering = ("-created_at", "id")

    @admin.display(description="picture")
    def preview(self, tagging: Tagging) -> SafeString:
        return preview_of(tagging.image, "mini", 60)

    @admin.display(description="image", ordering="image__filename")
    def of_image(self, tagging: Tagging) -> SafeString:
        return link_to(tagging.image)
