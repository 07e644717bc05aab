"""Base classes of the admin: rows of one's own organization alone, and the rights to see, change and delete them."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, QueryDict

from sharinpix.parsers import without_nul

Row = TypeVar("Row", bound=Model)
LONGEST_SEARCH = 255
"""Characters. No searched column is longer, and a query of thousands of words exceeds the limits of a database."""
OUTSIDER = "an administrator"
"""What stands in histories for people of another organization."""
FILTER_LOOKUPS = frozenset({"", "exact", "id__exact", "isnull", "isempty", "gte", "lt"})
"""Lookups in the URLs that the filters beside a list make; "" is the bare field."""


class ScopedChoices:
    """Foreign keys offer and accept only rows that the user sees in the lists of the admin."""

    admin_site: admin.AdminSite

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ScopedAdmin):
            return related.get_queryset(request)
        return super().get_field_queryset(db, db_field, request)  # type: ignore[no-any-return, misc]


class CheckedListAdmin(admin.ModelAdmin[Row]):
    """Rejects malformed changelist parameters that would make Django raise a 500."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The lookups of the filters alone: others would find rows by columns that are never shown."""
        for item in self.get_list_filter(request):
            name = str(item[0] if isinstance(item, tuple) else getattr(item, "parameter_name", item))
            if lookup.startswith(name):
                return lookup.removeprefix(name).removeprefix("__") in FILTER_LOOKUPS
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        term = without_nul(search_term)
        if len(term) > LONGEST_SEARCH:
            return queryset.none(), False
        return super().get_search_results(request, queryset, term)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        request.GET = without(request.GET, refused_by_database)  # type: ignore[assignment]
        request.POST = without(request.POST, lambda key, value: key == ACTION_CHECKBOX_NAME and not self.is_key(value))  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, for those who may see the row's page: others are refused whether there is such a row or not."""
        if not self.has_view_or_change_permission(request, self.get_object(request, unquote(object_id))):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def is_key(self, value: str) -> bool:
        """Whether the text can be a primary key of these rows; Django filters by it unchecked, and raises."""
        try:
            self.opts.pk.clean(value, None)
        except ValidationError:
            return False
        return True


class ScopedAdmin(ScopedChoices, CheckedListAdmin[Row]):
    """Users see and choose rows of their own organization alone; superusers those of all.

    `organization_lookup` is the path from the row to its organization. Superusers alone choose the organization of a
    row, and where `organization_is_final` only when they add it. `deleted_with_row` are models whose rows are deleted
    with the row without a permission of their own: only the server writes them.
    """

    organization_lookup = "organization"
    organization_is_final = True
    deleted_with_row: Sequence[type[Model]] = ()
    show_facets = admin.ShowFacets.NEVER  # they count the rows of every filter on every page

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        found = super().get_queryset(request)
        if request.user.is_superuser:
            return found
        return found.filter(**{self.organization_lookup: organization_of(request)})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Staff see what was done, and the names of people of their own organization alone."""
        response = super().history_view(request, object_id, extra_context)
        entries = getattr(response, "context_data", {}).get("action_list")
        if entries is not None and not request.user.is_superuser:
            entries.object_list = list(entries.object_list)
            for entry in entries.object_list:
                if entry.user.organization_id != organization_of(request):
                    entry.user = get_user_model()(email=OUTSIDER)
        return response

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters = list(super().get_list_filter(request))
        return [*filters, self.organization_lookup] if request.user.is_superuser else filters

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"organization": organization_of(request)}

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Row]]:
        form = super().get_form(request, obj, change=change, **kwargs)
        if field := form.base_fields.get("organization"):
            if not request.user.is_superuser or (change and self.organization_is_final):
                # Disabled rather than absent, so that constraints that name the field are still checked.
                field.disabled = True
                field.initial = organization_of(request)
            for may in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{may}_related", False)
        return form

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        deleted, counts, forbidden, protected = super().get_deleted_objects(objs, request)  # type: ignore[arg-type]
        if self.deleted_with_row:
            forbidden -= {model._meta.verbose_name for model in self.deleted_with_row}
            deleted = [
                name for name in deleted if isinstance(name, str)
            ]  # nested lists name the rows deleted along; they are only counted
        return deleted, counts, forbidden, protected


class OnlySuperusersChange:
    """Rows that others may see, and superusers alone may add, change or delete."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.is_superuser and super().has_add_permission(request, *args))  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser and super().has_change_permission(request, obj))  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser and super().has_delete_permission(request, obj))  # type: ignore[misc]


class OnlySuperusers(OnlySuperusersChange):
    """Rows of no organization: superusers alone see them, whatever permissions other users have."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


class SavesInsideChanging:
    """Saves and deletes rows inside their `changing()`, which stores anew the texts of images that show them."""

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        if change:
            with obj.changing():
                super().save_model(request, obj, form, change)  # type: ignore[misc]
        else:
            super().save_model(request, obj, form, change)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            row.delete()


class ReadOnly:
    """Rows that only the server writes; users see them."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def organization_of(request: HttpRequest) -> Any:
    """The id of the organization of the request's user; None for an anonymous one."""
    return getattr(request.user, "organization_id", None)


def refused_by_database(key: str, value: str) -> bool:
    """Whether the database would raise for the parameter: a NUL, or a date in a year before 1900 or after 2099."""
    return "\0" in key + value or (key.endswith(("__gte", "__lt")) and not re.match(r"(?:19|20)\d\d-", value))


def without(fields: QueryDict, unwanted: Callable[[str, str], bool]) -> QueryDict:
    """The same fields without the values for which `unwanted(key, value)` holds."""
    kept = QueryDict(mutable=True)
    for key, values in fields.lists():
        kept.setlist(key, [value for value in values if not unwanted(key, value)])
        if not kept.getlist(key):
            del kept[key]
    return kept
