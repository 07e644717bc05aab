"""Organizations, their users, and the secrets that sign tokens."""

import secrets
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.encryption import decrypt, encrypt


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def default(self) -> "Organization":
        """The organization that is meant where none is named; made on first use."""
        if found := self.filter(is_default=True).first():
            return found
        try:
            with transaction.atomic():
                return self.create(name="Default organization", is_default=True)
        except IntegrityError:  # another process was first
            return self.get(is_default=True)

    def named(self, reference: str | None) -> "Organization":
        """The organization with this id, Salesforce id or name; a name that is not taken yet is created.

        None means the default organization. Raises ValidationError for an empty name.
        """
        if reference is None:
            return self.default()
        reference = reference.replace("\0", "").strip()
        if not reference or len(reference) > 255:
            raise ValidationError("An organization's name has 1 to 255 characters.")
        match = Q(sfid=reference) | Q(name=reference)
        with suppress(ValueError):
            match |= Q(pk=uuid.UUID(reference))
        return self.filter(match).order_by("created_at").first() or self.create(name=reference)


class Organization(models.Model):
    """A tenant. Nothing of one is ever visible to another."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    sfid = models.CharField("Salesforce id", max_length=18, null=True, blank=True, unique=True)
    is_default = models.BooleanField(default=False, editable=False)
    is_active = models.BooleanField(default=True, help_text="Tokens of an inactive organization are refused.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_organization"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="organization_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.sfid = self.sfid or None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """One that a save leaves inactive logs its people out for good: no login of theirs revives with it."""
        adding = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if not (self.is_active or adding):
                self.users.all().log_out_everywhere()


class UserQuerySet(models.QuerySet["User"]):
    def log_out_everywhere(self) -> None:
        """Ends the sessions and the tokens of these people; passwords stay."""
        self.update(log_outs=F("log_outs") + 1)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> "User":
        """A user with email and password, or without both an inactive one that only has a Salesforce id.

        Raises ValidationError.
        """
        if "organization" not in fields and "organization_id" not in fields:
            fields["organization"] = Organization.objects.default()
        if not email:
            fields.setdefault("is_active", False)
        user = self.model(email=email or None, **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person of one organization, who logs in by email. Users that an import made have none."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="users")
    email = models.EmailField(null=True, blank=True)
    fullname = models.CharField("full name", max_length=255, blank=True)
    sfid = models.CharField("Salesforce id", max_length=255, null=True, blank=True)
    is_active = models.BooleanField(default=True, help_text="Tokens and logins of an inactive person are refused.")
    is_staff = models.BooleanField(default=False, help_text="May enter the admin.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    log_outs = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """How often everything was ended. Sessions and tokens hold what it was: see `login_state`."""

    objects = UserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_is_unique"),
            models.UniqueConstraint(fields=["organization", "sfid"], name="user_sfid_is_unique_in_organization"),
            models.CheckConstraint(condition=~Q(sfid=""), name="user_sfid_is_null_or_text"),
            models.CheckConstraint(condition=~Q(email=""), name="user_email_is_null_or_text"),
        ]

    def __str__(self) -> str:
        return self.fullname or self.email or self.sfid or str(self.pk)

    def clean(self) -> None:
        self.email = self.email or None
        self.sfid = self.sfid or None

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Whom a save leaves inactive is logged out for good: no login revives with the person.

        The count is read anew under the row's lock, since one that was read before a log-out would take that back.
        """
        with transaction.atomic():
            if not self._state.adding:
                kept = type(self).objects.select_for_update().filter(pk=self.pk).values_list("log_outs", flat=True)
                self.log_outs = max([*kept, 0]) + (not self.is_active)
                update_fields = None if update_fields is None else {*update_fields, "log_outs"}
            super().save(*args, update_fields=update_fields, **kwargs)

    def log_out_everywhere(self) -> None:
        """Ends the person's sessions and tokens; the password stays."""
        type(self).objects.filter(pk=self.pk).log_out_everywhere()
        self.refresh_from_db(fields=["log_outs"])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Of an inactive organization no session holds: a hash that is another one each time is never the session's.
        state = login_state(self.password, self.log_outs) + ("" if self.organization.is_active else secrets.token_hex())
        return salted_hmac("accounts.User.session", state, secret=secret, algorithm="sha256").hexdigest()

    def changing(self) -> AbstractContextManager[None]:
        """For changes of what images show of the user (`user_sfid`); see ImageQuerySet.changing_related."""
        return self.images.all().changing_related(self)

    def change_sfid(self, sfid: str | None) -> None:
        """Sets the Salesforce id, and stores anew the texts of images that show it."""
        with self.changing():
            self.sfid = sfid or None
            self.save(update_fields=["sfid"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with self.changing():
            return super().delete(*args, **kwargs)


def login_state(password: str, log_outs: int) -> str:
    """What sessions and tokens of a person hold on to: they end when the stored password or `log_outs` changes."""
    return f"{password}.{log_outs}"


class Secret(models.Model):
    """A key that an organization hands to a program, which signs its own tokens with it (`iss` is its id).

    HMAC needs the key itself, so it is encrypted at rest rather than hashed; it is shown once, when it is made.
    """

    LAST_USED_EVERY = timedelta(hours=1)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=255)
    ciphertext = models.TextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(ciphertext=""), name="secret_has_a_value")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, organization: Organization, name: str) -> tuple[Self, str]:
        """A new secret and its plain value: 43 characters of `[A-Za-z0-9_-]`, of 32 random bytes."""
        secret = cls(organization=organization, name=name)
        return secret, secret.renew()

    def renew(self) -> str:
        """Gives the secret a new value, saves it encrypted and returns it in plain."""
        plain = secrets.token_urlsafe(32)
        self.ciphertext = encrypt(plain, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
        self.save()
        return plain

    def key(self) -> str:
        """The plain value. Raises encryption.Undecipherable when SECRET_KEY has changed without a fallback."""
        return decrypt(self.ciphertext, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])

    def url(self, plain: str) -> str:
        """The form that the published clients are configured with: sharinpix://<id>:<secret>@<host>/api/v1."""
        return f"sharinpix://{self.pk}:{plain}@{settings.PUBLIC_URL.partition('://')[2]}/api/v1"

    def revoke(self) -> None:
        """Makes the server refuse tokens that the secret signed. Revoking twice keeps the first date."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])

    def touch(self) -> None:
        """Writes the time of use, at most once an hour; the UPDATE has the condition, for concurrent requests."""
        now = timezone.now()
        stale = now - self.LAST_USED_EVERY
        if self.last_used_at is None or self.last_used_at < stale:
            unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=stale)
            type(self).objects.filter(unnoted, pk=self.pk).update(last_used_at=now)
