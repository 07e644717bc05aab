"""Organizations, users, secrets and logins in the admin."""

from typing import Any

from axes.admin import AccessAttemptAdmin as AxesAttemptAdmin
from axes.admin import AccessLogAdmin as AxesLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.utils import model_ngettext
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin_base import (
    CheckedListAdmin,
    OnlySuperusers,
    OnlySuperusersChange,
    SavesInsideChanging,
    ScopedAdmin,
    organization_of,
)
from accounts.models import Organization, Secret, User


class StaffLoginForm(AdminAuthenticationForm):
    """Refuses people of an inactive organization like a wrong password."""

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not user.organization.is_active:
            raise self.get_invalid_login_error()


admin.site.login_form = StaffLoginForm
admin.site.unregister([Group, AccessAttempt, AccessFailureLog, AccessLog])


@admin.register(Group)
class GroupAdmin(OnlySuperusers, CheckedListAdmin[Group], DjangoGroupAdmin):
    """For superusers alone: a group's permissions are those of its members, in every organization."""


@admin.register(AccessAttempt)
class AccessAttemptAdmin(OnlySuperusers, CheckedListAdmin[AccessAttempt], AxesAttemptAdmin):  # type: ignore[misc]
    """Failed logins; deleting a row ends its lock."""

    date_hierarchy = None


@admin.register(AccessLog)
class AccessLogAdmin(OnlySuperusers, CheckedListAdmin[AccessLog], AxesLogAdmin):  # type: ignore[misc]
    """Logins and logouts."""

    date_hierarchy = None


@admin.register(Organization)
class OrganizationAdmin(OnlySuperusersChange, ScopedAdmin[Organization]):
    list_display = ("name", "sfid", "is_active", "is_default", "people", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "sfid", "id")
    search_help_text = "Name, Salesforce id or id"
    readonly_fields = ("id", "is_default", "created_at")
    fields = ("name", "sfid", "is_active", "id", "is_default", "created_at")
    ordering = ("name", "id")
    organization_lookup = "pk"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return super().get_queryset(request).annotate(people_count=Count("users"))

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        own = obj is not None and obj.pk == organization_of(request)
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "is_active") if own else fields  # its editor would be locked out by the click

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return not (obj and obj.is_default) and super().has_delete_permission(request, obj)

    @admin.display(ordering="people_count")
    def people(self, organization: Organization) -> int:
        return int(organization.people_count)  # type: ignore[attr-defined]


class UniqueEmailMixin:
    """Refuses a taken email, in any case, with a sentence; the constraint's error would show its name."""

    def clean_email(self) -> str | None:
        email: str | None = self.cleaned_data["email"]  # type: ignore[attr-defined]
        others = User.objects.exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if email and others.filter(email__iexact=email).exists():
            raise ValidationError("This email is taken already.")
        return email


class UserForm(UniqueEmailMixin, UserChangeForm[User]):
    class Meta:
        model = User
        fields = "__all__"


class NewUserForm(UniqueEmailMixin, AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class UserAdmin(SavesInsideChanging, ScopedAdmin[User], DjangoUserAdmin[User]):
    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "fullname", "organization", "sfid", "is_active", "is_staff", "last_login")
    list_display_links = ("email", "fullname", "sfid")  # users that an import made have no email
    list_filter = ("is_active", "is_staff")
    list_select_related = ("organization",)
    search_fields = ("email", "fullname", "sfid", "id")
    search_help_text = "Email, name, Salesforce id or id"
    ordering = ("email", "id")
    actions = ("log_out_everywhere",)
    readonly_fields = ("id", "created_at", "last_login")
    organization_is_final = False
    fieldsets = (
        (None, {"fields": ("email", "password", "fullname", "organization", "sfid")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Technical", {"fields": ("id", "created_at", "last_login")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("organization", "email", "fullname", "password1", "password2")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not outranks(obj, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not outranks(obj, request.user)

    @admin.action(description="Log the selected users out everywhere", permissions=["change"])
    def log_out_everywhere(self, request: HttpRequest, users: QuerySet[User]) -> None:
        allowed = [user for user in users if self.has_change_permission(request, user)]
        for user in allowed:
            user.log_out_everywhere()
            self.log_change(request, user, "Logged out everywhere.")
        self.message_user(request, f"Logged {len(allowed)} {model_ngettext(users, len(allowed))} out everywhere.")


def outranks(other: User | None, editor: Any) -> bool:
    """Whether the other user has permissions that the editor lacks, who could get them by setting the password."""
    if other is None or editor.is_superuser or other.pk == editor.pk:
        return False
    # Read from the tables: get_all_permissions() of an inactive user is empty, but the user can be made active.
    held = Permission.objects.filter(Q(user=other) | Q(group__user=other)).values_list(
        "content_type__app_label", "codename"
    )
    return other.is_superuser or not {f"{app}.{name}" for app, name in held} <= editor.get_all_permissions()


class RevokedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("valid", "Valid"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Secret]) -> QuerySet[Secret]:
        states = {"valid": True, "revoked": False}
        return queryset.filter(revoked_at__isnull=states[value]) if (value := self.value()) in states else queryset


@admin.register(Secret)
class SecretAdmin(ScopedAdmin[Secret]):
    """Secrets are made and revoked, not deleted; the value is shown once, on the page after "Save"."""

    list_display = ("name", "organization", "id", "created_at", "last_used_at", "revoked_at")
    list_filter = (RevokedFilter,)
    list_select_related = ("organization",)
    search_fields = ("name", "id")
    search_help_text = "Name or id"
    ordering = ("-created_at", "id")
    readonly_fields = ("id", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Secret | None = None) -> Any:
        return ("name", "organization") if obj is None else ("name", "organization", *self.readonly_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Secret | None = None) -> bool:
        return False  # revoked secrets stay, for the admin's log names them

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # "Save" alone leads to the page that shows the value.
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_button})

    def save_model(self, request: HttpRequest, obj: Secret, form: ModelForm[Secret], change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            # On the request, not in a message: messages are stored in cookies or sessions, where no secret may be.
            request.issued_url = obj.url(obj.renew())  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Secret, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Secret made",
            "secret": obj,
            "url": request.issued_url,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/secret/issued.html", context)

    @admin.action(description="Revoke the selected secrets", permissions=["change"])
    def revoke(self, request: HttpRequest, secrets: QuerySet[Secret]) -> None:
        for secret in secrets:
            secret.revoke()
            self.log_change(request, secret, "Revoked.")
        self.message_user(request, "Their tokens are refused from now on.")
