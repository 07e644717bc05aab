"""What staff may see and do in the admin: what every admin class of ours stands on."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, QueryDict

from sharinpix.api import without_nul

Row = TypeVar("Row", bound=Model)
LONGEST_SEARCH = 255
"""Characters. Nothing that a list searches is longer, and thousands of words are more than a database takes."""
FILTER_LOOKUPS = frozenset({"", "exact", "id__exact", "isnull", "isempty", "gte", "lt"})
"""How the filters beside a list ask."""


class ScopedChoices:
    """Foreign keys lead to rows that the reader may see in the lists, and to no others."""

    admin_site: admin.AdminSite

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ScopedAdmin):
            return related.get_queryset(request)
        return super().get_field_queryset(db, db_field, request)  # type: ignore[no-any-return, misc]


class SturdyAdmin(admin.ModelAdmin[Row]):
    """Its list answers whatever it is asked: Django hands much of that to the database as it came."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What the filters ask, and no more: free lookups would find rows by columns that are never shown."""
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
        request.GET = without(request.GET, unanswerable)  # type: ignore[assignment]
        request.POST = without(request.POST, lambda key, value: key == ACTION_CHECKBOX_NAME and not self.is_key(value))  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def is_key(self, value: str) -> bool:
        """Whether the text can be a primary key of these rows: Django filters by whatever was sent."""
        try:
            self.opts.pk.clean(value, None)
        except ValidationError:
            return False
        return True


class ScopedAdmin(ScopedChoices, SturdyAdmin[Row]):
    """Staff see and choose rows of their own organization alone; superusers those of all.

    `organization_lookup` is the path from the row to its organization. A row's own organization is decided when it is
    made, by superusers alone. `goes_along` are the models that the server alone writes, and deletes with the row.
    """

    organization_lookup = "organization"
    organization_is_final = True
    goes_along: Sequence[type[Model]] = ()
    show_facets = admin.ShowFacets.NEVER  # facets count every filter's rows on every look

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        found = super().get_queryset(request)
        if request.user.is_superuser:
            return found
        return found.filter(**{self.organization_lookup: organization_of(request)})

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
                # Disabled rather than absent: what is sent is ignored, and constraints that name it are still checked.
                field.disabled = True
                field.initial = organization_of(request)
            for may in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{may}_related", False)
        return form

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        deleted, counts, forbidden, protected = super().get_deleted_objects(objs, request)  # type: ignore[arg-type]
        if self.goes_along:
            forbidden -= {model._meta.verbose_name for model in self.goes_along}
            deleted = [name for name in deleted if isinstance(name, str)]  # what goes along is counted, not named
        return deleted, counts, forbidden, protected


class OnlySuperusersChange:
    """Rows that staff may look at and superusers alone may add, change or delete."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.is_superuser and super().has_add_permission(request, *args))  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser and super().has_change_permission(request, obj))  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser and super().has_delete_permission(request, obj))  # type: ignore[misc]


class OnlySuperusers(OnlySuperusersChange):
    """Rows of no organization: superusers alone see them, whatever permissions others were given."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


class PrintedByImages:
    """Rows that images print: their changes go through the door that keeps the images' stored texts true."""

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        if change:
            with obj.images.all().renaming(obj):
                super().save_model(request, obj, form, change)  # type: ignore[misc]
        else:
            super().save_model(request, obj, form, change)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            row.delete()


class ReadOnly:
    """Rows that the server alone writes."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def organization_of(request: HttpRequest) -> Any:
    """The id of the reader's organization; None for nobody, who is in none."""
    return getattr(request.user, "organization_id", None)


def unanswerable(key: str, value: str) -> bool:
    """Whether a database would refuse the parameter: a NUL anywhere, a moment outside the years that it counts."""
    return "\0" in key + value or (key.endswith(("__gte", "__lt")) and not re.match(r"(?:19|20)\d\d-", value))


def without(fields: QueryDict, unwanted: Callable[[str, str], bool]) -> QueryDict:
    """The same fields without the values for which `unwanted(key, value)` holds."""
    kept = QueryDict(mutable=True)
    for key, values in fields.lists():
        kept.setlist(key, [value for value in values if not unwanted(key, value)])
        if not kept.getlist(key):
            del kept[key]
    return kept
