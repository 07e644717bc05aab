"""Imports in the admin: their state, and an action that tries failed ones again."""

from typing import ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin_base import ReadOnly, ScopedAdmin
from albums.imports.models import Import
from images.previews import as_json, link_to, preview_of


@admin.register(Import)
class ImportAdmin(ReadOnly, ScopedAdmin[Import]):
    list_display = ("preview", "name", "album_name", "status", "attempts", "error", "created_at")
    list_display_links = ("name",)
    list_filter = ("status", "created_at")
    list_select_related = ("image",)
    list_per_page = 50
    search_fields = ("album_name", "error")
    search_help_text = "Album or reason"
    ordering = ("-created_at", "id")
    actions = ("try_again",)
    fields: ClassVar = (
        "preview", "of_image", "url", "album_name", "uploader", "status", "attempts", "error", "created_at",
        "updated_at", "due_at", "asked",
    )  # fmt: skip
    readonly_fields = fields

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("albums.change_import")

    @admin.action(description="Try the selected imports again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        failed = list(queryset.filter(status="failed"))
        able = [job for job in failed if not job.lacks_headers]
        for job in able:
            job.retry()
        self.message_user(request, f"Trying {len(able)} {model_ngettext(queryset, len(able))} again.")
        if left_out := len(failed) - len(able):
            reason = "the headers that they were asked for with are dropped when an import ends. Ask for them anew."
            self.message_user(request, f"{left_out} left out: {reason}", messages.WARNING)

    @admin.display(description="picture")
    def preview(self, job: Import) -> SafeString | str:
        return preview_of(job.image, "mini", 60) if job.image else ""

    @admin.display(description="image")
    def of_image(self, job: Import) -> SafeString | str:
        return link_to(job.image) if job.image else "-"

    @admin.display(description="address")
    def name(self, job: Import) -> str:
        return str(job)

    @admin.display(description="address")
    def url(self, job: Import) -> str:
        return str(job.params.get("url") or "-")

    @admin.display(description="as it was asked for")
    def asked(self, job: Import) -> SafeString:
        return as_json(job.params)
