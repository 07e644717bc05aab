"""The filters beside the admin's list of images."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from images.models import Image


class TrashFilter(admin.SimpleListFilter):
    """Without a choice the list shows images that are not trashed."""

    title = "trash"
    parameter_name = "trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "Trashed"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        if self.value() == "all":
            return queryset
        return queryset.filter(trashed_at__isnull=self.value() != "only")

    def choices(self, changelist: Any) -> Any:
        default, *others = super().choices(changelist)
        return [{**default, "display": "Not trashed"}, *others]


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"
    STATES: ClassVar[dict[str, Q]] = {
        "ready": Q(processed=True, processing_error__isnull=True),
        "waiting": Q(processed=False, processing_error__isnull=True),
        "failed": Q(processing_error__isnull=False),
        "faulty original": ~Q(original_fault=""),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in self.STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        return queryset.filter(self.STATES.get(self.value() or "", Q()))


class AlbumFilter(admin.SimpleListFilter):
    """Filters by ?album=<primary key>, to which an album's page links; not shown without it, for there are too many."""

    title = "album"
    parameter_name = "album"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name, "")
        if not asked:
            return []
        seen = model_admin.get_queryset(request).filter(album_id=asked) if is_album(asked) else Image.objects.none()
        return [(asked, seen.values_list("album__public_id", flat=True).first() or "No such album")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        asked = self.value()
        if not asked:
            return queryset
        return queryset.filter(album_id=asked) if is_album(asked) else queryset.none()


def is_album(text: str) -> bool:
    """Whether the text can be the primary key of an album."""
    return text.isascii() and text.isdigit() and len(text) < 19
