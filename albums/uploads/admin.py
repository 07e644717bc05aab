"""Dropped entries of native batches in the admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin_base import ReadOnly, ScopedAdmin
from albums.uploads.models import DroppedUpload
from images.previews import as_json


@admin.register(DroppedUpload)
class DroppedUploadAdmin(ReadOnly, ScopedAdmin[DroppedUpload]):
    """Entries without a valid token belong to no organization: superusers alone see them."""

    list_display = ("reason", "album_name", "organization", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("organization",)
    list_per_page = 50
    search_fields = ("reason", "album_name")
    search_help_text = "Reason or album"
    ordering = ("-created_at", "id")
    fields = ("reason", "album_name", "organization", "created_at", "sent")
    readonly_fields = fields

    @admin.display(description="as it was sent")
    def sent(self, dropped: DroppedUpload) -> SafeString:
        return as_json(dropped.entry)

    def has_delete_permission(self, request: HttpRequest, obj: DroppedUpload | None = None) -> bool:
        return bool(request.user.has_perm("albums.delete_droppedupload"))
